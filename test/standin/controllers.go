// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// makePods does what the StatefulSet controller does, without claims: the pods of the
// replicas, and none beyond.
func (k *Pods) makePods(ctx context.Context) error {
	var sets appsv1.StatefulSetList
	if err := k.client.List(ctx, &sets, client.InNamespace(k.Namespace), client.MatchingLabels(k.options.ClusterLabels)); err != nil {
		return err
	}
	for i := range sets.Items {
		set := &sets.Items[i]
		if set.DeletionTimestamp != nil {
			continue
		}
		for n := range int32(10) {
			pod := &corev1.Pod{ObjectMeta: *set.Spec.Template.ObjectMeta.DeepCopy(), Spec: *set.Spec.Template.Spec.DeepCopy()}
			pod.Namespace, pod.Name = set.Namespace, fmt.Sprintf("%s-%d", set.Name, n)
			pod.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(set, appsv1.SchemeGroupVersion.WithKind("StatefulSet"))}
			for _, claim := range set.Spec.VolumeClaimTemplates {
				pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: claim.Name, VolumeSource: corev1.VolumeSource{
					PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim.Name + "-" + pod.Name},
				}})
			}
			if err := k.makePod(ctx, pod, set, n < *set.Spec.Replicas); err != nil {
				return err
			}
		}
	}
	return nil
}

func (k *Pods) makePod(ctx context.Context, pod *corev1.Pod, set *appsv1.StatefulSet, wanted bool) error {
	have := &corev1.Pod{}
	err := k.client.Get(ctx, client.ObjectKeyFromObject(pod), have)
	switch {
	case err == nil && (!wanted || !metav1.IsControlledBy(have, set)):
		return client.IgnoreNotFound(k.client.Delete(ctx, have))
	case client.IgnoreNotFound(err) != nil:
		return err
	case err != nil && wanted:
		return k.client.Create(ctx, pod, client.FieldOwner("statefulset-controller"))
	}
	return nil
}

// letOrphansGo does what the garbage collector does when CPO deletes with Orphan.
func (k *Pods) letOrphansGo(ctx context.Context) error {
	var sets appsv1.StatefulSetList
	var cronJobs batchv1.CronJobList
	for _, list := range []client.ObjectList{&sets, &cronJobs} {
		if err := k.client.List(ctx, list, client.InNamespace(k.Namespace)); err != nil {
			return err
		}
	}
	var deleted []client.Object
	for i := range sets.Items {
		deleted = append(deleted, &sets.Items[i])
	}
	for i := range cronJobs.Items {
		deleted = append(deleted, &cronJobs.Items[i])
	}
	for _, object := range deleted {
		if object.GetDeletionTimestamp() == nil {
			continue
		}
		err := k.client.Patch(ctx, object, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`)), client.FieldOwner("garbage-collector"))
		if client.IgnoreNotFound(err) != nil {
			return err
		}
	}
	return nil
}
