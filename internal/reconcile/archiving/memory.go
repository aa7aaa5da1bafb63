// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package archiving

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// keptSamples is how many samples of a cluster are remembered: with the default interval
// those of two hours.
const keptSamples = 24

// Memory remembers what the watches have found since the operator started.
type Memory struct {
	mu         sync.Mutex
	start      time.Time
	namespaces map[string]*namespace
}

type namespace struct {
	// read are the Workflows that have been read, by UID.
	read     map[types.UID]bool
	last     LastWatch
	clusters map[string]*known
}

type known struct {
	samples []report.Sample
	anchor  *report.Sample
	held    time.Time
}

// LastWatch is the newest watch of a namespace that has ended.
type LastWatch struct {
	// Workflow is its name, empty if none has ended.
	Workflow string
	End      time.Time
	// Failure says why it has no report. Empty if it has one.
	Failure string
}

// Seen is what the watches have found in one cluster, as far as the operator remembers.
type Seen struct {
	// Start is since when it remembers.
	Start time.Time
	Last  LastWatch
	// Samples of the cluster, the newest last.
	Samples []report.Sample
	// Anchor is the newest sample whose WAL is in every repo, as the last pass has found it.
	Anchor *report.Sample
	// Held is when the cluster was held last, so that no watch could ask it.
	Held time.Time
}

// NewMemory returns a Memory that knows nothing yet.
func NewMemory(start time.Time) *Memory {
	return &Memory{start: start, namespaces: map[string]*namespace{}}
}

// Learn reads the watches of a namespace that have ended, each once. Their order does not
// matter. Workflows of other kinds say nothing here.
func (m *Memory) Learn(name string, workflows []*wfv1.Workflow) {
	m.mu.Lock()
	defer m.mu.Unlock()
	of := m.of(name)
	there := map[types.UID]bool{}
	for _, workflow := range workflows {
		if outcome.KindOf(workflow) != vocab.RunWatch || outcome.Running(workflow) {
			continue
		}
		there[workflow.UID] = true
		if !of.read[workflow.UID] {
			of.learn(workflow)
		}
	}
	of.read = there
}

// of returns what is known of a namespace.
func (m *Memory) of(name string) *namespace {
	if m.namespaces[name] == nil {
		m.namespaces[name] = &namespace{clusters: map[string]*known{}}
	}
	return m.namespaces[name]
}

func (n *namespace) learn(workflow *wfv1.Workflow) {
	watch, err := outcome.ReadWatch(workflow)
	last := LastWatch{Workflow: workflow.Name, End: workflow.Status.FinishedAt.Time}
	if err != nil {
		last.Failure = err.Error()
	}
	if !last.End.Before(n.last.End) {
		n.last = last
	}
	for _, name := range slices.Sorted(maps.Keys(watch.Clusters)) {
		if n.clusters[name] == nil {
			n.clusters[name] = &known{}
		}
		n.clusters[name].add(watch.Clusters[name], last.End)
	}
}

// add enters a sample. No sample is younger than the end of its watch, whatever the clock
// of its pod says. Only the newest that has them keeps what the repos list, which is most
// of its size.
func (k *known) add(sample report.Sample, end time.Time) {
	if !end.IsZero() && sample.Time.After(end) {
		sample.Time = end
	}
	samples := slices.DeleteFunc(slices.Clone(k.samples), func(s report.Sample) bool { return s.Time.Equal(sample.Time) })
	samples = append(samples, sample)
	slices.SortStableFunc(samples, func(a, b report.Sample) int { return a.Time.Compare(b.Time) })
	seen := false
	for i := len(samples) - 1; i >= 0; i-- {
		if seen && samples[i].Repos != nil {
			samples[i].Repos = short(samples[i].Repos)
		}
		seen = seen || samples[i].Repos != nil
	}
	k.samples = samples[max(0, len(samples)-keptSamples):]
}

// Recall returns what is known of a cluster.
func (m *Memory) Recall(key types.NamespacedName) Seen {
	m.mu.Lock()
	defer m.mu.Unlock()
	of := m.of(key.Namespace)
	seen := Seen{Start: m.start, Last: of.last}
	if k := of.clusters[key.Name]; k != nil {
		seen.Samples, seen.Anchor, seen.Held = k.samples, k.anchor, k.held
	}
	return seen
}

// Keep remembers what Anchor returned.
func (m *Memory) Keep(key types.NamespacedName, anchor *report.Sample) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if k := m.of(key.Namespace).clusters[key.Name]; k != nil {
		k.anchor = anchor
	}
}

// Hold remembers that the cluster is held at a moment.
func (m *Memory) Hold(key types.NamespacedName, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	of := m.of(key.Namespace)
	if of.clusters[key.Name] == nil {
		of.clusters[key.Name] = &known{}
	}
	of.clusters[key.Name].held = now
}

// Forget drops a cluster that is not watched.
func (m *Memory) Forget(key types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if of := m.namespaces[key.Namespace]; of != nil {
		delete(of.clusters, key.Name)
		if len(of.clusters) == 0 {
			delete(m.namespaces, key.Namespace)
		}
	}
}

// newest returns the newest sample of which something holds, nil without one.
func (s Seen) newest(holds func(*report.Sample) bool) *report.Sample {
	for i := len(s.Samples) - 1; i >= 0; i-- {
		if holds(&s.Samples[i]) {
			return &s.Samples[i]
		}
	}
	return nil
}

// LastTime is when a watch reached the cluster last, zero if the operator remembers none.
func (s Seen) LastTime() time.Time {
	if sample := s.newest(answered); sample != nil {
		return sample.Time
	}
	return time.Time{}
}

func answered(sample *report.Sample) bool { return sample.WAL != nil }

// Problem says in one line why the newest watch could not ask the cluster, empty if it
// could, or if there was none.
func (s Seen) Problem() string {
	if len(s.Samples) > 0 {
		return cmp.Or(s.Last.Failure, s.Samples[len(s.Samples)-1].Message)
	}
	return s.Last.Failure
}
