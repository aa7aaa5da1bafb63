//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// wantEntrypoint checks the entrypoint of a CronWorkflow, empty for none.
func (w *world) wantEntrypoint(cronWorkflow, want string) {
	w.Helper()
	got, found, _ := unstructured.NestedString(w.get(object.CronWorkflow, cronWorkflow).Object, object.FieldSpec, "workflowSpec", "entrypoint")
	if got != want || found != (want != "") {
		w.Errorf("the entrypoint of %s is %q, want %q", cronWorkflow, got, want)
	}
}

// testForms: the entrypoint of a schedule follows the Stanza in both directions, and the
// API server refuses a form that does not exist.
func testForms(w *world) {
	w.setUp(reconciletest.Postgresql(w.T, w.namespace))
	w.wantEntrypoint(reconciletest.Full, vocab.EntrypointBackupDAG)
	w.wantEntrypoint(reconciletest.Incr, "")
	for range 2 {
		w.patch(w.stanza(), "user", `{"spec": {"runs": {"full": "pod", "incr": "dag"}}}`)
		w.settle()
		w.wantEntrypoint(reconciletest.Full, "")
		w.wantEntrypoint(reconciletest.Incr, vocab.EntrypointBackupDAG)
		w.patch(w.stanza(), "user", `{"spec": {"runs": {"full": "dag", "incr": "compact"}}}`)
		w.settle()
		w.wantEntrypoint(reconciletest.Full, vocab.EntrypointBackupDAG)
		w.wantEntrypoint(reconciletest.Incr, vocab.EntrypointBackupCompact)
		w.patch(w.stanza(), "user", `{"spec": {"runs": null}}`)
		w.settle()
		w.wantEntrypoint(reconciletest.Full, vocab.EntrypointBackupDAG)
		w.wantEntrypoint(reconciletest.Incr, "")
	}
	err := w.client.Patch(w.Context(), w.stanza(), client.RawPatch(types.MergePatchType, []byte(`{"spec": {"runs": {"full": "steps"}}}`)))
	if !strings.Contains(fmt.Sprint(err), `spec.runs.full: Unsupported value: "steps"`) {
		w.Errorf("a form that does not exist: %v", err)
	}
	w.recorder.take()
	w.wantQuiet()
}
