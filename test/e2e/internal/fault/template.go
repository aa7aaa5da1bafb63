// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/fault/trial"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// templateFaults change the WorkflowTemplate, which people keep in Git, during a run.
var templateFaults = []trial.Fault{
	{Name: "template-deleted", What: "the WorkflowTemplate is deleted", Moments: trial.DuringRun, Lasting: true, Human: true, Inject: func(t *testing.T, tr *trial.Trial) func() {
		return deleteObject(t, tr, "workflowtemplate", vocab.DefaultWorkflowTemplate)
	}},
	{Name: "template-changed", What: "the WorkflowTemplate gets another number of attempts", Moments: trial.DuringRun, Lasting: true, Inject: func(t *testing.T, tr *trial.Trial) func() {
		patch(t, tr, "workflowtemplate", vocab.DefaultWorkflowTemplate, `[{"op":"replace","path":"/spec/arguments/parameters/4/value","value":"3"}]`)
		return func() { tr.World.ApplyAgain(t) }
	}},
	{Name: "template-invalid", What: "the WorkflowTemplate names an entrypoint that does not exist", Moments: trial.DuringRun, Lasting: true, Human: true, Inject: func(t *testing.T, tr *trial.Trial) func() {
		patch(t, tr, "workflowtemplate", vocab.DefaultWorkflowTemplate, `[{"op":"replace","path":"/spec/entrypoint","value":"nothing"}]`)
		return func() { tr.World.ApplyAgain(t) }
	}},
	{Name: "template-older", What: "the WorkflowTemplate is replaced by one of an older contract, and the schedule is changed", Moments: trial.DuringRun, Lasting: true, Human: true, Inject: replaceByOlder, Judge: judgeOlder, After: judgeReturned},
}

// olderContract is that of the release before.
const olderContract = "v4"

// The schedule of repo1 in the test data, and the one that a person wants.
const (
	scheduleBefore = "0 0 1 1 *"
	scheduleAfter  = "0 0 2 1 *"
	cronOfFull     = "pgbackrest-cluster-repo1-full"
)

// replaceByOlder puts a template in place that has another contract and no form dag, and
// changes the schedule meanwhile. The repair brings back the very template that was there,
// as a GitOps controller does.
func replaceByOlder(t *testing.T, tr *trial.Trial) func() {
	t.Helper()
	var good wfv1.WorkflowTemplate
	changeTemplate(t, tr, func(template *wfv1.WorkflowTemplate) {
		good = *template.DeepCopy()
		template.Labels[vocab.LabelContract] = olderContract
		template.Spec.Templates = slices.DeleteFunc(template.Spec.Templates, func(each wfv1.Template) bool {
			return each.Name == vocab.EntrypointBackupDAG || strings.HasPrefix(each.Name, "dag-")
		})
	})
	setSchedule(t, tr, scheduleAfter)
	return func() {
		changeTemplate(t, tr, func(template *wfv1.WorkflowTemplate) {
			template.Labels, template.Spec = good.Labels, good.Spec
		})
	}
}

func changeTemplate(t *testing.T, tr *trial.Trial, change func(*wfv1.WorkflowTemplate)) {
	t.Helper()
	wait.Retry(t, "the WorkflowTemplate is changed", func() error {
		var template wfv1.WorkflowTemplate
		if err := tr.World.Kit.TryGet(t.Context(), vocab.DefaultWorkflowTemplate, &template); err != nil {
			return err
		}
		change(&template)
		return tr.World.Kit.Client.Update(t.Context(), &template)
	})
}

func setSchedule(t *testing.T, tr *trial.Trial, schedule string) {
	t.Helper()
	patch(t, tr, "postgresql", "cluster", `[{"op":"replace","path":"/spec/backup/pgbackrest/repos/0/schedule/full","value":"`+schedule+`"}]`)
}

// judgeOlder checks that the run was not touched, that the Stanza says what is wrong, and
// that nothing new is programmed for a template that the operator does not know.
func judgeOlder(t *testing.T, tr *trial.Trial) (wrong []string) {
	t.Helper()
	var run wfv1.Workflow
	if err := tr.World.Kit.TryGet(t.Context(), tr.Workflow, &run); err != nil || run.Status.Phase != wfv1.WorkflowSucceeded {
		wrong = append(wrong, fmt.Sprintf("a run that had begun with the good template is %s: %v", run.Status.Phase, err))
	}
	said, got := wait.Try(time.Minute, func() (bool, string) {
		programmed, ready := programmedAndReady(t, tr)
		return isFalse(ready) && isFalse(programmed) && programmed.Reason == string(vocab.ReasonWorkflowTemplateInvalid) &&
				strings.Contains(programmed.Message, olderContract) && strings.Contains(programmed.Message, vocab.TemplateContract),
			fmt.Sprintf("%+v %+v", programmed, ready)
	})
	if !said {
		wrong = append(wrong, "the Stanza does not say that the template is of another contract: "+got)
	}
	if schedule := scheduleInForce(t, tr); schedule != scheduleBefore {
		wrong = append(wrong, fmt.Sprintf("%s has schedule %s of a plan for another template", cronOfFull, schedule))
	}
	return wrong
}

// judgeReturned checks that the schedule is in force as soon as the good template is back.
func judgeReturned(t *testing.T, tr *trial.Trial) (wrong []string) {
	t.Helper()
	began := time.Now()
	inForce, got := wait.Try(time.Minute, func() (bool, string) {
		programmed, ready := programmedAndReady(t, tr)
		schedule := scheduleInForce(t, tr)
		return schedule == scheduleAfter && programmed != nil && programmed.Status == metav1.ConditionTrue,
			fmt.Sprintf("schedule %s, %+v %+v", schedule, programmed, ready)
	})
	fmt.Printf("MEASURED the schedule was in force %.1f s after the good template was back\n", time.Since(began).Seconds())
	setSchedule(t, tr, scheduleBefore)
	if !inForce {
		return []string{"the good template is back, and the schedule is not in force: " + got}
	}
	return nil
}

func programmedAndReady(t *testing.T, tr *trial.Trial) (programmed, ready *metav1.Condition) {
	t.Helper()
	var stanza stanzaflowv1alpha1.Stanza
	if err := tr.World.Kit.TryGet(t.Context(), "cluster", &stanza); err != nil {
		return nil, nil
	}
	of := stanza.Status.Conditions
	return meta.FindStatusCondition(of, vocab.ConditionProgrammed), meta.FindStatusCondition(of, vocab.ConditionReady)
}

func isFalse(condition *metav1.Condition) bool {
	return condition != nil && condition.Status == metav1.ConditionFalse
}

// scheduleInForce is that of the CronWorkflow, empty if it is suspended or not there.
func scheduleInForce(t *testing.T, tr *trial.Trial) string {
	t.Helper()
	var cron wfv1.CronWorkflow
	if err := tr.World.Kit.TryGet(t.Context(), cronOfFull, &cron); err != nil || cron.Spec.Suspend {
		return ""
	}
	return strings.Join(cron.Spec.Schedules, ", ")
}
