// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package runtest

import (
	"fmt"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/cpo/cpotest"
)

// CronJob returns a CronJob that CPO has made for the cluster a day before Start,
// with the slots of a minute.
func CronJob(t *testing.T, repo int, backupType string) *batchv1.CronJob {
	t.Helper()
	cronJob := &batchv1.CronJob{}
	cpotest.Decode(t, "s3/cronjob-pgbackrest-cluster-repo1-full.yaml", cronJob)
	cronJob.Name, cronJob.Namespace = fmt.Sprintf("pgbackrest-%s-repo%d-%s", Cluster, repo, backupType), Namespace
	cronJob.Labels[cpo.LabelCluster] = Cluster
	cronJob.CreationTimestamp = metav1.Time{Time: Start.Add(-24 * time.Hour)}
	env := cronJob.Spec.JobTemplate.Spec.Template.Spec.Containers[0].Env
	for i := range env {
		if env[i].Name == "COMMAND_OPTS" {
			env[i].Value = fmt.Sprintf("--stanza=db --repo=%d --type=%s", repo, backupType)
		}
	}
	LastSlot(cronJob, Start.Add(-time.Minute))
	return cronJob
}

// Job returns the Job that Kubernetes has made of a CronJob for a slot. Kubernetes gives
// it the labels of its pod.
func Job(cronJob *batchv1.CronJob, slot time.Time) *batchv1.Job {
	template := cronJob.Spec.JobTemplate.Spec.DeepCopy()
	return &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{
			Name: cronJob.Name + "-1", Namespace: cronJob.Namespace, Labels: cronJob.Labels,
			Annotations: map[string]string{batchv1.CronJobScheduledTimestampAnnotation: slot.Format(time.RFC3339)},
		},
		Spec: *template,
	}
}

// LastSlot is the last one that Kubernetes has started.
func LastSlot(cronJob *batchv1.CronJob, slot time.Time) {
	cronJob.Status.LastScheduleTime = &metav1.Time{Time: slot}
}

// Suspend suspends a CronJob, as a field manager does.
func Suspend(cronJob *batchv1.CronJob, manager string, when time.Time) {
	suspended := true
	cronJob.Spec.Suspend = &suspended
	cronJob.ManagedFields = append(cronJob.ManagedFields, metav1.ManagedFieldsEntry{
		Manager: manager, Operation: metav1.ManagedFieldsOperationUpdate, Time: &metav1.Time{Time: when},
		FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:suspend":{}}}`),
	})
}
