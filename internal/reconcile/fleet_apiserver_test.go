//go:build apiserver && !race

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/apiservertest"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// The fleet of one operator.
const (
	fleetNamespaces = 10
	fleetClusters   = 100 // in each
)

// TestFleetIsSilent has a manager with 1,000 clusters. Nothing happens to them for ten
// minutes, in which every namespace is watched twice: it writes nothing. It runs without the
// race detector, which makes a thousand clusters six times as slow, and finds in them what
// it finds in one.
func TestFleetIsSilent(t *testing.T) {
	s := startServer(t, argoCRDs(t, "minimal")...)
	var fleet []*world
	for n := range fleetNamespaces {
		w := s.world(t)
		fleet = append(fleet, w)
		w.create(reconciletest.Template(w.namespace))
		w.create(watchTemplate(w.namespace))
		w.create(watchAccount(w.namespace))
		for i := range fleetClusters {
			postgresql := reconciletest.Postgresql(t, w.namespace)
			reconciletest.Rename(postgresql, fmt.Sprintf("db-%d", n*fleetClusters+i))
			w.create(postgresql)
		}
	}
	first := fleet[0]
	asked := first.clock.Now()
	// watch has every namespace report that nothing has changed since the first time.
	watch := func(minute int) {
		first.clock.SetTime(asked.Add(time.Duration(minute) * time.Minute))
		for n, w := range fleet {
			samples := map[string]report.Sample{}
			for i := range fleetClusters {
				samples[fmt.Sprintf("db-%d", n*fleetClusters+i)] = answer(asked, func(s *report.Sample) { s.Time = first.clock.Now() })
			}
			w.watched(fmt.Sprint(minute), first.clock.Now(), samples)
		}
	}
	rest := busy(t)
	first.startManagerWith(Options{Namespace: operatorNamespace, Provisioner: vocab.ProvisionedByUs, WatchInterval: watchInterval})
	begin := time.Now()
	watch(0)
	patiently(t, func() error { return s.everyClusterArchives(t) })
	fmt.Printf("MEASURED %d clusters are set up, and their watches folded, in %.0f s\n", fleetNamespaces*fleetClusters, time.Since(begin).Seconds())
	// The passes that the last writes cause.
	calm(t, rest)
	before := s.written()
	for _, minute := range []int{5, 10} {
		passes, begin := passesSoFar(t), time.Now()
		watch(minute)
		patiently(t, func() error {
			if done := passesSoFar(t) - passes; done < fleetNamespaces*fleetClusters {
				return fmt.Errorf("the watch has woken %.0f clusters", done)
			}
			return nil
		})
		calm(t, rest)
		fmt.Printf("MEASURED the reports of %d watches are folded into %d Stanzas in %.0f s\n", fleetNamespaces, fleetNamespaces*fleetClusters, time.Since(begin).Seconds())
	}
	if wrote := s.written()[len(before):]; len(wrote) > 0 {
		t.Errorf("an idle fleet had %d writes: %q", len(wrote), wrote[:min(len(wrote), 20)])
	}
}

// everyClusterArchives says which Stanzas do not say so.
func (s *server) everyClusterArchives(t *testing.T) error {
	t.Helper()
	list := &stanzaflowv1alpha1.StanzaList{}
	if err := s.client.List(t.Context(), list); err != nil {
		return err
	}
	if n := len(list.Items); n < fleetNamespaces*fleetClusters {
		return fmt.Errorf("there are %d Stanzas", n)
	}
	list.Items = slices.DeleteFunc(list.Items, func(s stanzaflowv1alpha1.Stanza) bool {
		return meta.IsStatusConditionTrue(s.Status.Conditions, vocab.ConditionArchiving)
	})
	if n := len(list.Items); n > 0 {
		return fmt.Errorf("%d clusters do not archive, one is %s", n, reconciletest.JSON(list.Items[0].Status))
	}
	return nil
}

// patiently is eventually for a whole fleet.
func patiently(t *testing.T, check func() error) {
	t.Helper()
	var err error
	for range 10 {
		if err = apiservertest.Poll(check); err == nil {
			return
		}
	}
	t.Fatal(err)
}

// passesSoFar counts those over clusters.
func passesSoFar(t *testing.T) float64 {
	t.Helper()
	return measured(t, "controller_runtime_reconcile_total", controllerName)
}

// busy is how many passes are made and are waiting. It counts those that managers of other
// tests have left undone, too.
func busy(t *testing.T) float64 {
	t.Helper()
	sum := 0.0
	for _, name := range []string{controllerName, watchingName} {
		sum += measured(t, "workqueue_depth", name) + measured(t, "controller_runtime_active_workers", name)
	}
	return sum
}

// calm waits until the manager is not busy, twice in a row.
func calm(t *testing.T, rest float64) {
	t.Helper()
	last := -1.0
	patiently(t, func() error {
		now, passes := busy(t), passesSoFar(t)
		defer func() { last = passes }()
		if now > rest || passes != last {
			return fmt.Errorf("%.0f passes are made or waiting, and %.0f were before the manager started", now, rest)
		}
		return nil
	})
}

// measured is the sum of a metric of one controller.
func measured(t *testing.T, metric, controller string) float64 {
	t.Helper()
	families, err := metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, family := range families {
		if family.GetName() != metric {
			continue
		}
		for _, m := range family.GetMetric() {
			for _, label := range m.GetLabel() {
				if (label.GetName() == "controller" || label.GetName() == "name") && label.GetValue() == controller {
					sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
				}
			}
		}
	}
	return sum
}
