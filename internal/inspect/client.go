// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"context"
	"fmt"
	"net/http"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// Client is the Source that asks the API server.
type Client struct {
	objects dynamic.Interface
	core    kubernetes.Interface
	http    *http.Client
	host    string
}

var _ Source = (*Client)(nil)

const (
	// questionTime bounds a request to the API server.
	questionTime = 30 * time.Second
	// pageSize is how many objects the API server sends at a time.
	pageSize = 500
)

// NewClient returns a Client.
func NewClient(config *rest.Config) (*Client, error) {
	config = rest.CopyConfig(config)
	config.Timeout = questionTime
	config.QPS, config.Burst = 50, 300 // as kubectl
	objects, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("cannot make a client: %w", err)
	}
	core, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("cannot make a client: %w", err)
	}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("cannot make a client: %w", err)
	}
	host, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, fmt.Errorf("cannot make a client: %w", err)
	}
	return &Client{objects: objects, core: core, http: client, host: host.String()}, nil
}

// Get implements Source.
func (c *Client) Get(ctx context.Context, of schema.GroupVersionResource, namespace, name string) (*unstructured.Unstructured, error) {
	if namespace == "" {
		return c.objects.Resource(of).Get(ctx, name, metav1.GetOptions{})
	}
	return c.objects.Resource(of).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
}

// List implements Source.
func (c *Client) List(ctx context.Context, of schema.GroupVersionResource, namespace, selector string) ([]unstructured.Unstructured, error) {
	var all []unstructured.Unstructured
	options := metav1.ListOptions{LabelSelector: selector, Limit: pageSize}
	for {
		page, err := c.objects.Resource(of).Namespace(namespace).List(ctx, options)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if options.Continue = page.GetContinue(); options.Continue == "" {
			return all, nil
		}
	}
}

// Raw implements Source.
func (c *Client) Raw(ctx context.Context, path string) ([]byte, time.Time, error) {
	body, err := c.core.Discovery().RESTClient().Get().AbsPath(path).SetHeader("Accept", "application/json").Do(ctx).Raw()
	if err != nil {
		return nil, time.Time{}, err
	}
	at, err := c.date(ctx)
	return body, at, err
}

// date is what time it is for the API server. Without the header it is zero.
func (c *Client) date(ctx context.Context) (time.Time, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.host+"/version", nil)
	if err != nil {
		return time.Time{}, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return time.Time{}, err
	}
	defer func() { _ = response.Body.Close() }()
	at, err := http.ParseTime(response.Header.Get("Date"))
	if err != nil {
		return time.Time{}, nil // A proxy may take the header away.
	}
	return at, nil
}

// May implements Source.
func (c *Client) May(ctx context.Context, right Right) (bool, error) {
	attributes := &authorizationv1.ResourceAttributes{
		Namespace: right.Namespace, Verb: right.Verb, Group: right.Of.Group, Version: right.Of.Version,
		Resource: right.Of.Resource, Subresource: right.Subresource, Name: right.Name,
	}
	review, err := c.core.AuthorizationV1().SubjectAccessReviews().Create(ctx, &authorizationv1.SubjectAccessReview{
		Spec: authorizationv1.SubjectAccessReviewSpec{ResourceAttributes: attributes, User: right.User, Groups: []string{"system:serviceaccounts", "system:authenticated"}},
	}, metav1.CreateOptions{})
	if err != nil {
		return false, err
	}
	return review.Status.Allowed, nil
}
