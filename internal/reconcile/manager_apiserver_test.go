//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"fmt"
	"runtime/pprof"
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
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// TestManager runs the manager from before Argo is installed to the end of a
// cluster.
func TestManager(t *testing.T) {
	s := startServer(t)
	w := s.world(t)

	// Objects of a cluster that was deleted while the operator was down.
	ours := map[string]string{vocab.LabelManagedBy: vocab.ManagedBy, vocab.LabelCluster: "gone"}
	w.create(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "gone-pgbackrest-config", Labels: ours}})
	w.create(&stanzaflowv1alpha1.Stanza{ObjectMeta: metav1.ObjectMeta{Name: "gone", Labels: ours}})
	left := w.get(object.ConfigMap, "gone-pgbackrest-config")
	stop := w.startManager()

	postgresql := reconciletest.Postgresql(w.T, w.namespace)
	w.create(postgresql)
	w.eventually(vocab.ConditionProgrammed, vocab.ReasonArgoNotInstalled)
	w.gone(object.Stanza, "gone")

	for _, file := range argoCRDs(t, "minimal") {
		if err := w.client.Create(t.Context(), readCRD(t, file)); err != nil {
			t.Fatal(err)
		}
	}
	w.eventually(vocab.ConditionProgrammed, vocab.ReasonWorkflowTemplateMissing)
	w.create(reconciletest.Template(w.namespace))
	w.eventually(vocab.ConditionProgrammed, vocab.ReasonProgrammed)

	w.eventuallyEvent(vocab.ReasonArgoNotInstalled, "")
	w.eventuallyEvent(vocab.ReasonCreated, reconciletest.Full) // and the other with it

	full, configMap := w.get(object.CronWorkflow, reconciletest.Full), w.get(object.ConfigMap, reconciletest.ConfigMap)
	run := reconciletest.Workflow(w.namespace, reconciletest.Run{Name: reconciletest.Full + "-1", Type: cpo.Full, Phase: "Running", CronWorkflow: full, Started: w.clock.Now()})
	w.create(run)
	eventually(t, func() error {
		if last := w.stanza().Status.LastRun; last == nil || last.Workflow != run.GetName() {
			return fmt.Errorf("last run is %s", reconciletest.JSON(last))
		}
		return nil
	})

	// A restart in the middle, with Argo installed from the start.
	stop()
	writes := len(w.written())
	stop = w.startManager()
	w.delete(postgresql)
	eventually(t, func() error {
		if !object.Suspended(w.get(object.CronWorkflow, reconciletest.Full)) {
			return fmt.Errorf("%s is not suspended", reconciletest.Full)
		}
		return nil
	})
	if len(w.written()) == writes {
		t.Error("the writes of the manager are not counted")
	}
	started := run.GetCreationTimestamp().Time
	reconciletest.SetRun(run, reconciletest.Run{Type: cpo.Full, Phase: "Succeeded", Started: started, Result: stanzaflowv1alpha1.RunSucceeded})
	w.update(run)
	w.gone(object.CronWorkflow, reconciletest.Full)
	w.gone(object.Stanza, reconciletest.Cluster)
	stop()
	w.wantUntouched(configMap)
	w.wantUntouched(left)
}

// startManagedWorld starts a world where a manager has made a cluster ready.
func startManagedWorld(t *testing.T) (w *world, stop func()) {
	t.Helper()
	w = startWorld(t)
	w.create(reconciletest.Template(w.namespace))
	w.create(reconciletest.Postgresql(w.T, w.namespace))
	stop = w.startManager()
	w.eventually(vocab.ConditionReady, vocab.ReasonNoBackupYet)
	return w, stop
}

// TestManagerIsSilent checks that the manager writes nothing when everything is in
// place, not even after a restart.
func TestManagerIsSilent(t *testing.T) {
	w, stop := startManagedWorld(t)
	stop()
	w.settle()

	before := len(w.written())
	stop = w.startManager()
	// A cluster that we touch after the restart shows, once it is reconciled, that the
	// passes of the restart have ended.
	second := reconciletest.Postgresql(w.T, w.namespace)
	reconciletest.Rename(second, "second")
	w.create(second)
	eventually(t, func() error {
		stanza := &stanzaflowv1alpha1.Stanza{}
		if err := w.client.Get(t.Context(), w.key("second"), stanza); err != nil {
			return err
		}
		if c := meta.FindStatusCondition(stanza.Status.Conditions, vocab.ConditionReady); c == nil || c.Reason != string(vocab.ReasonNoBackupYet) {
			return fmt.Errorf("conditions are %s", reconciletest.JSON(stanza.Status.Conditions))
		}
		return nil
	})
	stop()
	// A write for the second cluster may meet a conflict and be repeated.
	for _, write := range w.written()[before:] {
		if !strings.Contains(write, "second") && !strings.HasSuffix(write, "/stanzas") && !strings.Contains(write, "/events") {
			t.Errorf("the restart wrote: %s", write)
		}
	}
}

// startManager runs a manager as main does, and returns a function that stops it.
func (w *world) startManager(namespaces ...string) (stop func()) {
	w.Helper()
	return w.startManagerWith(Options{Namespace: operatorNamespace, Namespaces: namespaces, Provisioner: vocab.ProvisionedByUs})
}

// startManagerWith does it in any mode.
func (w *world) startManagerWith(options Options) (stop func()) {
	w.Helper()
	mgr, err := ctrl.NewManager(w.counted(), ctrl.Options{
		Scheme: w.scheme, NewCache: NewCache, Cache: CacheOptions(options), Metrics: metricsserver.Options{BindAddress: "0"},
		Controller: config.Controller{SkipNameValidation: new(true)},
		// Its writes would be counted where nothing must be written.
		LeaderElection: len(options.Namespaces) > 0, LeaderElectionNamespace: operatorNamespace, LeaderElectionID: "manager",
		LeaderElectionReleaseOnCancel: true,
	})
	if err != nil {
		w.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.Context())
	controller := New(mgr, w.clock, options)
	controller.skewPoll, controller.presencePoll = time.Second, time.Second
	if err := controller.Setup(ctx, mgr); err != nil {
		w.Fatal(err)
	}
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
			var stacks strings.Builder
			_ = pprof.Lookup("goroutine").WriteTo(&stacks, 1)
			w.Errorf("the manager ended with: %v; what still runs:\n%s", err, stacks.String())
		}
	}
	w.Cleanup(stop)
	return stop
}

func (w *world) eventually(kind string, reason vocab.Reason) {
	w.Helper()
	eventually(w.T, func() error {
		stanza := &stanzaflowv1alpha1.Stanza{}
		if err := w.client.Get(w.Context(), w.key(reconciletest.Cluster), stanza); err != nil {
			return err
		}
		if c := meta.FindStatusCondition(stanza.Status.Conditions, kind); c == nil || c.Reason != string(reason) {
			return fmt.Errorf("want %s/%s, conditions are %s", kind, reason, reconciletest.JSON(stanza.Status.Conditions))
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

// eventuallyEvent waits for an event on the postgresql.
func (w *world) eventuallyEvent(reason vocab.Reason, related string) {
	w.Helper()
	eventually(w.T, func() error {
		list := &eventsv1.EventList{}
		if err := w.client.List(w.Context(), list, client.InNamespace(w.namespace)); err != nil {
			return err
		}
		for _, e := range list.Items {
			on := e.Regarding.Kind == cpo.GroupVersionKind.Kind && e.Regarding.Name == reconciletest.Cluster
			if on && e.Reason == string(reason) && (e.Related == nil && related == "" || e.Related != nil && e.Related.Name == related) {
				return nil
			}
		}
		return fmt.Errorf("no event %s for %q in %s", reason, related, reconciletest.JSON(list.Items))
	})
}

// TestManagerWatchesRepoHost checks that deleted objects come back without any
// other change.
func TestManagerWatchesRepoHost(t *testing.T) {
	w := startWorld(t)
	// Handed over by its labels while the manager runs.
	foreign := makeClaim(reconciletest.Claim, nil)
	w.create(foreign)
	w.create(reconciletest.Template(w.namespace))
	w.create(reconciletest.Hosted(w.T, w.namespace))
	stop := w.startManager()
	w.eventually(vocab.ConditionProgrammed, vocab.ReasonNotOwned)
	w.patch(foreign, "user", `{"metadata": {"labels": {"app.kubernetes.io/managed-by": "stanzaflow", "stanzaflow.dev/cluster": "shop"}}}`)
	w.eventually(vocab.ConditionReady, vocab.ReasonNoBackupYet)
	for _, o := range []struct {
		kind schema.GroupVersionKind
		name string
	}{{object.StatefulSet, reconciletest.Host}, {object.Service, "shop-clusterpods"}, {object.ConfigMap, reconciletest.ConfigMap}} {
		was := w.get(o.kind, o.name)
		w.delete(was)
		eventually(t, func() error {
			if is := w.find(o.kind, o.name); is == nil || is.GetUID() == was.GetUID() {
				return fmt.Errorf("%s %s is not back", o.kind.Kind, o.name)
			}
			return nil
		})
	}
	w.wantPublished()
	stop()
}
