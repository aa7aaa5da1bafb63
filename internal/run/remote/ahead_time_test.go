// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/utils/clock"

	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
)

// played executes several commands at once by one function, and those alone by another.
type played struct {
	several func(ctx context.Context, answer func(text string)) error
	alone   func(ctx context.Context, argv []string, stdout io.Writer) error
	execs   int
}

// Exec implements Executor.
func (p *played) Exec(ctx context.Context, _ Place, argv []string, stdout, stderr io.Writer) error {
	p.execs++
	if argv[0] != "sh" {
		return p.alone(ctx, argv, stdout)
	}
	mark := argv[4]
	_, _ = fmt.Fprintln(stdout, mark)
	return p.several(ctx, func(text string) {
		_, _ = fmt.Fprintf(stdout, "%s\n%s 0\n", text, mark)
		_, _ = fmt.Fprintf(stderr, "\n%s\n", mark)
	})
}

func clusterOf(t *testing.T, p *played) *Cluster {
	t.Helper()
	return &Cluster{
		Executor: p, Clock: attempt.Clock{WithDelayedExecution: clock.RealClock{}}, Log: io.Discard, Logf: func(string, ...any) {},
		Transcript: filepath.Join(t.TempDir(), "transcript"),
	}
}

// hang waits for the end of the context, as the exec of a command that says nothing.
func hang(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// TestAskingTakesTooLong: what has ended by then is answered, and what has not has failed in
// nothing.
func TestAskingTakesTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &played{
			several: func(ctx context.Context, answer func(string)) error {
				answer("one\n")
				return hang(ctx)
			},
			alone: func(_ context.Context, argv []string, stdout io.Writer) error {
				_, err := fmt.Fprintln(stdout, argv[1])
				return err
			},
		}
		c, started := clusterOf(t, p), time.Now()
		commands := [][]string{{"echo", "one"}, {"echo", "two"}, {"echo", "three"}}
		c.Ask(t.Context(), inPostgres, commands...)
		if took := time.Since(started); took != answerTime {
			t.Errorf("it was asked for %s, want %s", took, answerTime)
		}
		for _, argv := range commands {
			if got := c.must(t, inPostgres, argv); got.Stdout != argv[1]+"\n" {
				t.Errorf("%q: %q", argv, got.Stdout)
			}
		}
		if p.execs != 3 {
			t.Errorf("%d execs, want 3", p.execs)
		}
	})
}

// TestHeartbeatIsBounded although it shares its exec with pgbackrest check, which is not.
func TestHeartbeatIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &played{
			several: func(ctx context.Context, _ func(string)) error { return hang(ctx) },
			alone:   func(ctx context.Context, _ []string, _ io.Writer) error { return hang(ctx) },
		}
		started := time.Now()
		_, err := clusterOf(t, p).Check(t.Context(), inPostgres)
		if took := time.Since(started); !errors.Is(err, attempt.ErrNoAnswer) || took != 2*answerTime {
			t.Errorf("%v after %s", err, took)
		}
	})
}

// TestCheckIsNotBounded: pgBackRest itself gives up.
func TestCheckIsNotBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &played{
			several: func(ctx context.Context, answer func(string)) error {
				answer("{}\n")
				select {
				case <-time.After(time.Hour):
					answer("")
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			},
			alone: func(context.Context, []string, io.Writer) error { return errors.New("it was cut") },
		}
		if _, err := clusterOf(t, p).Check(t.Context(), inPostgres); err != nil || p.execs != 1 {
			t.Errorf("%v in %d execs", err, p.execs)
		}
	})
}
