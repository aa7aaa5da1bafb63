// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
	"github.com/stanzaflow/stanzaflow/internal/translate/storage"
)

// LabelsIn are the labels of the pods of a cluster, as the operator has declared them in
// its Stanza. It declares none where CPO's defaults hold.
func LabelsIn(status stanzaflowv1alpha1.StanzaStatus) cpo.Labels {
	if declared := status.Configuration; declared != nil && declared.Labels != nil {
		return cpo.Labels{Cluster: declared.Labels.Cluster, ClusterName: declared.Labels.ClusterName, Role: declared.Labels.Role}
	}
	return cpo.DefaultLabels()
}

// LookAround lists the pods of the cluster, for all that Find, FindPod and Members want to
// know of them until Forget is called: one look asks the API server once.
func (c *Cluster) LookAround(ctx context.Context) error {
	pods, err := c.list(ctx, c.Labels.Members(c.Name))
	if err == nil {
		c.seen = &pods
	}
	return err
}

// pods returns those with all these labels, which only pods of the cluster have.
func (c *Cluster) pods(ctx context.Context, selector map[string]string) ([]corev1.Pod, error) {
	if c.seen == nil {
		return c.list(ctx, selector)
	}
	matches := labels.SelectorFromSet(selector)
	return slices.DeleteFunc(slices.Clone(*c.seen), func(p corev1.Pod) bool { return !matches.Matches(labels.Set(p.Labels)) }), nil
}

func (c *Cluster) list(ctx context.Context, selector map[string]string) ([]corev1.Pod, error) {
	pods, err := c.Finder.Pods(ctx, c.Namespace, selector)
	if err != nil {
		return nil, fmt.Errorf("cannot list the pods of postgresql %s/%s: %w", c.Namespace, c.Name, err)
	}
	return pods, nil
}

// Find returns the one container in which commands run. Call it at every
// attempt: after a failover the answer is another pod.
func (c *Cluster) Find(ctx context.Context, container storage.Container) (Place, error) {
	pod, err := c.FindPod(ctx, container)
	if err != nil {
		return Place{}, err
	}
	return c.FindContainer(pod, container.Name)
}

// FindPod returns the one pod with the labels of a container.
func (c *Cluster) FindPod(ctx context.Context, container storage.Container) (corev1.Pod, error) {
	all, err := c.pods(ctx, container.Selector)
	if err != nil {
		return corev1.Pod{}, err
	}
	pods := slices.DeleteFunc(slices.Clone(all), func(p corev1.Pod) bool { return p.DeletionTimestamp != nil })
	switch len(pods) {
	case 0:
		advice := "start the cluster, or label its primary"
		if container.Name == cpo.ContainerRepoHost {
			advice = fmt.Sprintf("they are those of its repo host; look at StatefulSet %s", manifest.RepoHostName(c.Name))
		}
		return corev1.Pod{}, attempt.Retry("no pod of postgresql %s/%s has the labels %s: %s", c.Namespace, c.Name, labelText(container.Selector), advice)
	case 1:
		return pods[0], nil
	default:
		var names []string
		for _, p := range pods {
			names = append(names, p.Name)
		}
		slices.Sort(names)
		advice := "only one may carry " + c.Labels.Role + "=" + cpo.RolePrimary
		if container.Name == cpo.ContainerRepoHost {
			advice = "only that of StatefulSet " + manifest.RepoHostName(c.Name) + " may carry " + cpo.LabelMemberType + "=" + cpo.MemberRepoHost
		}
		return corev1.Pod{}, attempt.Retry("%d pods of postgresql %s/%s claim to be its %s (%s): %s",
			len(pods), c.Namespace, c.Name, container.Role, strings.Join(names, ", "), advice)
	}
}

// FindContainer returns the container of a pod, if it is ready.
func (c *Cluster) FindContainer(pod corev1.Pod, name string) (Place, error) {
	if !slices.ContainsFunc(pod.Spec.Containers, func(have corev1.Container) bool { return have.Name == name }) {
		return Place{}, attempt.Stop("pod %s/%s has no container %s, where pgBackRest should be", c.Namespace, pod.Name, name)
	}
	if !slices.ContainsFunc(pod.Status.ContainerStatuses, func(have corev1.ContainerStatus) bool { return have.Name == name && have.Ready }) {
		return Place{}, attempt.Retry("container %s of pod %s/%s is not ready: look at kubectl describe pod -n %s %s", name, c.Namespace, pod.Name, c.Namespace, pod.Name)
	}
	return Place{Namespace: c.Namespace, Pod: pod.Name, Container: name}, nil
}

// Member is a container in which pgBackRest can be running for the cluster.
type Member struct {
	Place

	// Ready is what Kubernetes says of the container.
	Ready bool
}

// Members returns all such containers that run, whatever their pods are now: a
// backup that began before a failover can continue in the pod that was the
// primary, and in one that is terminating.
func (c *Cluster) Members(ctx context.Context) ([]Member, error) {
	pods, err := c.pods(ctx, c.Labels.Members(c.Name))
	if err != nil {
		return nil, err
	}
	var members []Member
	for _, pod := range pods {
		for _, status := range pod.Status.ContainerStatuses {
			if status.State.Running != nil && (status.Name == cpo.ContainerPostgreSQL || status.Name == cpo.ContainerRepoHost) {
				members = append(members, Member{Place{Namespace: c.Namespace, Pod: pod.Name, Container: status.Name}, status.Ready})
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
