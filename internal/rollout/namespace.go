// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// namespace that is meant.
type namespace struct {
	name        string
	terminating bool
}

// namespaces returns those that are meant, sorted. A name that does not exist is a mistake
// of the person. A namespace that he may not get is tried.
func (s *Session) namespaces(ctx context.Context, target Target) ([]namespace, error) {
	if len(target.Names) == 0 {
		return s.selected(ctx, target.Selector)
	}
	var found []namespace
	var missing []string
	for _, name := range slices.Compact(slices.Sorted(slices.Values(target.Names))) {
		object, err := s.Cluster.Get(ctx, namespacesResource, "", name)
		switch {
		case apierrors.IsNotFound(err):
			missing = append(missing, name)
		case apierrors.IsForbidden(err):
			found = append(found, namespace{name: name})
		case err != nil:
			return nil, fmt.Errorf("cannot get namespace %s: %w", name, err)
		default:
			found = append(found, readNamespace(object))
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("there is no namespace %s: correct the name, or create it", strings.Join(missing, ", "))
	}
	return found, nil
}

func (s *Session) selected(ctx context.Context, selector string) ([]namespace, error) {
	objects, err := s.Cluster.List(ctx, namespacesResource, "", selector)
	switch {
	case apierrors.IsForbidden(err):
		return nil, errors.New("you may not list namespaces: name them with --namespaces")
	case err != nil:
		return nil, fmt.Errorf("cannot list namespaces: %w", err)
	}
	found := make([]namespace, 0, len(objects))
	for i := range objects {
		found = append(found, readNamespace(&objects[i]))
	}
	slices.SortFunc(found, func(a, b namespace) int { return strings.Compare(a.name, b.name) })
	return found, nil
}

func readNamespace(object *unstructured.Unstructured) namespace {
	return namespace{name: object.GetName(), terminating: object.GetDeletionTimestamp() != nil}
}
