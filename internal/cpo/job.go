// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cpo

import (
	"time"

	batchv1 "k8s.io/api/batch/v1"
)

// Job is a Job that Kubernetes has made of a CronJob of CPO. It outlives the CronJob:
// CPO deletes a CronJob and leaves its Jobs.
type Job struct {
	// Repo and Type of its backup. Both are empty if its command cannot be read.
	Repo, Type string
	// Slot for which it was made. Zero for a Job that a person has made.
	Slot time.Time
}

// DecodeJob reads a Job of CPO.
func DecodeJob(job *batchv1.Job) Job {
	var decoded Job
	decoded.Repo, decoded.Type = backupOf(job.Spec.Template.Spec.Containers)
	if slot, err := time.Parse(time.RFC3339, job.Annotations[batchv1.CronJobScheduledTimestampAnnotation]); err == nil {
		decoded.Slot = slot
	}
	return decoded
}
