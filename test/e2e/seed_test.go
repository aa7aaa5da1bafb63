// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

const (
	seedFull = "pgbackrest-cluster-repo1-full"
	seedIncr = "pgbackrest-cluster-repo1-incr"
)

// testSeed is the main job from end to end: the documented manifest is applied,
// its schedules fire by themselves, the backups are proven, retention is kept,
// and a restore gives the same data.
func testSeed(t *testing.T) {
	t.Helper()
	k := newKit(t, "e2e-seed")
	k.apply(t, "seed")
	k.podReady(t, "cluster-0")
	k.psql(t, "cluster-0", "postgres", `CREATE DATABASE app`)
	k.psql(t, "cluster-0", "app", `CREATE TABLE account (id int PRIMARY KEY, owner text, balance numeric);
INSERT INTO account SELECT i, 'owner ' || i, i * 1.5 FROM generate_series(1, 50000) i`)

	// Both schedules are due in the same minute, as in the documentation at 02:30.
	full, incr := k.scheduled(t, seedFull), k.scheduled(t, seedIncr)
	k.proven(t, full, primary)
	k.proven(t, incr, primary)
	k.reported(t)

	// Only runs by hand from here on.
	k.suspend(t, true)
	k.idle(t)
	for i := range 3 {
		k.psql(t, "cluster-0", "app", fmt.Sprintf("UPDATE account SET balance = balance + 1 WHERE id %% 3 = %d", i))
		k.succeeded(t, k.submit(t, "cluster=cluster", "repo=repo1", "type=full"))
	}
	if fulls := labels(k.info(t, "cluster-0"), "full"); len(fulls) != 2 {
		t.Errorf("repo1-retention-full is 2, and these full backups are there: %v", fulls)
	}

	k.psql(t, "cluster-0", "app", `CREATE TABLE entry AS SELECT i AS id, md5(i::text) AS note FROM generate_series(1, 20000) i; DELETE FROM account WHERE id % 7 = 0`)
	want := k.checksums(t, "cluster-0")
	run := k.succeeded(t, k.submit(t, "cluster=cluster", "repo=repo1", "type=incr"))
	if run.Backup.Type != "incr" || run.Backup.References == 0 {
		t.Errorf("the last backup should be an incr with a chain, is %+v", run.Backup)
	}
	// What comes after the backup must not come back.
	k.psql(t, "cluster-0", "app", "DROP TABLE entry")
	// Exactly this backup, and no WAL beyond what makes it consistent.
	k.restore(t, "restored", "--set="+run.Backup.Label, "--type=immediate", "--target-action=promote")
	sameData(t, want, k.checksums(t, "restored"))

	k.editSchedules(t)
	k.operatorKilled(t)
	k.clusterDeleted(t)
}

// scheduled waits for the first run of a CronWorkflow to succeed. Nobody started
// it: it has the annotation and the name that only Argo's own schedule gives.
func (k *kit) scheduled(t testing.TB, cron string) *wfv1.Workflow {
	t.Helper()
	var first *wfv1.Workflow
	eventually(t, 6*minute, "a run of "+cron+" succeeded", func() (bool, string) {
		var list wfv1.WorkflowList
		if err := k.List(t.Context(), &list, client.InNamespace(k.namespace), client.MatchingLabels{"workflows.argoproj.io/cron-workflow": cron}); err != nil {
			return false, err.Error()
		}
		var seen []string
		for i := range list.Items {
			w := &list.Items[i]
			seen = append(seen, w.Name+" "+describe(w))
			if w.Status.Phase == wfv1.WorkflowSucceeded {
				first = w
				return true, ""
			}
		}
		return false, strings.Join(seen, "\n")
	})
	if first.Annotations["workflows.argoproj.io/scheduled-time"] == "" || first.Labels[vocab.LabelTrigger] != vocab.TriggerSchedule {
		t.Errorf("workflow %s was not started by the schedule: annotations %v, labels %v", first.Name, first.Annotations, first.Labels)
	}
	return first
}

// reported: the Stanza reads like the table of the documentation.
func (k *kit) reported(t testing.TB) {
	t.Helper()
	eventually(t, minute, "the Stanza is Ready and BackupHealthy", func() (bool, string) {
		s := k.stanza(t, "cluster")
		return meta.IsStatusConditionTrue(s.Status.Conditions, vocab.ConditionReady) &&
			meta.IsStatusConditionTrue(s.Status.Conditions, vocab.ConditionBackupHealthy), fmt.Sprintf("%+v", s.Status)
	})
	s := k.stanza(t, "cluster").Status
	if s.LastBackup == nil || s.LastBackup.Label == "" || s.LastRun == nil || s.NextRunTime == nil || len(s.Schedules) != 2 {
		t.Errorf("the status of the Stanza lacks something: %+v", s)
	}
	for _, schedule := range s.Schedules {
		if schedule.LastBackup == nil || schedule.NextRunTime == nil {
			t.Errorf("schedule %s lacks its last backup or next run: %+v", schedule.CronWorkflow, schedule)
		}
	}
	// A newer run may have begun; the newest backup is at least of today.
	table := kubectl(t, nil, "get", "stanza", "-n", k.namespace, "cluster")
	for _, want := range []string{"SCHEDULE", "LAST RUN", "RESULT", "NEXT RUN", "full */2 * * * *, incr * * * * *", s.LastBackup.Label[:8]} {
		if !strings.Contains(table, want) {
			t.Errorf("kubectl get stanza does not show %q:\n%s", want, table)
		}
	}
}

func (k *kit) suspend(t testing.TB, suspend bool) {
	t.Helper()
	k.patchStanza(t, fmt.Sprintf(`{"spec":{"suspend":%v}}`, suspend))
	eventually(t, minute, "the CronWorkflows follow the Stanza", func() (bool, string) {
		crons := k.cronWorkflows(t)
		return len(crons) > 0 && !slices.ContainsFunc(crons, func(c wfv1.CronWorkflow) bool { return c.Spec.Suspend != suspend }), cronText(crons)
	})
}

func (k *kit) patchStanza(t testing.TB, patch string) {
	t.Helper()
	s := &stanzaflowv1alpha1.Stanza{ObjectMeta: metav1.ObjectMeta{Name: "cluster", Namespace: k.namespace}}
	if err := k.Patch(t.Context(), s, client.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
		t.Fatal(err)
	}
}

// idle waits until no run is going on.
func (k *kit) idle(t testing.TB) {
	t.Helper()
	eventually(t, 3*minute, "no run is going on", func() (bool, string) {
		var list wfv1.WorkflowList
		if err := k.List(t.Context(), &list, client.InNamespace(k.namespace)); err != nil {
			return false, err.Error()
		}
		for i := range list.Items {
			if !list.Items[i].Status.Fulfilled() {
				return false, list.Items[i].Name + " " + describe(&list.Items[i])
			}
		}
		return true, ""
	})
}

func (k *kit) cronWorkflows(t testing.TB) []wfv1.CronWorkflow {
	t.Helper()
	var list wfv1.CronWorkflowList
	if err := k.List(t.Context(), &list, client.InNamespace(k.namespace)); err != nil {
		t.Fatal(err)
	}
	return list.Items
}

func cronText(crons []wfv1.CronWorkflow) string {
	var lines []string
	for _, c := range crons {
		lines = append(lines, fmt.Sprintf("%s %v suspend=%v", c.Name, c.Spec.Schedules, c.Spec.Suspend))
	}
	return strings.Join(lines, "\n")
}

func (k *kit) patchCluster(t testing.TB, patch string) {
	t.Helper()
	kubectl(t, nil, "patch", "-n", k.namespace, "postgresql", "cluster", "--type=json", "-p", patch)
}

// editSchedules: a broken schedule keeps the last good one and says so; a
// removed one goes, the other stays.
func (k *kit) editSchedules(t testing.TB) {
	t.Helper()
	const path = "/spec/backup/pgbackrest/repos/0/schedule/"
	k.patchCluster(t, `[{"op":"replace","path":"`+path+`full","value":"every day at two"}]`)
	eventually(t, minute, "the Stanza names the broken schedule", func() (bool, string) {
		c := meta.FindStatusCondition(k.stanza(t, "cluster").Status.Conditions, vocab.ConditionAccepted)
		return c != nil && c.Status == metav1.ConditionFalse && c.Reason == vocab.ReasonInvalidSchedule &&
			strings.Contains(c.Message, "schedule.full"), fmt.Sprintf("%+v", c)
	})
	if got := k.cronWorkflows(t); !strings.Contains(cronText(got), seedFull+" [*/2 * * * *]") {
		t.Errorf("the last good schedule should be in force, there is:\n%s", cronText(got))
	}
	eventually(t, minute, "an event on the postgresql resource", func() (bool, string) {
		events := kubectl(t, nil, "get", "events", "-n", k.namespace, "--field-selector=involvedObject.kind=postgresql")
		return strings.Contains(events, vocab.ReasonInvalidSchedule), events
	})
	k.patchCluster(t, `[{"op":"remove","path":"`+path+`full"}]`)
	eventually(t, minute, "only the incr schedule is left", func() (bool, string) {
		got := k.cronWorkflows(t)
		return len(got) == 1 && got[0].Name == seedIncr, cronText(got)
	})
}

// operatorKilled: without the operator the schedule and its runs go on, and when
// it is back it writes nothing again.
func (k *kit) operatorKilled(t testing.TB) {
	t.Helper()
	k.suspend(t, false)
	var running string
	eventually(t, 3*minute, "a scheduled run is going on", func() (bool, string) {
		var list wfv1.WorkflowList
		if err := k.List(t.Context(), &list, client.InNamespace(k.namespace)); err != nil {
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
	before := k.writes(t)
	kubectl(t, nil, "delete", "pod", "-n", "stanzaflow-system", "-l", "app.kubernetes.io/component=manager", "--grace-period=0", "--force", "--wait=false")
	k.succeeded(t, running)
	kubectl(t, nil, "rollout", "status", "-n", "stanzaflow-system", "deployment/stanzaflow", "--timeout=120s")
	// The new process has seen everything when the status knows of the run.
	eventually(t, minute, "the Stanza knows of the run", func() (bool, string) {
		last := k.stanza(t, "cluster").Status.LastRun
		return last != nil && last.Workflow >= running && last.Result != stanzaflowv1alpha1.RunRunning, fmt.Sprintf("%+v", last)
	})
	if diff := cmp.Diff(before, k.writes(t)); diff != "" {
		t.Errorf("the operator wrote again what was there (-before +after):\n%s", diff)
	}
}

// writes maps what the operator wrote to when it did so last.
func (k *kit) writes(t testing.TB) map[string]time.Time {
	t.Helper()
	times := map[string]time.Time{}
	note := func(kind string, o client.Object) {
		for _, f := range o.GetManagedFields() {
			if f.Manager == vocab.FieldManager && f.Subresource == "" && f.Time != nil {
				times[kind+" "+o.GetName()] = f.Time.Time
			}
		}
	}
	for _, c := range k.cronWorkflows(t) {
		note("CronWorkflow", &c)
	}
	note("ConfigMap", k.configMap(t))
	if len(times) < 2 {
		t.Fatalf("the operator's field manager is on %v only", times)
	}
	return times
}

// clusterDeleted: the schedules go. PostgreSQL, its configuration and every
// backup stay, and WAL is archived on.
func (k *kit) clusterDeleted(t testing.TB) {
	t.Helper()
	k.suspend(t, true)
	k.idle(t)
	backups, configMap, archiver := labels(k.info(t, "cluster-0"), ""), k.configMap(t), k.archiver(t)
	kubectl(t, nil, "delete", "postgresql", "-n", k.namespace, "cluster")
	eventually(t, 2*minute, "the CronWorkflows are gone", func() (bool, string) {
		crons := k.cronWorkflows(t)
		return len(crons) == 0, cronText(crons)
	})
	after := labels(k.info(t, "cluster-0"), "")
	if diff := cmp.Diff(backups, after); diff != "" {
		t.Errorf("deleting the resource changed the backups (-before +after):\n%s", diff)
	}
	if len(after) == 0 {
		t.Error("no backup is left")
	}
	// A segment that nobody has written in is not switched.
	k.psql(t, "cluster-0", "postgres", "SELECT pg_create_restore_point('deleted'); SELECT pg_switch_wal()")
	eventually(t, minute, "WAL is archived on", func() (bool, string) {
		now := k.archiver(t)
		return now.archived > archiver.archived, fmt.Sprintf("%+v, was %+v", now, archiver)
	})
	if now := k.archiver(t); now.lastFailed != archiver.lastFailed {
		t.Errorf("archiving failed after the resource was deleted: %+v, was %+v", now, archiver)
	}
	if now := k.configMap(t); now.UID != configMap.UID || now.ResourceVersion != configMap.ResourceVersion {
		t.Errorf("the ConfigMap was touched: %+v", now)
	}
}

// archiver is what PostgreSQL counts of its archive_command.
type archiver struct {
	archived   int
	lastFailed string
}

func (k *kit) archiver(t testing.TB) archiver {
	t.Helper()
	archived, lastFailed, _ := strings.Cut(k.psql(t, "cluster-0", "postgres", "SELECT archived_count, last_failed_time FROM pg_stat_archiver"), "|")
	count, err := strconv.Atoi(archived)
	if err != nil {
		t.Fatal(err)
	}
	return archiver{archived: count, lastFailed: lastFailed}
}

func (k *kit) configMap(t testing.TB) *corev1.ConfigMap {
	t.Helper()
	var configMap corev1.ConfigMap
	if err := k.Get(t.Context(), client.ObjectKey{Namespace: k.namespace, Name: cpo.ConfigMapName("cluster")}, &configMap); err != nil {
		t.Fatal(err)
	}
	return &configMap
}
