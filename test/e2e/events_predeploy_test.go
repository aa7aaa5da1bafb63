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
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/front"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/moment"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// aimed is how long the steps of a pre-deploy run may take if a fresh backup is there.
const aimed = 5 * time.Second

// testPredeploy deploys ten times while rows are written. A deploy whose backup fails is
// blocked. Five within a second share one backup, and five more reuse it. A restore to
// each of the ten restore points, by the command that the run prints, gives exactly the
// rows of that moment. At the end, when nobody writes, a restore to the heartbeat of a deploy
// shows that it is the newest restorable moment.
func testPredeploy(t *testing.T) {
	k := kit.New(t, "e2e-events-predeploy")
	startEvents(t, k, "predeploy")
	awaitStanzas(t, k, "repo1", "repo2")
	// A restore from every repo needs a backup in every repo.
	if _, full := k.AwaitSuccess(t, k.Submit(t, "cluster=cluster", "repo=repo2", "type=full")); full.Heartbeat == nil {
		t.Error("the backup has written no heartbeat")
	}
	writer := moment.StartWriter(t, k)

	blockDeploy(t, k)
	deploys := deployAtOnce(t, k, 5)
	for range 5 {
		deploys = append(deploys, deployReusing(t, k, deploys[0].report.Backup.Label))
	}
	printAimed(t, deploys[5:])
	awaitLastPredeploy(t, k, deploys[9])

	writer.Stop(t)
	log, rows := writer.ReadLog(t, "1"), moment.ReadRows(t, k, kit.Primary)
	k.CreateEmptyPod(t, "restored")
	for _, d := range deploys {
		d.checkRestore(t, k, log, rows)
	}
	checkHeartbeat(t, k)
}

// awaitStanzas waits until the operator has made the stanza in each repo, and checks that
// it has made nothing else: initialBackup is false.
func awaitStanzas(t testing.TB, k *kit.Kit, repos ...string) {
	t.Helper()
	wait.Until(t, 3*time.Minute, fmt.Sprintf("the stanza is made in %v", repos), func() (bool, string) {
		stanza := k.Stanza(t)
		for _, repo := range repos {
			if triggerStatus(stanza, "initial-"+repo).Result != stanzaflowv1alpha1.TriggerResult(stanzaflowv1alpha1.RunSucceeded) {
				return false, fmt.Sprintf("%+v", stanza.Status.Triggers)
			}
		}
		return true, ""
	})
	k.AwaitArchived(t)
	if backups := k.Backups(t, kit.Primary); len(backups) > 0 {
		t.Errorf("initialBackup is false, and there are backups: %+v", backups)
	}
	if status := k.Stanza(t).Status; status.LastBackup != nil || status.LastRun != nil || meta.IsStatusConditionTrue(status.Conditions, vocab.ConditionReady) {
		t.Errorf("a run that makes the stanza counts as a backup: %+v", status)
	}
	var runs wfv1.WorkflowList
	k.List(t, &runs, client.MatchingLabels{vocab.LabelCluster: "cluster"})
	for _, run := range runs.Items {
		if kind := run.Labels[vocab.LabelKind]; kind != string(vocab.RunStanza) {
			t.Errorf("workflow %s is of kind %q", run.Name, kind)
		}
	}
}

// deploy is a deploy that was let pass.
type deploy struct {
	workflow *wfv1.Workflow
	report   report.Report
}

// steps is how long the steps took, without the waits of Argo and Kubernetes between them.
func (d deploy) steps() time.Duration {
	var sum float64
	for _, step := range d.report.Steps {
		sum += step.Seconds
	}
	return time.Duration(sum * float64(time.Second))
}

func (d deploy) String() string {
	return fmt.Sprintf("%s: steps %.1f s (%s), whole run %.0f s", d.workflow.Name, d.steps().Seconds(), stepTimes(d.report),
		d.workflow.Status.FinishedAt.Sub(d.workflow.CreationTimestamp.Time).Seconds())
}

// hook are the parameters of each deploy.
var hook = []string{"cluster=cluster", "repo=repo1", "type=full", "max-age=30m", "restore-point=release"}

// blockDeploy breaks the store: the deploy is blocked, and says why.
func blockDeploy(t *testing.T, k *kit.Kit) {
	t.Helper()
	order := func(o front.Order) {
		wait.Retry(t, "the front of the store has its order", func() error { return front.Give(t.Context(), k, o) })
	}
	order(front.Answer(403, 1))
	defer order(front.Pass)
	workflow := k.AwaitRun(t, k.SubmitPredeploy(t, slices.Concat(hook, []string{"attempts=1"})...))
	if workflow.Status.Phase != wfv1.WorkflowFailed {
		t.Fatalf("the store is broken, and the deploy is not blocked: %s", kit.DescribeRun(workflow))
	}
	if hits := front.CountHits(t.Context(), k); hits == 0 {
		t.Fatal("the test is wrong: the store has refused nothing")
	}
	r := kit.Report(t, workflow)
	point, command := kit.Output(workflow, vocab.OutputRestorePoint), kit.Output(workflow, vocab.OutputRestore)
	if r.Result != stanzaflowv1alpha1.RunFailed || r.Message == "" || r.Predeploy != nil || point != "" || command != "" {
		t.Errorf("a deploy that is blocked says %+v, restore point %q, command %q", r, point, command)
	}
	t.Logf("blocked: %s", r.Message)
	wait.Until(t, time.Minute, "the Stanza says that the deploy is blocked", func() (bool, string) {
		last := k.Stanza(t).Status.LastPredeploy
		return last != nil && last.Workflow == workflow.Name && last.Result == stanzaflowv1alpha1.RunFailed && last.Message != "" && last.RestorePoint == "", fmt.Sprintf("%+v", last)
	})
}

// deployAtOnce starts deploys within a second. Together they make one backup.
func deployAtOnce(t *testing.T, k *kit.Kit, n int) []deploy {
	t.Helper()
	var names []string
	began := time.Now()
	for range n {
		names = append(names, k.SubmitPredeploy(t, hook...))
	}
	if took := time.Since(began); took > time.Second {
		t.Logf("the machine is slow: %d hooks took %s", n, took)
	}
	var deploys []deploy
	made := 0
	for _, name := range names {
		d := awaitDeploy(t, k, name)
		made += len(kit.OfRun(k.Backups(t, kit.Primary), d.workflow))
		if !d.report.Predeploy.Reused {
			t.Logf("MEASURED: pre-deploy run without a fresh backup: %s", d)
		}
		deploys = append(deploys, d)
		if label := deploys[0].report.Backup.Label; d.report.Backup.Label != label {
			t.Errorf("the deploys do not share a backup: %s and %s", label, d.report.Backup.Label)
		}
	}
	t.Logf("MEASURED: %d hooks at once passed after %.0f s", n, time.Since(began).Seconds())
	if made != 1 {
		t.Errorf("%d deploys within a second made %d backups, want one", n, made)
	}
	return deploys
}

// deployReusing deploys while the backup is fresh: the run makes no other.
func deployReusing(t *testing.T, k *kit.Kit, label string) deploy {
	t.Helper()
	d := awaitDeploy(t, k, k.SubmitPredeploy(t, hook...))
	if !d.report.Predeploy.Reused || d.report.Backup.Label != label || len(kit.OfRun(k.Backups(t, kit.Primary), d.workflow)) > 0 {
		t.Errorf("backup %s is fresh, and the run used %+v, reused: %v", label, d.report.Backup, d.report.Predeploy.Reused)
	}
	return d
}

// printAimed prints how long the steps take if a fresh backup is there. Other stories take
// the processors meanwhile, so the fastest counts.
func printAimed(t *testing.T, deploys []deploy) {
	t.Helper()
	for _, d := range deploys {
		t.Logf("MEASURED: pre-deploy run with a fresh backup: %s", d)
	}
	fastest := slices.MinFunc(deploys, func(a, b deploy) int { return int(a.steps() - b.steps()) })
	t.Logf("MEASURED: the steps of the fastest take %s, the aim is %s", fastest.steps(), aimed)
}

// awaitDeploy waits until a deploy is let pass, and checks what its outputs say.
func awaitDeploy(t testing.TB, k *kit.Kit, name string) deploy {
	t.Helper()
	workflow, r := k.AwaitSuccess(t, name)
	if r.Predeploy == nil || r.Backup == nil || workflow.Labels[vocab.LabelKind] != string(vocab.RunPredeploy) {
		t.Fatalf("workflow %s, kind %s, reports %+v", name, workflow.Labels[vocab.LabelKind], r)
	}
	want := []string{r.Predeploy.RestorePoint, r.Predeploy.Restore, r.Backup.Label}
	got := []string{kit.Output(workflow, vocab.OutputRestorePoint), kit.Output(workflow, vocab.OutputRestore), kit.Output(workflow, vocab.OutputLabel)}
	if diff := cmp.Diff(want, got); diff != "" || !strings.HasPrefix(got[0], "release-") {
		t.Errorf("the outputs of workflow %s (-report +output):\n%s", name, diff)
	}
	return deploy{workflow, r}
}

// awaitLastPredeploy waits until the Stanza shows a deploy, and checks that it counts the
// backup that was made once, and no deploy as a run of a backup.
func awaitLastPredeploy(t *testing.T, k *kit.Kit, d deploy) {
	t.Helper()
	wait.Until(t, time.Minute, "the Stanza shows the last deploy", func() (bool, string) {
		last := k.Stanza(t).Status.LastPredeploy
		return last != nil && last.Workflow == d.workflow.Name && last.RestorePoint == d.report.Predeploy.RestorePoint && last.Label == d.report.Backup.Label, fmt.Sprintf("%+v", last)
	})
	status := k.Stanza(t).Status
	if status.LastBackup == nil || status.LastBackup.Label != d.report.Backup.Label {
		t.Errorf("the backup that a deploy made and proved is not the last one: %+v", status.LastBackup)
	}
	var runs wfv1.WorkflowList
	k.List(t, &runs, client.MatchingLabels{vocab.LabelKind: string(vocab.RunPredeploy)})
	for _, run := range runs.Items {
		if status.LastRun != nil && status.LastRun.Workflow == run.Name {
			t.Errorf("deploy %s counts as a run of a backup", run.Name)
		}
	}
}

// checkRestore restores to the restore point with the command that the run has printed,
// without anything that was archived for the test, and compares.
func (d deploy) checkRestore(t *testing.T, k *kit.Kit, log moment.Log, rows []moment.Row) {
	t.Helper()
	want, err := log.At(d.report.Predeploy.RestorePoint, rows)
	if err != nil {
		t.Fatal(err)
	}
	if len(want) == 0 || len(want) == len(rows) {
		t.Fatalf("the test is wrong: %d of %d rows are before the restore point", len(want), len(rows))
	}
	took := k.RestoreInto(t, "restored", strings.Fields(d.report.Predeploy.Restore)...)
	if diff := cmp.Diff(want, moment.ReadRows(t, k, "restored")); diff != "" {
		t.Errorf("a restore to %s gives other rows (-want +got):\n%s", d.report.Predeploy.RestorePoint, diff)
	}
	t.Logf("RESTORED %s: exactly %d of %d rows, %.1f s", d.report.Predeploy.RestorePoint, len(want), len(rows), took.Seconds())
}
