// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"bufio"
	"context"
	"strings"
	"sync"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

const (
	// restTime is how long the rest of the logs may take when the run is over.
	restTime = 10 * time.Second
	// readings is how often the log of a step that has ended is read again after an error.
	readings = 3
	// argoLine ends the lines that Argo's own program writes into the log of a container.
	argoLine = " argo=true"
	// maxLine is the longest line of a log that is read.
	maxLine = 1 << 20
)

// tail prints the logs of the pods of a run, one container after the other. It promises
// each line once, also if the connection is lost in between.
type tail struct {
	Follower
	*printer
	workflow *wfv1.Workflow
	cancel   context.CancelFunc
	ended    chan struct{}

	mutex  sync.Mutex
	pods   []pod
	closed bool
	// changed is closed and replaced when something of the above changes.
	changed chan struct{}
}

func startTail(ctx context.Context, f Follower, out *printer, workflow *wfv1.Workflow) *tail {
	ctx, cancel := context.WithCancel(ctx)
	t := &tail{Follower: f, printer: out, workflow: workflow, cancel: cancel, ended: make(chan struct{}), changed: make(chan struct{})}
	go func() {
		defer close(t.ended)
		t.run(ctx)
	}()
	return t
}

// see takes notice of the pods of the run.
func (t *tail) see(workflow *wfv1.Workflow) { t.change(podsOf(workflow), false) }

func (t *tail) change(pods []pod, closed bool) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.pods, t.closed = pods, closed
	close(t.changed)
	t.changed = make(chan struct{})
}

// state returns what is known, and a channel that is closed when more is.
func (t *tail) state() ([]pod, bool, <-chan struct{}) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.pods, t.closed, t.changed
}

// stop prints the rest, if it comes soon.
func (t *tail) stop() {
	pods, _, _ := t.state()
	t.change(pods, true)
	select {
	case <-t.ended:
	case <-t.Clock.After(restTime):
		t.line("the rest of the logs is left out: it did not come within %s", restTime)
	}
	t.cancel()
	<-t.ended
}

// finish prints the rest, however long it takes.
func (t *tail) finish(ctx context.Context) {
	pods, _, _ := t.state()
	t.change(pods, true)
	select {
	case <-t.ended:
	case <-ctx.Done():
	}
	t.cancel()
	<-t.ended
}

// run prints the logs of one pod after the other.
func (t *tail) run(ctx context.Context) {
	printed := 0
	for ctx.Err() == nil {
		pods, closed, changed := t.state()
		if printed < len(pods) && (pods[printed].begun() || printed < len(pods)-1) {
			if !t.printPod(ctx, pods[printed]) {
				return
			}
			printed++
			continue
		}
		if closed {
			return
		}
		select {
		case <-ctx.Done():
		case <-changed:
		}
	}
}

// printPod prints the logs of the containers of a pod in the order of their steps. It
// returns false if logs may not be read at all.
func (t *tail) printPod(ctx context.Context, p pod) bool {
	for _, s := range p.steps {
		switch err := t.printStep(ctx, PodName(t.workflow, p.node), s); {
		case err == nil:
		case apierrors.IsNotFound(err):
			t.line("%s: the log and those after it are left out: the pod is gone", s.name)
			return true
		case forbidden(err, "get"):
			t.line("the logs are left out: you may not get pods/log in namespace %s", t.workflow.Namespace)
			return false
		default:
			t.line("%s: the log is left out: %v", s.name, err)
		}
	}
	return true
}

// printStep prints the log of a container until it was read to its end after the step
// had ended.
func (t *tail) printStep(ctx context.Context, podName string, s step) error {
	last, failures := time.Time{}, 0
	for {
		over, changed := t.over(s.id)
		err := t.read(ctx, podName, s, &last)
		switch {
		case ctx.Err() != nil, err == nil && over:
			return nil //nolint:nilerr // Nobody waits for the log any more.
		case apierrors.IsNotFound(err), apierrors.IsForbidden(err), failures == readings:
			return err
		case err != nil && over:
			failures++
		}
		select {
		case <-ctx.Done():
		case <-changed:
		case <-t.Clock.After(t.Pause):
		}
	}
}

// over reports whether a step has ended, or the run has.
func (t *tail) over(id string) (bool, <-chan struct{}) {
	pods, closed, changed := t.state()
	for _, p := range pods {
		for _, s := range p.steps {
			if s.id == id && (s.phase.Completed() || p.node.Phase.Completed()) {
				return true, changed
			}
		}
	}
	return closed, changed
}

// read prints the lines of a log that are newer than the last one.
func (t *tail) read(ctx context.Context, podName string, s step, last *time.Time) error {
	log, err := t.Logs.Log(ctx, t.workflow.Namespace, podName, s.container, *last)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		stamp, text, _ := strings.Cut(lines.Text(), " ")
		at, err := time.Parse(time.RFC3339Nano, stamp)
		if err != nil || !at.After(*last) || strings.HasSuffix(text, argoLine) {
			continue
		}
		*last = at
		t.log(s.name, text)
	}
	return lines.Err()
}
