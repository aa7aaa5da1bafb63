// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"context"
	"fmt"
	"io"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

// Client talks to the API server. It implements Finder, Workflows and Logs. It needs no
// discovery, and so no rights but those on the objects.
type Client struct {
	// asks bounds the time of a request, follows does not.
	asks, follows dynamic.Interface
	core          kubernetes.Interface
}

var (
	_ Finder    = (*Client)(nil)
	_ Workflows = (*Client)(nil)
	_ Logs      = (*Client)(nil)
)

const (
	// questionTime bounds a request to the API server.
	questionTime = 30 * time.Second
	// watchTime is how long the API server keeps a watch. Then the Workflow is read
	// again, so that no lost event is lost for long.
	watchTime = 5 * time.Minute
)

var (
	stanzas   = stanzaflowv1alpha1.GroupVersion.WithResource("stanzas")
	workflows = wfv1.SchemeGroupVersion.WithResource("workflows")
	templates = wfv1.SchemeGroupVersion.WithResource("workflowtemplates")
)

// NewClient returns a Client.
func NewClient(config *rest.Config) (*Client, error) {
	questions := rest.CopyConfig(config)
	questions.Timeout = questionTime
	asks, err := dynamic.NewForConfig(questions)
	if err != nil {
		return nil, fmt.Errorf("cannot make a client: %w", err)
	}
	follows, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("cannot make a client: %w", err)
	}
	core, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("cannot make a client: %w", err)
	}
	return &Client{asks: asks, follows: follows, core: core}, nil
}

// Postgresql implements Finder.
func (c *Client) Postgresql(ctx context.Context, namespace, name string) (cpo.Postgresql, []cpo.FieldError, error) {
	object, err := c.asks.Resource(cpo.GroupVersionResource).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return cpo.Postgresql{}, nil, err
	}
	cluster, fieldErrors := cpo.Decode(object.Object)
	return cluster, fieldErrors, nil
}

// Postgresqls implements Finder.
func (c *Client) Postgresqls(ctx context.Context, namespace string) ([]string, error) {
	list, err := c.asks.Resource(cpo.GroupVersionResource).Namespace(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, object := range list.Items {
		names = append(names, object.GetName())
	}
	return names, nil
}

// Stanza implements Finder.
func (c *Client) Stanza(ctx context.Context, namespace, name string) (stanzaflowv1alpha1.Stanza, error) {
	var stanza stanzaflowv1alpha1.Stanza
	object, err := c.asks.Resource(stanzas).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return stanza, nil
	}
	if err == nil {
		err = runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &stanza)
	}
	return stanza, err
}

// Template implements Finder.
func (c *Client) Template(ctx context.Context, namespace, name string) (*wfv1.WorkflowTemplate, error) {
	object, err := c.asks.Resource(templates).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	template := &wfv1.WorkflowTemplate{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, template); err != nil {
		return nil, fmt.Errorf("cannot decode WorkflowTemplate %s: %w", name, err)
	}
	return template, nil
}

// Create implements Workflows.
func (c *Client) Create(ctx context.Context, workflow *wfv1.Workflow) (*wfv1.Workflow, error) {
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(workflow)
	if err != nil {
		return nil, err
	}
	delete(object, "status")
	created, err := c.asks.Resource(workflows).Namespace(workflow.Namespace).Create(ctx, &unstructured.Unstructured{Object: object}, metav1.CreateOptions{})
	if err != nil {
		return nil, err
	}
	return typed(created)
}

// Get implements Workflows.
func (c *Client) Get(ctx context.Context, namespace, name string) (*wfv1.Workflow, error) {
	object, err := c.asks.Resource(workflows).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	return typed(object)
}

// Watch implements Workflows.
func (c *Client) Watch(ctx context.Context, namespace, name, since string) (watch.Interface, error) {
	stream, err := c.follows.Resource(workflows).Namespace(namespace).Watch(ctx, metav1.ListOptions{
		FieldSelector:   fields.OneTermEqualSelector(metav1.ObjectNameField, name).String(),
		ResourceVersion: since,
		TimeoutSeconds:  new(int64(watchTime / time.Second)),
	})
	if err != nil {
		return nil, err
	}
	return watch.Filter(stream, func(event watch.Event) (watch.Event, bool) {
		object, ok := event.Object.(*unstructured.Unstructured)
		if !ok {
			return event, true
		}
		workflow, err := typed(object)
		if err != nil {
			return watch.Event{Type: watch.Error, Object: &metav1.Status{Message: err.Error()}}, true
		}
		event.Object = workflow
		return event, true
	}), nil
}

// typed decodes a Workflow.
func typed(object *unstructured.Unstructured) (*wfv1.Workflow, error) {
	workflow := &wfv1.Workflow{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, workflow); err != nil {
		return nil, fmt.Errorf("cannot decode Workflow %s: %w", object.GetName(), err)
	}
	return workflow, nil
}

// Log implements Logs.
func (c *Client) Log(ctx context.Context, namespace, pod, container string, since time.Time) (io.ReadCloser, error) {
	return c.log(ctx, namespace, pod, corev1.PodLogOptions{Container: container, Follow: true}, since)
}

// Printed returns Logs that end with what a container has printed so far.
func (c *Client) Printed() Logs { return printed{c} }

type printed struct{ *Client }

// Log implements Logs.
func (p printed) Log(ctx context.Context, namespace, pod, container string, since time.Time) (io.ReadCloser, error) {
	return p.log(ctx, namespace, pod, corev1.PodLogOptions{Container: container}, since)
}

func (c *Client) log(ctx context.Context, namespace, pod string, options corev1.PodLogOptions, since time.Time) (io.ReadCloser, error) {
	options.Timestamps = true
	if !since.IsZero() {
		options.SinceTime = new(metav1.NewTime(since))
	}
	return c.core.CoreV1().Pods(namespace).GetLogs(pod, &options).Stream(ctx)
}
