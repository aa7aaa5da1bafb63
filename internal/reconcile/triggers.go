// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/schedule"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/status"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/trigger"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/watch"
	"github.com/stanzaflow/stanzaflow/internal/translate"
	plan "github.com/stanzaflow/stanzaflow/internal/translate/trigger"
)

// followed are the resources that triggers follow, by the kind that a Stanza names.
var followed = map[string]schema.GroupVersionResource{
	"Deployment":  appsv1.SchemeGroupVersion.WithResource("deployments"),
	"StatefulSet": appsv1.SchemeGroupVersion.WithResource("statefulsets"),
}

var pods = corev1.SchemeGroupVersion.WithResource("pods")

// watchRetry is how soon to look again for what a watch has not listed yet, and may not
// list.
const watchRetry = time.Minute

// decideTriggers reads what the triggers of a cluster need, and decides. At rest it
// makes no request.
func (c *Controller) decideTriggers(ctx context.Context, p status.Pass) (trigger.Decision, error) {
	state := p.State
	c.watches.Follow(state.Key, targets(state, p.Plan))
	var was stanzaflowv1alpha1.StanzaStatus // The pass may create the Stanza.
	if state.Stanza != nil {
		was = state.Stanza.Status
	}
	before := was.Triggers
	if state.Postgresql == nil {
		return trigger.Decision{After: before}, nil
	}
	cluster, _ := cpo.Decode(state.Postgresql.Object)
	in := trigger.Input{
		Cluster: cluster, Before: before, Repos: status.Repos(was.Repos, p),
		Triggers: p.Plan.Triggers, Kept: p.Plan.Keep.Triggers, Initial: p.Plan.Initial, KeepInitial: p.Plan.Keep.Initial,
		Overdue:  p.Plan.Overdue,
		Existing: pendingRuns(state, before), Runs: p.Runs, Hold: holdTriggers(state, p.Plan, cluster), Now: p.Now,
	}
	if !state.ArgoInstalled {
		in.Runs = nil // not known
	}
	if len(in.Overdue) > 0 {
		in.Schedules, _ = status.Schedules(was.Schedules, p, state.Objects[object.CronWorkflow])
		in.OverdueSince, in.Owed = overdueSince(in.Schedules), owed(in.Schedules, state.Objects[object.CronWorkflow], p)
		for i := range in.Schedules {
			// Only another run finds out whether what held the last one is over.
			in.Schedules[i].Held = schedule.HeldByCluster(in.Schedules[i])
		}
	}
	var wake time.Time
	var err error
	if in.Seen.Objects, wake, err = c.seeObjects(ctx, state, before, p.Plan.Triggers, p.Now); err != nil {
		return trigger.Decision{}, err
	}
	if in.Seen.Primary, err = c.seePrimary(ctx, state, p.Plan.Triggers); err != nil {
		return trigger.Decision{}, err
	}
	decision := trigger.Decide(in)
	decision.Wake = object.Earliest(decision.Wake, wake)
	return decision, nil
}

// overdueSince is for each overdue schedule of which it is known.
func overdueSince(schedules []stanzaflowv1alpha1.ScheduleStatus) map[string]time.Time {
	all := map[string]time.Time{}
	for _, s := range schedules {
		if since := schedule.OverdueSince(s); s.Overdue && !since.IsZero() {
			all[s.CronWorkflow] = since
		}
	}
	return all
}

// owed are the slots of the overdue schedules that Argo may still start, by their CronWorkflow.
// One that has a run is none: a controller that is killed after it has submitted the run does
// not note that.
func owed(schedules []stanzaflowv1alpha1.ScheduleStatus, cronWorkflows []*unstructured.Unstructured, p status.Pass) map[string]trigger.Owed {
	all, of := map[string]trigger.Owed{}, schedule.ByCronWorkflow(schedules)
	for _, cronWorkflow := range cronWorkflows {
		if !of[cronWorkflow.GetName()].Overdue {
			continue
		}
		slot, makesUp := schedule.Owed(cronWorkflow, p.Now)
		started := slices.ContainsFunc(p.Runs, func(run outcome.Run) bool { return run.Status.Workflow == schedule.RunOf(cronWorkflow, slot) })
		if !slot.IsZero() && !started {
			all[cronWorkflow.GetName()] = trigger.Owed{Slot: slot, Until: slot.Add(schedule.OwedTolerance), MakesUp: makesUp}
		}
	}
	return all
}

// waiting reports whether a cause waits for its run.
func waiting(stanza *stanzaflowv1alpha1.Stanza) bool {
	return stanza != nil && slices.ContainsFunc(stanza.Status.Triggers, func(t stanzaflowv1alpha1.TriggerStatus) bool { return t.Pending != nil })
}

// holdTriggers says why no trigger of a cluster may start a run now, empty if it may.
func holdTriggers(state object.State, plan translate.Plan, cluster cpo.Postgresql) string {
	switch {
	case !state.Managed():
		return "the operator makes no backups of the cluster: spec.managed of the Stanza is false, or operator release has given it back"
	case state.Undecided != "":
		return state.Undecided
	case plan.LeftToCPO:
		return "CPO manages the postgresql"
	case state.Suspended():
		return schedule.SuspendedByUser
	case !state.ArgoInstalled:
		return "Argo Workflows is not installed"
	case !state.Template.Usable():
		return "WorkflowTemplate " + state.Template.Name + " is missing or cannot be used: condition Programmed says why"
	}
	return cluster.Operation.Held()
}

// targets are the watches that the triggers of a cluster need.
func targets(state object.State, plan translate.Plan) []watch.Target {
	var all []watch.Target
	if waiting(state.Stanza) {
		all = append(all, primaryTarget(state))
	}
	for _, t := range plan.Triggers {
		switch resource, ok := followed[t.Of.Kind]; {
		case t.Event == stanzaflowv1alpha1.OnFailover:
			all = append(all, primaryTarget(state))
		case t.Event == stanzaflowv1alpha1.OnChange && ok:
			all = append(all, watch.Target{Resource: resource, Namespace: state.Key.Namespace})
		}
	}
	return all
}

// primaryTarget are the primaries of every cluster of the namespace. While a run waits
// for one, its status matters, too: the run starts as soon as it is ready.
func primaryTarget(state object.State) watch.Target {
	selector := labels.Set(state.CPO.Labels.Primary(state.Key.Name))
	delete(selector, state.CPO.Labels.ClusterName)
	return watch.Target{Resource: pods, Namespace: state.Key.Namespace, Selector: selector.String(), Status: waiting(state.Stanza)}
}

// seeObjects reads the objects of the triggers on OnChange: their metadata, and those
// whole whose generation a trigger has not seen yet. A trigger whose objects cannot be
// read is left out.
func (c *Controller) seeObjects(ctx context.Context, state object.State, before []stanzaflowv1alpha1.TriggerStatus, triggers []plan.Trigger, now time.Time) (map[string][]trigger.Object, time.Time, error) {
	seen := map[string][]trigger.Object{}
	var wake time.Time
	for _, t := range triggers {
		if t.Event != stanzaflowv1alpha1.OnChange {
			continue
		}
		resource, ok := followed[t.Of.Kind]
		if !ok {
			o := state.Postgresql
			seen[t.Name] = []trigger.Object{{Kind: t.Of.Kind, Name: o.GetName(), UID: string(o.GetUID()), Generation: o.GetGeneration(), Content: o.Object}}
			continue
		}
		objects, err := c.seeFollowed(ctx, state.Key.Namespace, before, t, resource)
		switch {
		case errors.Is(err, watch.ErrNotYet), apierrors.IsForbidden(err):
			wake = object.Earliest(wake, now.Add(watchRetry))
		case err != nil:
			return nil, wake, err
		default:
			seen[t.Name] = objects
		}
	}
	return seen, wake, nil
}

// seeFollowed reads the objects that one trigger follows.
func (c *Controller) seeFollowed(ctx context.Context, namespace string, before []stanzaflowv1alpha1.TriggerStatus, t plan.Trigger, resource schema.GroupVersionResource) ([]trigger.Object, error) {
	listed, err := c.watches.List(watch.Target{Resource: resource, Namespace: namespace})
	if err != nil {
		return nil, err
	}
	objects := []trigger.Object{}
	for _, m := range listed {
		if !follows(t.Of, m) {
			continue
		}
		o := trigger.Object{Kind: t.Of.Kind, Name: m.Name, UID: string(m.UID), Generation: m.Generation}
		if trigger.NeedsContent(before, t, o) {
			if o, err = c.readContent(ctx, m.Namespace, o); err != nil {
				return nil, err
			}
		}
		objects = append(objects, o)
	}
	return objects, nil
}

func follows(of plan.Objects, m *metav1.PartialObjectMetadata) bool {
	if m.DeletionTimestamp != nil {
		return false
	}
	if of.Selector != nil {
		return of.Selector.Matches(labels.Set(m.Labels))
	}
	return m.Name == of.Name
}

// readContent reads an object whole. One that is gone meanwhile has none.
func (c *Controller) readContent(ctx context.Context, namespace string, o trigger.Object) (trigger.Object, error) {
	whole := object.New(appsv1.SchemeGroupVersion.WithKind(o.Kind))
	err := c.live.Get(ctx, types.NamespacedName{Namespace: namespace, Name: o.Name}, whole)
	switch {
	case apierrors.IsNotFound(err):
		return o, nil
	case err != nil:
		return o, fmt.Errorf("cannot read %s %s, which a trigger follows: %w", o.Kind, o.Name, err)
	}
	o.UID, o.Generation, o.Content = string(whole.GetUID()), whole.GetGeneration(), whole.Object
	return o, nil
}

// seePrimary finds the pod of the primary, if a run waits for it or a trigger on
// OnFailover asks. The watch knows which pod it is, and only the API server whether it is
// ready. Nil means that it is not known.
func (c *Controller) seePrimary(ctx context.Context, state object.State, triggers []plan.Trigger) (*trigger.Primary, error) {
	waits := waiting(state.Stanza)
	if !waits && !slices.ContainsFunc(triggers, func(t plan.Trigger) bool { return t.Event == stanzaflowv1alpha1.OnFailover }) {
		return nil, nil //nolint:nilnil // documented
	}
	listed, err := c.watches.List(primaryTarget(state))
	if errors.Is(err, watch.ErrNotYet) || apierrors.IsForbidden(err) {
		return nil, nil //nolint:nilnil // documented
	}
	if err != nil {
		return nil, err
	}
	var found []corev1.Pod
	for _, m := range listed {
		if m.Labels[state.CPO.Labels.ClusterName] == state.Key.Name {
			found = append(found, corev1.Pod{ObjectMeta: m.ObjectMeta})
		}
	}
	primary := primaryOf(found)
	if !waits || primary == nil || primary.Pod == "" {
		return primary, nil
	}
	list := &corev1.PodList{}
	if err := c.live.List(ctx, list, client.InNamespace(state.Key.Namespace), client.MatchingLabels(state.CPO.Labels.Primary(state.Key.Name))); err != nil {
		return nil, fmt.Errorf("cannot list the pod of the primary: %w", err)
	}
	return primaryOf(list.Items), nil
}

// primaryOf is nil while two pods have the role, as in the moment of a failover.
func primaryOf(pods []corev1.Pod) *trigger.Primary {
	pods = slices.DeleteFunc(pods, func(p corev1.Pod) bool { return p.DeletionTimestamp != nil })
	if len(pods) != 1 {
		if len(pods) == 0 {
			return &trigger.Primary{}
		}
		return nil
	}
	pod := &pods[0]
	return &trigger.Primary{Pod: pod.Name, Ready: ready(pod), Upgrading: pod.Labels[cpo.LabelCriticalOperation] == "true"}
}

// ready reports whether PostgreSQL is ready: other containers of the pod do not count.
func ready(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.ContainerStatuses, func(s corev1.ContainerStatus) bool {
		return s.Name == cpo.ContainerPostgreSQL && s.Ready
	})
}

// pendingRuns are the Workflows of the causes that wait for their run. What a late cache does
// not hold yet is found when it is created again.
func pendingRuns(state object.State, before []stanzaflowv1alpha1.TriggerStatus) map[string]*wfv1.Workflow {
	names, found := trigger.Pending(state.Key.Name, before), map[string]*wfv1.Workflow{}
	for _, workflow := range state.Workflows {
		if slices.Contains(names, workflow.Name) {
			found[workflow.Name] = workflow
		}
	}
	return found
}

// startActions create the Workflows of a decision.
func startActions(state object.State, decision trigger.Decision) ([]object.Action, error) {
	actions := make([]object.Action, 0, len(decision.Start))
	for _, start := range decision.Start {
		cluster, _ := cpo.Decode(state.Postgresql.Object)
		action, err := object.StartOf(start.Workflow(cluster, state.Stanza.Spec))
		if err != nil {
			return nil, err
		}
		actions = append(actions, action)
	}
	return actions, nil
}

// recordStarts returns status.triggers after the Workflows of a decision were created.
func recordStarts(decision trigger.Decision, started []*wfv1.Workflow) []stanzaflowv1alpha1.TriggerStatus {
	after := decision.After
	for _, start := range decision.Start {
		for _, workflow := range started {
			if workflow.Name == start.Name {
				after = trigger.Fired(after, start, workflow)
			}
		}
	}
	return after
}
