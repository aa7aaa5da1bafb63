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
)

// newLimitedPod is one of a run that has an hour.
func newLimitedPod(w *world) *pod {
	p := newPod(w)
	p.options.Limit = time.Hour
	p.options.Deadline = testStart.Add(time.Hour)
	return p
}

// hangs never ends by itself. The clock goes on.
func hangs(w *world, d time.Duration) script {
	return func(ctx context.Context, _ call) error {
		w.clock.Step(d)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Second):
			w.t.Errorf("still waiting for a command after %s", d)
			return io.ErrUnexpectedEOF
		}
	}
}

// TestOutOfTime: whatever a run waits for, it ends as failed, says what it was
// doing, and leaves no backup that has the lock.
func TestOutOfTime(t *testing.T) {
	const hour = time.Hour + time.Minute
	const limit = "the run was not over within its limit of 1h0m0s, "
	for name, tc := range map[string]struct {
		step   string
		change func(*world)
		reason string
		want   []string
	}{
		"a backup that does not end": {
			step: "backup", reason: reasonEnded,
			change: func(w *world) {
				w.on("backup", func(ctx context.Context, c call) error {
					w.atWork[atPrimary], w.lock = 1, true
					return hangs(w, hour)(ctx, c)
				})
			},
			want: []string{
				limit + "pgbackrest backup had not ended in shop/orders-0 (postgres): the run is out of time: its backup in shop/orders-0 (postgres) was ended, the lock is free",
				"see why it took so long, or raise the parameter limit",
			},
		},
		"a foreign backup that does not end": {
			step: "backup", change: func(w *world) { w.lock = true }, reason: reasonNoBackup,
			want: []string{limit + "it waited, pgBackRest is at work in shop/orders-0 (postgres)", "no backup of this run was at work, and none is listed in repo1"},
		},
		"the backup of a pod that was lost does not end": {
			step: "backup", change: func(w *world) { w.lock, w.atWork[atPrimary] = true, 1 }, reason: reasonEnded,
			want: []string{limit + "it waited", "its backup in shop/orders-0 (postgres) was ended, the lock is free"},
		},
		"a lock that stays": {
			step: "expire", change: func(w *world) { w.always("expire", failsAs(w.t, "lock: expire during backup")) }, reason: reasonNotVerified,
			want: []string{limit + "pgbackrest expire failed in shop/orders-0 (postgres): [050] lock-acquire", "is complete and listed in repo1, but not verified"},
		},
		"a check that does not end": {
			step: "precheck", change: func(w *world) { w.on("check", hangs(w, hour)) }, reason: reasonNoBackup,
			want: []string{limit + "pgbackrest check had not ended in shop/orders-0 (postgres)"},
		},
		"an expire that does not end": {
			step: "expire", change: func(w *world) { w.on("expire", hangs(w, hour)) }, reason: reasonNotVerified,
			want: []string{limit + "pgbackrest expire had not ended in shop/orders-0 (postgres)"},
		},
		"the time between two attempts": {
			step: "backup", change: func(w *world) { w.on("backup", failsAs(w.t, "pg: wrong port")) }, reason: reasonNoBackup,
			want: []string{limit + "pgbackrest backup failed in shop/orders-0 (postgres): [056] db-connect"},
		},
		"a step that begins too late": {
			step: "verify", change: func(w *world) { w.clock.Step(hour) }, reason: reasonNotVerified,
			want: []string{limit + "step verify had not begun"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			p := newLimitedPod(w)
			p.options.Backoff = time.Hour
			p.env.Log = io.MultiWriter(p.log, writerFunc(func(b []byte) (int, error) {
				if bytes.Contains(b, []byte("failed, next in")) {
					w.clock.Step(hour)
				}
				return len(b), nil
			}))
			p.mustRun("begin")
			p.mustRun(namesBetween(tc.step)...)
			tc.change(w)
			p.wantFailure(p.run(tc.step), ExitStop, tc.step, stanzaflowv1alpha1.RunFailed, tc.want...)
			p.wantTold(tc.reason)
		})
	}
}

// TestOutOfTimeBeforeItBegan: a run can wait for its turn all the time it has.
// The pod may also be the second one, and the backup of the first go on.
func TestOutOfTimeBeforeItBegan(t *testing.T) {
	for name, atWork := range map[string]int{"the first pod": 0, "another pod": 1} {
		w := newWorld(t)
		p := newLimitedPod(w)
		w.clock.Step(time.Hour)
		want := "no backup of this run was at work, and none is listed in repo1"
		if atWork > 0 {
			w.atWork[atPrimary] = atWork
			want = "its backup in shop/orders-0 (postgres) was ended"
		}
		t.Log(name)
		p.wantFailure(p.run(Names...), ExitStop, "begin", stanzaflowv1alpha1.RunFailed,
			"the run was not over within its limit of 1h0m0s, step begin had not begun: it waited for another run of the cluster, or for a node", want)
		if n := len(w.issued("backup")); n > 0 {
			t.Errorf("%d backup commands", n)
		}
	}
}

// TestOutOfTimeWithACause: what only a person can mend is told as such.
func TestOutOfTimeWithACause(t *testing.T) {
	w := newWorld(t)
	p := newLimitedPod(w)
	p.mustRun("begin", "precheck")
	w.on("backup", func(ctx context.Context, c call) error {
		w.clock.Step(2 * time.Hour)
		return failsAs(t, "stop file: backup")(ctx, c)
	})
	p.wantFailure(p.run("backup"), ExitStop, "backup", stanzaflowv1alpha1.RunFailed, "pgbackrest backup failed in shop/orders-0 (postgres): [062] stop")
}

// TestInTime: a limit that is not reached changes nothing.
func TestInTime(t *testing.T) {
	w := newWorld(t)
	w.on("backup", goesOn(w, 100))
	p := newLimitedPod(w)
	p.mustRun(Names...)
	if n := len(w.issued("pkill")); n > 0 {
		t.Errorf("%d commands pkill, want none", n)
	}
}

// TestNoAnswer: a question that is not answered is one that failed, even where
// the run has no limit.
func TestNoAnswer(t *testing.T) {
	for _, tc := range []struct{ step, command, want string }{
		{"precheck", "version", "cannot run pgBackRest in shop/orders-0 (postgres): no answer in time"},
		{"precheck", "psql", "cannot query PostgreSQL in shop/orders-0 (postgres): no answer in time"},
		{"precheck", "sha256sum", "cannot read /etc/pgbackrest/conf.d/pgbackrest_instance.conf in shop/orders-0 (postgres): no answer in time"},
		{"backup", "info", "lost the stream of pgbackrest info in shop/orders-0 (postgres): no answer in time"},
	} {
		t.Run(tc.command, func(t *testing.T) {
			w := newWorld(t)
			p := newPod(w)
			p.mustRun("begin")
			p.mustRun(namesBetween(tc.step)...)
			hang := hangs(w, answerTime)
			w.on(tc.command, hang, hang, hang)
			p.wantFailure(p.run(tc.step), ExitGaveUp, tc.step, stanzaflowv1alpha1.RunFailed, tc.want, "(3 attempts)")
			if code := p.run(tc.step); code != 0 {
				t.Errorf("exit code %d when there are answers again", code)
			}
		})
	}
}

// TestAnswerTime is longer than pgBackRest's own patience with four stores.
func TestAnswerTime(t *testing.T) {
	if answerTime < 4*40*time.Second {
		t.Errorf("%s are too short for pgbackrest info", answerTime)
	}
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
			w := newWorld(t)
			w.stanzaExists = tc.command != "stanza-create"
			p := newPod(w)
			for range 9 {
				w.on(tc.command, failsAs(t, tc.sample))
			}
			p.mustRun(Names...)
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
