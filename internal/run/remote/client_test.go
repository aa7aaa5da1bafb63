// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/rest"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

const (
	namespace = "shop"
	workflow  = "orders-repo1-full"
	run       = "6f1f2a52-0c0e-4d6b-9a5e-1b5f3c1d7e11"
)

func workflowObject(shutdown string) *unstructured.Unstructured {
	w := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow",
		"metadata": map[string]any{"name": workflow, "namespace": namespace, "uid": run},
		"spec":     map[string]any{},
	}}
	if shutdown != "" {
		w.Object["spec"] = map[string]any{"shutdown": shutdown}
	}
	return w
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	another := workflowObject("")
	another.SetUID("another")
	leaving := workflowObject("")
	leaving.SetDeletionTimestamp(&metav1.Time{Time: time.Unix(1772326800, 0)})
	leaving.SetFinalizers([]string{"example.org/keep"})
	for name, tc := range map[string]struct {
		objects []runtime.Object
		want    string
	}{
		"wanted":             {[]runtime.Object{workflowObject("")}, ""},
		"stopped":            {[]runtime.Object{workflowObject("Stop")}, "argo stop"},
		"terminated":         {[]runtime.Object{workflowObject("Terminate")}, "argo terminate"},
		"being deleted":      {[]runtime.Object{leaving}, "its Workflow is deleted"},
		"deleted":            {nil, "its Workflow is deleted"},
		"deleted and reborn": {[]runtime.Object{another}, "its Workflow is deleted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &Client{dynamic: dynamicfake.NewSimpleDynamicClient(runtime.NewScheme(), tc.objects...)}
			got, err := c.Cancelled(t.Context(), namespace, workflow, run)
			if err != nil || got != tc.want {
				t.Errorf("cancelled is %q, %v; want %q", got, err, tc.want)
			}
		})
	}
}

func TestSlot(t *testing.T) {
	t.Parallel()
	created := time.Date(2026, 3, 1, 1, 0, 7, 0, time.UTC)
	for name, tc := range map[string]struct {
		annotation, uid, resubmitted string
		want                         time.Time
		wantErr                      string
	}{
		"of a schedule":              {"2026-03-01T02:00:00+01:00", run, "", time.Date(2026, 3, 1, 1, 0, 0, 0, time.UTC), ""},
		"of no schedule":             {"", run, "", created, ""},
		"resubmitted by a person":    {"2026-03-01T02:00:00+01:00", run, "orders-repo1-full-0", time.Time{}, ""},
		"no time":                    {"yesterday", run, "", time.Time{}, "annotation workflows.argoproj.io/scheduled-time of Workflow shop/orders-repo1-full is no time"},
		"of another run of the name": {"2026-03-01T02:00:00+01:00", "another", "", time.Time{}, "is another one of the same name"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := workflowObject("")
			w.SetUID(types.UID(tc.uid))
			w.SetCreationTimestamp(metav1.Time{Time: created})
			if tc.resubmitted != "" {
				w.SetLabels(map[string]string{vocab.LabelResubmitted: tc.resubmitted})
			}
			if tc.annotation != "" {
				w.SetAnnotations(map[string]string{vocab.AnnotationSlot: tc.annotation})
			}
			c := &Client{dynamic: dynamicfake.NewSimpleDynamicClient(runtime.NewScheme(), w)}
			got, err := c.Slot(t.Context(), namespace, workflow, run)
			if !got.Equal(tc.want) || (err != nil) != (tc.wantErr != "") || err != nil && !strings.Contains(err.Error(), tc.wantErr) {
				t.Errorf("slot %s, %v; want %s, %q", got, err, tc.want, tc.wantErr)
			}
		})
	}
}

// A window has the run of a slot start later. The slot is the one of the postgresql.
func TestSlotInAWindow(t *testing.T) {
	t.Parallel()
	for offset, want := range map[string]string{"45m": "2026-03-01T01:15:00Z", "0m": "2026-03-01T02:00:00Z", "soon": ""} {
		w := workflowObject("")
		w.SetUID(types.UID(run))
		w.SetAnnotations(map[string]string{vocab.AnnotationSlot: "2026-03-01T03:00:00+01:00", vocab.AnnotationOffset: offset})
		c := &Client{dynamic: dynamicfake.NewSimpleDynamicClient(runtime.NewScheme(), w)}
		got, err := c.Slot(t.Context(), namespace, workflow, run)
		if want == "" {
			if err == nil || !strings.Contains(err.Error(), "annotation stanzaflow.dev/offset of Workflow shop/orders-repo1-full is no time in minutes") {
				t.Errorf("offset %s: got %s, %v", offset, got, err)
			}
			continue
		}
		if err != nil || got.UTC().Format(time.RFC3339) != want {
			t.Errorf("offset %s: got %s, %v; want %s", offset, got, err, want)
		}
	}
}

func TestStarted(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		startedAt, uid string
		want           time.Time
		wantErr        string
	}{
		"Argo has started it":        {"2026-03-01T01:00:07Z", run, time.Date(2026, 3, 1, 1, 0, 7, 0, time.UTC), ""},
		"Argo has not seen it":       {"", run, time.Time{}, ""},
		"no time":                    {"yesterday", run, time.Time{}, "status.startedAt of Workflow shop/orders-repo1-full is no time"},
		"of another run of the name": {"2026-03-01T01:00:07Z", "another", time.Time{}, "is another one of the same name"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := workflowObject("")
			w.SetUID(types.UID(tc.uid))
			if tc.startedAt != "" {
				w.Object["status"] = map[string]any{"startedAt": tc.startedAt}
			}
			c := &Client{dynamic: dynamicfake.NewSimpleDynamicClient(runtime.NewScheme(), w)}
			got, err := c.Started(t.Context(), namespace, workflow, run)
			if !got.Equal(tc.want) || (err != nil) != (tc.wantErr != "") || err != nil && !strings.Contains(err.Error(), tc.wantErr) {
				t.Errorf("started %s, %v; want %s, %q", got, err, tc.want, tc.wantErr)
			}
		})
	}
}

func TestRecordEvent(t *testing.T) {
	t.Parallel()
	core := fake.NewClientset()
	if err := (&Client{core: core}).RecordEvent(t.Context(), namespace, workflow, run, vocab.EventBackupEnded, "it was ended"); err != nil {
		t.Fatal(err)
	}
	events, err := core.CoreV1().Events(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(events.Items) != 1 {
		t.Fatalf("events %v, %v; want one", events, err)
	}
	got := events.Items[0]
	want := corev1.ObjectReference{APIVersion: "argoproj.io/v1alpha1", Kind: "Workflow", Namespace: namespace, Name: workflow, UID: run}
	if diff := cmp.Diff(want, got.InvolvedObject); diff != "" {
		t.Errorf("event is about (-want +got):\n%s", diff)
	}
	if got.Type != corev1.EventTypeWarning || got.Reason != vocab.EventBackupEnded || got.Message != "it was ended" || got.LastTimestamp.IsZero() {
		t.Errorf("event %+v", got)
	}
}

// TestNewBoundsQuestions, and not the stream of a backup, which takes as long as
// it takes.
func TestNewBoundsQuestions(t *testing.T) {
	t.Parallel()
	config := &rest.Config{Host: "https://127.0.0.1:1"}
	c, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	if c.config.Timeout != 0 {
		t.Errorf("a stream ends after %s", c.config.Timeout)
	}
	if client, ok := c.core.CoreV1().RESTClient().(*rest.RESTClient); !ok || client.Client.Timeout != questionTime {
		t.Errorf("a question is not bounded")
	}
}
