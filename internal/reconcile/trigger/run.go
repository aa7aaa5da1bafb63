// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"encoding/json"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
	"github.com/stanzaflow/stanzaflow/internal/translate/workflow"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// runName is the name of the run for the causes since a time.
func runName(cluster, trigger string, since metav1.Time) string {
	return manifest.WorkflowName(cluster, trigger, since.Time)
}

// Pending returns the names of the Workflows that may exist already for the pending
// causes of a status.
func Pending(cluster string, triggers []stanzaflowv1alpha1.TriggerStatus) []string {
	var names []string
	for _, t := range triggers {
		if t.Pending != nil {
			names = append(names, runName(cluster, t.Name, t.Pending.Since))
		}
	}
	return names
}

// Workflow builds the Workflow of a Start.
func (s Start) Workflow(cluster cpo.Postgresql, stanza stanzaflowv1alpha1.StanzaSpec) *wfv1.Workflow {
	run := workflow.Run{
		Cluster: cluster.Name, Template: workflow.TemplateName(stanza), Kind: s.Kind, Repo: s.Repo, Type: s.Type, Trigger: s.Value,
		Form: workflow.FormOf(stanza, s.Type), Overdue: s.Overdue,
	}
	causes, _ := json.Marshal(s.Causes) //nolint:errchkjson // A list of texts can always be encoded.
	return run.Workflow(cluster.Namespace, s.Name, map[string]string{vocab.AnnotationCauses: string(causes)})
}

// Fired returns status.triggers after the Workflow of a Start was created, or was there
// already. Exactly the causes in its annotation are done, others remain pending. A
// Workflow of anybody else changes nothing but the name that the run will have.
func Fired(after []stanzaflowv1alpha1.TriggerStatus, start Start, workflow *wfv1.Workflow) []stanzaflowv1alpha1.TriggerStatus {
	recorded := make([]stanzaflowv1alpha1.TriggerStatus, len(after))
	for i := range after {
		after[i].DeepCopyInto(&recorded[i])
		if recorded[i].Name == start.Trigger && recorded[i].Pending != nil {
			record(&recorded[i], start.cluster, workflow, start.now)
		}
	}
	return recorded
}

// mostSkew is how far the clock of the API server may be ahead of ours, and how long a
// pass may stand still before it creates a run. Our clock says when a cooldown is over,
// so of a clock that is further ahead nothing may come into the status.
const mostSkew = time.Hour

// record enters a Workflow into the status of a trigger that has pending causes.
func record(t *stanzaflowv1alpha1.TriggerStatus, cluster string, run *wfv1.Workflow, now metav1.Time) {
	since := t.Pending.Since
	causes, ours := causesOf(*t, cluster, run)
	if !ours {
		t.Pending.Since = metav1.NewTime(since.Add(time.Second))
		return
	}
	fired := run.CreationTimestamp.Rfc3339Copy()
	if fired.IsZero() || fired.After(now.Add(mostSkew)) {
		fired = now
	}
	rest := without(t.Pending.Causes, causes)
	t.Pending = nil
	if len(rest) > 0 {
		later := metav1.NewTime(since.Add(time.Second))
		if fired.After(later.Time) {
			later = fired
		}
		t.Pending = &stanzaflowv1alpha1.TriggerPending{Since: later, Causes: rest}
	}
	t.Causes, t.LastFiredTime, t.Workflow = causes, &fired, run.Name
	t.Result, t.Message = stanzaflowv1alpha1.TriggerResult(stanzaflowv1alpha1.RunRunning), ""
	if isBuiltIn(t.Name) {
		t.Attempts++
	}
}

// causesOf reads for what a Workflow was started, and reports whether this trigger of
// this cluster has started it.
func causesOf(t stanzaflowv1alpha1.TriggerStatus, cluster string, run *wfv1.Workflow) ([]string, bool) {
	if run.Labels[vocab.LabelCluster] != cluster || run.Labels[vocab.LabelTrigger] != valueOf(t.Name) {
		return nil, false
	}
	var causes []string
	err := json.Unmarshal([]byte(run.Annotations[vocab.AnnotationCauses]), &causes)
	return causes, err == nil && len(causes) > 0
}
