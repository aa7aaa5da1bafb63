// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/alongside"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/archiving"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/provision"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/status"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/trigger"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/watch"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// controllerName is also the reporter of the events.
const controllerName = vocab.ManagedBy

// How soon to look again at what no watch reports.
const (
	retryConflict = time.Second
	retryArgo     = 10 * time.Second
	// retryForeign: objects that are not ours are not in the cache.
	retryForeign = time.Minute
	// retryBusy: the API server saw a run that the cache does not hold yet.
	retryBusy = 10 * time.Second
)

// Options say for which clusters a Controller works, and how.
type Options struct {
	// Namespace of the operator itself.
	Namespace string
	// Namespaces whose clusters are ours, all of them if it is empty.
	Namespaces []string
	// Provisioner owns the pgBackRest configuration of the clusters.
	Provisioner vocab.Provisioner
	// Release gives every cluster back to CPO, as if no Stanza let us manage one.
	Release bool
	// WatchInterval is how often the clusters are watched between their runs, zero for
	// never.
	WatchInterval time.Duration
	// Window is over how long the schedules are spread of the clusters for which nobody sets
	// it: whole minutes, zero for none.
	Window time.Duration
	// StartOverdue starts the backups of overdue schedules, unless a Stanza says otherwise.
	StartOverdue bool
	// ArgoCD has Argo CD show the CronWorkflows in the application of their cluster.
	ArgoCD bool
	// OperatorConfiguration is "<namespace>/<name>" of the configuration of the CPO
	// beside which the operator works, empty for the only one.
	OperatorConfiguration string
	// Version of the operator, such as v0.1.0. One that is no release is compared with
	// nothing.
	Version string
	// Metrics remembers what passes know. Nil if nobody asks.
	Metrics Metrics
}

// Controller reconciles one cluster at a time: its postgresql, its Stanza, our
// objects and its Workflows.
//
//	reconcile.New(mgr, clock.RealClock{}, options).Setup(ctx, mgr)
//
// The manager needs CacheOptions and a scheme with the Stanza. Argo's kinds need
// not be in the scheme, nor be installed when it starts.
type Controller struct {
	options Options
	// cached reads what the watches hold, argo its part of it.
	cached client.Reader
	argo   *argoReader
	// locations finds the clusters that back up to the same location.
	locations locations
	// live reads from the API server, before something is written.
	live     client.Reader
	client   client.Client
	recorder Recorder
	clock    clock.PassiveClock
	// provision is nil where another owns the configuration.
	provision *provision.Provider
	// watches follow what triggers ask for.
	watches *watch.Watches
	// templates remembers what was found in the WorkflowTemplates.
	templates *templateMemory
	// drills remembers what was found for the drills.
	drills *drillMemory
	// watching keeps what starts the watch of each namespace, and memory what the watches
	// have found.
	watching *watching
	memory   *archiving.Memory
	// progress remembers when the progress of a run was written last.
	progress *progressMemory
	// positions knows how far the runs are that wait for a slot of a cap.
	positions positions
	// skew is what we know of the policies and the CRD, and how often to look.
	skew     *skewMemory
	skewPoll time.Duration
	// presence knows whether CPO is installed and how it is configured, and
	// presencePoll is how often to ask.
	presence     *presence
	presencePoll time.Duration
	// wake is for every cluster: Argo's kinds are served now, CPO was installed,
	// removed or configured otherwise, or the policies or the CRD have changed.
	wake chan event.GenericEvent
	// own remembers what the cache does not hold yet, and foreign whose names are not free.
	own     *ownWrites
	foreign *foreignNames
}

var (
	_ reconcile.Reconciler = &Controller{}
	_ Recorder             = events.EventRecorder(nil)
)

// New returns a Controller that works with what the manager offers.
func New(mgr ctrl.Manager, clock clock.PassiveClock, options Options) *Controller {
	argo := &argoReader{}
	c := &Controller{
		options:   options,
		templates: newTemplateMemory(),
		drills:    newDrillMemory(),
		cached:    reader{main: mgr.GetCache(), argo: argo},
		argo:      argo,
		live:      mgr.GetAPIReader(),
		client:    mgr.GetClient(),
		recorder:  mgr.GetEventRecorder(controllerName),
		clock:     clock,
		wake:      make(chan event.GenericEvent, 1),
		skewPoll:  skewPoll,
		own:       newOwnWrites(),
		foreign:   newForeignNames(),

		presencePoll: presencePoll,
	}
	if options.Provisioner == vocab.ProvisionedByUs {
		c.provision = provision.New(options.Namespace, rand.Reader)
	}
	c.watching, c.memory, c.progress = newWatching(c), archiving.NewMemory(clock.Now()), newProgressMemory()
	return c
}

// Reconcile does one pass.
func (c *Controller) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	state, err := c.observe(ctx, request.NamespacedName)
	if err != nil {
		return ctrl.Result{}, err
	}
	if c.own.behind(state) {
		return ctrl.Result{RequeueAfter: ownWritesPoll}, nil
	}
	want, err := object.Translate(state, c.options.Provisioner)
	if err != nil {
		return ctrl.Result{}, reconcile.TerminalError(err)
	}
	if err := c.observeNames(ctx, &state, want.Objects()); err != nil {
		return ctrl.Result{}, err
	}
	now := c.clock.Now()
	c.observeClass(ctx, &state, want.Plan.Drills.StorageClass)
	have := observed{State: state}
	if c.options.Provisioner == vocab.ProvisionedByCPO && state.Undecided == "" {
		have.Handovers = alongside.Decide(state, want, now)
		want = alongside.Hold(want, have.Handovers)
	}
	if c.provision != nil {
		have.Issued = c.provision.Observe(ctx, c.live, state, want.Plan)
	}
	p := pass{Pass: status.Pass{
		State: state, Plan: want.Plan, Runs: outcome.ReadAll(state.Workflows, now), Handovers: have.Handovers, Skew: c.skew.get(ctx), Provisioner: c.options.Provisioner, Now: now,
	}}
	c.progress.hold(state.Key, p.Runs, now)
	c.positions.show(state.Key, p.Runs, now)
	if p.Watch, err = c.observeWatch(ctx, state); err != nil {
		return ctrl.Result{}, err
	}
	triggers, err := c.decideTriggers(ctx, p.Pass)
	if err != nil {
		return ctrl.Result{}, err
	}
	if have.Starts, err = startActions(state, triggers); err != nil {
		return ctrl.Result{}, reconcile.TerminalError(err)
	}
	p.Actions = diff(c.options.Provisioner, have, want, p.Now)
	p.Done = c.apply(ctx, have, p.Actions, p.Now)
	c.own.add(state.Key, p.Done.Written)
	c.foreign.add(state.Key, p.Done.Refused)
	p.Triggers, p.TriggersWake = recordStarts(triggers, p.Done.Started), triggers.Wake
	p.Unproven = trigger.Unproven(p.Triggers)
	// What was done is reported even if the status cannot be written: the next
	// pass will not do it again.
	c.emit(state, status.Changes(p.Done.Changes))

	wake, err := c.reportPass(ctx, p)
	return p.result(wake, err)
}

func (c *Controller) apply(ctx context.Context, have observed, actions []object.Action, now time.Time) object.Result {
	var acts map[object.Verb]object.Act
	if c.provision != nil {
		acts = c.provision.Acts(have.Issued, now)
	}
	done := object.Apply(ctx, object.Writer{Client: c.client, Live: c.live, State: have.State}, actions, acts)
	for _, f := range done.Failures {
		if f.Minor && !object.Quiet(f.Err) {
			log.FromContext(ctx).Info("Cannot "+f.What+"; nothing depends on it", "error", f.Err.Error())
		}
	}
	return done
}

// pass is one pass over a cluster.
type pass struct{ status.Pass }

// reportPass writes the status and then the events for what changed in it. It
// returns when to look again.
func (c *Controller) reportPass(ctx context.Context, p pass) (time.Time, error) {
	stanza := p.Done.Stanza
	if stanza == nil {
		return p.Wake(), nil
	}
	after, wake := status.For(stanza.Status, stanza.Generation, p.Pass)
	if err := c.writeStatus(ctx, stanza, after); err != nil {
		return wake, err
	}
	if p.Watch != nil {
		c.memory.Keep(p.State.Key, archiving.Anchor(status.BeforeWatch(stanza.Status), p.Watch.Seen))
	}
	c.emit(p.State, status.Transitions(stanza.Status, after, p.Plan.Problems, p.Actions))
	c.measure(stanza.Status, after, p)
	return wake, nil
}

// result turns what went wrong into when to come back. A conflict is no error,
// nor is anything that a watch or a deadline will report.
func (p pass) result(wake time.Time, reportErr error) (ctrl.Result, error) {
	var errs []error
	retry := func(after time.Duration) { wake = object.Earliest(wake, p.Now.Add(after)) }
	for _, f := range p.Done.Failures {
		switch missing := f.Missing(); {
		case object.Quiet(f.Err):
			retry(retryConflict)
		case missing == object.Argo:
			retry(retryArgo)
		case missing == object.CertManager, f.Minor:
			retry(retryForeign)
		default:
			errs = append(errs, fmt.Errorf("cannot %s: %w", f.What, f.Err))
		}
	}
	if reportErr != nil {
		// NotFound: the user deleted the Stanza. The next pass makes another.
		if object.Quiet(reportErr) || apierrors.IsNotFound(reportErr) {
			retry(retryConflict)
		} else {
			errs = append(errs, reportErr)
		}
	}
	if len(errs) > 0 {
		return ctrl.Result{}, errors.Join(errs...)
	}
	count := func(verb object.Verb) int { return len(object.With(p.Actions, verb)) }
	if count(object.Refuse)+len(p.Done.Refused) > 0 {
		retry(retryForeign)
	}
	if count(object.Delete) > 0 && len(p.Done.Draining) > count(object.Drain) {
		retry(retryBusy)
	}
	if wake.IsZero() {
		return ctrl.Result{}, nil
	}
	// A second late rather than a moment early, when nothing is due yet.
	return ctrl.Result{RequeueAfter: max(wake.Sub(p.Now), 0) + time.Second}, nil
}
