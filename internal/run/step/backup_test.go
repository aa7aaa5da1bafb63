// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// goesOn breaks the stream of a backup that holds the lock until info was read
// so many times, and is listed then.
func goesOn(w *world, infos int) script {
	return func(_ context.Context, c call) error {
		w.lock, w.size, w.done = true, 1000, 420
		made := w.made(c.argv)
		w.onInfo = func() {
			if infos--; infos == 0 {
				w.lock = false
				w.list(made)
			}
		}
		_ = c.print("P00   INFO: execute backup start\n")
		return io.ErrUnexpectedEOF
	}
}

// dies breaks the stream of a backup that does not survive it.
func dies(_ context.Context, c call) error {
	_ = c.print("P00   INFO: execute backup start\n")
	return io.ErrUnexpectedEOF
}

// TestBackupIsStartedOnce: whatever becomes of the stream or of the pod, one
// run starts one backup, and it counts.
func TestBackupIsStartedOnce(t *testing.T) {
	for name, tc := range map[string]struct {
		change       func(*world)
		wantCommands int
		wantAttempts int
	}{
		"nothing special": {func(*world) {}, 1, 1},
		"a pod of this run that was lost has made it": {func(w *world) {
			w.list(backup{Type: cpo.Full, RepoKey: 1, Stop: testStart, Annotation: map[string]string{vocab.BackupAnnotation: testRun}})
		}, 0, 1},
		"a pod of this run that was lost is making it": {func(w *world) {
			_ = goesOn(w, 5)(t.Context(), call{
				argv:   []string{"pgbackrest", "backup", "--type=full", "--repo=1", "--annotation=" + vocab.BackupAnnotation + "=" + testRun},
				stdout: io.Discard,
			})
		}, 0, 1},
		"its stream is lost":              {func(w *world) { w.on("backup", goesOn(w, 5)) }, 1, 1},
		"its stream is lost when it ends": {func(w *world) { w.on("backup", goesOn(w, 1)) }, 1, 1},
		// The list is read, then the backup ends, then the lock is read.
		"it ends while info reads": {func(w *world) {
			w.on("backup", func(ctx context.Context, c call) error {
				err := goesOn(w, 4)(ctx, c)
				w.on("info", does(func() {}), func(_ context.Context, c call) error {
					w.lock = false
					defer w.list(w.made(w.issuedLocked("backup")[0].argv))
					w.onInfo = nil
					return w.info(c)
				})
				return err
			})
		}, 1, 1},
		"a foreign backup holds the lock": {func(w *world) {
			w.lock = true
			looks := 0
			w.onInfo = func() {
				if looks++; looks == 40 {
					w.lock = false
				}
			}
		}, 1, 1},
		"a foreign backup of another pod": {func(w *world) {
			w.on("psql", does(func() { w.sessions = 1 }), does(func() {}), does(func() { w.sessions = 0 }))
		}, 1, 1},
		"a foreign backup takes the lock after the look": {func(w *world) {
			locked := failsAs(t, "lock: second backup")
			w.on("backup", locked, locked, locked, locked, locked, locked)
		}, 7, 1},
		"psql fails while it waits": {func(w *world) {
			w.lock = true
			down := fails(2, "psql: error: the database system is shutting down")
			w.on("psql", does(func() {}), down, does(func() {}), down, does(func() {}), down, does(func() {}), down, does(func() { w.lock = false }))
		}, 1, 2},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			p := newPod(w)
			p.mustRun("begin", "precheck")
			tc.change(w)
			p.mustRun("backup", "expire", "verify")
			if n := len(w.issued("backup")); n != tc.wantCommands {
				t.Errorf("%d backup commands, want %d\n%s", n, tc.wantCommands, p.log)
			}
			if len(w.backups) != 1 {
				t.Errorf("%d backups, want 1", len(w.backups))
			}
			if r := p.report(); r.Steps[2].Attempts != tc.wantAttempts || r.Backup == nil {
				t.Errorf("%d attempts, want %d; backup %v", r.Steps[2].Attempts, tc.wantAttempts, r.Backup)
			}
		})
	}
}

// TestBackupWithOneAttempt: to follow a backup whose stream is lost is not
// another attempt.
func TestBackupWithOneAttempt(t *testing.T) {
	w := newWorld(t)
	w.on("backup", goesOn(w, 7))
	p := newPod(w)
	p.options.Attempts = 1
	p.mustRun(Names...)
	if n := len(w.issued("backup")); n != 1 {
		t.Errorf("%d backup commands, want 1", n)
	}
}

// TestBackupDoesNotTrustARepoItCannotRead: such a repo lists nothing, which
// says nothing about what is in it.
func TestBackupDoesNotTrustARepoItCannotRead(t *testing.T) {
	w := newWorld(t)
	lost := newPod(w)
	lost.mustRun("begin", "precheck", "backup")
	p := newPod(w)
	p.mustRun("begin", "precheck")
	refused := &pgbackrest.Status{Code: pgbackrest.StatusOther, Message: "[HostConnectError] unable to connect to 's3.example.org:443': [111] Connection refused"}
	w.repoStatus = refused
	w.on("psql", does(func() {}), does(func() { w.repoStatus = nil }))
	p.mustRun("backup", "expire", "verify")
	if n := len(w.issued("backup")); n != 1 {
		t.Errorf("%d backup commands, want 1", n)
	}

	w.repoStatus = refused
	p.wantFailure(p.run("backup"), ExitGaveUp, "backup", stanzaflowv1alpha1.RunFailed, "cannot use repo1", "Connection refused", "(3 attempts)")
}

func TestBackupFails(t *testing.T) {
	for name, tc := range map[string]struct {
		change   func(*world)
		step     string
		code     int
		commands int
		pgCode   int
		want     []string
	}{
		"only a person can mend it": {
			change: func(w *world) { w.on("backup", failsAs(w.t, "stop file: backup")) },
			step:   "backup", code: ExitStop, commands: 1, pgCode: 62,
			want: []string{"pgbackrest backup failed in shop/orders-0 (postgres): [062] stop: stop file exists for stanza main"},
		},
		"the stanza is of another cluster": {
			change: func(w *world) { w.on("backup", failsAs(w.t, "mismatch: backup")) },
			step:   "backup", code: ExitStop, commands: 1, pgCode: 51, want: []string{"[051] backup-mismatch", "stanza-upgrade"},
		},
		"the disk of the repo is full": {
			change: func(w *world) { w.on("backup", failsAs(w.t, "disk full: backup")) },
			step:   "backup", code: ExitStop, commands: 1, pgCode: 64, want: []string{"[064] file-write", "the volume is full"},
		},
		"WAL is not archived": {
			change: func(w *world) {
				failure := failsAs(w.t, "archive-timeout: backup")
				w.on("backup", failure, failure, failure)
			},
			step: "backup", code: ExitGaveUp, commands: 3, pgCode: 82,
			want: []string{"[082] archive-timeout: WAL segment 000000010000000000000009 was not archived", "(3 attempts)"},
		},
		"there is no primary any more": {
			change: func(w *world) {
				failure := failsAs(w.t, "standby only: backup")
				w.on("backup", failure, failure, failure)
			},
			step: "backup", code: ExitGaveUp, commands: 3, pgCode: 56, want: []string{"[056] db-connect", "(3 attempts)"},
		},
		"it dies with its stream": {
			change: func(w *world) { w.on("backup", dies, dies, dies) },
			step:   "backup", code: ExitGaveUp, commands: 3, want: []string{"lost the stream of pgbackrest backup in shop/orders-0 (postgres): unexpected EOF", "(3 attempts)"},
		},
		"it is not listed": {
			change: func(w *world) {
				w.on("backup", func(_ context.Context, c call) error { return c.print("P00   INFO: backup command end\n") })
			},
			// The step has done its work; verify says what it is worth.
			step: "verify", code: ExitStop, commands: 1, want: []string{"the backup of this run is not proven", "No backup in repo1 is listed"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.list(backup{Type: cpo.Full, RepoKey: 1, Stop: testStart.Add(-time.Hour)})
			tc.change(w)
			p := newPod(w)
			p.wantFailure(p.run(Names...), tc.code, tc.step, stanzaflowv1alpha1.RunFailed, tc.want...)
			if n := len(w.issued("backup")); n != tc.commands {
				t.Errorf("%d backup commands, want %d", n, tc.commands)
			}
			if r := p.report(); r.Code != tc.pgCode {
				t.Errorf("code %d, want %d", r.Code, tc.pgCode)
			}
			if n := len(w.issued("expire")); tc.step == "backup" && n > 0 {
				t.Errorf("expire ran after a failed backup")
			}
		})
	}
}

func TestBackupSucceedsAtTheSecondAttempt(t *testing.T) {
	for name, failure := range map[string]script{
		"database away":      failsAs(t, "pg: down, backup"),
		"killed":             fails(137, ""),
		"stream and process": dies,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.on("backup", failure)
			p := newPod(w)
			p.mustRun(Names...)
			if r := p.report(); r.Steps[2].Attempts != 2 || r.Message != "" || r.Code != 0 {
				t.Errorf("report %+v, want two attempts and no message", r)
			}
			if !strings.Contains(p.log.String(), "attempt 1 of 3 failed, next in 0s: ") {
				t.Errorf("log:\n%s", p.log)
			}
		})
	}
}

// TestBackupFollowsAFailover: the next attempt finds the new primary, whichever
// way the backup noticed that its own is gone.
func TestBackupFollowsAFailover(t *testing.T) {
	promoted := []corev1.Pod{replica("orders-0"), primary("orders-1")}
	for name, tc := range map[string]struct {
		ends script
		pods []corev1.Pod
	}{
		"the pod is gone":         {fails(137, ""), []corev1.Pod{primary("orders-1")}},
		"its stream is lost":      {dies, []corev1.Pod{primary("orders-1")}},
		"a connection closes":     {fails(57, "P00  ERROR: [057]: unable to execute query 'select pg_backup_stop()': server closed the connection unexpectedly"), promoted},
		"it is a standby now":     {fails(58, "P00  ERROR: [058]: the standby is no longer in recovery"), promoted},
		"no primary is found":     {failsAs(t, "standby only: backup"), promoted},
		"the label is on its way": {fails(137, ""), []corev1.Pod{replica("orders-0"), replica("orders-1")}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.pods = []corev1.Pod{primary("orders-0"), replica("orders-1")}
			w.on("backup", func(ctx context.Context, c call) error {
				w.pods = tc.pods
				return tc.ends(ctx, c)
			})
			p := newPod(w)
			p.env.Log = io.MultiWriter(p.log, writerFunc(func(b []byte) (int, error) {
				if bytes.Contains(b, []byte("no pod of postgresql")) {
					w.pods = promoted
				}
				return len(b), nil
			}))
			p.mustRun(Names...)
			backups := w.issued("backup")
			if len(backups) != 2 || backups[0].at.Pod != "orders-0" || backups[1].at.Pod != "orders-1" {
				t.Errorf("backups %v, want one in orders-0, then one in orders-1", backups)
			}
			if at := w.issued("repo-ls")[0].at; at.Pod != "orders-1" {
				t.Errorf("verify asked %s", at)
			}
		})
	}
}

// TestBackupWaitsForTheOldPrimary: a backup that goes on in the pod that was the
// primary writes to the same repo, whether PostgreSQL there still knows it or not.
func TestBackupWaitsForTheOldPrimary(t *testing.T) {
	for name, tc := range map[string]struct {
		old corev1.Pod
	}{
		"which is a replica now":    {replica("orders-0")},
		"which is not ready":        {unready(replica("orders-0"))},
		"which is about to be gone": {terminating(primary("orders-0"))},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.pods = []corev1.Pod{primary("orders-0"), replica("orders-1")}
			w.on("backup", func(context.Context, call) error {
				w.pods = []corev1.Pod{tc.old, primary("orders-1")}
				w.otherLocks["orders-0"] = true
				looks := 0
				w.onInfo = func() {
					if looks++; looks == 40 {
						delete(w.otherLocks, "orders-0")
					}
				}
				return io.ErrUnexpectedEOF
			})
			p := newPod(w)
			p.mustRun(Names...)
			if n := len(w.issued("backup")); n != 2 {
				t.Errorf("%d backup commands, want 2", n)
			}
			if !strings.Contains(p.log.String(), "waiting: pgBackRest is at work in shop/orders-0 (postgres)") {
				t.Errorf("log:\n%s", p.log)
			}
		})
	}
}

// TestBackupLooksElsewhere: what another pod cannot say. One that is ready and
// does not answer may hold the lock; one that is broken keeps nobody.
func TestBackupLooksElsewhere(t *testing.T) {
	at := func(pod string, s script) script {
		return func(ctx context.Context, c call) error {
			if c.at.Pod == pod {
				return s(ctx, c)
			}
			return errUnscripted
		}
	}
	for name, tc := range map[string]struct {
		other    corev1.Pod
		answer   script
		attempts int
	}{
		"it answers":                          {replica("orders-1"), does(func() {}), 1},
		"it is ready and does not answer":     {replica("orders-1"), dies, 2},
		"it is not ready and does not answer": {unready(replica("orders-1")), dies, 1},
		"it has no pgBackRest":                {replica("orders-1"), fails(127, "pgbackrest: not found"), 1},
		"its answer cannot be read":           {replica("orders-1"), func(_ context.Context, c call) error { return c.print("?") }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.pods = append(w.pods, tc.other)
			p := newPod(w)
			p.mustRun("begin", "precheck")
			pass := does(func() {})
			w.on("info", pass, pass, at("orders-1", tc.answer))
			p.mustRun("backup", "expire", "verify")
			if n := p.report().Steps[2].Attempts; n != tc.attempts {
				t.Errorf("%d attempts, want %d\n%s", n, tc.attempts, p.log)
			}
			if n := len(w.issued("backup")); n != 1 {
				t.Errorf("%d backup commands, want 1", n)
			}
		})
	}
}

// TestBackupEndsWhatADeadOneLeft: its workers would write into the directory that
// this one resumes. Without pkill it is made all the same.
func TestBackupEndsWhatADeadOneLeft(t *testing.T) {
	w := newWorld(t)
	w.orphans[atPrimary] = 1
	p := newPod(w)
	p.mustRun(Names...)
	// Without the parent it would end the workers of a backup that goes on.
	if argv := strings.Join(w.issued("pkill workers")[0].argv, " "); argv != "pkill --signal TERM --parent 1 --full backup:local" {
		t.Errorf("command %q", argv)
	}
	if !strings.Contains(p.log.String(), "ended the workers that another backup left in shop/orders-0 (postgres)") {
		t.Errorf("log:\n%s", p.log)
	}

	w = newWorld(t)
	w.on("pkill workers", fails(127, ""))
	p = newPod(w)
	p.mustRun(Names...)
	if !strings.Contains(p.log.String(), "there is no pkill in shop/orders-0 (postgres)") {
		t.Errorf("log:\n%s", p.log)
	}
}

// TestBackupSaysThatItWaits, once a minute and not at each look.
func TestBackupSaysThatItWaits(t *testing.T) {
	w := newWorld(t)
	p := newPod(w)
	p.env.Poll = 7 * time.Second
	p.mustRun("begin", "precheck")
	w.lock = true
	looks := 0
	w.onInfo = func() {
		if looks++; looks == 60 { // 60 looks every 7 s are 7 minutes.
			w.lock = false
		}
	}
	p.mustRun("backup")
	if n := strings.Count(p.log.String(), "waiting: pgBackRest is at work in shop/orders-0 (postgres)"); n != 7 {
		t.Errorf("said %d times that it waits, want 7\n%s", n, p.log)
	}
}

func TestBackupShowsProgress(t *testing.T) {
	t.Run("of the one it runs", func(t *testing.T) {
		w := newWorld(t)
		p := newPod(w)
		p.env.ProgressFile = filepath.Join(t.TempDir(), "progress")
		w.on("backup", func(context.Context, call) error {
			w.size, w.done = 1000, 420
			w.mu.Unlock()
			defer w.mu.Lock()
			for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
				if _, err := os.Stat(p.env.ProgressFile); err == nil {
					break
				}
			}
			return errUnscripted
		})
		p.mustRun("begin", "precheck", "backup")
		wantProgress(t, p, "42/100")
		infos := len(w.issued("info"))
		for _, c := range w.issued("info")[1:] {
			if !slices.Contains(c.argv, "--repo=1") {
				t.Errorf("progress waits for every repo: %q", c.argv)
			}
		}
		p.mustRun("expire")
		if n := len(w.issued("info")); n != infos {
			t.Errorf("%d looks after the backup has ended", n-infos)
		}
	})
	t.Run("of the one it waits for", func(t *testing.T) {
		w := newWorld(t)
		p := newPod(w)
		p.env.ProgressFile = filepath.Join(t.TempDir(), "progress")
		p.mustRun("begin", "precheck")
		w.lock, w.size, w.done = true, 1000, 1000
		w.onInfo = func() { w.lock = len(w.calls) < 10 }
		p.mustRun("backup")
		wantProgress(t, p, "99/100")
	})
	t.Run("cannot be written", func(t *testing.T) {
		w := newWorld(t)
		p := newPod(w)
		p.env.ProgressFile = filepath.Join(t.TempDir(), "gone", "progress")
		p.mustRun("begin", "precheck")
		w.lock, w.size, w.done = true, 1000, 420
		w.onInfo = func() { w.lock = len(w.calls) < 10 }
		p.mustRun("backup")
		if !strings.Contains(p.log.String(), "cannot write the progress") {
			t.Errorf("log:\n%s", p.log)
		}
	})
}

func wantProgress(t *testing.T, p *pod, want string) {
	t.Helper()
	if b, err := os.ReadFile(p.env.ProgressFile); err != nil || string(b) != want {
		t.Errorf("progress %q, %v, want %q", b, err, want)
	}
}
