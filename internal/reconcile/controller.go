// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// controllerName is also the reporter of the events.
const controllerName = vocab.ManagedBy

// How soon to look again at what no watch tells us.
const (
	retryConflict = time.Second
	retryArgo     = 10 * time.Second
	// retryForeign: objects that are not ours are not in the cache.
	retryForeign = time.Minute
	// retryBusy: the API server saw a run that the cache does not hold yet.
	retryBusy = 10 * time.Second
)

// Controller reconciles one cluster at a time: its postgresql, its Stanza, our
// objects and its Workflows.
//
//	schedule.New(mgr, clock.RealClock{}, namespace, namespaces).Setup(mgr)
//
// The manager needs schedule.CacheOptions and a scheme with the Stanza; Argo's
// kinds need not be in the scheme, nor be installed when it starts.
type Controller struct {
	// cached reads what the watches hold, argo its part of it.
	cached client.Reader
	argo   *argoReader
	// live reads from the API server, before something is written.
	live     client.Reader
	client   client.Client
	recorder Recorder
	clock    clock.PassiveClock
	// namespace of the operator, where it keeps what only it may read.
	namespace string
	// namespaces whose clusters are ours, all of them where it is empty.
	namespaces []string
	// random is where serial numbers come from.
	random io.Reader
	// secrets is what we know of Secrets that we cannot read.
	secrets secretMemory
	// skew is what we know of the policies and the CRD, and how often to look.
	skew     *skewMemory
	skewPoll time.Duration
	// wake is for every cluster: Argo's kinds are served now, or the policies or
	// the CRD have changed.
	wake chan event.GenericEvent
}

var (
	_ reconcile.Reconciler = &Controller{}
	_ Recorder             = events.EventRecorder(nil)
)

// New makes a Controller that works with what the manager offers. The namespace
// is that of the operator itself; the namespaces are those that the manager
// watches, none for all.
func New(mgr ctrl.Manager, clock clock.PassiveClock, namespace string, namespaces []string) *Controller {
	argo := &argoReader{}
	return &Controller{
		cached:   reader{main: mgr.GetCache(), argo: argo},
		argo:     argo,
		live:     mgr.GetAPIReader(),
		client:   mgr.GetClient(),
		recorder: mgr.GetEventRecorder(controllerName),
		clock:    clock,
		wake:     make(chan event.GenericEvent, 1),

		namespace:  namespace,
		namespaces: namespaces,
		random:     rand.Reader,
		skewPoll:   skewPoll,
	}
}

// Reconcile does one pass.
func (c *Controller) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	state, err := c.observe(ctx, request.NamespacedName)
	if err != nil {
		return ctrl.Result{}, err
	}
	plan := state.plan()
	want, err := planned(plan)
	if err != nil {
		return ctrl.Result{}, reconcile.TerminalError(err)
	}
	if err := c.observeNames(ctx, &state, want); err != nil {
		return ctrl.Result{}, err
	}
	c.observeCertificate(ctx, &state, plan)
	p := pass{State: state, Plan: plan, Now: c.clock.Now()}
	p.Todo = diff(state, plan, want, p.Now)
	p.Done = c.apply(ctx, state, p.Todo, p.Now)
	// What was done is told even if the status cannot be written: the next
	// pass will not do it again.
	c.emit(state, p.Done.Events)

	wake, err := c.reportPass(ctx, p)
	return p.result(wake, err)
}

// reportPass writes the status and then tells what changed in it.
func (c *Controller) reportPass(ctx context.Context, p pass) (time.Time, error) {
	stanza := p.Done.Stanza
	if stanza == nil {
		return earliest(p.Todo.Wake, p.Done.Wake), nil
	}
	status, wake := statusFor(stanza.Status, stanza.Generation, p)
	if err := c.report(ctx, stanza, status); err != nil {
		return wake, err
	}
	c.emit(p.State, transitions(stanza.Status, status, p.Plan.Problems, p.Todo.Keep))
	return wake, nil
}

// result turns what went wrong into when to come back. Conflicts and what a
// watch or a deadline will tell are no errors.
func (p pass) result(wake time.Time, reportErr error) (ctrl.Result, error) {
	var errs []error
	retry := func(after time.Duration) { wake = earliest(wake, p.Now.Add(after)) }
	for _, f := range p.Done.Failures {
		switch {
		case quiet(f.Err):
			retry(retryConflict)
		case f.argoMissing():
			retry(retryArgo)
		case f.certManagerMissing():
			retry(retryForeign)
		default:
			errs = append(errs, f)
		}
	}
	if reportErr != nil {
		// NotFound: the user deleted the Stanza. The next pass makes another.
		if quiet(reportErr) || apierrors.IsNotFound(reportErr) {
			retry(retryConflict)
		} else {
			errs = append(errs, reportErr)
		}
	}
	if len(errs) > 0 {
		return ctrl.Result{}, errors.Join(errs...)
	}
	if len(p.Todo.Refuse)+len(p.Done.Refused) > 0 {
		retry(retryForeign)
	}
	if len(p.Todo.Delete) > 0 && len(p.Done.Draining) > len(p.Todo.Drain) {
		retry(retryBusy)
	}
	if wake.IsZero() {
		return ctrl.Result{}, nil
	}
	// A second late rather than a moment early, when nothing is due yet.
	return ctrl.Result{RequeueAfter: max(wake.Sub(p.Now), 0) + time.Second}, nil
}
