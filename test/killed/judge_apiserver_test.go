//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package killed

import (
	"encoding/json"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// judge checks that each cause has exactly one run.
func (tr *trial) judge(most int) {
	tr.Helper()
	runs := tr.runsOf(tr.event.trigger)
	run := map[string]string{} // by cause
	newest := time.Time{}
	for _, workflow := range runs {
		var causes []string
		if err := json.Unmarshal([]byte(workflow.GetAnnotations()[vocab.AnnotationCauses]), &causes); err != nil || len(causes) == 0 {
			tr.Errorf("workflow %s names no cause: %v, %v", workflow.GetName(), err, workflow.GetAnnotations())
		}
		for _, cause := range causes {
			if other, twice := run[cause]; twice {
				tr.Errorf("cause %q has the runs %s and %s", cause, other, workflow.GetName())
			}
			run[cause] = workflow.GetName()
		}
		if created := workflow.GetCreationTimestamp().Time; created.After(newest) {
			newest = created
		}
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for cause := range tr.pending[tr.event.trigger] {
		if run[cause] == "" {
			tr.Errorf("cause %q was in the status, and has no run", cause)
		}
	}
	switch {
	case len(runs) == 0:
		tr.Errorf("no run of %s", tr.event.trigger)
	case len(runs) > most || len(run) > most:
		tr.Errorf("%d causes have %d runs and %d causes in them: %v", most, len(runs), len(run), run)
	case newest.Before(tr.happened.Truncate(time.Second)):
		tr.Errorf("the last cause happened at %s, and the newest run is of %s", tr.happened, newest)
	}
	tr.Logf("%d runs: %v", len(runs), run)
}

// runsOf lists the Workflows of a trigger.
func (tr *trial) runsOf(trigger string) []unstructured.Unstructured {
	tr.Helper()
	labels := client.MatchingLabels{vocab.LabelTrigger: trigger}
	if repo, initial := strings.CutPrefix(trigger, vocab.TriggerInitial+"-"); initial {
		labels = client.MatchingLabels{vocab.LabelTrigger: vocab.TriggerInitial, vocab.LabelRepo: repo}
	}
	runs := newWorkflowList()
	if err := tr.server.client.List(tr.Context(), runs, client.InNamespace(tr.namespace), labels); err != nil {
		tr.Fatal(err)
	}
	return runs.Items
}
