// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cpo_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/cpo/cpotest"
)

func TestDecodeCronJob(t *testing.T) {
	at := func(hour, minute, second int) time.Time {
		return time.Date(2026, 11, 28, hour, minute, second, 0, time.UTC)
	}
	for file, want := range map[string]cpo.CronJob{
		"s3/cronjob-pgbackrest-cluster-repo1-full.yaml":    {Repo: "repo1", Type: "full", Created: at(18, 9, 36)},
		"s3/cronjob-pgbackrest-cluster-repo1-incr.yaml":    {Repo: "repo1", Type: "incr", Created: at(18, 9, 36)},
		"azure/cronjob-pgbackrest-cluster-repo1-diff.yaml": {Repo: "repo1", Type: "diff", Created: at(18, 10, 27)},
		// Nobody has changed spec.suspend, and CPO owns its default.
		"managed-fields/cronjob-pgbackrest-cluster-repo1-full.yaml": {Repo: "repo1", Type: "full", Created: at(18, 9, 36)},
		"managed-fields/cronjob-suspended-by-another-manager.yaml": {
			Repo: "repo1", Type: "incr", Suspended: true, Created: at(18, 29, 16), LastSlot: at(18, 35, 0),
			SuspendManager: "kubectl-patch", SuspendTime: at(18, 38, 25),
		},
	} {
		var cronJob batchv1.CronJob
		cpotest.Decode(t, file, &cronJob)
		if diff := cmp.Diff(want, cpo.DecodeCronJob(&cronJob)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", file, diff)
		}
	}
}

func TestDecodeJob(t *testing.T) {
	var job batchv1.Job
	cpotest.Decode(t, "job/job-pgbackrest-cluster-repo1-incr-29931525.yaml", &job)
	want := cpo.Job{Repo: "repo1", Type: "incr", Slot: time.Date(2026, 11, 28, 18, 45, 0, 0, time.UTC)}
	if diff := cmp.Diff(want, cpo.DecodeJob(&job)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	delete(job.Annotations, batchv1.CronJobScheduledTimestampAnnotation)
	if got := cpo.DecodeJob(&job); !got.Slot.IsZero() {
		t.Errorf("without a slot: %+v", got)
	}
}

func TestDecodeCronJobOfAnotherCommand(t *testing.T) {
	for _, options := range []string{"", "--stanza=db", "--repo=1", "--repo=5 --type=full", "--repo=1 --type=copy"} {
		var cronJob batchv1.CronJob
		cpotest.Decode(t, "s3/cronjob-pgbackrest-cluster-repo1-full.yaml", &cronJob)
		env := cronJob.Spec.JobTemplate.Spec.Template.Spec.Containers[0].Env
		for i := range env {
			if env[i].Name == "COMMAND_OPTS" {
				env[i].Value = options
			}
		}
		if got := cpo.DecodeCronJob(&cronJob); got.Repo != "" || got.Type != "" {
			t.Errorf("COMMAND_OPTS=%q: got %+v, want no backup", options, got)
		}
	}
}
