// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/lanes"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/packed"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/watch"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

const (
	// workers is low: passes are short and mostly find nothing to do.
	workers = 4
	// passTimeout ends a pass that hangs, such as on a kind that we may not list,
	// so that the log gets its error.
	passTimeout = 2 * time.Minute
	// argoPoll is how often to ask for Argo's kinds while there are none.
	argoPoll = 5 * time.Second
)

// Setup adds the controller to a manager. Argo's kinds are watched from the
// start if they are served, else as soon as they are. The kind postgresql must be
// served.
func (c *Controller) Setup(ctx context.Context, mgr ctrl.Manager) error {
	var err error
	if err := c.setUpPresence(ctx, mgr); err != nil {
		return err
	}
	metadataClient, err := metadata.NewForConfigAndClient(mgr.GetConfig(), mgr.GetHTTPClient())
	if err != nil {
		return fmt.Errorf("cannot make the client for metadata: %w", err)
	}
	c.watches = watch.New(metadataClient)
	if c.locations, err = newIndexed(ctx, mgr, c.cached); err != nil {
		return err
	}
	// The first list of their names must not find the Stanzas without an informer.
	if _, err := mgr.GetCache().GetInformer(ctx, &stanzaflowv1alpha1.Stanza{}, cache.BlockUntilSynced(false)); err != nil {
		return fmt.Errorf("cannot watch the Stanzas: %w", err)
	}
	builder := ctrl.NewControllerManagedBy(mgr).
		Named(controllerName).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: workers, ReconciliationTimeout: passTimeout, NewQueue: newQueue,
		}).
		For(object.New(cpo.GroupVersionKind)).
		Watches(object.New(cpo.GroupVersionKind), c.wakeRivals()).
		Watches(&stanzaflowv1alpha1.Stanza{}, &handler.EnqueueRequestForObject{}).
		WatchesRawSource(c.watches).
		WatchesRawSource(source.Channel(c.wake, lanes.Slow(c.everyCluster)))
	for _, kind := range configurationKinds(c.options.Provisioner) {
		builder = builder.Watches(object.New(kind), handler.EnqueueRequestsFromMapFunc(clusterOf))
	}
	if c.options.Provisioner == vocab.ProvisionedByCPO {
		builder = builder.Watches(&batchv1.CronJob{}, handler.EnqueueRequestsFromMapFunc(c.clusterOfCPO))
	}
	builder = builder.WatchesRawSource(source.Channel(c.watching.wakeClusters, lanes.Slow(c.clustersOfNamespace)))
	ctl, err := builder.Build(c)
	if err != nil {
		return fmt.Errorf("cannot build the controller: %w", err)
	}
	if err := c.watching.setUp(mgr); err != nil {
		return err
	}
	if c.skew, err = newSkewMemory(mgr, c.options.Provisioner); err != nil {
		return fmt.Errorf("cannot make the client for the OpenAPI document: %w", err)
	}
	if err := mgr.Add(manager.RunnableFunc(c.watchSkew)); err != nil {
		return fmt.Errorf("cannot watch the policies: %w", err)
	}
	served, err := argoServed(mgr.GetRESTMapper())
	switch {
	case err != nil:
		return err
	case served:
		argo, err := c.watchArgo(mgr, ctl)
		if err == nil {
			c.argo.serve(argo)
		}
		return err
	}
	return mgr.Add(manager.RunnableFunc(func(ctx context.Context) error { return c.awaitArgo(ctx, mgr, ctl) }))
}

// setUpPresence finds out whether CPO is installed and how it is configured, before
// the first pass could touch a cluster of CPO, and keeps asking.
func (c *Controller) setUpPresence(ctx context.Context, mgr ctrl.Manager) (err error) {
	if c.presence, err = newPresence(mgr, c.options); err != nil {
		return fmt.Errorf("cannot make the client for the discovery of resources: %w", err)
	}
	if _, err := c.presence.look(ctx); err != nil {
		return fmt.Errorf("cannot find out whether CPO is installed and how it is configured: %w", err)
	}
	if err := mgr.Add(onEveryReplica(c.watchPresence)); err != nil {
		return fmt.Errorf("cannot watch whether CPO is installed: %w", err)
	}
	return nil
}

// awaitArgo waits until Argo's kinds are served, watches them, and wakes every
// cluster that we know.
func (c *Controller) awaitArgo(ctx context.Context, mgr ctrl.Manager, ctl controller.Controller) error {
	logger := log.FromContext(ctx).WithName(controllerName)
	logger.Info("Argo Workflows is not installed; waiting for its resources", "group", object.Workflow.Group)
	err := wait.PollUntilContextCancel(ctx, argoPoll, false, func(context.Context) (bool, error) {
		served, err := argoServed(mgr.GetRESTMapper())
		if err != nil {
			logger.Error(err, "Cannot find out whether Argo Workflows is installed")
		}
		return served, nil
	})
	if err != nil {
		return nil //nolint:nilerr // the manager stops
	}
	argo, err := c.watchArgo(mgr, ctl)
	if err != nil {
		return err
	}
	if !argo.WaitForCacheSync(ctx) {
		return nil // the manager stops
	}
	c.argo.serve(argo)
	logger.Info("Argo Workflows is installed")
	c.wakeAll()
	return nil
}

// watchArgo gives Argo's kinds a cache of their own: the one of the manager
// cannot be made with options for kinds that are not served.
func (c *Controller) watchArgo(mgr ctrl.Manager, ctl controller.Controller) (cache.Cache, error) {
	argo, err := NewCache(mgr.GetConfig(), argoCacheOptions(mgr, c.options.Namespaces))
	if err != nil {
		return nil, fmt.Errorf("cannot make the cache for Argo's resources: %w", err)
	}
	cronWorkflow, workflow, template := object.New(object.CronWorkflow), object.New(object.Workflow), object.NewMetadata(object.WorkflowTemplate)
	for _, watch := range []source.Source{
		source.Kind[client.Object](argo, cronWorkflow, handler.EnqueueRequestsFromMapFunc(clusterOf)),
		source.Kind[client.Object](argo, workflow, handler.EnqueueRequestsFromMapFunc(clusterOf), runChanged),
		source.Kind[client.Object](argo, workflow, c.positions.follow()),
		source.Kind[client.Object](argo, workflow, lanes.Slow(c.clustersOfWatch), predicate.NewPredicateFuncs(ofWatch), runChanged),
		source.Kind[client.Object](argo, template, lanes.Slow(c.clustersOfNamespace)),
	} {
		if err := ctl.Watch(watch); err != nil {
			return nil, fmt.Errorf("cannot watch Argo's resources: %w", err)
		}
	}
	if err := c.watching.watchArgo(argo); err != nil {
		return nil, err
	}
	if err := mgr.Add(argo); err != nil {
		return nil, fmt.Errorf("cannot start the cache for Argo's resources: %w", err)
	}
	return argo, nil
}

// newQueue makes the queue of a controller.
func newQueue(name string, limiter workqueue.TypedRateLimiter[reconcile.Request]) workqueue.TypedRateLimitingInterface[reconcile.Request] {
	return lanes.New(name, limiter)
}

func argoServed(mapper meta.RESTMapper) (bool, error) {
	for _, kind := range object.ServedBy(object.Argo) {
		_, err := mapper.RESTMapping(kind.GroupKind(), kind.Version)
		switch {
		case meta.IsNoMatchError(err):
			return false, nil
		case err != nil:
			return false, fmt.Errorf("cannot look up %s: %w", kind.GroupKind(), err)
		}
	}
	return true, nil
}

// clusterOf maps an object of ours, or a Workflow, to the cluster in its label.
func clusterOf(_ context.Context, o client.Object) []reconcile.Request {
	cluster := o.GetLabels()[vocab.LabelCluster]
	if cluster == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: o.GetNamespace(), Name: cluster}}}
}

func ofWatch(o client.Object) bool { return object.OfWatch(o) }

// clustersOfWatch maps a watch that has ended to every cluster of its namespace.
func (c *Controller) clustersOfWatch(ctx context.Context, o client.Object) []reconcile.Request {
	if workflow, ok := packed.Open(o).(*unstructured.Unstructured); !ok || outcome.Running(object.DecodeWorkflow(workflow)) {
		return nil
	}
	return c.clustersOfNamespace(ctx, o)
}

// clusterOfCPO maps an object of CPO to the cluster in its label.
func (c *Controller) clusterOfCPO(_ context.Context, o client.Object) []reconcile.Request {
	cluster := o.GetLabels()[c.presence.last.Load().configuration.Labels.ClusterName]
	if cluster == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: o.GetNamespace(), Name: cluster}}}
}

// clustersOfNamespace maps a WorkflowTemplate to every cluster of its namespace.
// Their Stanzas say which of them use it.
func (c *Controller) clustersOfNamespace(ctx context.Context, o client.Object) []reconcile.Request {
	return c.clusters(ctx, client.InNamespace(o.GetNamespace()))
}

func (c *Controller) everyCluster(ctx context.Context, _ client.Object) []reconcile.Request {
	return c.clusters(ctx)
}

func (c *Controller) clusters(ctx context.Context, options ...client.ListOption) []reconcile.Request {
	seen := map[types.NamespacedName]bool{}
	var requests []reconcile.Request
	for _, kind := range []schema.GroupVersionKind{cpo.GroupVersionKind, object.Stanza} {
		names := object.NewMetadataList(kind)
		if err := c.cached.List(ctx, names, options...); err != nil {
			log.FromContext(ctx).Error(err, "Cannot list the clusters to wake", "kind", kind.Kind)
			continue
		}
		for i := range names.Items {
			key := client.ObjectKeyFromObject(&names.Items[i])
			if !seen[key] {
				seen[key] = true
				requests = append(requests, reconcile.Request{NamespacedName: key})
			}
		}
	}
	return requests
}
