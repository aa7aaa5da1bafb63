// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/run/runtest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// newLimitedPod is one of a run that has an hour.
func newLimitedPod(w *runtest.World) *pod { return limited(newPod(w)) }

func limited(p *pod) *pod {
	p.parameters.Limit = time.Hour
	p.parameters.Created = runtest.Start.Format(time.RFC3339)
	return p
}

// hangs never ends by itself. The clock moves by d.
func hangs(w *runtest.World, d time.Duration) runtest.Script {
	return func(ctx context.Context, _ runtest.Call) error {
		w.Clock.Step(d)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Second):
			w.T.Errorf("still waiting for a command after %s", d)
			return io.ErrUnexpectedEOF
		}
	}
}

// TestOutOfTime: whatever a run waits for, it ends as failed, says what it was
// doing, and leaves no backup that has the lock.
func TestOutOfTime(t *testing.T) {
	inEachForm(t, func(t *testing.T, newPod func(*runtest.World) *pod) {
		const hour = time.Hour + time.Minute
		const limit = "the run exceeded its limit of 1h0m0s: "
		for name, tc := range map[string]struct {
			step   string
			change func(*runtest.World)
			reason string
			want   []string
		}{
			"a backup that does not end": {
				step: "backup", reason: vocab.EventBackupEnded,
				change: func(w *runtest.World) {
					w.On("backup", func(ctx context.Context, c runtest.Call) error {
						w.Running[atPrimary], w.Lock = 1, true
						return hangs(w, hour)(ctx, c)
					})
				},
				want: []string{
					limit + "pgbackrest backup had not ended in shop/orders-0 (postgres): the run is out of time: its backup in shop/orders-0 (postgres) was ended, the lock is free",
					"see why it took so long, or raise the parameter limit",
				},
			},
			"a foreign backup that does not end": {
				step: "backup", change: func(w *runtest.World) { w.Lock = true }, reason: vocab.EventNoBackup,
				want: []string{limit + "it waited, pgBackRest is running in shop/orders-0 (postgres)", "this run had no backup running, and none is listed in repo1"},
			},
			"the backup of a pod that was lost does not end": {
				step: "backup", change: func(w *runtest.World) { w.Lock, w.Running[atPrimary] = true, 1 }, reason: vocab.EventBackupEnded,
				want: []string{limit + "it waited", "its backup in shop/orders-0 (postgres) was ended, the lock is free"},
			},
			"a lock that stays": {
				step: "expire", change: func(w *runtest.World) { w.Always("expire", runtest.FailsAs(w.T, "lock: expire during backup")) }, reason: vocab.EventBackupNotVerified,
				want: []string{limit + "pgbackrest expire failed in shop/orders-0 (postgres): [050] lock-acquire", "is complete and listed in repo1, but not verified"},
			},
			"a check that does not end": {
				step: "precheck", change: func(w *runtest.World) { w.On("check", hangs(w, hour)) }, reason: vocab.EventNoBackup,
				want: []string{limit + "pgbackrest check had not ended in shop/orders-0 (postgres)"},
			},
			"an expire that does not end": {
				step: "expire", change: func(w *runtest.World) { w.On("expire", hangs(w, hour)) }, reason: vocab.EventBackupNotVerified,
				want: []string{limit + "pgbackrest expire had not ended in shop/orders-0 (postgres)"},
			},
			"the time between two attempts": {
				step: "backup", change: func(w *runtest.World) { w.On("backup", runtest.FailsAs(w.T, "pg: wrong port")) }, reason: vocab.EventNoBackup,
				want: []string{limit + "pgbackrest backup failed in shop/orders-0 (postgres): [056] db-connect"},
			},
			"a step that begins too late": {
				step: "verify", change: func(w *runtest.World) { w.Clock.Step(hour) }, reason: vocab.EventBackupNotVerified,
				want: []string{limit + "step verify had not begun"},
			},
		} {
			t.Run(name, func(t *testing.T) {
				w := runtest.New(t)
				p := limited(newPod(w))
				p.parameters.Backoff = time.Hour
				p.env.Log = io.MultiWriter(p.log, writerFunc(func(b []byte) (int, error) {
					if bytes.Contains(b, []byte("failed, next in")) {
						w.Clock.Step(hour)
					}
					return len(b), nil
				}))
				if p.parameters.Form != "" && name == "the time between two attempts" {
					return // No pod is there.
				}
				p.mustRun(stepsBefore(tc.step)...)
				tc.change(w)
				p.wantFailure(p.run(tc.step), ExitStop, tc.step, stanzaflowv1alpha1.RunFailed, tc.want...)
				p.wantTold(tc.reason)
			})
		}
	})
}

// TestOutOfTimeBeforeItBegan: a run can wait for its turn all the time it has.
// The pod may also be the second one, and the backup of the first still run.
func TestOutOfTimeBeforeItBegan(t *testing.T) {
	for name, atWork := range map[string]int{"the first pod": 0, "another pod": 1} {
		w := runtest.New(t)
		p := newLimitedPod(w)
		w.Clock.Step(time.Hour)
		want := "this run had no backup running, and none is listed in repo1"
		if atWork > 0 {
			w.Running[atPrimary] = atWork
			want = "its backup in shop/orders-0 (postgres) was ended"
		}
		t.Log(name)
		p.wantFailure(p.run(backupSteps...), ExitStop, "begin", stanzaflowv1alpha1.RunFailed,
			"the run exceeded its limit of 1h0m0s: step begin had not begun: it waited for another run of the cluster, or for a node", want)
		if n := len(w.Issued("backup")); n > 0 {
			t.Errorf("%d backup commands", n)
		}
	}
}

// TestOutOfTimeWithACause: what only a person can fix is reported as such.
func TestOutOfTimeWithACause(t *testing.T) {
	w := runtest.New(t)
	p := newLimitedPod(w)
	p.mustRun("begin", "precheck")
	w.On("backup", func(ctx context.Context, c runtest.Call) error {
		w.Clock.Step(2 * time.Hour)
		return runtest.FailsAs(t, "stop file: backup")(ctx, c)
	})
	p.wantFailure(p.run("backup"), ExitStop, "backup", stanzaflowv1alpha1.RunFailed, "pgbackrest backup failed in shop/orders-0 (postgres): [062] stop")
}

// TestInTime: a limit that is not reached changes nothing.
func TestInTime(t *testing.T) {
	inEachForm(t, func(t *testing.T, newPod func(*runtest.World) *pod) {
		w := runtest.New(t)
		w.On("backup", runtest.OutlivesStream(w, 100))
		p := limited(newPod(w))
		p.mustRun(backupSteps...)
		if n := len(w.Issued("pkill")); n > 0 {
			t.Errorf("%d commands pkill, want none", n)
		}
	})
}

// TestNoAnswer: a question that is not answered is one that failed, even where
// the run has no limit.
func TestNoAnswer(t *testing.T) {
	testBrokenCommand(t, func(w *runtest.World) runtest.Script {
		return hangs(w, time.Hour)
	}, []brokenCommand{
		{"precheck", "version", "cannot run pgBackRest in shop/orders-0 (postgres): no answer in time"},
		{"precheck", "psql", "cannot query PostgreSQL in shop/orders-0 (postgres): no answer in time"},
		{"precheck", "sha256sum", "cannot read /etc/pgbackrest/conf.d/pgbackrest_instance.conf in shop/orders-0 (postgres): no answer in time"},
		{"backup", "info", "lost the stream of pgbackrest info in shop/orders-0 (postgres): no answer in time"},
	})
}

// TestWaiting: another pgBackRest has the lock, for longer than all attempts
// together. It uses up none, whichever command met it.
func TestWaiting(t *testing.T) {
	for _, tc := range []struct{ step, command, sample string }{
		{"precheck", "check", "lock: expire during backup"},
		{"precheck", "stanza-create", "lock: stanza-create during backup"},
		{"expire", "expire", "lock: expire during backup"},
		{"verify", "repo-ls", "lock: expire during backup"},
	} {
		t.Run(tc.command, func(t *testing.T) {
			w := runtest.New(t)
			w.StanzaExists = tc.command != "stanza-create"
			p := newPod(w)
			tries := 9
			if tc.command == "repo-ls" {
				tries *= 2 // One exec lists the archive and the files.
			}
			for range tries {
				w.On(tc.command, runtest.FailsAs(t, tc.sample))
			}
			p.mustRun(backupSteps...)
			for _, s := range p.report().Steps {
				if s.Attempts != 1 {
					t.Errorf("step %s made %d attempts, want 1", s.Name, s.Attempts)
				}
			}
			if n := strings.Count(p.log.String(), "waiting: pgbackrest "+tc.command+" failed in shop/orders-0 (postgres): [050]"); n != 3 { // 9 tries, 15 s apart.
				t.Errorf("said %d times that it waits, want 3\n%s", n, p.log)
			}
		})
	}
}
