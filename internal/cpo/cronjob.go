// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cpo

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// MemberBackupJob is the value of LabelMemberType on a CronJob that makes backups,
// and on its Jobs.
const MemberBackupJob = "backup-job"

// maxCronJobName is where CPO cuts the name of a CronJob.
const maxCronJobName = 52

// CronJobName is what CPO calls the CronJob of a backup. Those of a cluster with a
// long name are not unique.
func CronJobName(cluster, repo, backupType string) string {
	name := "pgbackrest-" + cluster + "-" + repo + "-" + backupType
	return strings.TrimRight(name[:min(len(name), maxCronJobName)], "-")
}

// envCommandOptions is the variable of a backup pod that holds the options of
// pgbackrest backup.
const envCommandOptions = "COMMAND_OPTS"

// CronJob is what a CronJob of CPO does, and who has suspended it.
type CronJob struct {
	// Repo and Type of its backups, such as repo1 and full. Both are empty if the
	// options of its command cannot be read. The name of a CronJob says neither:
	// CPO cuts it at 52 characters.
	Repo, Type string
	// Suspended is spec.suspend.
	Suspended bool
	// SuspendManager is the field manager that last changed spec.suspend, empty if
	// nobody has since CPO created it.
	SuspendManager string
	// SuspendTime is when it did, in seconds.
	SuspendTime time.Time
	// DeadlineManager is the field manager that last changed
	// spec.startingDeadlineSeconds, empty if nobody has.
	DeadlineManager string
	// Created is when the CronJob was made, in seconds.
	Created time.Time
	// LastSlot is the newest slot for which Kubernetes has started a Job. Zero if
	// there is none.
	LastSlot time.Time
}

// DecodeCronJob reads a CronJob of CPO. It needs its managed fields.
func DecodeCronJob(cronJob *batchv1.CronJob) CronJob {
	decoded := CronJob{Suspended: cronJob.Spec.Suspend != nil && *cronJob.Spec.Suspend, Created: cronJob.CreationTimestamp.Time}
	if last := cronJob.Status.LastScheduleTime; last != nil {
		decoded.LastSlot = last.Time
	}
	decoded.Repo, decoded.Type = backupOf(cronJob.Spec.JobTemplate.Spec.Template.Spec.Containers)
	// The default of a field that CPO leaves out is CPO's in the managed fields. CPO is
	// the one that writes the Job: its name is that of the binary in its image.
	creator, _ := lastManager(cronJob.ManagedFields, "f:jobTemplate")
	if manager, at := lastManager(cronJob.ManagedFields, "f:suspend"); manager != creator {
		decoded.SuspendManager, decoded.SuspendTime = manager, at
	}
	decoded.DeadlineManager, _ = lastManager(cronJob.ManagedFields, "f:startingDeadlineSeconds")
	return decoded
}

// lastManager is the field manager that last changed a field of the spec, and when.
func lastManager(entries []metav1.ManagedFieldsEntry, field string) (manager string, at time.Time) {
	for _, entry := range entries {
		if entry.Subresource != "" || !ownsField(entry.FieldsV1, field) {
			continue
		}
		var changed time.Time
		if entry.Time != nil {
			changed = entry.Time.UTC()
		}
		if !changed.Before(at) {
			manager, at = entry.Manager, changed
		}
	}
	return manager, at
}

// backupOf reads which backup the command of a pod makes.
func backupOf(containers []corev1.Container) (repo, backupType string) {
	for word := range strings.FieldsSeq(commandOptions(containers)) {
		if value, ok := strings.CutPrefix(word, "--repo="); ok {
			repo = "repo" + value
		}
		if value, ok := strings.CutPrefix(word, "--type="); ok {
			backupType = value
		}
	}
	if _, err := RepoNumber(repo); err != nil || !slices.Contains(BackupTypes, backupType) {
		return "", ""
	}
	return repo, backupType
}

// commandOptions are the options of the command, empty without any.
func commandOptions(containers []corev1.Container) string {
	for _, container := range containers {
		for _, variable := range container.Env {
			if variable.Name == envCommandOptions {
				return variable.Value
			}
		}
	}
	return ""
}

// ownsField reports whether a set of managed fields has a field of the spec.
func ownsField(fields *metav1.FieldsV1, field string) bool {
	if fields == nil {
		return false
	}
	var set struct {
		Spec map[string]json.RawMessage `json:"f:spec"`
	}
	if err := json.Unmarshal(fields.GetRawBytes(), &set); err != nil {
		return false
	}
	_, owns := set.Spec[field]
	return owns
}

// String names the backup of a CronJob.
func (c CronJob) String() string { return fmt.Sprintf("%s of %s", c.Type, c.Repo) }
