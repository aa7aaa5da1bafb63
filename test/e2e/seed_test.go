// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

const (
	seedFull = "pgbackrest-cluster-repo1-full"
	seedIncr = "pgbackrest-cluster-repo1-incr"
)

// testSeed is the main job from end to end: it applies the documented manifest, whose
// schedules fire by themselves; the backups are proven, retention is kept, and a
// restore gives the same data.
func testSeed(t *testing.T) {
	k := kit.Start(t, "seed")
	k.PSQL(t, kit.Primary, `CREATE DATABASE app`)
	k.PSQLIn(t, kit.Primary, "app", `CREATE TABLE account (id int PRIMARY KEY, owner text, balance numeric);
INSERT INTO account SELECT i, 'owner ' || i, i * 1.5 FROM generate_series(1, 50000) i`)

	// Both schedules are due in the same minute, as in the documentation at 02:30.
	full, incr := k.AwaitScheduledRun(t, seedFull), k.AwaitScheduledRun(t, seedIncr)
	k.ProvenBackup(t, full, kit.Primary)
	k.ProvenBackup(t, incr, kit.Primary)
	checkHealthyStanza(t, k)

	// Only runs by hand from here on.
	k.Suspend(t, true)
	k.AwaitIdle(t)
	for i := range 3 {
		k.PSQLIn(t, kit.Primary, "app", fmt.Sprintf("UPDATE account SET balance = balance + 1 WHERE id %% 3 = %d", i))
		k.AwaitSuccess(t, k.Submit(t, "cluster=cluster", "repo=repo1", "type=full"))
	}
	if fulls := kit.Labels(k.Backups(t, kit.Primary), "full"); len(fulls) != 2 {
		t.Errorf("repo1-retention-full is 2, and these full backups are there: %v", fulls)
	}

	k.PSQLIn(t, kit.Primary, "app", `CREATE TABLE entry AS SELECT i AS id, md5(i::text) AS note FROM generate_series(1, 20000) i; DELETE FROM account WHERE id % 7 = 0`)
	want := k.Checksums(t, kit.Primary)
	_, run := k.AwaitSuccess(t, k.Submit(t, "cluster=cluster", "repo=repo1", "type=incr"))
	if run.Backup.Type != "incr" || run.Backup.References == 0 {
		t.Errorf("the last backup should be an incr with a chain, is %+v", run.Backup)
	}
	// What comes after the backup must not come back.
	k.PSQLIn(t, kit.Primary, "app", "DROP TABLE entry")
	k.RestoreAndCompare(t, want, "restored", kit.ExactlyBackup(run.Backup.Label)...)

	editSchedules(t, k)
	killOperator(t, k)
	deleteCluster(t, k)
}

// checkHealthyStanza checks that the Stanza reads like the table of the documentation.
func checkHealthyStanza(t testing.TB, k *kit.Kit) {
	t.Helper()
	wait.Until(t, time.Minute, "the Stanza is Ready and BackupHealthy", func() (bool, string) {
		s := k.Stanza(t)
		return meta.IsStatusConditionTrue(s.Status.Conditions, vocab.ConditionReady) &&
			meta.IsStatusConditionTrue(s.Status.Conditions, vocab.ConditionBackupHealthy), fmt.Sprintf("%+v", s.Status)
	})
	s := k.Stanza(t).Status
	if s.LastBackup == nil || s.LastBackup.Label == "" || s.LastRun == nil || s.NextRunTime == nil || len(s.Schedules) != 2 {
		t.Errorf("the status of the Stanza lacks something: %+v", s)
	}
	for _, schedule := range s.Schedules {
		if schedule.LastBackup == nil || schedule.NextRunTime == nil {
			t.Errorf("schedule %s lacks its last backup or next run: %+v", schedule.CronWorkflow, schedule)
		}
	}
	// A newer run may have begun; the newest backup is at least of today.
	table := program.Kubectl(t, "get", "stanza", "-n", k.Namespace, "cluster", "-o", "wide")
	for _, want := range []string{"SCHEDULE", "RESULT", "RECOVERABLE TO", "RPO", "NEXT RUN", "READY", "REASON", "BACKUP", "LAST RUN", "full */2 * * * *, incr * * * * *", s.LastBackup.Label[:8]} {
		if !strings.Contains(table, want) {
			t.Errorf("kubectl get stanza does not show %q:\n%s", want, table)
		}
	}
}

// editSchedules breaks a schedule: the last good one stays, and the Stanza names the
// broken one. Then it removes that schedule: only the other stays.
func editSchedules(t testing.TB, k *kit.Kit) {
	t.Helper()
	const path = "/spec/backup/pgbackrest/repos/0/schedule/"
	k.PatchCluster(t, `[{"op":"replace","path":"`+path+`full","value":"every day at two"}]`)
	wait.Until(t, time.Minute, "the Stanza names the broken schedule", func() (bool, string) {
		c := meta.FindStatusCondition(k.Stanza(t).Status.Conditions, vocab.ConditionAccepted)
		return c != nil && c.Status == metav1.ConditionFalse && c.Reason == string(vocab.ReasonInvalidSchedule) &&
			strings.Contains(c.Message, "schedule.full"), fmt.Sprintf("%+v", c)
	})
	if got := k.CronWorkflows(t); !strings.Contains(kit.DescribeCrons(got), seedFull+" [*/2 * * * *]") {
		t.Errorf("the last good schedule should be in force, there is:\n%s", kit.DescribeCrons(got))
	}
	wait.Until(t, time.Minute, "an event on the postgresql resource", func() (bool, string) {
		events := program.Kubectl(t, "get", "events", "-n", k.Namespace, "--field-selector=involvedObject.kind=postgresql")
		return strings.Contains(events, string(vocab.ReasonInvalidSchedule)), events
	})
	k.PatchCluster(t, `[{"op":"remove","path":"`+path+`full"}]`)
	wait.Until(t, time.Minute, "only the incr schedule is left", func() (bool, string) {
		got := k.CronWorkflows(t)
		return len(got) == 1 && got[0].Name == seedIncr, kit.DescribeCrons(got)
	})
}

// killOperator checks that schedules and runs continue without the operator, and that
// the next operator does not write again what is unchanged.
func killOperator(t testing.TB, k *kit.Kit) {
	t.Helper()
	k.Suspend(t, false)
	var running string
	wait.Until(t, 3*time.Minute, "a scheduled run is running", func() (bool, string) {
		var list wfv1.WorkflowList
		if err := k.TryList(t.Context(), &list, client.MatchingLabels{vocab.LabelTrigger: vocab.TriggerSchedule}); err != nil {
			return false, err.Error()
		}
		for _, w := range list.Items {
			if w.Status.Phase == wfv1.WorkflowRunning {
				running = w.Name
				return true, ""
			}
		}
		return false, fmt.Sprintf("%d workflows, none running", len(list.Items))
	})
	before := writes(t, k)
	program.Kubectl(t, "delete", "pod", "-n", kit.System, "-l", "app.kubernetes.io/component=manager", "--grace-period=0", "--force", "--wait=false")
	k.AwaitSuccess(t, running)
	program.Kubectl(t, "rollout", "status", "-n", kit.System, "deployment/stanzaflow", "--timeout=120s")
	// The new process has seen everything when the status has the run.
	wait.Until(t, time.Minute, "the Stanza has the run", func() (bool, string) {
		last := k.Stanza(t).Status.LastRun
		return last != nil && last.Workflow >= running && last.Result != stanzaflowv1alpha1.RunRunning, fmt.Sprintf("%+v", last)
	})
	if diff := cmp.Diff(before, writes(t, k)); diff != "" {
		t.Errorf("the operator wrote again what was unchanged (-before +after):\n%s", diff)
	}
}

// writes maps each object of the operator to when the operator last wrote it.
func writes(t testing.TB, k *kit.Kit) map[string]time.Time {
	t.Helper()
	times := map[string]time.Time{}
	note := func(kind string, o client.Object) {
		for _, f := range o.GetManagedFields() {
			if f.Manager == vocab.FieldManager && f.Subresource == "" && f.Time != nil {
				times[kind+" "+o.GetName()] = f.Time.Time
			}
		}
	}
	for _, c := range k.CronWorkflows(t) {
		note("CronWorkflow", &c)
	}
	note("ConfigMap", k.ConfigMap(t))
	if len(times) < 2 {
		t.Fatalf("the operator's field manager is only on %v", times)
	}
	return times
}

// deleteCluster deletes the postgresql. Only its schedules go: PostgreSQL, its
// configuration and every backup stay, and archiving continues.
func deleteCluster(t testing.TB, k *kit.Kit) {
	t.Helper()
	k.Suspend(t, true)
	k.AwaitIdle(t)
	configMap, archiver := k.ConfigMap(t), k.Archiver(t)
	k.DeleteCluster(t)
	if len(k.Backups(t, kit.Primary)) == 0 {
		t.Error("no backup is left")
	}
	// PostgreSQL does not switch a segment that nobody has written to.
	k.PSQL(t, kit.Primary, "SELECT pg_create_restore_point('deleted'); SELECT pg_switch_wal()")
	wait.Until(t, time.Minute, "WAL is still archived", func() (bool, string) {
		now := k.Archiver(t)
		return now.Archived > archiver.Archived, fmt.Sprintf("%+v, was %+v", now, archiver)
	})
	if now := k.Archiver(t); now.LastFailed != archiver.LastFailed {
		t.Errorf("archiving failed after the resource was deleted: %+v, was %+v", now, archiver)
	}
	if now := k.ConfigMap(t); now.UID != configMap.UID || now.ResourceVersion != configMap.ResourceVersion {
		t.Errorf("the ConfigMap has changed: %+v", now)
	}
}
