// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	utilexec "k8s.io/client-go/util/exec"
	"k8s.io/streaming/pkg/httpstream"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Client talks to the API server as the ServiceAccount of the pod. It implements
// Finder, Lister, Workflows and Executor with client-go, and Servers.
type Client struct {
	config   *rest.Config
	core     kubernetes.Interface
	dynamic  dynamic.Interface
	requests *atomic.Int64
}

var (
	_ Finder    = (*Client)(nil)
	_ Workflows = (*Client)(nil)
	_ Executor  = (*Client)(nil)
	_ Servers   = (*Client)(nil)
)

// questionTime bounds a request to the API server.
const questionTime = 30 * time.Second

// New returns a Client.
func New(config *rest.Config) (*Client, error) {
	config, requests := rest.CopyConfig(config), &atomic.Int64{}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return counted{next, requests} })
	// An exec stream lasts as long as its command, a question does not.
	questions := rest.CopyConfig(config)
	questions.Timeout = questionTime
	core, err := kubernetes.NewForConfig(questions)
	if err != nil {
		return nil, fmt.Errorf("cannot make a client: %w", err)
	}
	dyn, err := dynamic.NewForConfig(questions)
	if err != nil {
		return nil, fmt.Errorf("cannot make a client: %w", err)
	}
	return &Client{config: config, core: core, dynamic: dyn, requests: requests}, nil
}

// Requests is how many requests were sent to the API server. An exec is one.
func (c *Client) Requests() int { return int(c.requests.Load()) }

// counted counts requests.
type counted struct {
	next     http.RoundTripper
	requests *atomic.Int64
}

// RoundTrip implements http.RoundTripper.
func (c counted) RoundTrip(request *http.Request) (*http.Response, error) {
	c.requests.Add(1)
	return c.next.RoundTrip(request)
}

// WrappedRoundTripper lets client-go see what is below.
func (c counted) WrappedRoundTripper() http.RoundTripper { return c.next }

// Postgresql implements Finder.
func (c *Client) Postgresql(ctx context.Context, namespace, name string) (cpo.Postgresql, string, error) {
	object, err := c.dynamic.Resource(cpo.GroupVersionResource).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return cpo.Postgresql{}, "", err
	}
	cluster, _ := cpo.Decode(object.Object)
	return cluster, cpo.BackupDigest(object.Object), nil
}

// Stanza implements Finder.
func (c *Client) Stanza(ctx context.Context, namespace, name string) (stanzaflowv1alpha1.Stanza, error) {
	object, err := c.dynamic.Resource(stanzaflowv1alpha1.GroupVersion.WithResource("stanzas")).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return stanzaflowv1alpha1.Stanza{}, nil
	}
	if err != nil {
		return stanzaflowv1alpha1.Stanza{}, err
	}
	var stanza stanzaflowv1alpha1.Stanza
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &stanza); err != nil {
		return stanzaflowv1alpha1.Stanza{}, err
	}
	return stanza, nil
}

// Cancelled implements Workflows.
func (c *Client) Cancelled(ctx context.Context, namespace, name, uid string) (string, error) {
	workflow, err := c.dynamic.Resource(workflows).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) || err == nil && string(workflow.GetUID()) != uid {
		return "its Workflow is deleted", nil
	}
	if err != nil {
		return "", err
	}
	if workflow.GetDeletionTimestamp() != nil {
		return "its Workflow is deleted", nil
	}
	switch shutdown, _, _ := unstructured.NestedString(workflow.Object, "spec", "shutdown"); shutdown {
	case "":
		return "", nil
	case "Stop":
		return "argo stop", nil
	default:
		return "argo terminate", nil
	}
}

// readRun reads the Workflow of a run.
func (c *Client) readRun(ctx context.Context, namespace, name, uid string) (*unstructured.Unstructured, error) {
	workflow, err := c.dynamic.Resource(workflows).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	if string(workflow.GetUID()) != uid {
		return nil, fmt.Errorf("workflow %s/%s is another one of the same name", namespace, name)
	}
	return workflow, nil
}

// Started implements Workflows.
func (c *Client) Started(ctx context.Context, namespace, name, uid string) (time.Time, error) {
	workflow, err := c.readRun(ctx, namespace, name, uid)
	if err != nil {
		return time.Time{}, err
	}
	text, _, _ := unstructured.NestedString(workflow.Object, "status", "startedAt")
	if text == "" {
		return time.Time{}, nil
	}
	started, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("status.startedAt of Workflow %s/%s is no time such as 2026-11-22T02:30:00Z", namespace, name)
	}
	return started, nil
}

// Slot implements Workflows.
func (c *Client) Slot(ctx context.Context, namespace, name, uid string) (time.Time, error) {
	workflow, err := c.readRun(ctx, namespace, name, uid)
	if err != nil {
		return time.Time{}, err
	}
	if workflow.GetLabels()[vocab.LabelResubmitted] != "" {
		return time.Time{}, nil
	}
	due, ok := workflow.GetAnnotations()[vocab.AnnotationSlot]
	if !ok {
		return workflow.GetCreationTimestamp().Time, nil
	}
	slot, err := time.Parse(time.RFC3339, due)
	if err != nil {
		return time.Time{}, fmt.Errorf("annotation %s of Workflow %s/%s is no time such as 2026-11-22T02:30:00Z", vocab.AnnotationSlot, namespace, name)
	}
	later, ok := workflow.GetAnnotations()[vocab.AnnotationOffset]
	if !ok {
		return slot, nil
	}
	offset, err := time.ParseDuration(later)
	if err != nil {
		return time.Time{}, fmt.Errorf("annotation %s of Workflow %s/%s is no time in minutes such as 45m", vocab.AnnotationOffset, namespace, name)
	}
	return slot.Add(-offset), nil
}

// RecordEvent implements Workflows.
func (c *Client) RecordEvent(ctx context.Context, namespace, name, uid, reason, message string) error {
	now := metav1.Now()
	_, err := c.core.CoreV1().Events(namespace).Create(ctx, &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{GenerateName: name + ".", Namespace: namespace},
		InvolvedObject: corev1.ObjectReference{APIVersion: workflows.GroupVersion().String(), Kind: "Workflow", Namespace: namespace, Name: name, UID: types.UID(uid)},
		Type:           corev1.EventTypeWarning, Reason: reason, Message: message,
		Source: corev1.EventSource{Component: "pgbackrest-runner"}, FirstTimestamp: now, LastTimestamp: now, Count: 1,
	}, metav1.CreateOptions{})
	return err
}

// workflows is the resource of Argo.
var workflows = schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "workflows"}

// Pods implements Finder.
func (c *Client) Pods(ctx context.Context, namespace string, selector map[string]string) ([]corev1.Pod, error) {
	list, err := c.core.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: labels.SelectorFromSet(selector).String()})
	if err != nil {
		return nil, err
	}
	return list.Items, nil
}

// Jobs implements Finder.
func (c *Client) Jobs(ctx context.Context, namespace string, selector map[string]string) ([]batchv1.Job, error) {
	list, err := c.core.BatchV1().Jobs(namespace).List(ctx, metav1.ListOptions{LabelSelector: labels.SelectorFromSet(selector).String()})
	if err != nil {
		return nil, err
	}
	return list.Items, nil
}

// CronJobs implements Finder.
func (c *Client) CronJobs(ctx context.Context, namespace string, selector map[string]string) ([]batchv1.CronJob, error) {
	list, err := c.core.BatchV1().CronJobs(namespace).List(ctx, metav1.ListOptions{LabelSelector: labels.SelectorFromSet(selector).String()})
	if err != nil {
		return nil, err
	}
	return list.Items, nil
}

// HasConfigMap implements Finder. It asks the API server to create the ConfigMap in
// a dry run, which stores nothing.
func (c *Client) HasConfigMap(ctx context.Context, namespace, name string) (bool, error) {
	_, err := c.core.CoreV1().ConfigMaps(namespace).Create(ctx,
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace}}, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if apierrors.IsAlreadyExists(err) {
		return true, nil
	}
	return false, err
}

// Exec implements Executor.
func (c *Client) Exec(ctx context.Context, at Place, argv []string, stdout, stderr io.Writer) error {
	url := c.core.CoreV1().RESTClient().Post().Resource("pods").Namespace(at.Namespace).Name(at.Pod).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{Container: at.Container, Command: argv, Stdout: true, Stderr: true}, scheme.ParameterCodec).URL()
	websocket, err := remotecommand.NewWebSocketExecutor(c.config, "GET", url.String())
	if err != nil {
		return err
	}
	spdy, err := remotecommand.NewSPDYExecutor(c.config, "POST", url)
	if err != nil {
		return err
	}
	executor, err := remotecommand.NewFallbackExecutor(websocket, spdy, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	})
	if err != nil {
		return err
	}
	err = executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: stdout, Stderr: stderr})
	if exit, ok := errors.AsType[utilexec.ExitError](err); ok && exit.Exited() {
		return &ExitError{Code: exit.ExitStatus()}
	}
	return err
}
