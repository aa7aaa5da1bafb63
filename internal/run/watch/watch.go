// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Exit codes, those of the steps. The WorkflowTemplate starts a pod again for any code but
// the first two.
const (
	// ExitStop means that the options are wrong.
	ExitStop = 20
	// ExitGaveUp means that nothing could be asked.
	ExitGaveUp = 30
	// ExitStopped means that the pod received SIGTERM.
	ExitStopped = 40
)

// How often and how long after a failure the lists are tried.
const (
	listAttempts = 3
	listBackoff  = 5 * time.Second
)

// Env is what a watch works with.
type Env struct {
	Lister   remote.Lister
	Finder   remote.Finder
	Executor remote.Executor
	Clock    clock.WithDelayedExecution
	// Log is the log of the container.
	Log io.Writer
}

// Options of a watch.
type Options struct {
	Namespace string
	// Outputs is the directory in which Argo reads the output parameters.
	Outputs string
	// TerminationLog is where Kubernetes reads the message of the container.
	TerminationLog string
	// Limit bounds the whole watch, ClusterLimit the questions to one cluster.
	Limit, ClusterLimit time.Duration
	// Parallel is to how many PostgreSQLs the watch talks at a time, and to twice as many
	// repos, which may wait for a store.
	Parallel int
}

func (o Options) check() error {
	switch {
	case o.Namespace == "":
		return fmt.Errorf("--namespace is empty: name the namespace whose clusters are asked")
	case o.ClusterLimit <= 0:
		return fmt.Errorf("--cluster-limit is %s, must be positive", o.ClusterLimit)
	case o.Limit < o.ClusterLimit:
		return fmt.Errorf("--limit is %s, must not be less than --cluster-limit, %s", o.Limit, o.ClusterLimit)
	case o.Parallel < 1:
		return fmt.Errorf("--parallel is %d, must be at least 1", o.Parallel)
	}
	return nil
}

type watch struct {
	Env
	Options

	clock attempt.Clock
	// primaries and repos bound how many of each are asked at a time.
	primaries, repos turns
}

// Run asks all clusters and returns the exit code of the container. It succeeds if it
// could ask, whatever it found.
func Run(ctx context.Context, env Env, options Options) int {
	w := &watch{
		Env: env, Options: options, clock: attempt.Clock{WithDelayedExecution: env.Clock},
		primaries: make(turns, max(options.Parallel, 1)), repos: make(turns, 2*max(options.Parallel, 1)),
	}
	if err := options.check(); err != nil {
		return w.fail(ExitStop, err.Error())
	}
	found, err := w.watch(ctx)
	switch {
	case ctx.Err() != nil:
		return w.fail(ExitStopped, "the watch was stopped before it had asked all clusters")
	case err != nil:
		return w.fail(ExitGaveUp, err.Error())
	}
	if err := w.publish(found); err != nil {
		return w.fail(ExitGaveUp, err.Error())
	}
	return 0
}

func (w *watch) watch(ctx context.Context) (report.Watch, error) {
	start := w.Clock.Now().UTC()
	ctx, cancel := w.clock.Within(ctx, w.Limit, attempt.ErrOutOfTime)
	defer cancel()
	var targets []target
	lists := attempt.Series{Name: "watch", Clock: w.clock, Logf: w.logf, Attempts: listAttempts, Backoff: listBackoff, Deadline: start.Add(w.Limit)}
	if err := lists.Do(ctx, func(ctx context.Context) (err error) { targets, err = w.list(ctx); return err }); err != nil {
		return report.Watch{}, err
	}
	found := report.Watch{Start: start, Clusters: w.askAll(ctx, targets)}
	found.End = w.Clock.Now().UTC()
	return found, nil
}

// askAll asks each cluster. All wait for their turns at the same time, so that those
// which wait for a store keep nobody from asking PostgreSQL.
func (w *watch) askAll(ctx context.Context, targets []target) map[string]report.Sample {
	samples := make([]report.Sample, len(targets))
	var group sync.WaitGroup
	for i, t := range targets {
		group.Go(func() { samples[i] = w.ask(ctx, t) })
	}
	group.Wait()
	found := make(map[string]report.Sample, len(targets))
	for i, t := range targets {
		found[t.postgresql.Name] = samples[i]
		if message := samples[i].Message; message != "" {
			w.logf("%s/%s: %s", w.Namespace, t.postgresql.Name, message)
		}
	}
	return found
}

// publish leaves the output parameters.
func (w *watch) publish(found report.Watch) error {
	encoded, err := encode(found)
	if err != nil {
		return err
	}
	message := summary(found)
	w.logf("%s", message)
	for name, content := range map[string][]byte{vocab.OutputMessage: []byte(message), vocab.OutputReport: encoded} {
		if err := os.WriteFile(filepath.Join(w.Outputs, name), content, 0o600); err != nil {
			return fmt.Errorf("cannot leave output %s: %w", name, err)
		}
	}
	return nil
}

// fail puts a failure where people look for it.
func (w *watch) fail(code int, message string) int {
	message = report.OneLine(message)
	w.logf("%s", message)
	if err := os.WriteFile(w.TerminationLog, []byte(message), 0o600); err != nil {
		w.logf("cannot write the termination message: %v", err)
	}
	return code
}

func (w *watch) logf(format string, args ...any) {
	_, _ = fmt.Fprintf(w.Log, "%s %s\n", w.Clock.Now().UTC().Format(time.RFC3339), fmt.Sprintf(format, args...))
}

// turns bounds how many do the same at a time.
type turns chan struct{}

// take waits for a turn. It is false if the context ends before.
func (t turns) take(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	default:
	}
	select {
	case t <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (t turns) give() { <-t }
