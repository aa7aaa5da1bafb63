//go:build apiserver && !race

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// TestFleetCosts counts what a new cluster costs the API server: one request for
// each object, one event, one status. A question whether a name is free, or a conflict with
// ourselves, would be one more.
func TestFleetCosts(t *testing.T) {
	s := startServer(t, argoCRDs(t, "full")...)
	w := s.world(t)
	w.create(reconciletest.Template(w.namespace))
	const clusters = 20
	for i := range clusters {
		postgresql := reconciletest.Postgresql(t, w.namespace)
		reconciletest.Rename(postgresql, fmt.Sprintf("db-%d", i))
		w.create(postgresql)
	}
	stop := w.startManagerWith(Options{Namespace: operatorNamespace, Provisioner: vocab.ProvisionedByUs})
	counted := func() map[string]int {
		counts := map[string]int{}
		for _, request := range s.requests() {
			method, rest, _ := strings.Cut(request, " ")
			path, code, _ := strings.Cut(rest, " ")
			_, path, inNamespace := strings.Cut(path, "/namespaces/"+w.namespace+"/")
			resource, name, _ := strings.Cut(path, "/")
			switch {
			case !inNamespace || resource == "workflowtemplates" || resource == "serviceaccounts" || resource == "pods": // once for all
			case strings.HasSuffix(name, "/status"):
				counts[method+" status of "+resource+" "+code]++
			default:
				counts[method+" "+resource+" "+code]++
			}
		}
		return counts
	}
	want := map[string]int{
		"POST stanzas 201": clusters, "PATCH configmaps 201": clusters, "PATCH cronworkflows 201": 2 * clusters,
		"PUT status of stanzas 200": clusters, "POST events 201": clusters,
	}
	rest := busy(t)
	eventually(t, func() error {
		if got := counted(); !maps.Equal(got, want) {
			return fmt.Errorf("%d clusters cost %v, want %v", clusters, got, want)
		}
		return nil
	})
	calm(t, rest)
	if got := counted(); !maps.Equal(got, want) {
		t.Errorf("%d clusters cost %v, want %v", clusters, got, want)
	}
	// Of a name that is not free the cluster learns by trying, and then it asks first.
	theirs := object.New(object.CronWorkflow)
	theirs.SetName(reconciletest.Full)
	theirs.Object["spec"] = map[string]any{"schedules": []any{"@daily"}, "workflowSpec": map[string]any{"workflowTemplateRef": map[string]any{"name": "theirs"}}}
	w.create(theirs)
	s.forget()
	w.create(reconciletest.Postgresql(t, w.namespace))
	w.eventually(vocab.ConditionProgrammed, vocab.ReasonNotOwned)
	calm(t, rest)
	stop()
	var about []string
	for _, request := range s.requests() {
		if strings.Contains(request, "/cronworkflows/"+reconciletest.Full) {
			about = append(about, request[:3])
		}
	}
	if len(about) < 2 || about[0] != "PAT" || slices.Contains(about[1:], "PAT") {
		t.Errorf("the CronWorkflow of another owner costs %q, want one attempt and then questions", about)
	}
	w.wantUntouched(theirs)
}

// requests are those of the operator, with the code of the answer.
func (s *server) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}
