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
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/translate"
)

// planned is what precheck has left, and the container where pgBackRest works
// for the repo.
func (s *step) planned(ctx context.Context) (plan, remote.Place, error) {
	p, err := s.Workspace.plan()
	if err != nil {
		return p, remote.Place{}, err
	}
	at, err := s.place(ctx, p.Host)
	return p, at, err
}

// places finds the primary and the host of the repo, which may be the same.
func (s *step) places(ctx context.Context, primary, host translate.Container) (remote.Place, remote.Place, error) {
	at, err := s.place(ctx, primary)
	if err != nil || host.Name == primary.Name {
		return at, at, err
	}
	other, err := s.place(ctx, host)
	return at, other, err
}

// place finds the one container in which commands run. It is asked anew at every
// attempt: after a failover the answer is another pod.
func (s *step) place(ctx context.Context, c translate.Container) (remote.Place, error) {
	pod, err := s.pod(ctx, c)
	if err != nil {
		return remote.Place{}, err
	}
	return s.container(pod, c.Name)
}

// pod finds the one pod with these labels.
func (s *step) pod(ctx context.Context, c translate.Container) (corev1.Pod, error) {
	all, err := s.Finder.Pods(ctx, s.Namespace, c.Selector)
	if err != nil {
		return corev1.Pod{}, fmt.Errorf("cannot list the pods of postgresql %s/%s: %w", s.Namespace, s.Cluster, err)
	}
	pods := slices.DeleteFunc(slices.Clone(all), func(p corev1.Pod) bool { return p.DeletionTimestamp != nil })
	switch len(pods) {
	case 0:
		advice := "start the cluster, or label its primary"
		if c.Name == cpo.ContainerRepoHost {
			advice = fmt.Sprintf("they are those of its repo host; look at StatefulSet %s", translate.RepoHostName(s.Cluster))
		}
		return corev1.Pod{}, retry("no pod of postgresql %s/%s has the labels %s: %s", s.Namespace, s.Cluster, labelText(c.Selector), advice)
	case 1:
		return pods[0], nil
	default:
		var names []string
		for _, p := range pods {
			names = append(names, p.Name)
		}
		slices.Sort(names)
		advice := "only one may carry " + cpo.LabelRole + "=" + cpo.RolePrimary
		if c.Name == cpo.ContainerRepoHost {
			advice = "only that of StatefulSet " + translate.RepoHostName(s.Cluster) + " may carry " + cpo.LabelMemberType + "=" + cpo.MemberRepoHost
		}
		return corev1.Pod{}, retry("%d pods of postgresql %s/%s claim to be its %s (%s): %s",
			len(pods), s.Namespace, s.Cluster, c.Role, strings.Join(names, ", "), advice)
	}
}

// container of a pod, if it is ready.
func (s *step) container(pod corev1.Pod, name string) (remote.Place, error) {
	if !slices.ContainsFunc(pod.Spec.Containers, func(have corev1.Container) bool { return have.Name == name }) {
		return remote.Place{}, stop("pod %s/%s has no container %s, where pgBackRest should be", s.Namespace, pod.Name, name)
	}
	if !slices.ContainsFunc(pod.Status.ContainerStatuses, func(have corev1.ContainerStatus) bool { return have.Name == name && have.Ready }) {
		return remote.Place{}, retry("container %s of pod %s/%s is not ready: look at kubectl describe pod -n %s %s", name, s.Namespace, pod.Name, s.Namespace, pod.Name)
	}
	return remote.Place{Namespace: s.Namespace, Pod: pod.Name, Container: name}, nil
}

// member is a container where pgBackRest can be at work for the cluster.
type member struct {
	remote.Place

	ready bool
}

// members are all such containers that run, whatever their pods are now: a
// backup that began before a failover can go on in the pod that was the primary,
// and in one that is terminating.
func (s *step) members(ctx context.Context) ([]member, error) {
	pods, err := s.Finder.Pods(ctx, s.Namespace, cpo.MemberSelector(s.Cluster))
	if err != nil {
		return nil, fmt.Errorf("cannot list the pods of postgresql %s/%s: %w", s.Namespace, s.Cluster, err)
	}
	var members []member
	for _, pod := range pods {
		for _, c := range pod.Status.ContainerStatuses {
			if c.State.Running != nil && (c.Name == cpo.ContainerPostgreSQL || c.Name == cpo.ContainerRepoHost) {
				members = append(members, member{remote.Place{Namespace: s.Namespace, Pod: pod.Name, Container: c.Name}, c.Ready})
			}
		}
	}
	return members, nil
}

func labelText(labels map[string]string) string {
	var pairs []string
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		pairs = append(pairs, key+"="+labels[key])
	}
	return strings.Join(pairs, ",")
}
