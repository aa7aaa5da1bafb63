// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"fmt"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// notDue returns a schedule that fires four times a day, and never while the story runs.
func notDue(now time.Time) string {
	first := (now.UTC().Hour() + 3) % 6
	return fmt.Sprintf("0 %d-23/6 * * *", first)
}

// tryRuns has the situations that runs bring about, and what concerns no run.
func tryRuns(t *testing.T, s *situations) {
	since := time.Now()
	d := s.start(t, "runs", "situations")
	awaitCondition(t, d.Kit, vocab.ConditionArchiving, metav1.ConditionTrue, vocab.ReasonArchiving)
	d.see(t, situation{
		name: "Never run", what: "The database is new, and `initialBackup: false` of its Stanza leaves the first backup to its schedule.",
		condition: vocab.ConditionRecoverable, status: metav1.ConditionFalse, reason: vocab.ReasonNoBackup, longest: 4 * time.Minute,
		metric: `stanzaflow_condition{CLUSTER,condition="Recoverable",status="False"}`, alerts: []string{"StanzaflowNotRecoverable"},
	}, since)

	since = d.backUp(t)
	d.see(t, situation{
		name: "Healthy", what: "A run has proven a full backup, and WAL arrives.",
		condition: vocab.ConditionRecoverable, status: metav1.ConditionTrue, reason: vocab.ReasonRecoverable, longest: 3 * time.Minute,
		event: vocab.ReasonSucceeded, metric: `stanzaflow_condition{CLUSTER,condition="Ready",status="True"}`,
	}, since)

	trySuspendedByHand(t, d)
	tryFailingRuns(t, d)
	tryTemplateMissing(t, d)
	tryBlind(t, d)
}

// backUp makes a proven backup, and returns when the run was submitted.
func (d *database) backUp(t *testing.T) time.Time {
	t.Helper()
	since := time.Now()
	d.AwaitSuccess(t, d.Submit(t, "cluster=cluster", "repo=repo1", "type=full"))
	return since
}

// repaired waits until the database is ready and Alertmanager has no alert of it any more.
func (d *database) repaired(t *testing.T, after string) {
	t.Helper()
	began := time.Now()
	awaitCondition(t, d.Kit, vocab.ConditionReady, metav1.ConditionTrue, vocab.ReasonReady)
	wait.Until(t, 3*time.Minute, "every alert is resolved after "+after, func() (bool, string) {
		firing, err := d.story.stack.Alerts(t.Context(), d.Namespace)
		return err == nil && len(firing) == 0, fmt.Sprintf("%v %+v", err, firing)
	})
	t.Logf("MEASURED %s: Ready and without an alert %s after the repair", after, time.Since(began).Round(time.Second))
}

// trySuspendedByHand suspends a CronWorkflow as the button of Argo's UI does.
func trySuspendedByHand(t *testing.T, d *database) {
	t.Helper()
	since := time.Now()
	program.Kubectl(t, "patch", "-n", d.Namespace, "cronworkflow", cronFull, "--type=merge", "-p", `{"spec":{"suspend":true}}`)
	wait.Until(t, time.Minute, "the operator resumes the CronWorkflow", func() (bool, string) {
		var cron wfv1.CronWorkflow
		err := d.TryGet(t.Context(), cronFull, &cron)
		return err == nil && !cron.Spec.Suspend, fmt.Sprintf("%v suspend=%v", err, cron.Spec.Suspend)
	})
	d.see(t, situation{
		name: "Suspended by hand in Argo", what: "Somebody has pressed SUSPEND on the CronWorkflow in Argo. The operator undoes it: to suspend, set `spec.suspend` of the Stanza.",
		condition: vocab.ConditionReady, status: metav1.ConditionTrue, reason: vocab.ReasonReady, longest: time.Minute,
		event: vocab.ReasonResumed, metric: `stanzaflow_condition{CLUSTER,condition="Ready",status="True"}`,
	}, since)
}

// tryFailingRuns makes runs that fail, are held, and cannot remove old backups.
func tryFailingRuns(t *testing.T, d *database) {
	t.Helper()
	full := []string{"cluster=cluster", "repo=repo1", "type=full", "attempts=1"}
	d.FakePgBackRest(t, kit.Primary, `' backup '*) echo "P00  ERROR: [039]: unable to write to the repository: no space left on device" >&2; exit 39`)
	since := time.Now()
	d.AwaitRun(t, d.Submit(t, full...))
	d.see(t, situation{
		name: "Failing", what: "`pgbackrest backup` ends with code 39.",
		condition: vocab.ConditionBackupHealthy, status: metav1.ConditionFalse, reason: vocab.ReasonLastRunFailed, longest: time.Minute,
		event: vocab.ReasonLastRunFailed, metric: `stanzaflow_last_run_result{CLUSTER,result="Failed"}`, alerts: []string{"StanzaflowLastRunFailed"},
	}, since)
	d.FakePgBackRest(t, kit.Primary, "")
	d.backUp(t)
	d.repaired(t, "Failing")

	d.PatchStanza(t, `{"spec":{"gate":"lastBackup == nil"}}`)
	since = time.Now()
	d.AwaitRun(t, d.Submit(t, full...))
	d.see(t, situation{
		name: "Held", what: "The gate of the Stanza is false, so the last run made no backup.",
		condition: vocab.ConditionBackupHealthy, status: metav1.ConditionFalse, reason: vocab.ReasonHeld, longest: time.Minute,
		event: vocab.ReasonHeld, metric: `stanzaflow_schedule_held{CLUSTER}`,
	}, since)
	d.PatchStanza(t, `{"spec":{"gate":null}}`)
	d.backUp(t)
	d.repaired(t, "Held")

	d.FakePgBackRest(t, kit.Primary, `' expire '*) echo "P00  ERROR: [055]: unable to load info file" >&2; exit 55`)
	since = d.backUp(t)
	d.see(t, situation{
		name: "Retention failing", what: "The backup is good, and `pgbackrest expire` ends with code 55: old backups stay.",
		condition: vocab.ConditionBackupHealthy, status: metav1.ConditionFalse, reason: vocab.ReasonRetentionFailed, longest: time.Minute,
		event: vocab.ReasonRetentionFailed, metric: `stanzaflow_last_run_retention_failed{CLUSTER}`, alerts: []string{"StanzaflowRetentionFailed"},
	}, since)
	d.FakePgBackRest(t, kit.Primary, "")
	d.backUp(t)
	d.repaired(t, "Retention failing")
}

func tryTemplateMissing(t *testing.T, d *database) {
	t.Helper()
	var template wfv1.WorkflowTemplate
	d.Get(t, vocab.DefaultWorkflowTemplate, &template)
	since := time.Now()
	if err := d.Client.Delete(t.Context(), &template); err != nil {
		t.Fatal(err)
	}
	d.see(t, situation{
		name: "Template missing", what: "Somebody has deleted the WorkflowTemplate `pgbackrest-backup`.",
		condition: vocab.ConditionProgrammed, status: metav1.ConditionFalse, reason: vocab.ReasonWorkflowTemplateMissing, longest: time.Minute,
		event: vocab.ReasonWorkflowTemplateMissing, metric: `stanzaflow_condition{CLUSTER,condition="Programmed",status="False"}`, alerts: []string{"StanzaflowWorkflowTemplateUnusable"},
	}, since)
	template.ResourceVersion, template.UID = "", ""
	if err := d.Client.Create(t.Context(), &template); err != nil {
		t.Fatal(err)
	}
	d.repaired(t, "Template missing")
}

// tryBlind takes the rights of the watch away: its runs fail, and nobody knows how archiving
// is.
func tryBlind(t *testing.T, d *database) {
	t.Helper()
	var binding rbacv1.RoleBinding
	d.Get(t, vocab.WatchTemplate, &binding)
	since := time.Now()
	if err := d.Client.Delete(t.Context(), &binding); err != nil {
		t.Fatal(err)
	}
	d.see(t, situation{
		name: "Watch blind", what: "The RoleBinding `pgbackrest-watch` is gone, so the watch cannot ask the database. The first word comes after three intervals, which are a minute long here.",
		condition: vocab.ConditionReady, status: metav1.ConditionUnknown, reason: vocab.ReasonBlind, longest: 6 * time.Minute,
		event: vocab.ReasonBlind, metric: `stanzaflow_watch_age_seconds{CLUSTER} > bool stanzaflow_watch_max_age_seconds{CLUSTER}`, alerts: []string{"StanzaflowWatchBlind"},
	}, since)
	binding.ResourceVersion, binding.UID = "", ""
	if err := d.Client.Create(t.Context(), &binding); err != nil {
		t.Fatal(err)
	}
	d.repaired(t, "Watch blind")
}
