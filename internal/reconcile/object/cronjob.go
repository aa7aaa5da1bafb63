// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package object

import (
	"context"
	"fmt"
	"slices"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// CronJob is a CronJob with which CPO makes backups of a cluster.
type CronJob struct {
	cpo.CronJob

	Namespace, Name string
	UID             types.UID
	// Schedule and Zone are when it fires. An empty Zone is that of the controller of
	// Kubernetes.
	Schedule, Zone string
	// Running is true while it has a Job that has not ended.
	Running bool
	// Deadline is spec.startingDeadlineSeconds, nil without one.
	Deadline *int64
	// Deleting is true while somebody's finalizer keeps it.
	Deleting bool
}

// ReadCronJob reads a CronJob of CPO.
func ReadCronJob(cronJob *batchv1.CronJob) CronJob {
	read := CronJob{
		CronJob:   cpo.DecodeCronJob(cronJob),
		Namespace: cronJob.Namespace, Name: cronJob.Name, UID: cronJob.UID,
		Schedule: cronJob.Spec.Schedule,
		Running:  len(cronJob.Status.Active) > 0,
		Deadline: cronJob.Spec.StartingDeadlineSeconds,
		Deleting: cronJob.DeletionTimestamp != nil,
	}
	if zone := cronJob.Spec.TimeZone; zone != nil {
		read.Zone = *zone
	}
	return read
}

// SuspendedByUs reports whether we suspended it: only then may we resume it. The
// API server notes for each field who changed it last.
func (c CronJob) SuspendedByUs() bool {
	return c.Suspended && c.SuspendManager == vocab.FieldManager
}

// DeadlineByUs reports whether we set its spec.startingDeadlineSeconds.
func (c CronJob) DeadlineByUs() bool {
	return c.Deadline != nil && c.DeadlineManager == vocab.FieldManager
}

// Object names the CronJob.
func (c CronJob) Object() *unstructured.Unstructured {
	object := New(CronJobKind)
	object.SetNamespace(c.Namespace)
	object.SetName(c.Name)
	object.SetUID(c.UID)
	return object
}

// CronJobsOfCPO reads the CronJobs with which CPO makes backups, in a namespace or, if
// that is empty, in all of them.
func CronJobsOfCPO(ctx context.Context, reader client.Reader, namespace string) ([]CronJob, error) {
	list := &batchv1.CronJobList{}
	err := reader.List(ctx, list, client.InNamespace(namespace), client.MatchingLabels{cpo.LabelMemberType: cpo.MemberBackupJob})
	if err != nil {
		return nil, fmt.Errorf("cannot list the CronJobs of CPO: %w", err)
	}
	cronJobs := make([]CronJob, 0, len(list.Items))
	for i := range list.Items {
		cronJobs = append(cronJobs, ReadCronJob(&list.Items[i]))
	}
	return cronJobs, nil
}

// SortCronJobs sorts CronJobs by name.
func SortCronJobs(cronJobs []CronJob) {
	slices.SortFunc(cronJobs, func(a, b CronJob) int { return strings.Compare(a.Name, b.Name) })
}

// TrimCronJob removes what we do not read from a CronJob before it enters a cache:
// of its pods only the commands stay.
func TrimCronJob(object any) (any, error) {
	cronJob, ok := object.(*batchv1.CronJob)
	if !ok {
		return object, nil
	}
	cronJob.Annotations = nil
	containers := cronJob.Spec.JobTemplate.Spec.Template.Spec.Containers
	trimmed := make([]corev1.Container, 0, len(containers))
	for _, container := range containers {
		trimmed = append(trimmed, corev1.Container{Name: container.Name, Env: container.Env})
	}
	cronJob.Spec.JobTemplate = batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: trimmed}}}}
	cronJob.ManagedFields = slices.DeleteFunc(cronJob.ManagedFields, func(entry metav1.ManagedFieldsEntry) bool {
		return entry.Subresource != ""
	})
	return cronJob, nil
}
