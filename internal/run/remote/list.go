// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/pager"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

// pageSize is how many objects one answer of the API server has at most. What is not
// needed of them is dropped page by page.
const pageSize = 200

var _ Lister = (*Client)(nil)

// Postgresqls implements Lister.
func (c *Client) Postgresqls(ctx context.Context, namespace string) ([]cpo.Postgresql, error) {
	var clusters []cpo.Postgresql
	err := c.eachUnstructured(ctx, c.dynamic.Resource(cpo.GroupVersionResource).Namespace(namespace).List, func(object map[string]any) error {
		cluster, _ := cpo.Decode(object)
		clusters = append(clusters, cluster)
		return nil
	})
	return clusters, err
}

// Stanzas implements Lister.
func (c *Client) Stanzas(ctx context.Context, namespace string) (map[string]stanzaflowv1alpha1.Stanza, error) {
	stanzas := map[string]stanzaflowv1alpha1.Stanza{}
	resource := c.dynamic.Resource(stanzaflowv1alpha1.GroupVersion.WithResource("stanzas")).Namespace(namespace)
	err := c.eachUnstructured(ctx, resource.List, func(object map[string]any) error {
		var stanza stanzaflowv1alpha1.Stanza
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object, &stanza); err != nil {
			return err
		}
		stanzas[stanza.Name] = stanzaflowv1alpha1.Stanza{
			Spec: stanzaflowv1alpha1.StanzaSpec{Managed: stanza.Spec.Managed},
			Status: stanzaflowv1alpha1.StanzaStatus{
				Conditions: stanza.Status.Conditions, Configuration: stanza.Status.Configuration,
			},
		}
		return nil
	})
	return stanzas, err
}

type listUnstructured func(context.Context, metav1.ListOptions) (*unstructured.UnstructuredList, error)

// eachUnstructured calls a function with each object of a list.
func (c *Client) eachUnstructured(ctx context.Context, list listUnstructured, each func(object map[string]any) error) error {
	return eachPage(ctx, metav1.ListOptions{}, func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return list(ctx, o) },
		func(object runtime.Object) error {
			one, ok := object.(*unstructured.Unstructured)
			if !ok {
				return fmt.Errorf("the API server listed a %T", object)
			}
			return each(one.Object)
		})
}

func eachPage(ctx context.Context, options metav1.ListOptions, list func(context.Context, metav1.ListOptions) (runtime.Object, error), each func(runtime.Object) error) error {
	pages := pager.New(list)
	pages.PageSize, pages.PageBufferSize = pageSize, 0
	return pages.EachListItem(ctx, options, each)
}

// PodsInBrief implements Lister.
func (c *Client) PodsInBrief(ctx context.Context, namespace string, selector map[string]string) ([]corev1.Pod, error) {
	var pods []corev1.Pod
	err := eachPage(ctx, metav1.ListOptions{LabelSelector: labels.SelectorFromSet(selector).String()},
		func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			return c.core.CoreV1().Pods(namespace).List(ctx, o)
		},
		func(object runtime.Object) error {
			pod, ok := object.(*corev1.Pod)
			if !ok {
				return errors.New("the API server listed something else than pods")
			}
			pods = append(pods, brief(pod))
			return nil
		})
	return pods, err
}

// brief is what Find looks at.
func brief(pod *corev1.Pod) corev1.Pod {
	short := corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Name: pod.Name, Namespace: pod.Namespace, Labels: pod.Labels, DeletionTimestamp: pod.DeletionTimestamp,
	}}
	for _, container := range pod.Spec.Containers {
		short.Spec.Containers = append(short.Spec.Containers, corev1.Container{Name: container.Name})
	}
	for _, status := range pod.Status.ContainerStatuses {
		short.Status.ContainerStatuses = append(short.Status.ContainerStatuses, corev1.ContainerStatus{Name: status.Name, Ready: status.Ready})
	}
	return short
}
