//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"context"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

func TestAPIServer(t *testing.T) {
	config := startAPIServer(t)
	for name, test := range map[string]func(*world){
		"a run is followed through a lost connection": testLostConnection,
		"a report of another run is no success":       testCopiedReport,
		"a deleted run is unknown":                    testDeleted,
		"the time is up":                              testTimeUp,
		"nothing is started without the template":     testNoTemplate,
		"nothing is started without a right":          testNoRight,
	} {
		t.Run(name, func(t *testing.T) { test(newWorld(t, config)) })
	}
}

// begins starts a session beside the test. Its exit code comes through the channel.
func (w *world) begins(ctx context.Context, o Options, suffix string) (<-chan int, *output, *output) {
	s, out, errs := w.session(suffix)
	o.Namespace = w.namespace
	code := make(chan int, 1)
	go func() { code <- s.Run(ctx, o) }()
	return code, out, errs
}

func (w *world) ends(code <-chan int, want int, out, errs *output) {
	w.Helper()
	select {
	case got := <-code:
		if got != want {
			w.Errorf("exit code %d, want %d: %s%s", got, want, out, errs)
		}
	case <-time.After(90 * time.Second):
		w.Fatalf("it does not end: %s%s", out, errs)
	}
}

// isOf makes a report one of a Workflow.
func isOf(workflow *wfv1.Workflow) func(*report.Report) {
	return func(r *report.Report) { r.Run = string(workflow.UID) }
}

func testLostConnection(w *world) {
	w.grant()
	w.template()
	code, out, errs := w.begins(w.Context(), aPredeploy(), "x7k2p")
	name := "pgbackrest-orders-repo1-predeploy-x7k2p"
	workflow := w.workflow(name)
	want := map[string]string{
		vocab.LabelManagedBy: vocab.ManagedBy, vocab.LabelPartOf: vocab.ManagedBy, vocab.LabelCluster: orders, vocab.LabelRepo: "repo1",
		vocab.LabelType: "incr", vocab.LabelTrigger: vocab.TriggerManual, vocab.LabelKind: string(vocab.RunPredeploy),
	}
	if d := cmp.Diff(want, workflow.Labels); d != "" {
		w.Errorf("labels (-want +got):\n%s", d)
	}
	if workflow.Spec.Entrypoint != vocab.EntrypointPredeploy || workflow.Spec.WorkflowTemplateRef.Name != vocab.DefaultWorkflowTemplate {
		w.Errorf("entrypoint %q of %+v", workflow.Spec.Entrypoint, workflow.Spec.WorkflowTemplateRef)
	}
	w.play(name, state(wfv1.WorkflowRunning, aPod("make(0)", 0, wfv1.NodeRunning, "1-begin:Succeeded 2-precheck:Running")))
	w.await(out, "make/precheck: running")
	if w.proxy.cut() == 0 {
		w.Error("no connection was cut")
	}
	w.play(name, state(wfv1.WorkflowRunning, aPod("make(0)", 0, wfv1.NodeRunning, "1-begin:Succeeded 2-precheck:Succeeded 3-backup:Running")))
	w.await(out, "make/backup: running")
	if w.proxy.cut() == 0 {
		w.Error("no connection was cut the second time")
	}
	w.play(name, state(wfv1.WorkflowSucceeded, says(aReport(isOf(workflow), beforeDeploy))))
	w.ends(code, ExitProven, out, errs)
	if !strings.Contains(out.String(), "restore point  release-42-20260301T020103.123Z") {
		w.Errorf("printed %s", out)
	}
	if want := "was not checked: you may not get workflowtemplates"; !strings.Contains(errs.String(), want) {
		w.Errorf("the rights are more than those of docs/by-hand.md: %s", errs)
	}
	if n := strings.Count(out.String(), "make/precheck: running"); n != 1 {
		w.Errorf("a step is printed %d times: %s", n, out)
	}
}

func testCopiedReport(w *world) {
	w.grant()
	w.template()
	code, out, errs := w.begins(w.Context(), aBackup(), "first")
	first := w.workflow("pgbackrest-orders-repo1-incr-first")
	w.play(first.Name, state(wfv1.WorkflowSucceeded, says(aReport(isOf(first)))))
	w.ends(code, ExitProven, out, errs)

	code, out, errs = w.begins(w.Context(), aBackup(), "second")
	second := w.workflow("pgbackrest-orders-repo1-incr-second")
	w.play(second.Name, state(wfv1.WorkflowSucceeded, says(aReport(isOf(first)))))
	w.ends(code, ExitFailed, out, errs)
	if !strings.Contains(errs.String(), "its report is of another run") {
		w.Errorf("printed %s", errs)
	}
}

func testDeleted(w *world) {
	w.grant()
	code, out, errs := w.begins(w.Context(), aBackup(), "gone")
	name := w.workflow("pgbackrest-orders-repo1-incr-gone").Name
	w.play(name, state(wfv1.WorkflowRunning, thePod(wfv1.NodeRunning, "1-begin:Running")))
	w.await(out, "begin: running")
	if err := w.objects.Resource(workflows).Namespace(w.namespace).Delete(w.Context(), name, metav1.DeleteOptions{}); err != nil {
		w.Fatal(err)
	}
	w.ends(code, ExitFailed, out, errs)
	if !strings.Contains(errs.String(), "was deleted before it was over") {
		w.Errorf("printed %s", errs)
	}
}

func testTimeUp(w *world) {
	w.grant()
	ctx, cancel := context.WithCancelCause(w.Context())
	code, out, errs := w.begins(ctx, aPredeploy(), "late")
	w.play(w.workflow("pgbackrest-orders-repo1-predeploy-late").Name, state(wfv1.WorkflowRunning, thePod(wfv1.NodeRunning, "1-begin:Running")))
	w.await(out, "begin: running")
	cancel(ErrTimeout)
	w.ends(code, ExitFailed, out, errs)
	if !strings.Contains(errs.String(), "do not deploy: after 30m0s") || !strings.Contains(errs.String(), "it may continue") {
		w.Errorf("printed %s", errs)
	}
	// Nobody stops it because nobody looks.
	if w.workflow("pgbackrest-orders-repo1-predeploy-late").Spec.Shutdown != "" {
		w.Error("the run was stopped")
	}
}

func testNoTemplate(w *world) {
	s, _, _ := w.session("none")
	errs := &output{}
	s.Finder, s.Workflows, s.Err = w.admin, w.admin, errs
	o := aBackup()
	o.Namespace = w.namespace
	if code := s.Run(w.Context(), o); code != ExitFailed || !strings.Contains(errs.String(), "there is no WorkflowTemplate pgbackrest-backup in namespace "+w.namespace) {
		w.Errorf("exit code %d: %s", code, errs)
	}
	w.wantNone()
}

func testNoRight(w *world) {
	w.template()
	code, out, errs := w.begins(w.Context(), aBackup(), "none")
	w.ends(code, ExitFailed, out, errs)
	if !strings.Contains(errs.String(), "you may not get postgresql") {
		w.Errorf("printed %s", errs)
	}
	w.wantNone()
}

// wantNone complains about any Workflow.
func (w *world) wantNone() {
	w.Helper()
	list, err := w.objects.Resource(workflows).Namespace(w.namespace).List(w.Context(), metav1.ListOptions{})
	if err != nil || len(list.Items) > 0 {
		w.Errorf("%d Workflows, error %v", len(list.Items), err)
	}
}
