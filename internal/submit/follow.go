// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/utils/clock"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Why following ended before the run did, beside the end of the context.
var (
	// ErrDeleted means that the Workflow was deleted before it was over.
	ErrDeleted = errors.New("the Workflow was deleted before it was over")
	// ErrTimeout is the cause of a context whose time is up.
	ErrTimeout = errors.New("the time is up")
	// ErrStopped means that the context has ended for another reason, such as Ctrl-C.
	ErrStopped = errors.New("stopped")
)

const (
	// patience is how long a Workflow that Argo has not looked at causes no remark.
	patience = 30 * time.Second
	// forbiddenTime is how long a right may be missing: an API server that has just
	// started forbids everything until it knows the roles.
	forbiddenTime = time.Minute
)

// Follower follows one run until it ends.
type Follower struct {
	Workflows Workflows
	// Logs is nil if they are not to be printed.
	Logs  Logs
	Clock clock.Clock
	Out   io.Writer
	// Pause is the wait before the API server is asked again.
	Pause time.Duration
}

// Follow prints what a run does until it is over, and returns it as it was seen last.
// Without an error it is over.
func (f Follower) Follow(ctx context.Context, workflow *wfv1.Workflow) (*wfv1.Workflow, error) {
	out := &printer{out: f.Out, clock: f.Clock, begin: f.Clock.Now()}
	following := &following{Follower: f, printer: out, progress: newProgress(out), last: workflow, uid: workflow.UID, remark: f.Clock.After(patience)}
	if f.Logs == nil {
		err := following.untilOver(ctx)
		return following.last, err
	}
	following.tail = startTail(ctx, f, out, workflow)
	err := following.untilOver(ctx)
	following.tail.stop()
	return following.last, err
}

// following is the state of one call of Follow.
type following struct {
	Follower
	*printer
	progress *progress
	// tail is nil without logs.
	tail *tail
	last *wfv1.Workflow
	uid  types.UID
	// remark fires when Argo should have looked at the Workflow.
	remark <-chan time.Time
	// unwatched is true if the right to watch is missing.
	unwatched bool
	// trouble is true while the Workflow cannot be read, since then.
	trouble bool
	since   time.Time
}

// untilOver reads the Workflow, watches it, and begins again when the watch ends,
// whatever the reason: its time, a lost connection, or a version that is too old.
func (f *following) untilOver(ctx context.Context) error {
	for {
		over, err := f.look(ctx)
		if over || err != nil {
			return err
		}
		if !f.trouble {
			if over, err = f.watch(ctx); over || err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return stopped(ctx)
		case <-f.Clock.After(f.Pause):
		}
	}
}

// stopped says why a context has ended.
func stopped(ctx context.Context) error {
	if errors.Is(context.Cause(ctx), ErrTimeout) {
		return ErrTimeout
	}
	return ErrStopped
}

// look reads the Workflow.
func (f *following) look(ctx context.Context) (over bool, err error) {
	workflow, err := f.Workflows.Get(ctx, f.last.Namespace, f.last.Name)
	switch {
	case ctx.Err() != nil:
		return false, stopped(ctx)
	case apierrors.IsNotFound(err) && !notServed(err):
		return false, ErrDeleted
	case err != nil:
		return false, f.complain(explain(err, "get", "workflows.argoproj.io", "Workflow", f.last.Namespace, f.last.Name))
	}
	f.trouble = false
	return f.see(workflow)
}

// complain says once what is wrong. The run continues meanwhile, so only a right that
// stays missing is an error.
func (f *following) complain(err error) error {
	if !f.trouble {
		f.since = f.Clock.Now()
	}
	if apierrors.IsForbidden(err) && f.Clock.Since(f.since) >= forbiddenTime {
		return err
	}
	if !f.trouble {
		f.trouble = true
		f.line("%v; the run continues, trying again", err)
	}
	return nil
}

// see takes notice of a Workflow.
func (f *following) see(workflow *wfv1.Workflow) (over bool, err error) {
	if workflow.UID != f.uid {
		return false, ErrDeleted
	}
	f.last = workflow
	f.progress.see(workflow)
	if f.tail != nil {
		f.tail.see(workflow)
	}
	return !outcome.Running(workflow), nil
}

// watch follows the Workflow until a watch ends.
func (f *following) watch(ctx context.Context) (over bool, err error) {
	if f.unwatched {
		return false, nil
	}
	stream, err := f.Workflows.Watch(ctx, f.last.Namespace, f.last.Name, f.last.ResourceVersion)
	if err != nil {
		if forbidden(err, "watch") {
			f.unwatched = true
			f.line("you may not watch workflows.argoproj.io in namespace %s, so the run is looked at every %s", f.last.Namespace, f.Pause)
		}
		return false, nil
	}
	defer stream.Stop()
	for {
		select {
		case <-ctx.Done():
			return false, stopped(ctx)
		case <-f.remark:
			if f.last.Status.Phase == "" {
				f.line("%s", where(f.last))
			}
		case event, open := <-stream.ResultChan():
			if !open || event.Type == watch.Error {
				return false, nil
			}
			if over, err := f.notice(event); over || err != nil {
				return over, err
			}
		}
	}
}

// notice takes notice of an event. A Workflow may be deleted as soon as it is over.
func (f *following) notice(event watch.Event) (over bool, err error) {
	workflow, ok := event.Object.(*wfv1.Workflow)
	if !ok || workflow.Name != f.last.Name {
		return false, nil
	}
	over, err = f.see(workflow)
	if event.Type == watch.Deleted && err == nil && !over {
		return false, ErrDeleted
	}
	return over, err
}

// unfinished says why nothing is known about a run that was followed.
func unfinished(workflow *wfv1.Workflow, timeout time.Duration, err error) string {
	name := fmt.Sprintf("Workflow %s/%s", workflow.Namespace, workflow.Name)
	switch {
	case errors.Is(err, ErrDeleted) && outcome.KindOf(workflow) == vocab.RunDrill:
		return name + " was deleted before it was over, so nothing is proven"
	case errors.Is(err, ErrDeleted):
		return fmt.Sprintf("%s was deleted before it was over: whether it has made a backup is unknown, and nothing has proven one", name)
	case errors.Is(err, ErrTimeout):
		return fmt.Sprintf("after %s %s is not over (%s), and it may continue; stop it with %s", timeout, name, where(workflow), stopCommand(workflow))
	case errors.Is(err, ErrStopped):
		return fmt.Sprintf("%s is no longer followed (%s), and it continues; stop it with %s", name, where(workflow), stopCommand(workflow))
	}
	return fmt.Sprintf("%s cannot be followed, and it may continue: %v", name, err)
}

// stopCommand is the command that stops a run as argo stop does.
func stopCommand(workflow *wfv1.Workflow) string {
	return fmt.Sprintf(`kubectl -n %s patch workflow %s --type=merge -p '{"spec":{"shutdown":"Stop"}}'`, workflow.Namespace, workflow.Name)
}
