// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// accountDrills are the drills of the stories: one for each target. Each query is true of
// the accounts of kit.CreateAccounts.
const accountDrills = `[
{"name":"newest","target":"Newest","checks":["Dump","Amcheck","Checksums"],"sql":[
 {"name":"accounts","database":"postgres","query":"SELECT count(*) FROM account","min":20000},
 {"name":"read-only","database":"postgres","query":"SHOW default_transaction_read_only","equals":"on"}]},
{"name":"random","target":"Random","checks":["Dump"]},
{"name":"immediate","target":"Immediate","checks":["Dump"]}]`

// testDrill restores by drills to every target, and sees that they have touched neither the
// repo nor the primary. Then WAL is lost: the drill is red, the Stanza says that data are
// missing, and after the next full backup both are good again.
func testDrill(t *testing.T) {
	k := kit.Start(t, "drill")
	k.CreateAccounts(t)
	k.SetDrills(t, accountDrills)
	awaitRecoverable(t, k, metav1.ConditionUnknown, vocab.ReasonNotObservedYet, vocab.ReasonNoDrillYet)
	_, made := k.AwaitSuccess(t, k.Submit(t, "cluster=cluster", "repo=repo1", "type=full"))
	k.PSQL(t, kit.Primary, "UPDATE account SET balance = balance + 1 WHERE id % 7 = 0")

	watchOnce(t, k, "1 cluster: 1 archives")
	tryEveryTarget(t, k, made.Backup.Label)
	awaitRecoverable(t, k, metav1.ConditionTrue, vocab.ReasonProven)
	tryLostWAL(t, k)
	k.PSQL(t, kit.Primary, "UPDATE account SET balance = balance + 1 WHERE id % 5 = 0")
	restoreToTheEnd(t, k)
}

// tryEveryTarget runs a drill for each target.
func tryEveryTarget(t *testing.T, k *kit.Kit, label string) {
	t.Helper()
	before := k.RepoFiles(t, kit.Primary, "1")
	var workflows []*wfv1.Workflow
	for _, name := range []string{"newest", "random", "immediate"} {
		workflow, drill := k.GoodDrill(t, "cluster=cluster", "drill="+name)
		workflows = append(workflows, workflow)
		if drill.Name != name || drill.Backup != label {
			t.Errorf("drill %s has restored %+v, the backup is %s", name, drill, label)
		}
		if name != "immediate" {
			checkReached(t, drill)
		}
		checkStopWatch(t, k, workflow, drill)
		fmt.Printf("MEASURED a drill %s of %d MB: provision %.1f s, restore %.1f s, replay %.1f s, first query %.1f s, checks %.1f s\n",
			name, drill.DatabaseBytes>>20, drill.ProvisionSeconds, drill.RestoreSeconds, drill.ReplaySeconds, drill.FirstQuerySeconds, drill.ChecksSeconds)
		awaitDrillReported(t, k, name, workflow.Name, stanzaflowv1alpha1.RunSucceeded)
	}
	kit.CheckUnchanged(t, before, k.RepoFiles(t, kit.Primary, "1"))
	for _, workflow := range workflows {
		k.AwaitNoTraceOf(t, workflow.Name)
	}
	stanza := k.Stanza(t)
	if stanza.Status.LastBackup == nil || stanza.Status.LastBackup.Label != label || stanza.Status.Recovery == nil {
		t.Errorf("after three drills the Stanza has the backup %+v and the recovery %+v", stanza.Status.LastBackup, stanza.Status.Recovery)
	}
}

// checkReached compares what a drill has reached with what it had to.
func checkReached(t *testing.T, drill report.Drill) {
	t.Helper()
	if drill.ExpectTime == nil || drill.RecoveredTo == nil {
		t.Errorf("drill %s had to reach %v and has reached %v", drill.Name, drill.ExpectTime, drill.RecoveredTo)
		return
	}
	if drill.Moment == nil && drill.RecoveredTo.Before(*drill.ExpectTime) {
		t.Errorf("drill %s is good, had to reach %s, and has reached %s", drill.Name, drill.ExpectTime, drill.RecoveredTo)
	}
	if drill.Moment != nil && drill.RecoveredTo.After(*drill.Moment) {
		t.Errorf("drill %s is good, had to stop at %s, and has reached %s", drill.Name, drill.Moment, drill.RecoveredTo)
	}
}

// checkStopWatch compares the time that a drill has measured, until its checks begin, with
// that of the kubelet, which notes when each line of a container's log was written.
func checkStopWatch(t *testing.T, k *kit.Kit, workflow *wfv1.Workflow, drill report.Drill) {
	t.Helper()
	begun, answered := logTimes(t, k, workflow.Name, "restore command begin", "Z checks")
	watch, said := answered.Sub(begun).Seconds(), drill.RestoreSeconds+drill.ReplaySeconds+drill.FirstQuerySeconds
	fmt.Printf("MEASURED recovery time by the drill %.2f s, by the times of the log %.2f s\n", said, watch)
	if said < watch-1 || said > watch+1 {
		t.Errorf("drill %s says that the recovery took %.2f s, by its log it took %.2f s", drill.Name, said, watch)
	}
}

// tryLostWAL loses the newest WAL of the archive, then a segment in the middle.
func tryLostWAL(t *testing.T, k *kit.Kit) {
	t.Helper()
	k.PSQL(t, kit.Primary, "INSERT INTO account SELECT i, 'late', 0 FROM generate_series(30001, 30100) i")
	segment := k.PSQL(t, kit.Primary, "SELECT pg_walfile_name(pg_current_wal_lsn())")
	k.AwaitArchived(t)
	removeSegment(t, k, kit.Primary, segment)
	healthy := meta.FindStatusCondition(k.Stanza(t).Status.Conditions, vocab.ConditionBackupHealthy)
	workflow, r := k.BadDrill(t, "cluster=cluster", "drill=newest")
	if r.Drill == nil || !r.Drill.DataMissing || !strings.Contains(r.Message, segment[8:]) {
		t.Errorf("segment %s is gone, and the drill says %s (%+v)", segment, r.Message, r.Drill)
	}
	awaitDrillReported(t, k, "newest", workflow.Name, stanzaflowv1alpha1.RunFailed)
	stanza := awaitRecoverable(t, k, metav1.ConditionFalse, vocab.ReasonNewestUnreachable)
	if diff := cmp.Diff(healthy, meta.FindStatusCondition(stanza.Status.Conditions, vocab.ConditionBackupHealthy)); diff != "" {
		t.Errorf("a drill that fails has changed BackupHealthy (-before +after):\n%s", diff)
	}
	k.AwaitNoTraceOf(t, workflow.Name)

	k.AwaitSuccess(t, k.Submit(t, "cluster=cluster", "repo=repo1", "type=full"))
	k.GoodDrill(t, "cluster=cluster", "drill=newest")
	awaitRecoverable(t, k, metav1.ConditionTrue, vocab.ReasonProven)
}

// removeSegment deletes a WAL segment from repo1, in the pod that may: the one that makes the
// backups.
func removeSegment(t *testing.T, k *kit.Kit, pod, segment string) {
	t.Helper()
	k.Exec(t, pod, "bash", "-ec", `f=$(pgbackrest repo-ls --repo=1 --recurse archive/db | grep "$1-"); pgbackrest repo-rm --repo=1 "archive/db/$f"`, "-", segment)
}

// awaitDrillReported waits until the Stanza says how a run of a drill has ended.
func awaitDrillReported(t *testing.T, k *kit.Kit, name, workflow string, want stanzaflowv1alpha1.RunResult) {
	t.Helper()
	wait.Until(t, time.Minute, fmt.Sprintf("drill %s is %s", name, want), func() (bool, string) {
		drills := k.Stanza(t).Status.Drills
		for _, d := range drills {
			if d.Name == name && d.LastRun != nil && d.LastRun.Workflow == workflow && d.LastRun.Result == want {
				return true, ""
			}
		}
		return false, fmt.Sprintf("%+v", drills)
	})
}

// awaitRecoverable waits for the condition Recoverable.
func awaitRecoverable(t *testing.T, k *kit.Kit, want metav1.ConditionStatus, reasons ...vocab.Reason) *stanzaflowv1alpha1.Stanza {
	t.Helper()
	var stanza *stanzaflowv1alpha1.Stanza
	wait.Until(t, time.Minute, fmt.Sprintf("condition Recoverable is %s, %v", want, reasons), func() (bool, string) {
		stanza = k.Stanza(t)
		c := meta.FindStatusCondition(stanza.Status.Conditions, vocab.ConditionRecoverable)
		return c != nil && c.Status == want && slices.Contains(reasons, vocab.Reason(c.Reason)), fmt.Sprintf("%+v, drills %+v", c, stanza.Status.Drills)
	})
	return stanza
}

// logTimes are when the container of a drill wrote the first line with each text.
func logTimes(t *testing.T, k *kit.Kit, workflow, first, last string) (begun, ended time.Time) {
	t.Helper()
	log := program.Kubectl(t, "logs", "-n", k.Namespace, "-l", kit.LabelWorkflow+"="+workflow, "-c", "main", "--timestamps", "--tail=-1")
	find := func(text string) time.Time {
		for line := range strings.Lines(log) {
			stamp, said, _ := strings.Cut(line, " ")
			if at, err := time.Parse(time.RFC3339Nano, stamp); err == nil && strings.Contains(said, text) {
				return at
			}
		}
		t.Fatalf("the log of %s has no line with %q:\n%s", workflow, text, log)
		return time.Time{}
	}
	return find(first), find(last)
}
