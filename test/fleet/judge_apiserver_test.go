//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"fmt"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/schedule"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// judgeChanges compares every schedule with what was last written into its cluster. What is
// not there after a minute is lost.
func (s *soak) judgeChanges(b *testing.B) {
	b.Helper()
	var lost []string
	for end := time.Now().Add(time.Minute); ; pause(s.ctx, b, time.Second) {
		if lost = s.lostChanges(b); len(lost) == 0 || time.Now().After(end) {
			break
		}
	}
	for _, one := range lost {
		b.Errorf("lost: %s", one)
	}
	fmt.Printf("MEASURED soak: %d changes of %d clusters, %d lost\n", s.changed, len(s.touched), len(lost))
}

// lostChanges are the CronWorkflows that are missing or have another schedule.
func (s *soak) lostChanges(b *testing.B) (lost []string) {
	b.Helper()
	for n := range s.namespaces() {
		list := object.NewList(object.CronWorkflow)
		s.list(b, list, "cronworkflows", n)
		crons := map[string]*unstructured.Unstructured{}
		for at := range list.Items {
			crons[list.Items[at].GetName()] = &list.Items[at]
		}
		for i := n * clustersInNamespace; i < n*clustersInNamespace+s.inNamespace(n); i++ {
			for _, backupType := range []string{cpo.Full, cpo.Diff, cpo.Incr} {
				cron := crons[cronName(i, backupType)]
				if cron == nil || (backupType == cpo.Incr && !hasSchedule(cron, s.expected[i])) {
					lost = append(lost, fmt.Sprintf("CronWorkflow %s/%s, exists: %v; its cluster has schedule %q", namespaceOf(i), cronName(i, backupType), cron != nil, s.expected[i]))
				}
			}
		}
	}
	return lost
}

// workflows calls a function for every Workflow, one namespace after the other.
func (s *soak) workflows(b *testing.B, do func(*unstructured.Unstructured)) {
	b.Helper()
	for n := range s.namespaces() {
		list := object.NewList(object.Workflow)
		s.list(b, list, "workflows", n)
		for i := range list.Items {
			do(&list.Items[i])
		}
	}
}

func phaseOf(u *unstructured.Unstructured) wfv1.WorkflowPhase {
	phase, _, _ := unstructured.NestedString(u.Object, "status", "phase")
	return wfv1.WorkflowPhase(phase)
}

// unfinished are the Workflows that have not ended.
func (s *soak) unfinished(b *testing.B) (names []string) {
	b.Helper()
	s.workflows(b, func(u *unstructured.Unstructured) {
		if phase := phaseOf(u); !phase.Completed() {
			names = append(names, fmt.Sprintf("%s/%s, phase %q", u.GetNamespace(), u.GetName(), phase))
		}
	})
	return names
}

// judgeRuns looks at every run: each has succeeded, is shown as proven, and had no other run
// of its cluster beside it. What the clusters showed is from before the end of the schedules.
func (s *soak) judgeRuns(b *testing.B, end time.Time, shown map[string]stanzaflowv1alpha1.StanzaStatus) {
	b.Helper()
	runs, bad := map[string]bool{}, 0
	s.workflows(b, func(u *unstructured.Unstructured) {
		runs[u.GetName()] = true
		if result := u.GetLabels()[vocab.LabelResult]; phaseOf(u) != wfv1.WorkflowSucceeded || result != string(vocab.ShownProven) {
			bad++
			b.Errorf("Workflow %s/%s has phase %q and is shown as %q", u.GetNamespace(), u.GetName(), phaseOf(u), result)
		}
	})
	_, doubles := s.node.sofar()
	for _, double := range doubles {
		b.Errorf("a double run: %s", double)
	}
	due, missed, overdue := s.judgeSlots(b, end, runs, shown)
	if len(runs) == 0 || due == 0 && *soaking >= 2*s.apart() {
		b.Errorf("%d runs, %d of them due for certain: that is too few to say anything", len(runs), due)
	}
	fmt.Printf("MEASURED soak: %d runs, %d not proven, %d double; clusters without a change: %d runs due for certain, %d missed, %d clusters have never run and are overdue\n",
		len(runs), bad, len(doubles), due, missed, overdue)
}

// calm is how long after the last kill Argo has read everything and knows each schedule.
const calm = 15 * time.Minute

// judgeSlots looks at the clusters whose schedule was not changed. From its first run on
// each has a run of every slot, and its Stanza shows the last one. Argo does not make up for
// slots before the first, if it was dead then: such a cluster must be overdue, and have a run
// of every slot since nothing is killed any more.
func (s *soak) judgeSlots(b *testing.B, end time.Time, runs map[string]bool, shown map[string]stanzaflowv1alpha1.StanzaStatus) (due, missed, overdue int) {
	b.Helper()
	apart := s.apart()
	for i := range s.clusters {
		if s.touched[i] {
			continue
		}
		status, last := shown[clusterName(i)], ""
		first := s.begin.Truncate(time.Hour).Add(time.Duration(i) * time.Minute % apart)
		for slot := first; slot.Before(end.Add(-2 * time.Minute)); slot = slot.Add(apart) {
			name := fmt.Sprintf("%s-%d", cronName(i, cpo.Incr), slot.Unix())
			certain := last != "" || slot.After(s.begin.Add(*soaking/2+calm))
			if slot.Before(s.begin) || !certain && !runs[name] {
				continue
			}
			// Another first run is only where to begin: that it is there says nothing.
			if certain {
				due++
			}
			last = name
			if !runs[name] {
				missed++
				b.Errorf("missed: Workflow %s/%s, due at %s", namespaceOf(i), name, slot.UTC().Format(time.RFC3339))
			}
		}
		switch run := status.LastRun; {
		case last != "" && (run == nil || run.Workflow < last):
			b.Errorf("Stanza %s/%s does not show run %s: %+v", namespaceOf(i), clusterName(i), last, run)
		case last == "" && run == nil && s.begin.Add(apart+schedule.Grace(apart)+2*time.Minute).Before(end):
			overdue++
			if ready := meta.FindStatusCondition(status.Conditions, vocab.ConditionReady); ready == nil || ready.Status != metav1.ConditionFalse {
				b.Errorf("Stanza %s/%s has no run and is not overdue: %+v", namespaceOf(i), clusterName(i), ready)
			}
		}
	}
	return due, missed, overdue
}

// stanzas returns the status of each cluster, by its name.
func (s *soak) stanzas(b *testing.B) map[string]stanzaflowv1alpha1.StanzaStatus {
	b.Helper()
	all := map[string]stanzaflowv1alpha1.StanzaStatus{}
	for n := range s.namespaces() {
		list := &stanzaflowv1alpha1.StanzaList{}
		s.list(b, list, "stanzas", n)
		for i := range list.Items {
			all[list.Items[i].Name] = list.Items[i].Status
		}
	}
	return all
}

// longest returns the samples of the process that lived longest, without the first two.
func (s *soak) longest() (longest []soakSample) {
	lives := map[int][]soakSample{}
	for _, one := range s.samples {
		lives[one.start] = append(lives[one.start], one)
		if len(lives[one.start]) > len(longest) {
			longest = lives[one.start]
		}
	}
	return longest[min(2, len(longest)):]
}

// judgeGrowth compares the first quarter of the longest life with the last.
func (s *soak) judgeGrowth(b *testing.B) {
	b.Helper()
	life := s.longest()
	if len(life) < 4 {
		b.Errorf("no process of the soak has lived long enough to see growth: it has %d samples", len(life))
		return
	}
	for _, what := range []struct {
		name string
		of   func(soakSample) float64
	}{
		{"resident memory", func(one soakSample) float64 { return one.resident }},
		{"memory after a garbage collection", func(one soakSample) float64 { return one.live }},
		{"goroutines", func(one soakSample) float64 { return one.goroutines }},
	} {
		var values []float64
		for _, one := range life {
			values = append(values, what.of(one))
		}
		quarter := len(values) / 4
		first, last := median(values[:quarter]), median(values[len(values)-quarter:])
		hours := life[len(life)-1].at.Sub(life[0].at).Hours()
		fmt.Printf("MEASURED soak: %s, median of the first quarter %.0f, of the last %.0f, ratio %.2f, %+.1f %% an hour\n",
			what.name, first, last, last/first, (last/first-1)*100/hours)
		if last > first*mostGrowth {
			b.Errorf("%s has grown by %.0f %%", what.name, (last/first-1)*100)
		}
	}
}

// judgeFresh starts a process that knows nothing: it must find every object as it would
// translate it, so it writes nothing.
func (s *soak) judgeFresh(b *testing.B) bool {
	b.Helper()
	s.operator.stop()
	before := s.requests(b)
	s.operator.start(b)
	if _, alive := s.awaitQuiet(b, s.operator, "a fresh process"); !alive {
		return false
	}
	added := s.requests(b).since(before).withoutElection()
	fmt.Printf("MEASURED soak: a fresh process makes %.0f writes\n", added.writes())
	if added.writes() > 0 {
		b.Errorf("after the soak a fresh process writes:\n%s", added.each(s.clusters))
	}
	return true
}
