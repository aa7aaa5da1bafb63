// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// observe reads from the cache, and decides nothing.
func (c *Controller) observe(ctx context.Context, key types.NamespacedName) (object.State, error) {
	present := c.presence.last.Load()
	state := object.State{
		Key: key, Window: c.options.Window, StartOverdue: c.options.StartOverdue, Released: c.options.Release, ArgoCD: c.options.ArgoCD, CPOInstalled: present.installed, CPO: present.configuration, Undecided: present.undecided,
		ArgoInstalled: true, Objects: object.Objects{}, Foreign: map[string]bool{},
	}
	for _, step := range []func(context.Context, *object.State) error{
		c.observePostgresql, c.observeStanza, c.observeLocations, c.observeConfiguration, c.observeCronJobs, c.observeArgo, c.observeDrill,
	} {
		if err := step(ctx, &state); err != nil {
			return object.State{}, err
		}
	}
	return state, nil
}

func (c *Controller) observePostgresql(ctx context.Context, state *object.State) error {
	postgresql := object.New(cpo.GroupVersionKind)
	found, err := c.find(ctx, "postgresql", state.Key, postgresql)
	// A deletion cannot be taken back, so a postgresql that waits for another
	// owner's finalizer is as good as gone.
	if found && postgresql.GetDeletionTimestamp() == nil {
		state.Postgresql = postgresql
	}
	return err
}

func (c *Controller) observeStanza(ctx context.Context, state *object.State) error {
	stanza := &stanzaflowv1alpha1.Stanza{}
	found, err := c.find(ctx, "Stanza", state.Key, stanza)
	if found {
		state.Stanza = stanza
	}
	return err
}

// find reads an object from the cache and reports whether it exists.
func (c *Controller) find(ctx context.Context, kind string, key client.ObjectKey, o client.Object) (bool, error) {
	err := c.cached.Get(ctx, key, o)
	switch {
	case apierrors.IsNotFound(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("cannot read %s %s: %w", kind, key, err)
	}
	return true, nil
}

func (c *Controller) observeConfiguration(ctx context.Context, state *object.State) error {
	for _, kind := range configurationKinds(c.options.Provisioner) {
		if err := c.observeKind(ctx, state, kind); err != nil {
			return err
		}
	}
	return nil
}

// observeCronJobs reads the CronJobs with which CPO makes backups of the cluster.
func (c *Controller) observeCronJobs(ctx context.Context, state *object.State) error {
	if c.options.Provisioner != vocab.ProvisionedByCPO || state.Undecided != "" {
		return nil
	}
	list := &batchv1.CronJobList{}
	if err := c.cached.List(ctx, list, client.InNamespace(state.Key.Namespace), client.MatchingLabels(state.CPO.Labels.BackupJobs(state.Key.Name))); err != nil {
		return fmt.Errorf("cannot list the CronJobs of CPO: %w", err)
	}
	for i := range list.Items {
		state.CronJobs = append(state.CronJobs, object.ReadCronJob(&list.Items[i]))
	}
	object.SortCronJobs(state.CronJobs)
	return nil
}

// observeArgo reads Argo's kinds. If they are not installed, that is a finding
// and no error.
func (c *Controller) observeArgo(ctx context.Context, state *object.State) error {
	for _, step := range []func(context.Context, *object.State) error{
		c.observeTemplate, c.observeCronWorkflows, c.observeWorkflows,
	} {
		err := step(ctx, state)
		switch {
		case meta.IsNoMatchError(err):
			state.ArgoInstalled = false
			state.Template, state.Workflows = object.Template{}, nil
			delete(state.Objects, object.CronWorkflow)
			return nil
		case err != nil:
			return err
		}
	}
	return nil
}

func (c *Controller) observeCronWorkflows(ctx context.Context, state *object.State) error {
	return c.observeKind(ctx, state, object.CronWorkflow)
}

// observeKind reads the objects of a kind that are ours.
func (c *Controller) observeKind(ctx context.Context, state *object.State, kind schema.GroupVersionKind) error {
	objects, err := object.List(ctx, c.cached, kind, state.Key.Namespace, object.Labels(state.Key.Name))
	if err != nil {
		return err
	}
	state.Objects.Set(kind, objects)
	return nil
}

func (c *Controller) observeWorkflows(ctx context.Context, state *object.State) error {
	list, err := object.List(ctx, c.cached, object.Workflow, state.Key.Namespace, client.MatchingLabels{vocab.LabelCluster: state.Key.Name})
	state.Workflows = object.DecodeWorkflows(list)
	return err
}

// observeNames looks whether another owner has the name of a planned object that is not in
// the cache, which holds only ours. For most the API server says so when they are created.
// It is asked before where the answer decides about other objects, for a name that
// another owner had when it was asked last, and for a kind that no cache holds.
func (c *Controller) observeNames(ctx context.Context, state *object.State, want []*unstructured.Unstructured) error {
	for _, o := range want {
		kind := object.KindOf(o.GroupVersionKind())
		if kind.Ownership == object.WriteOnly || kind.Needs == object.Argo && !state.ArgoInstalled {
			continue
		}
		if kind.Watched && !kind.Serves && !c.foreign.knows(state.Key, o) {
			continue
		}
		if state.Objects.Find(kind.GVK, o.GetName()) != nil {
			continue
		}
		there := object.New(kind.GVK)
		err := c.live.Get(ctx, client.ObjectKeyFromObject(o), there)
		switch {
		case apierrors.IsNotFound(err), meta.IsNoMatchError(err):
		case err != nil:
			return fmt.Errorf("cannot read %s: %w", object.ID(o), err)
		case object.Owned(there, state.Key.Name):
			state.Objects.Add(there)
		default:
			state.Foreign[object.ID(o)] = true
			continue
		}
		c.foreign.forget(state.Key, o)
	}
	return nil
}
