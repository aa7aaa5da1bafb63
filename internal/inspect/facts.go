// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Facts is everything that is known of one cluster at one moment.
type Facts struct {
	Now                time.Time
	Namespace, Cluster string
	// Postgresql is nil if it could not be read, or if there is none.
	Postgresql *cpo.Postgresql
	// Gone is true if it is known that there is no such postgresql.
	Gone bool
	// Stanza is nil if there is none.
	Stanza *stanzaflowv1alpha1.Stanza
	// Template of the runs, and that of the watch.
	Template, WatchTemplate Presence
	// CronWorkflows of the cluster and that of the watch, by name. Nil if unknown.
	CronWorkflows map[string]*wfv1.CronWorkflow
	// Workflows of the cluster, of every kind, the newest first.
	Workflows []*wfv1.Workflow
	// Watches are the runs of the watch, the newest first.
	Watches []*wfv1.Workflow
	// Unknown are sentences about what could not be read.
	Unknown []string
}

// Presence is what is known of an object that should exist.
type Presence string

// Presences. The zero value means that it is not known.
const (
	Found   Presence = "Found"
	Missing Presence = "Missing"
)

// unknown adds a sentence about what could not be read.
func (f *Facts) unknown(sentence string) {
	if sentence != "" {
		f.Unknown = append(f.Unknown, sentence)
	}
}

// workflow returns a Workflow by its name, nil if it is gone or could not be read.
func (f Facts) workflow(name string) *wfv1.Workflow {
	for _, w := range f.Workflows {
		if w.Name == name {
			return w
		}
	}
	return nil
}

// watched is the newest report of a watch that can be read, and what stands in the way
// of reading one.
func watched(watches []*wfv1.Workflow) (report.Watch, string) {
	why := "no watch of the namespace has succeeded, or its Workflow is gone"
	for _, w := range watches {
		if w.Status.Phase != wfv1.WorkflowSucceeded {
			continue
		}
		text := outputOf(w, vocab.OutputReport)
		found, err := report.DecodeWatch(text)
		if err == nil {
			return found, ""
		}
		why = "the report of Workflow " + w.Name + " cannot be read: " + err.Error()
	}
	return report.Watch{}, why
}

// outputOf returns an output parameter of a Workflow, or of its only pod.
func outputOf(w *wfv1.Workflow, name string) string {
	outputs := []*wfv1.Outputs{w.Status.Outputs}
	for _, node := range w.Status.Nodes {
		if node.Type == wfv1.NodeTypePod {
			outputs = append(outputs, node.Outputs)
		}
	}
	for _, o := range outputs {
		if o == nil {
			continue
		}
		for _, p := range o.Parameters {
			if p.Name == name && p.Value != nil && p.Value.String() != "" {
				return p.Value.String()
			}
		}
	}
	return ""
}
