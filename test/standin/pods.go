// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"context"
	"errors"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Pods is the kubelet and Patroni of clusters that have none: it makes pods ready and
// gives them their roles.
type Pods struct {
	// Namespace of the clusters; empty for all.
	Namespace string
	// WithoutControllers says that there is neither a StatefulSet controller, so that it
	// also makes the pods, nor a garbage collector, so that it lets orphans go.
	WithoutControllers bool
	// ReadyAfter is how old a pod is when it becomes ready.
	ReadyAfter time.Duration

	options Options
	client  client.Client
	clock   clock.Clock
}

// NewPods returns one that does nothing before Run. The options are those of the
// Operator.
func NewPods(config *rest.Config, o Options) (*Pods, error) {
	direct, err := client.New(config, client.Options{})
	if err != nil {
		return nil, err
	}
	return &Pods{
		Namespace: o.Namespace, options: o.withDefaults(), client: client.WithFieldOwner(direct, "kubelet"), clock: clock.RealClock{},
	}, nil
}

// Run works until the context ends. An error passes: the next round tries again.
func (k *Pods) Run(ctx context.Context) {
	for {
		if err := k.round(ctx); err != nil && ctx.Err() == nil {
			k.options.Logf("pods: %v", err)
		}
		timer := k.clock.NewTimer(pollPeriod)
		select {
		case <-timer.C():
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

func (k *Pods) round(ctx context.Context) error {
	if k.WithoutControllers {
		if err := errors.Join(k.makePods(ctx), k.letOrphansGo(ctx)); err != nil {
			return err
		}
	}
	var pods corev1.PodList
	if err := k.client.List(ctx, &pods, client.InNamespace(k.Namespace), client.MatchingLabels(k.options.ClusterLabels), client.HasLabels{k.options.ClusterNameLabel, labelType}); err != nil {
		return err
	}
	for i := range pods.Items {
		pod := &pods.Items[i]
		if pod.DeletionTimestamp != nil || pod.Labels[labelType] == typeBackupJob || k.clock.Since(pod.CreationTimestamp.Time) < k.ReadyAfter {
			continue
		}
		if err := k.serve(ctx, pod); err != nil {
			return err
		}
	}
	return nil
}

// serve makes a pod ready, and then gives it a role.
func (k *Pods) serve(ctx context.Context, pod *corev1.Pod) error {
	if !isReady(pod) {
		before := pod.DeepCopy()
		now := metav1.NewTime(k.clock.Now())
		pod.Status.Phase, pod.Status.StartTime = corev1.PodRunning, &now
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: now}}
		pod.Status.ContainerStatuses = nil
		for _, container := range pod.Spec.Containers {
			pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{
				Name: container.Name, Image: container.Image, Ready: true, Started: new(true),
				State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: now}},
			})
		}
		if err := k.client.Status().Patch(ctx, pod, client.MergeFrom(before)); err != nil {
			return client.IgnoreNotFound(err)
		}
	}
	if pod.Labels[labelType] != typePostgresql || pod.Labels[k.options.RoleLabel] != "" {
		return nil
	}
	before := pod.DeepCopy()
	pod.Labels[k.options.RoleLabel] = roleReplica
	if strings.HasSuffix(pod.Name, "-0") {
		pod.Labels[k.options.RoleLabel] = rolePrimary
	}
	return client.IgnoreNotFound(k.client.Patch(ctx, pod, client.MergeFrom(before), client.FieldOwner("patroni")))
}
