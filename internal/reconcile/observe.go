// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"fmt"
	"slices"
	"strings"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/translate"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// State is everything that one pass knows of a cluster. Nothing in it is
// changed after it was observed.
type State struct {
	Key types.NamespacedName
	// Postgresql is nil when there is none, or none much longer.
	Postgresql *unstructured.Unstructured
	// Stanza is nil when there is none.
	Stanza *stanzaflowv1alpha1.Stanza
	// ArgoInstalled: Argo's kinds are served. Without them the fields below
	// are empty, which then says nothing.
	ArgoInstalled bool
	Template      Template
	// Skew is how the policies and the CRD fit us.
	Skew skew
	// Objects of ours for this cluster, by name.
	CronWorkflows []*unstructured.Unstructured
	ConfigMaps    []*unstructured.Unstructured
	Services      []*unstructured.Unstructured
	Claims        []*unstructured.Unstructured
	StatefulSets  []*unstructured.Unstructured
	// Certificates of cert-manager, those that are planned only.
	Certificates []*unstructured.Unstructured
	// Issued is what is known of the certificates that we issue ourselves, nil
	// when there are none, or none to be renewed.
	Issued *issued
	// Foreign are the planned objects whose name somebody else uses.
	Foreign map[string]bool
	// Workflows with the label of this cluster, however they were started.
	Workflows []*wfv1.Workflow
}

// Template is the WorkflowTemplate that the schedules refer to.
type Template struct {
	Name  string
	Found bool
	// Version is "<uid>.<generation>".
	Version string
	// Contract is the value of its label vocab.LabelContract.
	Contract string
}

// usable: schedules can be programmed with it.
func (t Template) usable() bool { return t.Found && t.Contract == vocab.TemplateContract }

// observe reads from the cache, and decides nothing.
func (c *Controller) observe(ctx context.Context, key types.NamespacedName) (State, error) {
	state := State{Key: key, ArgoInstalled: true, Foreign: map[string]bool{}, Skew: c.skew.get(ctx)}
	for _, step := range []func(context.Context, *State) error{
		c.observePostgresql, c.observeStanza, c.observeConfiguration, c.observeArgo,
	} {
		if err := step(ctx, &state); err != nil {
			return State{}, err
		}
	}
	return state, nil
}

func (c *Controller) observePostgresql(ctx context.Context, state *State) error {
	postgresql := newObject(cpo.GroupVersionKind)
	err := c.cached.Get(ctx, state.Key, postgresql)
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("cannot read postgresql %s: %w", state.Key, err)
	}
	// A deletion cannot be taken back, so what waits for a finalizer of
	// somebody else is as good as gone.
	if postgresql.GetDeletionTimestamp() == nil {
		state.Postgresql = postgresql
	}
	return nil
}

func (c *Controller) observeStanza(ctx context.Context, state *State) error {
	stanza := &stanzaflowv1alpha1.Stanza{}
	err := c.cached.Get(ctx, state.Key, stanza)
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("cannot read Stanza %s: %w", state.Key, err)
	}
	state.Stanza = stanza
	return nil
}

func (c *Controller) observeConfiguration(ctx context.Context, state *State) error {
	for _, kind := range watchedKinds {
		objects, err := c.list(ctx, kind, state.Key.Namespace, client.MatchingLabels{
			vocab.LabelManagedBy: vocab.ManagedBy, vocab.LabelCluster: state.Key.Name,
		})
		if err != nil {
			return err
		}
		*state.objects(kind.Kind) = objects
	}
	return nil
}

// objects are the list of a kind that we can read.
func (s *State) objects(kind string) *[]*unstructured.Unstructured {
	switch kind {
	case configMapKind.Kind:
		return &s.ConfigMaps
	case serviceKind.Kind:
		return &s.Services
	case claimKind.Kind:
		return &s.Claims
	case statefulSetKind.Kind:
		return &s.StatefulSets
	case certificateKind.Kind:
		return &s.Certificates
	}
	return &s.CronWorkflows
}

// observeArgo reads Argo's kinds. That they are not installed is a finding.
func (c *Controller) observeArgo(ctx context.Context, state *State) error {
	for _, step := range []func(context.Context, *State) error{
		c.observeTemplate, c.observeCronWorkflows, c.observeWorkflows,
	} {
		err := step(ctx, state)
		switch {
		case meta.IsNoMatchError(err):
			state.ArgoInstalled = false
			state.Template, state.CronWorkflows, state.Workflows = Template{}, nil, nil
			return nil
		case err != nil:
			return err
		}
	}
	return nil
}

func (c *Controller) observeTemplate(ctx context.Context, state *State) error {
	var spec stanzaflowv1alpha1.StanzaSpec
	if state.Stanza != nil {
		spec = state.Stanza.Spec
	}
	state.Template.Name = translate.WorkflowTemplateName(spec.WorkflowTemplate)
	template := newMetadata(workflowTemplateKind)
	err := c.cached.Get(ctx, types.NamespacedName{Namespace: state.Key.Namespace, Name: state.Template.Name}, template)
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("cannot read WorkflowTemplate %s: %w", state.Template.Name, err)
	}
	state.Template.Found = true
	state.Template.Version = fmt.Sprintf("%s.%d", template.UID, template.Generation)
	state.Template.Contract = template.Labels[vocab.LabelContract]
	return nil
}

func (c *Controller) observeCronWorkflows(ctx context.Context, state *State) (err error) {
	state.CronWorkflows, err = c.list(ctx, cronWorkflowKind, state.Key.Namespace, client.MatchingLabels{
		vocab.LabelManagedBy: vocab.ManagedBy, vocab.LabelCluster: state.Key.Name,
	})
	return err
}

func (c *Controller) observeWorkflows(ctx context.Context, state *State) error {
	list, err := c.list(ctx, workflowKind, state.Key.Namespace, client.MatchingLabels{vocab.LabelCluster: state.Key.Name})
	for _, object := range list {
		state.Workflows = append(state.Workflows, workflowOf(object))
	}
	return err
}

// observeNames looks for planned objects that the cache, which holds only ours,
// does not have. It reads from the API server: taking over an object because a
// cache is late would be worse than a read, and the name is free but for the
// first pass.
func (c *Controller) observeNames(ctx context.Context, state *State, want []*unstructured.Unstructured) error {
	for _, object := range want {
		kind := object.GetKind()
		if kind == secretKind.Kind || kind == cronWorkflowKind.Kind && !state.ArgoInstalled {
			continue
		}
		list := state.objects(kind)
		if byName(*list)[object.GetName()] != nil {
			continue
		}
		there := newObject(object.GroupVersionKind())
		err := c.live.Get(ctx, client.ObjectKeyFromObject(object), there)
		switch {
		case apierrors.IsNotFound(err), meta.IsNoMatchError(err):
		case err != nil:
			return fmt.Errorf("cannot read %s: %w", id(object), err)
		case ours(there, state.Key.Name):
			*list = append(*list, there)
			sortByName(*list)
		default:
			state.Foreign[id(object)] = true
		}
	}
	return nil
}

func (c *Controller) list(ctx context.Context, kind schema.GroupVersionKind, namespace string, labels client.MatchingLabels) ([]*unstructured.Unstructured, error) {
	return list(ctx, c.cached, kind, namespace, labels)
}

func list(ctx context.Context, reader client.Reader, kind schema.GroupVersionKind, namespace string, labels client.MatchingLabels) ([]*unstructured.Unstructured, error) {
	found := newList(kind)
	if err := reader.List(ctx, found, client.InNamespace(namespace), labels); err != nil {
		return nil, fmt.Errorf("cannot list %ss in %s: %w", kind.Kind, namespace, err)
	}
	objects := make([]*unstructured.Unstructured, 0, len(found.Items))
	for i := range found.Items {
		objects = append(objects, &found.Items[i])
	}
	sortByName(objects)
	return objects, nil
}

func sortByName(objects []*unstructured.Unstructured) {
	slices.SortFunc(objects, func(a, b *unstructured.Unstructured) int { return strings.Compare(a.GetName(), b.GetName()) })
}

// workflowOf reads what we need of a Workflow. Anything may stand in a
// Workflow where the minimal CRDs are installed; one that cannot be read keeps
// its name, its labels and its phase, and so can at worst end as Unknown.
func workflowOf(object *unstructured.Unstructured) *wfv1.Workflow {
	workflow := &wfv1.Workflow{}
	part := map[string]any{fieldMetadata: object.Object[fieldMetadata], "status": object.Object["status"]}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(part, workflow); err == nil {
		return workflow
	}
	phase, _, _ := unstructured.NestedString(object.Object, "status", "phase")
	workflow = &wfv1.Workflow{}
	workflow.Name, workflow.Namespace, workflow.UID = object.GetName(), object.GetNamespace(), object.GetUID()
	workflow.Labels, workflow.OwnerReferences = object.GetLabels(), object.GetOwnerReferences()
	workflow.CreationTimestamp = object.GetCreationTimestamp()
	workflow.Status.Phase = wfv1.WorkflowPhase(phase)
	return workflow
}

// plan translates what was observed. Without a postgresql nothing is planned.
func (s State) plan() translate.Plan {
	if s.Postgresql == nil {
		return translate.Plan{}
	}
	cluster, fieldErrors := cpo.Decode(s.Postgresql.Object)
	input := translate.Input{Cluster: cluster, FieldErrors: fieldErrors, TemplateVersion: s.Template.Version}
	if s.Stanza != nil {
		input.Stanza = s.Stanza.Spec
		input.Known = s.Stanza.Status.Repos
	}
	return translate.Translate(input)
}

// runs of the cluster.
func (s State) runs() []outcome.Run {
	runs := make([]outcome.Run, 0, len(s.Workflows))
	for _, workflow := range s.Workflows {
		runs = append(runs, outcome.Read(workflow))
	}
	return runs
}

// suspend is what the Stanza says of every schedule.
func (s State) suspend() bool { return s.Stanza != nil && s.Stanza.Spec.Suspend }
