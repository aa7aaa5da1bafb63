//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// TestManager runs the manager from before Argo is installed to the end of a
// cluster.
func TestManager(t *testing.T) {
	s := startServer(t)
	w := s.world(t)

	// Left behind while the operator was down, of a cluster that is gone.
	ours := map[string]string{vocab.LabelManagedBy: vocab.ManagedBy, vocab.LabelCluster: "gone"}
	w.create(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "gone-pgbackrest-config", Labels: ours}})
	w.create(&stanzaflowv1alpha1.Stanza{ObjectMeta: metav1.ObjectMeta{Name: "gone", Labels: ours}})
	left := w.get(configMapKind, "gone-pgbackrest-config")
	stop := w.startManager()

	postgresql := makePostgresql(w.T, w.namespace)
	w.create(postgresql)
	w.eventually(vocab.ConditionProgrammed, vocab.ReasonArgoNotInstalled)
	w.gone(stanzaKind, "gone")

	for _, file := range argoCRDs(t, "minimal") {
		if err := w.client.Create(t.Context(), readCRD(t, file)); err != nil {
			t.Fatal(err)
		}
	}
	w.eventually(vocab.ConditionProgrammed, vocab.ReasonWorkflowTemplateMissing)
	w.create(makeTemplate(w.namespace))
	w.eventually(vocab.ConditionProgrammed, vocab.ReasonProgrammed)

	w.eventuallyEvent(vocab.ReasonArgoNotInstalled, "")
	w.eventuallyEvent(vocab.ReasonCreated, testFull)
	w.eventuallyEvent(vocab.ReasonCreated, testIncr)

	full, configMap := w.get(cronWorkflowKind, testFull), w.get(configMapKind, testConfigMap)
	run := makeWorkflow(w.namespace, runOptions{name: testFull + "-1", backupType: cpo.Full, phase: "Running", cron: full, started: w.clock.Now()})
	w.create(run)
	eventually(t, func() error {
		if last := w.stanza().Status.LastRun; last == nil || last.Workflow != run.GetName() {
			return fmt.Errorf("last run is %s", asJSON(last))
		}
		return nil
	})

	// A restart in the middle of it, with Argo there from the start.
	stop()
	writes := len(w.written())
	stop = w.startManager()
	w.delete(postgresql)
	eventually(t, func() error {
		if !suspended(w.get(cronWorkflowKind, testFull)) {
			return fmt.Errorf("%s is not suspended", testFull)
		}
		return nil
	})
	if len(w.written()) == writes {
		t.Error("the writes of the manager are not counted")
	}
	started := run.GetCreationTimestamp().Time
	setRun(run, runOptions{backupType: cpo.Full, phase: "Succeeded", started: started, result: stanzaflowv1alpha1.RunSucceeded})
	w.update(run)
	w.gone(cronWorkflowKind, testFull)
	w.gone(stanzaKind, testCluster)
	stop()
	w.wantUntouched(configMap)
	w.wantUntouched(left)
}

// TestManagerIsSilent: with the manager running and everything in place,
// nothing is written, also not by a restart.
func TestManagerIsSilent(t *testing.T) {
	s := startServer(t, argoCRDs(t, "minimal")...)
	w := s.world(t)
	w.create(makeTemplate(w.namespace))
	w.create(makePostgresql(w.T, w.namespace))
	stop := w.startManager()
	w.eventually(vocab.ConditionReady, vocab.ReasonReady)
	stop()
	w.settle()

	before := len(w.written())
	stop = w.startManager()
	// A cluster that is touched after the restart has been reconciled shows
	// that the passes of the restart are over.
	second := makePostgresql(w.T, w.namespace)
	second.SetName("second")
	w.create(second)
	eventually(t, func() error {
		stanza := &stanzaflowv1alpha1.Stanza{}
		if err := w.client.Get(t.Context(), w.key("second"), stanza); err != nil {
			return err
		}
		if c := meta.FindStatusCondition(stanza.Status.Conditions, vocab.ConditionReady); c == nil || c.Status != metav1.ConditionTrue {
			return fmt.Errorf("conditions are %s", asJSON(stanza.Status.Conditions))
		}
		return nil
	})
	stop()
	// A write of the second cluster may meet a conflict and be made again.
	for _, write := range w.written()[before:] {
		if !strings.Contains(write, "second") && !strings.HasSuffix(write, "/stanzas") && !strings.Contains(write, "/events") {
			t.Errorf("the restart wrote: %s", write)
		}
	}
}

// startManager runs a manager as main does, and gives what stops it.
func (w *world) startManager(namespaces ...string) (stop func()) {
	w.Helper()
	mgr, err := ctrl.NewManager(w.counted(), ctrl.Options{
		Scheme: w.scheme, Cache: CacheOptions(namespaces), Metrics: metricsserver.Options{BindAddress: "0"},
		Controller: config.Controller{SkipNameValidation: new(true)},
		// Its writes would be counted where nothing must be written.
		LeaderElection: len(namespaces) > 0, LeaderElectionNamespace: operatorNamespace, LeaderElectionID: "manager",
		LeaderElectionReleaseOnCancel: true,
	})
	if err != nil {
		w.Fatal(err)
	}
	controller := New(mgr, w.clock, operatorNamespace, namespaces)
	controller.skewPoll = time.Second
	if err := controller.Setup(mgr); err != nil {
		w.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.Context())
	done := make(chan error, 1)
	go func() { done <- mgr.Start(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			w.Errorf("the manager ended with: %v", err)
		}
	}
	w.Cleanup(stop)
	return stop
}

func (w *world) eventually(kind, reason string) {
	w.Helper()
	eventually(w.T, func() error {
		stanza := &stanzaflowv1alpha1.Stanza{}
		if err := w.client.Get(w.Context(), w.key(testCluster), stanza); err != nil {
			return err
		}
		if c := meta.FindStatusCondition(stanza.Status.Conditions, kind); c == nil || c.Reason != reason {
			return fmt.Errorf("want %s/%s, conditions are %s", kind, reason, asJSON(stanza.Status.Conditions))
		}
		return nil
	})
}

func (w *world) gone(kind schema.GroupVersionKind, name string) {
	w.Helper()
	eventually(w.T, func() error {
		if w.find(kind, name) != nil {
			return fmt.Errorf("%s %s is still there", kind.Kind, name)
		}
		return nil
	})
}

// eventuallyEvent finds an event on the postgresql that the API server has.
func (w *world) eventuallyEvent(reason, related string) {
	w.Helper()
	eventually(w.T, func() error {
		list := &eventsv1.EventList{}
		if err := w.client.List(w.Context(), list, client.InNamespace(w.namespace)); err != nil {
			return err
		}
		for _, e := range list.Items {
			on := e.Regarding.Kind == cpo.GroupVersionKind.Kind && e.Regarding.Name == testCluster
			if on && e.Reason == reason && (e.Related == nil && related == "" || e.Related != nil && e.Related.Name == related) {
				return nil
			}
		}
		return fmt.Errorf("no event %s for %q in %s", reason, related, asJSON(list.Items))
	})
}

// TestManagerWatchesRepoHost: what somebody takes away comes back without
// anything else happening.
func TestManagerWatchesRepoHost(t *testing.T) {
	s := startServer(t, argoCRDs(t, "minimal")...)
	w := s.world(t)
	// Handed over by its labels while the manager runs.
	foreign := makeClaim(testClaim, nil)
	w.create(foreign)
	w.create(makeTemplate(w.namespace))
	w.create(makeHosted(w.T, w.namespace))
	stop := w.startManager()
	w.eventually(vocab.ConditionProgrammed, vocab.ReasonNotOwned)
	w.patch(foreign, "user", `{"metadata": {"labels": {"app.kubernetes.io/managed-by": "stanzaflow", "stanzaflow.dev/cluster": "shop"}}}`)
	w.eventually(vocab.ConditionReady, vocab.ReasonReady)
	for _, object := range []struct {
		kind schema.GroupVersionKind
		name string
	}{{statefulSetKind, testHost}, {serviceKind, "shop-clusterpods"}, {configMapKind, testConfigMap}} {
		was := w.get(object.kind, object.name)
		w.delete(was)
		eventually(t, func() error {
			if is := w.find(object.kind, object.name); is == nil || is.GetUID() == was.GetUID() {
				return fmt.Errorf("%s %s is not back", object.kind.Kind, object.name)
			}
			return nil
		})
	}
	w.wantPublished()
	stop()
}
