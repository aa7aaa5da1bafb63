// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Cluster is the API server. Its errors are those of the API server.
type Cluster interface {
	// Kind says by which resource a kind is served, and whether its objects are in
	// namespaces. Its error is for a person.
	Kind(ctx context.Context, of schema.GroupVersionKind) (resource schema.GroupVersionResource, namespaced bool, err error)
	// Get returns an object. The namespace of a cluster-wide one is empty.
	Get(ctx context.Context, of schema.GroupVersionResource, namespace, name string) (*unstructured.Unstructured, error)
	// List returns the objects with a label selector, in one namespace or in all.
	List(ctx context.Context, of schema.GroupVersionResource, namespace, selector string) ([]unstructured.Unstructured, error)
	// Apply applies an object server-side, and returns what it is then.
	Apply(ctx context.Context, of schema.GroupVersionResource, object *unstructured.Unstructured, how How) (*unstructured.Unstructured, error)
}

// How an object is applied.
type How struct {
	// Manager owns the fields.
	Manager string
	// Force takes the fields of other managers.
	Force bool
	// DryRun asks whether it would work, and writes nothing.
	DryRun bool
}
