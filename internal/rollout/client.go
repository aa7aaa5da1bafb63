// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// Client is the Cluster that asks the API server.
type Client struct {
	objects dynamic.Interface
	kinds   discovery.DiscoveryInterface
}

var _ Cluster = (*Client)(nil)

const (
	// requestTime bounds a request to the API server.
	requestTime = 60 * time.Second
	// pageSize is how many objects the API server sends at a time.
	pageSize = 500
)

// NewClient returns a Client. It does not limit requests by itself: a Session has few at
// the same time.
func NewClient(config *rest.Config) (*Client, error) {
	config = rest.CopyConfig(config)
	config.Timeout = requestTime
	config.QPS, config.Burst = -1, -1
	objects, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("cannot make a client: %w", err)
	}
	kinds, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("cannot make a client: %w", err)
	}
	return &Client{objects: objects, kinds: kinds}, nil
}

// Kind implements Cluster.
func (c *Client) Kind(_ context.Context, of schema.GroupVersionKind) (schema.GroupVersionResource, bool, error) {
	list, err := c.kinds.ServerResourcesForGroupVersion(of.GroupVersion().String())
	if err != nil && !apierrors.IsNotFound(err) {
		return schema.GroupVersionResource{}, false, fmt.Errorf("cannot ask for the kinds of %s: %w", of.GroupVersion(), err)
	}
	if err == nil {
		for _, resource := range list.APIResources {
			if resource.Kind == of.Kind {
				return of.GroupVersion().WithResource(resource.Name), resource.Namespaced, nil
			}
		}
	}
	hint := "take it out of the bundle, or install what brings it"
	if of.Kind == kindTemplate {
		hint = "install Argo Workflows first"
	}
	return schema.GroupVersionResource{}, false, fmt.Errorf("this Kubernetes cluster does not have the kind %s of %s: %s", of.Kind, of.GroupVersion(), hint)
}

// Get implements Cluster.
func (c *Client) Get(ctx context.Context, of schema.GroupVersionResource, namespace, name string) (*unstructured.Unstructured, error) {
	return c.in(of, namespace).Get(ctx, name, metav1.GetOptions{})
}

// List implements Cluster.
func (c *Client) List(ctx context.Context, of schema.GroupVersionResource, namespace, selector string) ([]unstructured.Unstructured, error) {
	var all []unstructured.Unstructured
	options := metav1.ListOptions{LabelSelector: selector, Limit: pageSize}
	for {
		page, err := c.in(of, namespace).List(ctx, options)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if options.Continue = page.GetContinue(); options.Continue == "" {
			return all, nil
		}
	}
}

// Apply implements Cluster.
func (c *Client) Apply(ctx context.Context, of schema.GroupVersionResource, object *unstructured.Unstructured, how How) (*unstructured.Unstructured, error) {
	text, err := json.Marshal(object)
	if err != nil {
		return nil, fmt.Errorf("cannot encode it: %w", err)
	}
	options := metav1.PatchOptions{FieldManager: how.Manager, Force: &how.Force, FieldValidation: metav1.FieldValidationStrict}
	if how.DryRun {
		options.DryRun = []string{metav1.DryRunAll}
	}
	return c.in(of, object.GetNamespace()).Patch(ctx, object.GetName(), types.ApplyPatchType, text, options)
}

func (c *Client) in(of schema.GroupVersionResource, namespace string) dynamic.ResourceInterface {
	if namespace == "" {
		return c.objects.Resource(of)
	}
	return c.objects.Resource(of).Namespace(namespace)
}
