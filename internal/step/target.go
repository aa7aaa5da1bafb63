// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

// planned is what precheck has left, and the container where it is to be done.
func (s *step) planned(ctx context.Context) (plan, Place, error) {
	p, err := s.Workspace.plan()
	if err != nil {
		return p, Place{}, err
	}
	at, err := s.place(ctx, p.Selector, p.Container)
	return p, at, err
}

// place finds the one container in which the commands run. It is asked anew at
// every attempt: after a failover the answer is another pod.
func (s *step) place(ctx context.Context, selector map[string]string, container string) (Place, error) {
	all, err := s.Finder.Pods(ctx, s.Namespace, selector)
	if err != nil {
		return Place{}, fmt.Errorf("cannot list the pods of postgresql %s/%s: %w", s.Namespace, s.Cluster, err)
	}
	pods := slices.DeleteFunc(slices.Clone(all), func(p corev1.Pod) bool { return p.DeletionTimestamp != nil })
	switch len(pods) {
	case 0:
		return Place{}, retry("no pod of postgresql %s/%s has the labels %s: start the cluster, or label its primary",
			s.Namespace, s.Cluster, labelText(selector))
	case 1:
	default:
		var names []string
		for _, p := range pods {
			names = append(names, p.Name)
		}
		slices.Sort(names)
		return Place{}, retry("%d pods of postgresql %s/%s claim to be its primary (%s): only one may carry %s=%s",
			len(pods), s.Namespace, s.Cluster, strings.Join(names, ", "), cpo.LabelRole, cpo.RolePrimary)
	}
	pod := pods[0]
	if !slices.ContainsFunc(pod.Spec.Containers, func(c corev1.Container) bool { return c.Name == container }) {
		return Place{}, stop("pod %s/%s has no container %s, where pgBackRest should be", s.Namespace, pod.Name, container)
	}
	if !slices.ContainsFunc(pod.Status.ContainerStatuses, func(c corev1.ContainerStatus) bool { return c.Name == container && c.Ready }) {
		return Place{}, retry("container %s of pod %s/%s is not ready: look at kubectl describe pod -n %s %s", container, s.Namespace, pod.Name, s.Namespace, pod.Name)
	}
	return Place{Namespace: s.Namespace, Pod: pod.Name, Container: container}, nil
}

func labelText(labels map[string]string) string {
	var pairs []string
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		pairs = append(pairs, key+"="+labels[key])
	}
	return strings.Join(pairs, ",")
}
