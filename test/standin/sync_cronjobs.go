// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	batchv1 "k8s.io/api/batch/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// syncCronJobs goes through every repo and type: one that the resource has is created
// or updated, every other one is deleted by its name.
func (o *Operator) syncCronJobs(ctx context.Context, p *Postgresql) error {
	for n := 1; n <= 4; n++ {
		repo := repoOf(p, "repo"+strconv.Itoa(n))
		for _, backupType := range backupTypes {
			var err error
			if _, has := repo.Schedule[backupType]; has {
				err = o.ensureCronJob(ctx, p, repo, backupType)
			} else {
				err = o.deleteCronJob(ctx, p.Namespace, p.cronJobName(repo.Name, backupType))
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func repoOf(p *Postgresql, name string) Repo {
	if p.backup() != nil {
		if i := slices.IndexFunc(p.backup().Repos, func(r Repo) bool { return r.Name == name }); i >= 0 {
			return p.backup().Repos[i]
		}
	}
	return Repo{Name: name}
}

// ensureCronJob gets the CronJob and puts it back. It overwrites labels, annotations,
// the schedule, and of the template the labels and the pod's spec. So suspend,
// concurrencyPolicy, timeZone and every limit and deadline stay.
func (o *Operator) ensureCronJob(ctx context.Context, p *Postgresql, repo Repo, backupType string) error {
	want, have := o.cronJob(p, repo, backupType), &batchv1.CronJob{}
	err := o.client.Get(ctx, client.ObjectKeyFromObject(want), have)
	if apierrors.IsNotFound(err) {
		return o.client.Create(ctx, want)
	}
	if err != nil {
		return err
	}
	o.BeforePut(want.Name)
	before := have.ManagedFields
	have.Labels, have.Annotations = want.Labels, want.Annotations
	have.Spec.Schedule = want.Spec.Schedule
	have.Spec.JobTemplate.Labels = want.Spec.JobTemplate.Labels
	have.Spec.JobTemplate.Spec.Template.Labels = want.Spec.JobTemplate.Spec.Template.Labels
	have.Spec.JobTemplate.Spec.Template.Spec = want.Spec.JobTemplate.Spec.Template.Spec
	err = o.client.Update(ctx, have)
	if apierrors.IsConflict(err) {
		o.note(ctx, p, want, before)
		return fmt.Errorf("cannot update CronJob %s: %w", want.Name, err)
	}
	return client.IgnoreNotFound(err)
}

// note records who has written between GET and PUT.
func (o *Operator) note(ctx context.Context, p *Postgresql, cronJob *batchv1.CronJob, before []metav1.ManagedFieldsEntry) {
	conflict := Conflict{Namespace: p.Namespace, Cluster: p.Name, CronJob: cronJob.Name, Time: o.clock.Now()}
	now := &batchv1.CronJob{}
	if err := o.client.Get(ctx, client.ObjectKeyFromObject(cronJob), now); err != nil {
		conflict.Managers = []string{unknownWriter + ": " + err.Error()}
	} else {
		conflict.Managers = writersBetween(before, now.ManagedFields)
	}
	o.Record.addConflict(conflict)
}

// deleteCronJob orphans the Jobs: they run to their end and stay.
func (o *Operator) deleteCronJob(ctx context.Context, namespace, name string) error {
	cronJob := &batchv1.CronJob{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	return client.IgnoreNotFound(o.client.Delete(ctx, cronJob, client.PropagationPolicy(metav1.DeletePropagationOrphan)))
}
