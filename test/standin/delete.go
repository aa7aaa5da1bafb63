// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"context"
	"errors"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// delete removes everything of a cluster, in CPO's order. It asks for labels and for
// names, never for an owner: a claim of somebody else goes if it fits.
func (o *Operator) delete(ctx context.Context, p *Postgresql) error {
	inNamespace, ofCluster := client.InNamespace(p.Namespace), client.MatchingLabels(o.selector(p, "", ""))
	return errors.Join(
		o.remove(ctx, &appsv1.StatefulSet{ObjectMeta: p.meta(p.Name, nil)}),
		o.deletePods(ctx, p),
		o.client.DeleteAllOf(ctx, &corev1.PersistentVolumeClaim{}, inNamespace, ofCluster),
		o.remove(ctx, &appsv1.StatefulSet{ObjectMeta: p.meta(p.repoHostName(), nil)}),
		o.client.DeleteAllOf(ctx, &corev1.Pod{}, inNamespace, client.MatchingLabels(o.selector(p, labelType, typeRepoHost))),
		o.deleteClaimsByName(ctx, p),
		o.remove(ctx, &corev1.Secret{ObjectMeta: p.meta(p.certificateName(), nil)}),
		o.deleteConfigMaps(ctx, p),
		o.deleteCronJobs(ctx, p),
		o.remove(ctx, &corev1.Service{ObjectMeta: p.meta(p.serviceName(), nil)}),
	)
}

// deleteClaimsByName deletes every claim whose name contains that of the repo host:
// also those of a cluster whose name ends with this one.
func (o *Operator) deleteClaimsByName(ctx context.Context, p *Postgresql) error {
	var claims corev1.PersistentVolumeClaimList
	if err := o.client.List(ctx, &claims, client.InNamespace(p.Namespace)); err != nil {
		return err
	}
	for i := range claims.Items {
		if strings.Contains(claims.Items[i].Name, p.repoHostName()) {
			if err := o.remove(ctx, &claims.Items[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (o *Operator) deleteConfigMaps(ctx context.Context, p *Postgresql) error {
	var errs []error
	for _, name := range []string{p.configName(), p.repoHostConfigName(), p.restoreName()} {
		errs = append(errs, o.remove(ctx, &corev1.ConfigMap{ObjectMeta: p.meta(name, nil)}))
	}
	return errors.Join(errs...)
}

func (o *Operator) deleteCronJobs(ctx context.Context, p *Postgresql) error {
	var cronJobs batchv1.CronJobList
	if err := o.client.List(ctx, &cronJobs, client.InNamespace(p.Namespace), client.MatchingLabels(o.selector(p, labelType, typeBackupJob))); err != nil {
		return err
	}
	for i := range cronJobs.Items {
		if err := o.deleteCronJob(ctx, p.Namespace, cronJobs.Items[i].Name); err != nil {
			return err
		}
	}
	return nil
}

func (o *Operator) remove(ctx context.Context, object client.Object) error {
	return client.IgnoreNotFound(o.client.Delete(ctx, object, client.PropagationPolicy(metav1.DeletePropagationBackground)))
}
