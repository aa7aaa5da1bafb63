// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"context"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// createStatefulSets makes the repo host first, and then PostgreSQL. One that exists
// makes the creation fail.
func (o *Operator) createStatefulSets(ctx context.Context, p *Postgresql) error {
	if p.hasRepoHost() {
		if err := o.client.Create(ctx, o.repoHost(p)); err != nil {
			return fmt.Errorf("cannot create the repo host: %w", err)
		}
	}
	return o.client.Create(ctx, o.database(p))
}

// syncStatefulSets replaces one that is not its own, or that differs, and merges the
// replicas. A restore says itself how many replicas there are.
func (o *Operator) syncStatefulSets(ctx context.Context, p *Postgresql) error {
	if p.hasRepoHost() {
		if err := o.syncStatefulSet(ctx, o.repoHost(p)); err != nil {
			return err
		}
	}
	if restoring, err := o.restoring(ctx, p); err != nil || restoring {
		return err
	}
	return o.syncStatefulSet(ctx, o.database(p))
}

func (o *Operator) syncStatefulSet(ctx context.Context, want *appsv1.StatefulSet) error {
	have := &appsv1.StatefulSet{}
	err := o.client.Get(ctx, client.ObjectKeyFromObject(want), have)
	if apierrors.IsNotFound(err) {
		return o.client.Create(ctx, want)
	}
	if err != nil {
		return err
	}
	if !metav1.IsControlledBy(have, &metav1.ObjectMeta{UID: want.OwnerReferences[0].UID}) || !sameContainers(have, want) {
		return o.replace(ctx, have, want)
	}
	return o.scale(ctx, want, *want.Spec.Replicas)
}

// replace deletes the StatefulSet and makes another one, which finds its pods and claims.
func (o *Operator) replace(ctx context.Context, have, want *appsv1.StatefulSet) error {
	if err := o.client.Delete(ctx, have, client.PropagationPolicy(metav1.DeletePropagationOrphan)); client.IgnoreNotFound(err) != nil {
		return err
	}
	err := o.await(ctx, o.PodTimeout, "StatefulSet "+have.Name+" is gone", func() (bool, error) {
		err := o.client.Get(ctx, client.ObjectKeyFromObject(have), &appsv1.StatefulSet{})
		return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
	})
	if err != nil {
		return err
	}
	return o.client.Create(ctx, want)
}

// sameContainers compares what CPO would have to replace. The API server has filled in
// defaults of everything else.
func sameContainers(have, want *appsv1.StatefulSet) bool {
	return slices.EqualFunc(have.Spec.Template.Spec.Containers, want.Spec.Template.Spec.Containers, func(a, b corev1.Container) bool {
		return a.Name == b.Name && a.Image == b.Image && equality.Semantic.DeepEqual(a.VolumeMounts, b.VolumeMounts)
	})
}

func (o *Operator) scale(ctx context.Context, set *appsv1.StatefulSet, replicas int32) error {
	body := fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, replicas)
	return o.client.Patch(ctx, &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Namespace: set.Namespace, Name: set.Name}}, client.RawPatch(types.MergePatchType, body))
}

// awaitPods waits until every PostgreSQL pod is ready and has its role, and then a
// little.
func (o *Operator) awaitPods(ctx context.Context, p *Postgresql) error {
	waited := false
	err := o.await(ctx, o.PodTimeout, "every pod has its role", func() (bool, error) {
		pods, err := o.pods(ctx, p)
		if err != nil {
			return false, err
		}
		done := len(pods) == int(p.Spec.NumberOfInstances) && !slices.ContainsFunc(pods, func(pod corev1.Pod) bool {
			return !isReady(&pod) || pod.Labels[o.RoleLabel] == ""
		})
		waited = waited || !done
		return done, nil
	})
	if err == nil && waited && !o.sleep(ctx, o.AfterPods) {
		return ctx.Err()
	}
	return err
}

// pods are the PostgreSQL pods of a cluster.
func (o *Operator) pods(ctx context.Context, p *Postgresql) ([]corev1.Pod, error) {
	var pods corev1.PodList
	err := o.client.List(ctx, &pods, client.InNamespace(p.Namespace), client.MatchingLabels(o.selector(p, labelType, typePostgresql)))
	return pods.Items, err
}

func isReady(pod *corev1.Pod) bool {
	return pod.DeletionTimestamp == nil && slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}
