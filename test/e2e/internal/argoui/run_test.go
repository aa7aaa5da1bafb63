// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package argoui

import (
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// heldDAG is a run in form dag that ended at its first step.
func heldDAG() *wfv1.Workflow {
	outputs := func(result string) *wfv1.Outputs {
		return &wfv1.Outputs{Parameters: []wfv1.Parameter{
			{Name: "result", Value: wfv1.AnyStringPtr(result)}, {Name: "report", Value: wfv1.AnyStringPtr(`{"result":"` + result + `"}`)},
		}}
	}
	return &wfv1.Workflow{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "cpo", Name: "run",
			Labels:      map[string]string{"stanzaflow.dev/result": "Held", "workflows.argoproj.io/workflow-template": "pgbackrest-backup", labelArchivingStatus: archived},
			Annotations: map[string]string{annotationTitle: "full cluster repo1", annotationDescription: "the gate of stanza cpo/cluster is false"},
		},
		Spec: wfv1.WorkflowSpec{WorkflowTemplateRef: &wfv1.WorkflowTemplateRef{Name: "pgbackrest-backup"}},
		Status: wfv1.WorkflowStatus{
			Phase: wfv1.WorkflowFailed, Progress: "1/100",
			Nodes: wfv1.Nodes{
				"run":   {ID: "run", Name: "run", DisplayName: "run", Type: wfv1.NodeTypeDAG, Phase: wfv1.NodeFailed, Children: []string{"step"}},
				"step":  {ID: "step", Name: "run.precheck", DisplayName: "precheck", Type: wfv1.NodeTypeRetry, Phase: wfv1.NodeFailed, BoundaryID: "run", Children: []string{"step0"}, Outputs: outputs("Held")},
				"step0": {ID: "step0", Name: "run.precheck(0)", DisplayName: "precheck(0)", Type: wfv1.NodeTypePod, Phase: wfv1.NodeFailed, BoundaryID: "run", Children: []string{"next"}, Message: "main: Error (exit code 20): Held", Outputs: outputs("Held")},
				"next":  {ID: "next", Name: "run.backup", DisplayName: "backup", Type: wfv1.NodeTypeSkipped, Phase: wfv1.NodeOmitted, BoundaryID: "run", Message: "omitted: depends condition not met"},
			},
		},
	}
}

func TestGraphShowsEachNodeBelowWhatItDependsOn(t *testing.T) {
	t.Parallel()
	want := `✖ run (DAG)
  ✖ precheck (Retry)
    ✖ precheck(0) (Pod)
        main: Error (exit code 20): Held
  ○ backup (Skipped)
      omitted: depends condition not met
`
	if diff := cmp.Diff(want, Graph(heldDAG())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOutputsAreThoseOfTheStepAndNotOfAnAttempt(t *testing.T) {
	t.Parallel()
	node, ok := WithOutputs(heldDAG())
	if !ok || node.DisplayName != "precheck" {
		t.Fatalf("WithOutputs = %q, %v", node.DisplayName, ok)
	}
	want := "| Name | Value |\n|---|---|\n| result | Held |\n| report | `{\"result\":\"Held\"}` |\n"
	if diff := cmp.Diff(want, Parameters(node.Outputs.Parameters)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestButtons(t *testing.T) {
	t.Parallel()
	links := []wfv1.Link{{Name: "All runs", Scope: "workflow"}, {Name: "Not here", Scope: "pod"}}
	failed := heldDAG()
	if diff := cmp.Diff([]string{"RETRY", "RESUBMIT", "DELETE", "LOGS", "SHARE", "ALL RUNS", "PREVIOUS RUNS", "OPEN WORKFLOW TEMPLATE"}, Buttons(failed, links)); diff != "" {
		t.Errorf("a failed run (-want +got):\n%s", diff)
	}
	failed.Status.Phase = wfv1.WorkflowRunning
	if got := strings.Join(Buttons(failed, nil), " "); !strings.HasPrefix(got, "RESUBMIT SUSPEND STOP TERMINATE DELETE") {
		t.Errorf("a running run has %s", got)
	}
}

func TestTableShowsTheYoungestFirstAndCutsTheDescription(t *testing.T) {
	t.Parallel()
	old, young := heldDAG(), heldDAG()
	old.CreationTimestamp, young.CreationTimestamp = metav1.Unix(0, 0), metav1.NewTime(time.Unix(60, 0))
	young.Annotations, young.Labels = nil, nil
	list := []wfv1.Workflow{*old, *young}
	sortByYouth(list)
	want := `|  | NAME | PROGRESS | MESSAGE | ARCHIVED | RESULT |
|---|---|---|---|---|---|
| ✖ | run | 1/100 | - | false | unknown |
| ✖ | full cluster repo1<br>the gate of stanza c… | 1/100 | - | true | Held |
`
	if diff := cmp.Diff(want, Table(list, []wfv1.Column{{Name: "RESULT", Type: "label", Key: "stanzaflow.dev/result"}})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLink(t *testing.T) {
	t.Parallel()
	workflow := heldDAG()
	workflow.Labels["stanzaflow.dev/cluster"] = "cluster"
	link := wfv1.Link{URL: "https://argo/workflows/${metadata.namespace}?label=stanzaflow.dev/cluster=${workflow.metadata.labels.stanzaflow.dev/cluster}"}
	if got, want := Link(link, workflow), "https://argo/workflows/cpo?label=stanzaflow.dev/cluster=cluster"; got != want {
		t.Errorf("Link = %s, want %s", got, want)
	}
}
