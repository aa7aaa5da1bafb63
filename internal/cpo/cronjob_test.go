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
	for file, want := range map[string]cpo.CronJob{
		"s3/cronjob-pgbackrest-cluster-repo1-full.yaml":    {Repo: "repo1", Type: "full"},
		"s3/cronjob-pgbackrest-cluster-repo1-incr.yaml":    {Repo: "repo1", Type: "incr"},
		"azure/cronjob-pgbackrest-cluster-repo1-diff.yaml": {Repo: "repo1", Type: "diff"},
		"managed-fields/cronjob-suspended-by-another-manager.yaml": {
			Repo: "repo1", Type: "incr", Suspended: true,
			SuspendManager: "kubectl-patch", SuspendTime: time.Date(2026, 11, 28, 18, 38, 25, 0, time.UTC),
		},
	} {
		var cronJob batchv1.CronJob
		cpotest.Decode(t, file, &cronJob)
		if diff := cmp.Diff(want, cpo.DecodeCronJob(&cronJob)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", file, diff)
		}
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
		if got := cpo.DecodeCronJob(&cronJob); got != (cpo.CronJob{}) {
			t.Errorf("COMMAND_OPTS=%q: got %+v, want nothing", options, got)
		}
	}
}
