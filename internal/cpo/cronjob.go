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
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// MemberBackupJob is the value of LabelMemberType on a CronJob that makes backups,
// and on its Jobs.
const MemberBackupJob = "backup-job"

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
	// nobody has since it was created.
	SuspendManager string
	// SuspendTime is when it did, in seconds.
	SuspendTime time.Time
}

// DecodeCronJob reads a CronJob of CPO. It needs its managed fields.
func DecodeCronJob(cronJob *batchv1.CronJob) CronJob {
	decoded := CronJob{Suspended: cronJob.Spec.Suspend != nil && *cronJob.Spec.Suspend}
	decoded.Repo, decoded.Type = backupOf(cronJob)
	for _, entry := range cronJob.ManagedFields {
		if entry.Subresource == "" && ownsSuspend(entry.FieldsV1) && (entry.Time == nil || !entry.Time.Time.Before(decoded.SuspendTime)) {
			decoded.SuspendManager = entry.Manager
			if entry.Time != nil {
				decoded.SuspendTime = entry.Time.Time
			}
		}
	}
	return decoded
}

// backupOf reads which backup the command of a CronJob makes.
func backupOf(cronJob *batchv1.CronJob) (repo, backupType string) {
	for _, container := range cronJob.Spec.JobTemplate.Spec.Template.Spec.Containers {
		for _, variable := range container.Env {
			if variable.Name != envCommandOptions {
				continue
			}
			for word := range strings.FieldsSeq(variable.Value) {
				if value, ok := strings.CutPrefix(word, "--repo="); ok {
					repo = "repo" + value
				}
				if value, ok := strings.CutPrefix(word, "--type="); ok {
					backupType = value
				}
			}
			if _, err := RepoNumber(repo); err == nil && slices.Contains(BackupTypes, backupType) {
				return repo, backupType
			}
			return "", ""
		}
	}
	return "", ""
}

// ownsSuspend reports whether a field manager owns spec.suspend.
func ownsSuspend(fields *metav1.FieldsV1) bool {
	if fields == nil {
		return false
	}
	var set struct {
		Spec map[string]json.RawMessage `json:"f:spec"`
	}
	if err := json.Unmarshal(fields.Raw, &set); err != nil {
		return false
	}
	_, owns := set.Spec["f:suspend"]
	return owns
}

// String names the backup of a CronJob.
func (c CronJob) String() string { return fmt.Sprintf("%s of %s", c.Type, c.Repo) }
