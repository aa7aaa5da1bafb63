// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"fmt"
	"strings"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// name is that of the Workflow of most tests.
const name = "pgbackrest-orders-repo1-incr-x7k2p"

// state returns a Workflow in a phase.
func state(phase wfv1.WorkflowPhase, change ...func(*wfv1.Workflow)) *wfv1.Workflow {
	w := &wfv1.Workflow{ObjectMeta: metav1.ObjectMeta{Name: name}, Status: wfv1.WorkflowStatus{Phase: phase, Nodes: wfv1.Nodes{}}}
	if phase.Completed() {
		w.Status.StartedAt, w.Status.FinishedAt = metav1.NewTime(begin), metav1.NewTime(begin.Add(time.Minute))
	}
	for _, c := range change {
		c(w)
	}
	return w
}

// aPod adds a pod whose containers are in some phases, such as "1-begin:Succeeded
// 2-precheck:Running". number orders the pods.
func aPod(display string, number int, phase wfv1.NodePhase, containers string) func(*wfv1.Workflow) {
	template := "backup"
	if task, _, _ := strings.Cut(display, "("); task == "reuse" || task == "make" {
		template = "predeploy-" + task
	}
	return func(w *wfv1.Workflow) {
		id := fmt.Sprintf("pod-%d", number)
		node := wfv1.NodeStatus{
			ID: id, Name: display, DisplayName: display, Type: wfv1.NodeTypePod, TemplateName: template, Phase: phase,
			StartedAt: metav1.NewTime(begin.Add(time.Duration(number) * time.Minute)),
		}
		parent := &node
		for c := range strings.FieldsSeq(containers) {
			container, phase, _ := strings.Cut(c, ":")
			child := wfv1.NodeStatus{ID: id + "." + container, DisplayName: container, Type: wfv1.NodeTypeContainer, TemplateName: template, Phase: wfv1.NodePhase(phase)}
			parent.Children = []string{child.ID}
			w.Status.Nodes[parent.ID] = *parent
			parent = &child
		}
		w.Status.Nodes[parent.ID] = *parent
	}
}

// aTask adds a pod of the form dag: an attempt of a step. Its container has no node.
func aTask(step string, attempt, number int, phase wfv1.NodePhase) func(*wfv1.Workflow) {
	return func(w *wfv1.Workflow) {
		id := fmt.Sprintf("pod-%d", number)
		w.Status.Nodes[id] = wfv1.NodeStatus{
			ID: id, Name: fmt.Sprintf("%s.%s(%d)", name, step, attempt), DisplayName: fmt.Sprintf("%s(%d)", step, attempt),
			Type: wfv1.NodeTypePod, TemplateName: "dag-" + step, Phase: phase, StartedAt: metav1.NewTime(begin.Add(time.Duration(number) * time.Minute)),
		}
	}
}

// thePod is the only pod of a backup run.
func thePod(phase wfv1.NodePhase, containers string) func(*wfv1.Workflow) {
	return aPod(name+"(0)", 0, phase, containers)
}

// allDone are the containers of a backup run that has succeeded.
const allDone = "1-begin:Succeeded 2-precheck:Succeeded 3-backup:Succeeded 4-expire:Succeeded main:Succeeded"

// says gives a run a report.
func says(r report.Report) func(*wfv1.Workflow) {
	return func(w *wfv1.Workflow) {
		text, err := r.Encode()
		if err != nil {
			panic(err)
		}
		w.Status.Outputs = &wfv1.Outputs{Parameters: []wfv1.Parameter{{Name: vocab.OutputReport, Value: wfv1.AnyStringPtr(string(text))}}}
	}
}

// aReport returns the report of a backup run that has succeeded, with some changes.
func aReport(change ...func(*report.Report)) report.Report {
	r := report.Report{
		Kind: vocab.RunBackup, Result: stanzaflowv1alpha1.RunSucceeded, Step: "verify", Run: uid, Cluster: orders, Repo: "repo1", Type: "incr",
		Backup: &report.Backup{
			Label: "20260222-020000F_20260301-020012I", Type: "incr", Start: begin.Add(12 * time.Second), Stop: begin.Add(47 * time.Second),
			DatabaseBytes: 23_400_000_000, RepoDeltaBytes: 4_534_133, WALStart: "000000010000000A00000042", WALStop: "000000010000000A00000043",
			Verified: stanzaflowv1alpha1.VerifiedContents,
		},
		Retention: &report.Retention{},
	}
	for _, c := range change {
		c(&r)
	}
	return r
}

// ends has a report say that nothing was proven.
func ends(result stanzaflowv1alpha1.RunResult, step, message string, code int) func(*report.Report) {
	return func(r *report.Report) {
		r.Result, r.Step, r.Message, r.Code, r.Backup, r.Retention = result, step, message, code, nil, nil
	}
}

// beforeDeploy makes the report one of a pre-deploy run.
func beforeDeploy(r *report.Report) {
	r.Kind = vocab.RunPredeploy
	if r.Result != stanzaflowv1alpha1.RunSucceeded {
		return
	}
	r.Predeploy = &report.Predeploy{
		RestorePoint: "release-42-20260301T020103.123Z", Time: begin.Add(63*time.Second + 123*time.Millisecond), LSN: "A/43001A28", Timeline: 1,
		Restore: "pgbackrest restore --stanza=db --repo=1 --set=20260222-020000F_20260301-020012I --type=name --target=release-42-20260301T020103.123Z --target-timeline=1",
	}
}

func reused(r *report.Report) { r.Predeploy.Reused = true }

func expireFailed(r *report.Report) {
	r.Retention = &report.Retention{Failed: true, Code: 82, Message: "pgbackrest expire failed: [082] the repo is read-only"}
}
