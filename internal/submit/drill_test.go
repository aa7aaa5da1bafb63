// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

func aDrill() Options {
	return Options{Request: Request{Kind: vocab.RunDrill, Namespace: namespace, Cluster: orders, Drill: "weekly"}, Wait: true}
}

// aDrillReport is the report of a good drill, with some changes.
func aDrillReport(change ...func(*report.Report)) report.Report {
	rpo, recovered := 58.2, begin.Add(-58200*time.Millisecond)
	r := report.Report{
		Kind: vocab.RunDrill, Result: stanzaflowv1alpha1.RunSucceeded, Step: "restore", Run: uid, Cluster: orders, Repo: "repo1",
		Drill: &report.Drill{
			Name: "weekly", Target: "Newest", Backup: "20260222-020000F", Timeline: 2, RecoveredTo: &recovered, LSN: "0/19006D40", RPOSeconds: &rpo,
			ProvisionSeconds: 21, RestoreSeconds: 171, ReplaySeconds: 48, FirstQuerySeconds: 1, ChecksSeconds: 300, DatabaseBytes: 23_400_000_000, WALBytes: 3_221_225_472,
			Checks: []report.Check{{Name: report.CheckReached, Passed: true}, {Name: "Dump", Passed: true}},
		},
	}
	for _, c := range change {
		c(&r)
	}
	return r
}

// isDrill gives a Workflow the labels of its template.
func isDrill(w *wfv1.Workflow) {
	w.Labels = map[string]string{vocab.LabelKind: string(vocab.RunDrill), vocab.LabelCluster: orders}
}

// aStep adds the pod of a step of a drill.
func aStep(step string, number int, phase wfv1.NodePhase) func(*wfv1.Workflow) {
	return func(w *wfv1.Workflow) {
		w.Status.Nodes[step] = wfv1.NodeStatus{
			ID: step, Name: step, DisplayName: step, Type: wfv1.NodeTypePod, TemplateName: step, Phase: phase,
			StartedAt: metav1.NewTime(begin.Add(time.Duration(number) * time.Minute)),
		}
	}
}

// TestDrills shows what a person sees of each end of a drill.
func TestDrills(t *testing.T) {
	const done, failed = wfv1.WorkflowSucceeded, wfv1.WorkflowFailed
	fails := func(result stanzaflowv1alpha1.RunResult, message string) func(*report.Report) {
		return func(r *report.Report) { r.Result, r.Message = result, message }
	}
	cases := map[string]verdictCase{
		"good": {aDrill(), []scene{
			{after: 3 * time.Second, workflow: state(wfv1.WorkflowRunning, isDrill, aStep("plan", 0, wfv1.NodeRunning))},
			{after: 4 * time.Second, workflow: state(wfv1.WorkflowRunning, isDrill, aStep("plan", 0, wfv1.NodeSucceeded), aStep("restore", 1, wfv1.NodeRunning))},
			{after: 9 * time.Minute, workflow: state(done, isDrill, aStep("plan", 0, wfv1.NodeSucceeded), aStep("restore", 1, wfv1.NodeSucceeded), says(aDrillReport()))},
		}, ExitProven},
		"data-missing": {aDrill(), ended(failed, isDrill, says(aDrillReport(fails(stanzaflowv1alpha1.RunFailed, "recovery ended at 05:00:04 (0/9D4C190), the archive must reach 05:12:11; make a full backup now"),
			func(r *report.Report) { r.Drill.DataMissing = true }))), ExitFailed},
		"failed":    {aDrill(), ended(failed, isDrill, says(aDrillReport(fails(stanzaflowv1alpha1.RunFailed, "the scratch volume is too small: set spec.restorePod.volume.size")))), ExitFailed},
		"held":      {aDrill(), ended(failed, isDrill, says(aDrillReport(fails(stanzaflowv1alpha1.RunHeld, "the cluster is being restored")))), ExitHeld},
		"no-report": {aDrill(), ended(done, isDrill), ExitFailed},
		"no-drill":  {aDrill(), ended(done, says(aReport())), ExitFailed},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, tc.script...)
			f.stanza.Spec.Drills = []stanzaflowv1alpha1.Drill{{Name: "weekly"}}
			if code := play(t, f, t.Context(), tc.options, "drill/"+name); code != tc.code {
				t.Errorf("exit code %d, want %d", code, tc.code)
			}
		})
	}
	refusals := map[string]func(*fake, *Options){
		"not-asked": func(f *fake, _ *Options) { f.stanza.Spec.Drills = nil },
		"near-miss": func(_ *fake, o *Options) { o.Drill = "weekyl" },
		"unknown":   func(_ *fake, o *Options) { o.Drill = "nightly" },
		"no-template": func(f *fake, _ *Options) {
			f.templateErr = apierrors.NewNotFound(templates.GroupResource(), vocab.DrillTemplate)
		},
		"no-cluster": func(_ *fake, o *Options) { o.Cluster = "payments" },
	}
	for name, change := range refusals {
		t.Run(name, func(t *testing.T) {
			f, options := newFake(t), aDrill()
			f.stanza.Spec.Drills = []stanzaflowv1alpha1.Drill{{Name: "weekly"}, {Name: "anytime"}}
			change(f, &options)
			if code := play(t, f, t.Context(), options, "drill/"+name); code != ExitFailed || len(f.created) > 0 {
				t.Errorf("exit code %d, %d Workflows", code, len(f.created))
			}
		})
		cases[name] = verdictCase{}
	}
	checkFiles(t, "drill", cases)
}

// TestDrillByHand: one that is none of the Stanza, to a moment, has labels of its own.
func TestDrillByHand(t *testing.T) {
	f, options := newFake(t), aDrill()
	f.stanza.Spec.RestorePod = &stanzaflowv1alpha1.RestorePod{}
	options.Drill, options.Target, options.Wait = "", "2026-03-01 01:00:00+00", false
	s, _, _ := f.session()
	if code := s.Run(t.Context(), options); code != ExitProven || len(f.created) != 1 {
		t.Fatalf("exit code %d, %d Workflows", code, len(f.created))
	}
	w := f.created[0]
	if w.Labels[vocab.LabelKind] != string(vocab.RunDrill) || w.Labels[vocab.LabelTrigger] != vocab.TriggerManual || !strings.HasPrefix(w.Name, "pgbackrest-orders-drill-by-hand-") ||
		w.Spec.WorkflowTemplateRef.Name != vocab.DrillTemplate || w.Spec.Arguments.GetParameterByName(vocab.ParamTarget).Value.String() != options.Target {
		t.Errorf("created %+v %+v", w.ObjectMeta, w.Spec)
	}
}
