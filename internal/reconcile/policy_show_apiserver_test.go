//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// testOnlyShows checks which words the operator may write on a run: the results that
// there are, a description that is not too long, and that the run is to be archived again.
func testOnlyShows(t *testing.T, w *world) {
	const (
		results     = "only to one of: Running, Waiting, Proven"
		description = "in at most 512 characters"
		again       = "only have an archived Workflow archived again"
		labels      = "may change only these labels of a Workflow"
		content     = "may change neither the spec nor the status"
	)
	run := func(name string, with map[string]string) {
		o := reconciletest.Workflow(w.namespace, reconciletest.Run{Name: name, Type: cpo.Incr, Phase: "Failed", Started: w.clock.Now()})
		all := o.GetLabels()
		maps.Copy(all, with)
		o.SetLabels(all)
		o.SetAnnotations(map[string]string{vocab.AnnotationDescription: strings.Repeat("x", 600)})
		w.create(o)
	}
	run("not-archived", nil)
	run("pending", map[string]string{vocab.LabelArchiving: vocab.ArchivingPending, vocab.LabelResult: "Running"})
	run("archived", map[string]string{vocab.LabelArchiving: "Archived", vocab.LabelResult: "mine"})
	try := func(name, body string) error {
		o := object.New(object.Workflow)
		o.SetNamespace(w.namespace)
		o.SetName(name)
		return w.controller.client.Patch(t.Context(), o, client.RawPatch(types.MergePatchType, []byte(body)), client.DryRunAll)
	}
	label := func(key string, value any) string {
		return reconciletest.JSON(part{"metadata": part{"labels": part{key: value}}})
	}
	describe := func(text any) string {
		return reconciletest.JSON(part{"metadata": part{"annotations": part{vocab.AnnotationDescription: text}}})
	}
	for _, result := range vocab.ShownResults {
		for _, name := range []string{"not-archived", "pending", "archived"} {
			if err := try(name, label(vocab.LabelResult, result)); err != nil {
				t.Errorf("%s on %s: %v", result, name, err)
			}
		}
	}
	for title, tc := range map[string]struct{ name, body, want string }{
		"a result that there is not":             {"pending", label(vocab.LabelResult, "Succeeded"), results},
		"no result":                              {"pending", label(vocab.LabelResult, nil), results},
		"an empty result":                        {"pending", label(vocab.LabelResult, ""), results},
		"leaves the result of somebody":          {"archived", describe("ok"), ""},
		"a description":                          {"pending", describe(strings.Repeat("ä", report.MaxMessage)), ""},
		"no description":                         {"pending", describe(nil), ""},
		"a description that is too long":         {"pending", describe(strings.Repeat("y", report.MaxMessage+1)), description},
		"leaves a long description":              {"pending", label(vocab.LabelResult, "Proven"), ""},
		"archives again":                         {"archived", label(vocab.LabelArchiving, "Pending"), ""},
		"archives what is not":                   {"not-archived", label(vocab.LabelArchiving, "Pending"), again},
		"calls what waits archived":              {"pending", label(vocab.LabelArchiving, "Archived"), again},
		"calls it persisted":                     {"archived", label(vocab.LabelArchiving, "Persisted"), again},
		"takes it out of the archive":            {"archived", label(vocab.LabelArchiving, nil), again},
		"does not have it archived":              {"pending", label(vocab.LabelArchiving, nil), again},
		"the label of a schedule":                {"pending", label(object.LabelCronWorkflow, reconciletest.Incr), labels},
		"the phase":                              {"pending", label("workflows.argoproj.io/phase", "Succeeded"), labels},
		"shows it, and calls it good":            {"pending", `{"metadata": {"labels": {"stanzaflow.dev/result": "Proven"}}, "status": {"phase": "Succeeded"}}`, content},
		"shows it, and gives it another cluster": {"pending", `{"metadata": {"labels": {"stanzaflow.dev/result": "Proven", "stanzaflow.dev/cluster": "bank"}}}`, labels},
		"everything that it writes": {"archived", fmt.Sprintf(`{"metadata": {"labels": {%q: "Proven", %q: "Pending"}, "annotations": {%q: "20261128-185415F"}}}`,
			vocab.LabelResult, vocab.LabelArchiving, vocab.AnnotationDescription), ""},
	} {
		t.Run(title, func(t *testing.T) {
			if err := try(tc.name, tc.body); tc.want != "" {
				wantRefused(t, err, tc.want)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}
