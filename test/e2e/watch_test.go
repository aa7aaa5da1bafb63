// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// submitWatch starts a watch as its CronWorkflow does.
func submitWatch(t *testing.T, k *kit.Kit) string {
	t.Helper()
	workflow := &wfv1.Workflow{
		ObjectMeta: metav1.ObjectMeta{GenerateName: vocab.WatchTemplate + "-", Namespace: k.Namespace},
		Spec:       wfv1.WorkflowSpec{WorkflowTemplateRef: &wfv1.WorkflowTemplateRef{Name: vocab.WatchTemplate}},
	}
	if err := k.Client.Create(t.Context(), workflow); err != nil {
		t.Fatal(err)
	}
	return workflow.Name
}

// watched is the report of a watch that has ended.
func watched(t *testing.T, workflow *wfv1.Workflow) report.Watch {
	t.Helper()
	if workflow.Status.Phase != wfv1.WorkflowSucceeded {
		t.Fatalf("workflow %s is %s: %s", workflow.Name, workflow.Status.Phase, kit.DescribeRun(workflow))
	}
	found, err := report.DecodeWatch(kit.Output(workflow, vocab.OutputReport))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// watchOnce has a watch ask the cluster now. Its message must be as wanted.
func watchOnce(t *testing.T, k *kit.Kit, want string) report.Sample {
	t.Helper()
	workflow := k.AwaitRun(t, submitWatch(t, k))
	sample := watched(t, workflow).Clusters["cluster"]
	if got := kit.Output(workflow, vocab.OutputMessage); got != want || sample.WAL == nil {
		t.Fatalf("the watch says %q, want %q: %+v", got, want, sample)
	}
	if labels := workflow.Labels; labels[vocab.LabelKind] != string(vocab.RunWatch) || labels[vocab.LabelCluster] != "" {
		t.Errorf("the watch has the labels %v", labels)
	}
	return sample
}

// awaitArchiving waits until the Stanza says of archiving what the newest watch has found.
func awaitArchiving(t *testing.T, k *kit.Kit, want metav1.ConditionStatus, reasons ...vocab.Reason) *stanzaflowv1alpha1.Stanza {
	t.Helper()
	var stanza *stanzaflowv1alpha1.Stanza
	wait.Until(t, time.Minute, fmt.Sprintf("condition Archiving is %s, %v", want, reasons), func() (bool, string) {
		stanza = k.Stanza(t)
		c := meta.FindStatusCondition(stanza.Status.Conditions, vocab.ConditionArchiving)
		return c != nil && c.Status == want && slices.Contains(reasons, vocab.Reason(c.Reason)), fmt.Sprintf("%+v, %+v", c, stanza.Status.Archive)
	})
	return stanza
}

// testWatch breaks the archiving between two runs: the watch sees it and the Stanza says
// it, and sees and says when it works again. At the end the repo is emptied.
func testWatch(t *testing.T) {
	k := kit.Start(t, "watch")
	k.CreateAccounts(t)
	_, made := k.AwaitSuccess(t, k.Submit(t, "cluster=cluster", "repo=repo1", "type=full"))
	good := watchOnce(t, k, "1 cluster: 1 archives")
	if repo := good.Repos["repo1"]; len(repo.Labels) != 1 || repo.Labels[0] != made.Backup.Label || repo.ArchiveMax == "" || repo.Newest[0].Run != made.Run {
		t.Errorf("the watch lists %+v, the run has made %s", repo, made.Backup.Label)
	}
	if v := good.Volume; v == nil || v.Free <= 0 || v.Free > v.Size {
		t.Errorf("the volume of pg_wal is %+v", v)
	}
	stanza := awaitArchiving(t, k, metav1.ConditionTrue, vocab.ReasonArchiving)
	if stanza.Status.Archive.FailingSince != nil {
		t.Errorf("archiving works, and has failed since %s", stanza.Status.Archive.FailingSince)
	}

	k.FakePgBackRest(t, kit.Primary, `*' archive-push '*) echo "P00  ERROR: [103]: unable to find a valid repository" >&2; exit 103`)
	broken := time.Now()
	k.PSQL(t, kit.Primary, "CREATE TABLE unarchived AS SELECT 1 AS one")
	lost := k.PSQL(t, kit.Primary, "SELECT pg_walfile_name(pg_switch_wal())")
	wait.Until(t, time.Minute, "PostgreSQL cannot archive "+lost, func() (bool, string) {
		failed := k.PSQL(t, kit.Primary, "SELECT last_failed_wal FROM pg_stat_archiver")
		return failed == lost, failed
	})
	bad := watchOnce(t, k, "1 cluster: 1 fails (cluster)").WAL
	if bad.LastFailed != lost || bad.Waiting < 1 || bad.FailedCount < 1 || bad.Snapshot == good.WAL.Snapshot {
		t.Errorf("the watch says %+v, PostgreSQL could not archive %s", bad, lost)
	}
	// Two watches that are half a minute apart give a rate, and the volume is the machine's.
	stanza = awaitArchiving(t, k, metav1.ConditionFalse, vocab.ReasonArchivingFailed, vocab.ReasonRunwayShort)
	fmt.Printf("MEASURED the Stanza says that archiving fails %.0f s after it broke, with a watch at once\n", time.Since(broken).Seconds())
	if a := stanza.Status.Archive; a.FailingSince == nil || a.FailedWAL != lost {
		t.Errorf("status.archive is %+v, PostgreSQL could not archive %s", a, lost)
	}
	if ready := meta.FindStatusCondition(stanza.Status.Conditions, vocab.ConditionReady); ready == nil || ready.Status != metav1.ConditionFalse {
		t.Errorf("archiving fails, and condition Ready is %+v", ready)
	}

	k.FakePgBackRest(t, kit.Primary, "")
	k.AwaitArchived(t)
	again := watchOnce(t, k, "1 cluster: 1 archives").WAL
	if again.LastArchived < lost || again.Waiting != 0 {
		t.Errorf("archiving works again, and the watch says %+v", again)
	}
	stanza = awaitArchiving(t, k, metav1.ConditionTrue, vocab.ReasonArchiving)
	if a := stanza.Status.Archive; a.FailingSince != nil {
		t.Errorf("archiving works again, and has failed since %s", a.FailingSince)
	}
	restoreToTheEnd(t, k)
	tryBackupsRemoved(t, k)
}

// tryBackupsRemoved removes every file of the repo as soon as a run has proven a backup. The
// cluster has no schedule, so only lastRun remembers when that run ended: a minute later a
// watch is believed, and not ten minutes later.
func tryBackupsRemoved(t *testing.T, k *kit.Kit) {
	t.Helper()
	_, made := k.AwaitSuccess(t, k.Submit(t, "cluster=cluster", "repo=repo1", "type=full"))
	k.AwaitBackupReported(t, made.Backup.Label)
	for _, part := range []string{"backup", "archive"} {
		k.Exec(t, kit.Primary, "pgbackrest", "repo-rm", "--repo=1", "--recurse", part)
	}
	removed := time.Now()
	wait.Until(t, 5*time.Minute, "the Stanza says that the backups are gone", func() (bool, string) {
		watched(t, k.AwaitRun(t, submitWatch(t, k)))
		c := meta.FindStatusCondition(k.Stanza(t).Status.Conditions, vocab.ConditionRecoverable)
		gone := []vocab.Reason{vocab.ReasonNoBackup, vocab.ReasonBackupRemoved}
		return c != nil && c.Status == metav1.ConditionFalse && slices.Contains(gone, vocab.Reason(c.Reason)), fmt.Sprintf("%+v", c)
	})
	fmt.Printf("MEASURED the Stanza says that the backups are gone %.0f s after they were removed\n", time.Since(removed).Seconds())
	for _, repo := range k.Stanza(t).Status.Repos {
		if repo.Restorable != nil || repo.Backups > 0 {
			t.Errorf("an emptied repo has %d backups and can be restored to %+v", repo.Backups, repo.Restorable)
		}
	}
}
