// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/contract"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/archiving"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/status"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// watching keeps the CronWorkflow of the watch of each namespace. It is a controller of
// its own, keyed by the namespace: several passes over clusters work at a time, and the
// one that deletes with the last cluster must not meet one that creates with the first.
//
// It writes that one object. What is wrong with it, the Stanzas of the namespace say.
type watching struct {
	*Controller
	// ctl is the controller once it is set up.
	ctl controller.Controller
	mu  sync.Mutex
	// findings say by namespace why its CronWorkflow is not in place.
	findings map[string][]status.Finding
	// wake is for every namespace: Argo's kinds are served now, or CPO was installed or
	// removed.
	wake chan event.GenericEvent
	// wakeClusters is for the clusters of a namespace whose findings have changed.
	wakeClusters chan event.GenericEvent
}

var _ reconcile.Reconciler = &watching{}

func newWatching(c *Controller) *watching {
	return &watching{Controller: c, findings: map[string][]status.Finding{}, wake: make(chan event.GenericEvent, 1), wakeClusters: make(chan event.GenericEvent, 1024)}
}

// Reconcile does one pass over a namespace.
func (w *watching) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	namespace := request.Name
	state := object.State{Key: types.NamespacedName{Namespace: namespace}, ArgoInstalled: true, Objects: object.Objects{}, Foreign: map[string]bool{}}
	needed, err := w.needed(ctx, namespace)
	if err != nil {
		return ctrl.Result{}, err
	}
	switch err := w.observeKind(ctx, &state, object.CronWorkflow); {
	case meta.IsNoMatchError(err):
		return ctrl.Result{}, nil // Argo's kinds wake every namespace when they are served.
	case err != nil:
		return ctrl.Result{}, err
	}
	var want []*unstructured.Unstructured
	if needed {
		planned, err := object.Encode(new(archiving.CronWorkflow(namespace, w.options.WatchInterval)))
		if err != nil {
			return ctrl.Result{}, reconcile.TerminalError(err)
		}
		want = append(want, planned)
	}
	if w.own.behind(state) {
		return ctrl.Result{RequeueAfter: ownWritesPoll}, nil
	}
	if err := w.observeNames(ctx, &state, want); err != nil {
		return ctrl.Result{}, err
	}
	done := object.Apply(ctx, object.Writer{Client: w.client, Live: w.live, State: state}, diffWatch(state, want), nil)
	w.own.add(state.Key, done.Written)
	w.foreign.add(state.Key, done.Refused)
	for _, change := range done.Changes {
		log.FromContext(ctx).Info(string(change.Reason)+" the CronWorkflow of the watch", "namespace", namespace)
	}
	w.report(ctx, namespace, findWatch(state, want, done))
	return watchResult(state, done)
}

// diffWatch compares the CronWorkflow of a namespace with the planned one. A watch writes
// nothing, so its CronWorkflow needs no drain; only a run that still asks delays the end.
func diffWatch(state object.State, want []*unstructured.Unstructured) []object.Action {
	var actions []object.Action
	for _, planned := range want {
		have := state.Objects.Find(object.CronWorkflow, planned.GetName())
		switch {
		case state.Foreign[object.ID(planned)]:
			actions = append(actions, object.Action{Verb: object.Refuse, Want: planned})
		case have == nil:
			actions = append(actions, object.Action{Verb: object.Create, Want: planned})
		case object.Differs(planned, have):
			actions = append(actions, object.Action{Verb: object.Update, Want: planned, Have: have})
		}
	}
	for _, have := range state.Objects[object.CronWorkflow] {
		if object.ByName(want)[have.GetName()] == nil {
			actions = append(actions, object.Action{Verb: object.Delete, Have: have})
		}
	}
	return actions
}

// findWatch says why the CronWorkflow of a namespace is not in place.
func findWatch(state object.State, want []*unstructured.Unstructured, done object.Result) []status.Finding {
	var findings []status.Finding
	for _, planned := range want {
		if state.Foreign[object.ID(planned)] || slices.Contains(done.Refused, planned) {
			findings = append(findings, status.Finding{Reason: vocab.ReasonNotOwned, Message: fmt.Sprintf(
				"%s in namespace %s is not managed by %s, so no watch starts; remove or rename it", object.ID(planned), state.Key.Namespace, vocab.ManagedBy)})
		}
	}
	for _, f := range done.Failures {
		if !object.Quiet(f.Err) {
			findings = append(findings, status.Finding{Reason: vocab.ReasonApplyFailed, Message: "cannot " + f.What + ": " + object.Plain(f.Err)})
		}
	}
	for _, cronWorkflow := range done.InForce {
		if verdict := object.Verdict(cronWorkflow); verdict != "" {
			findings = append(findings, status.Finding{Reason: vocab.ReasonRejectedByArgo, Message: "Argo does not run " + object.ID(cronWorkflow) + ": " + verdict})
		}
	}
	return findings
}

func watchResult(state object.State, done object.Result) (ctrl.Result, error) {
	var errs []error
	result := ctrl.Result{}
	switch {
	case len(state.Foreign)+len(done.Refused) > 0:
		result.RequeueAfter = retryForeign
	case len(done.Draining) > 0:
		result.RequeueAfter = retryBusy
	}
	for _, f := range done.Failures {
		switch {
		case object.Quiet(f.Err):
			result.RequeueAfter = retryConflict
		case f.Missing() == object.Argo:
			result.RequeueAfter = retryArgo
		default:
			errs = append(errs, fmt.Errorf("cannot %s: %w", f.What, f.Err))
		}
	}
	if len(errs) > 0 {
		return ctrl.Result{}, errors.Join(errs...)
	}
	return result, nil
}

// needed reports whether a namespace has a cluster that is watched.
func (w *watching) needed(ctx context.Context, namespace string) (bool, error) {
	if w.options.WatchInterval == 0 {
		return false, nil
	}
	list := object.NewList(cpo.GroupVersionKind)
	if err := w.cached.List(ctx, list, client.InNamespace(namespace)); err != nil {
		return false, fmt.Errorf("cannot list the postgresqls of namespace %s: %w", namespace, err)
	}
	for i := range list.Items {
		postgresql := &list.Items[i]
		if postgresql.GetDeletionTimestamp() != nil {
			continue
		}
		stanza := &stanzaflowv1alpha1.Stanza{}
		found, err := w.find(ctx, "Stanza", client.ObjectKeyFromObject(postgresql), stanza)
		if err != nil {
			return false, err
		}
		state := object.State{Postgresql: postgresql, Released: w.options.Release, CPOInstalled: w.presence.last.Load().installed}
		if found {
			state.Stanza = stanza
		}
		if w.isWatched(state) {
			return true, nil
		}
	}
	return false, nil
}

// report remembers the findings of a namespace, and wakes its clusters if they are new.
func (w *watching) report(ctx context.Context, namespace string, findings []status.Finding) {
	w.mu.Lock()
	changed := !slices.Equal(w.findings[namespace], findings)
	w.findings[namespace] = findings
	if len(findings) == 0 {
		delete(w.findings, namespace)
	}
	w.mu.Unlock()
	if !changed {
		return
	}
	of := &unstructured.Unstructured{}
	of.SetNamespace(namespace)
	select {
	case w.wakeClusters <- event.GenericEvent{Object: of}:
	case <-ctx.Done():
	}
}

// found are the findings of a namespace.
func (w *watching) found(namespace string) []status.Finding {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.findings[namespace]
}

// isWatched reports whether a cluster is watched: the operator makes its backups, and it has
// a repo.
func (c *Controller) isWatched(state object.State) bool {
	if c.options.WatchInterval == 0 || state.Postgresql == nil || !state.Managed() ||
		c.options.Provisioner == vocab.ProvisionedByUs && state.Claim().Managed {
		return false
	}
	cluster, _ := cpo.Decode(state.Postgresql.Object)
	return cluster.PgBackRest != nil && len(cluster.PgBackRest.Repos) > 0
}

// observeWatch returns what the watches of the namespace have found, nil if the cluster is
// not watched.
func (c *Controller) observeWatch(ctx context.Context, state object.State) (*status.Watch, error) {
	if !c.isWatched(state) {
		c.memory.Forget(state.Key)
		return nil, nil
	}
	watch := &status.Watch{Interval: c.options.WatchInterval, Findings: c.watching.found(state.Key.Namespace)}
	cluster, _ := cpo.Decode(state.Postgresql.Object)
	if watch.Held = cluster.Operation.Held(); watch.Held != "" {
		c.memory.Hold(state.Key, c.clock.Now())
	}
	if !state.ArgoInstalled {
		watch.Findings = []status.Finding{{Reason: vocab.ReasonArgoNotInstalled, Message: "Argo Workflows is not installed"}}
		watch.Seen = c.memory.Recall(state.Key)
		return watch, nil
	}
	template, err := c.observeWatchTemplate(ctx, state.Key.Namespace)
	if err != nil {
		return nil, err
	}
	watch.Findings = append(status.FindWatchTemplate(state.Key.Namespace, template, c.options.Provisioner), watch.Findings...)
	watch.Wake = template.Wake
	list, err := object.List(ctx, c.cached, object.Workflow, state.Key.Namespace, client.MatchingLabels{vocab.LabelCluster: "", vocab.LabelKind: string(vocab.RunWatch)})
	if err != nil {
		return nil, err
	}
	workflows := object.DecodeWorkflows(list)
	c.memory.Learn(state.Key.Namespace, workflows)
	watch.Seen = c.memory.Recall(state.Key)
	return watch, nil
}

// observeWatchTemplate reads the WorkflowTemplate of the watch of a namespace.
func (c *Controller) observeWatchTemplate(ctx context.Context, namespace string) (object.Template, error) {
	template := object.Template{Name: vocab.WatchTemplate}
	key, metadata := types.NamespacedName{Namespace: namespace, Name: vocab.WatchTemplate}, object.NewMetadata(object.WorkflowTemplate)
	err := c.cached.Get(ctx, key, metadata)
	switch {
	case apierrors.IsNotFound(err):
		c.templates.forget(key)
		return template, nil
	case err != nil:
		return template, fmt.Errorf("cannot read WorkflowTemplate %s: %w", vocab.WatchTemplate, err)
	}
	setTemplate(&template, metadata)
	if template.Contract == vocab.WatchContract {
		err = c.observeContents(ctx, key, &template, contract.CheckWatch)
	}
	return template, err
}
