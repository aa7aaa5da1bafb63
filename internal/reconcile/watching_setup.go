// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/lanes"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/packed"
)

// watchingName is the name of the controller of the namespaces.
const watchingName = controllerName + "-watch"

// watchingOptions: one pass at a time is enough for one object in each namespace.
func watchingOptions() controller.Options {
	return controller.Options{MaxConcurrentReconciles: 1, ReconciliationTimeout: passTimeout, NewQueue: newQueue}
}

// setUp adds the controller of the namespaces to a manager. What changes in a cluster
// matters only if it may begin or cease to be watched.
func (w *watching) setUp(mgr ctrl.Manager) error {
	matters := builder.WithPredicates(predicate.Funcs{UpdateFunc: mayChangeWatched})
	ctl, err := ctrl.NewControllerManagedBy(mgr).
		Named(watchingName).
		WithOptions(watchingOptions()).
		Watches(object.New(cpo.GroupVersionKind), handler.EnqueueRequestsFromMapFunc(namespaceOf), matters).
		Watches(&stanzaflowv1alpha1.Stanza{}, handler.EnqueueRequestsFromMapFunc(namespaceOf), matters).
		WatchesRawSource(source.Channel(w.wake, lanes.Slow(w.everyNamespace))).
		Build(w)
	if err != nil {
		return fmt.Errorf("cannot build the controller of the namespaces: %w", err)
	}
	w.ctl = ctl
	return nil
}

// mayChangeWatched: the specs decide, whether the object is being deleted, and for a
// postgresql whether CPO has it.
func mayChangeWatched(e event.UpdateEvent) bool {
	was, is := e.ObjectOld, e.ObjectNew
	if was.GetGeneration() != is.GetGeneration() || was.GetGeneration() == 0 || (was.GetDeletionTimestamp() == nil) != (is.GetDeletionTimestamp() == nil) {
		return true
	}
	before, ok := packed.Open(was).(*unstructured.Unstructured)
	after, okAfter := packed.Open(is).(*unstructured.Unstructured)
	return ok && okAfter && cpo.ClaimOn(before.Object, false) != cpo.ClaimOn(after.Object, false)
}

// watchArgo follows the CronWorkflow of each namespace.
func (w *watching) watchArgo(argo cache.Cache) error {
	err := w.ctl.Watch(source.Kind[client.Object](argo, object.New(object.CronWorkflow), handler.EnqueueRequestsFromMapFunc(namespaceOf), predicate.NewPredicateFuncs(ofWatch)))
	if err != nil {
		return fmt.Errorf("cannot watch the CronWorkflows of the watch: %w", err)
	}
	return nil
}

// namespaceOf maps an object to its namespace.
func namespaceOf(_ context.Context, o client.Object) []reconcile.Request {
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Name: o.GetNamespace()}}}
}

// everyNamespace is each namespace with a cluster.
func (w *watching) everyNamespace(ctx context.Context, _ client.Object) []reconcile.Request {
	seen := map[string]bool{}
	var requests []reconcile.Request
	for _, cluster := range w.clusters(ctx) {
		if !seen[cluster.Namespace] {
			seen[cluster.Namespace] = true
			requests = append(requests, reconcile.Request{NamespacedName: types.NamespacedName{Name: cluster.Namespace}})
		}
	}
	return requests
}
