//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/schedule"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// TestWindow: the first window that is set moves the schedules, and the status has both
// expressions. A window that is wrong moves nothing.
func TestWindow(t *testing.T) {
	s := startServer(t, argoCRDs(t, "full")...)
	// Its name decides by how much the schedules are moved: that of another may say by nothing.
	w := s.watchingWorldIn(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "window"}})
	w.controller.options.Window = 20 * time.Minute
	w.create(reconciletest.Template(w.namespace))
	w.create(reconciletest.Postgresql(w.T, w.namespace))
	w.settle()
	w.want(vocab.ConditionAccepted, "True", vocab.ReasonAccepted)
	asked := w.stanzaSchedules()[0].Schedule
	w.wantMoved("the operator", asked, 20*time.Minute)

	w.annotateTemplate("15m")
	w.wantMoved("the namespace", asked, 15*time.Minute)

	before := schedule.Text(w.get(object.CronWorkflow, reconciletest.Full))
	w.annotateTemplate("a quarter")
	w.want(vocab.ConditionAccepted, "False", vocab.ReasonInvalidWindow)
	if text := w.conditionText(vocab.ConditionAccepted); !strings.Contains(text, "WorkflowTemplate field metadata.annotations[stanzaflow.dev/window] must be whole minutes") {
		w.Errorf("Accepted says %q", text)
	}
	if after := schedule.Text(w.get(object.CronWorkflow, reconciletest.Full)); after != before {
		w.Errorf("a wrong window moves the schedule from %s to %s", before, after)
	}

	w.setWindow("0s")
	w.want(vocab.ConditionAccepted, "True", vocab.ReasonAccepted)
	if entry := w.stanzaSchedules()[0]; entry.Schedule != asked || entry.EffectiveSchedule != "" || entry.Offset != "" {
		w.Errorf("with 0s the schedule is %s", reconciletest.JSON(entry))
	}
	w.setWindow("24h0m0s")
	w.wantMoved("the Stanza", asked, 24*time.Hour)
	w.recorder.take()
	w.wantQuiet()
}

// wantMoved waits until the full is moved by less than a window.
func (w *world) wantMoved(by, asked string, window time.Duration) {
	w.Helper()
	w.settle()
	have := w.get(object.CronWorkflow, reconciletest.Full)
	offset := schedule.Offset(have)
	entry := w.stanzaSchedules()[0]
	if offset <= 0 || offset >= window || entry.Schedule != asked || entry.EffectiveSchedule != schedule.Text(have) || entry.EffectiveSchedule == asked {
		w.Errorf("with a window of %s of %s: the CronWorkflow is moved by %s to %s, the status is %s", window, by, offset, schedule.Text(have), reconciletest.JSON(entry))
	}
}

func (w *world) stanzaSchedules() []stanzaflowv1alpha1.ScheduleStatus {
	w.Helper()
	schedules := w.stanza().Status.Schedules
	if len(schedules) == 0 {
		w.Fatal("the Stanza has no schedules")
	}
	return schedules
}

func (w *world) annotateTemplate(window string) {
	w.Helper()
	template := w.get(object.WorkflowTemplate, vocab.DefaultWorkflowTemplate)
	object.Annotate(template, vocab.AnnotationWindow, window)
	w.update(template)
	w.settle()
}

func (w *world) setWindow(window string) {
	w.Helper()
	stanza := w.get(object.Stanza, reconciletest.Cluster)
	if err := unstructured.SetNestedField(stanza.Object, window, "spec", "window"); err != nil {
		w.Fatal(err)
	}
	w.update(stanza)
	w.settle()
}

func (w *world) conditionText(kind string) string {
	for _, c := range w.stanza().Status.Conditions {
		if c.Type == kind {
			return c.Message
		}
	}
	return ""
}
