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
	"k8s.io/apimachinery/pkg/util/wait"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/run/runtest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// TestBackupIsStartedOnce: whatever becomes of the stream or of the pod, one
// run starts one backup, and it counts.
func TestBackupIsStartedOnce(t *testing.T) {
	inEachForm(t, func(t *testing.T, newPod func(*runtest.World) *pod) {
		for name, tc := range map[string]struct {
			change       func(*runtest.World)
			wantCommands int
			wantAttempts int
		}{
			"nothing special": {func(*runtest.World) {}, 1, 1},
			"a pod of this run that was lost has made it": {func(w *runtest.World) {
				w.List(runtest.Backup{Type: cpo.Full, RepoKey: 1, Stop: runtest.Start, Annotation: map[string]string{vocab.BackupAnnotation: runtest.Run}})
			}, 0, 1},
			"a pod of this run that was lost is making it": {func(w *runtest.World) {
				_ = runtest.OutlivesStream(w, 5)(t.Context(), runtest.Call{
					Argv:   []string{"pgbackrest", "backup", "--type=full", "--repo=1", "--annotation=" + vocab.BackupAnnotation + "=" + runtest.Run},
					Stdout: io.Discard,
				})
			}, 0, 1},
			"its stream is lost":              {func(w *runtest.World) { w.On("backup", runtest.OutlivesStream(w, 5)) }, 1, 1},
			"its stream is lost when it ends": {func(w *runtest.World) { w.On("backup", runtest.OutlivesStream(w, 1)) }, 1, 1},
			// The list is read, then the backup ends, then the lock is read.
			"it ends while info reads": {func(w *runtest.World) {
				w.On("backup", func(ctx context.Context, c runtest.Call) error {
					err := runtest.OutlivesStream(w, 4)(ctx, c)
					w.On("info", runtest.Does(func() {}), func(_ context.Context, c runtest.Call) error {
						w.Lock = false
						defer w.List(w.Made(w.IssuedLocked("backup")[0].Argv))
						w.OnInfo = nil
						return w.AnswerInfo(c)
					})
					return err
				})
			}, 1, 1},
			"a foreign backup holds the lock": {func(w *runtest.World) {
				w.Lock = true
				w.AtInfo(40, func() { w.Lock = false })
			}, 1, 1},
			"a foreign backup of another pod": {func(w *runtest.World) {
				w.On("psql", runtest.Does(func() { w.Sessions = 1 }), runtest.Does(func() {}), runtest.Does(func() { w.Sessions = 0 }))
			}, 1, 1},
			"a foreign backup takes the lock after the look": {func(w *runtest.World) {
				locked := runtest.FailsAs(t, "lock: second backup")
				w.On("backup", locked, locked, locked, locked, locked, locked)
			}, 7, 1},
			"psql fails while it waits": {func(w *runtest.World) {
				w.Lock = true
				down := runtest.Fails(2, "psql: error: the database system is shutting down")
				w.On("psql", runtest.Does(func() {}), down, runtest.Does(func() {}), down, runtest.Does(func() {}), down, runtest.Does(func() {}), down, runtest.Does(func() { w.Lock = false }))
			}, 1, 2},
		} {
			t.Run(name, func(t *testing.T) {
				w := runtest.New(t)
				p := newPod(w)
				p.mustRun("begin", "precheck")
				tc.change(w)
				p.mustRun("backup", "expire", "verify")
				if n := len(w.Issued("backup")); n != tc.wantCommands {
					t.Errorf("%d backup commands, want %d\n%s", n, tc.wantCommands, p.log)
				}
				if len(w.Backups) != 1 {
					t.Errorf("%d backups, want 1", len(w.Backups))
				}
				if r := p.report(); p.attempts("backup") != tc.wantAttempts || r.Backup == nil {
					t.Errorf("%d attempts, want %d; backup %v", p.attempts("backup"), tc.wantAttempts, r.Backup)
				}
			})
		}
	})
}

// TestBackupWithOneAttempt: to follow a backup whose stream is lost is not
// another attempt.
func TestBackupWithOneAttempt(t *testing.T) {
	inEachForm(t, func(t *testing.T, newPod func(*runtest.World) *pod) {
		w := runtest.New(t)
		w.On("backup", runtest.OutlivesStream(w, 7))
		p := newPod(w)
		p.parameters.Attempts = 1
		p.mustRun(backupSteps...)
		if n := len(w.Issued("backup")); n != 1 {
			t.Errorf("%d backup commands, want 1", n)
		}
	})
}

// TestBackupDoesNotTrustARepoItCannotRead: such a repo lists nothing, which
// says nothing about what is in it.
func TestBackupDoesNotTrustARepoItCannotRead(t *testing.T) {
	w := runtest.New(t)
	lost := newPod(w)
	lost.mustRun("begin", "precheck", "backup")
	p := newPod(w)
	p.mustRun("begin", "precheck")
	refused := &pgbackrest.Status{Code: pgbackrest.StatusOther, Message: "[HostConnectError] unable to connect to 's3.example.org:443': [111] Connection refused"}
	w.RepoStatus = refused
	w.On("psql", runtest.Does(func() {}), runtest.Does(func() { w.RepoStatus = nil }))
	p.mustRun("backup", "expire", "verify")
	if n := len(w.Issued("backup")); n != 1 {
		t.Errorf("%d backup commands, want 1", n)
	}

	w.RepoStatus = refused
	p.wantFailure(p.run("backup"), ExitGaveUp, "backup", stanzaflowv1alpha1.RunFailed, "cannot use repo1", "Connection refused", "(3 attempts)")
}

func TestBackupFails(t *testing.T) {
	inEachForm(t, func(t *testing.T, newPod func(*runtest.World) *pod) {
		for name, tc := range map[string]struct {
			change   func(*runtest.World)
			step     string
			code     int
			commands int
			pgCode   int
			want     []string
		}{
			"only a person can fix it": {
				change: func(w *runtest.World) { w.On("backup", runtest.FailsAs(w.T, "stop file: backup")) },
				step:   "backup", code: ExitStop, commands: 1, pgCode: 62,
				want: []string{"pgbackrest backup failed in shop/orders-0 (postgres): [062] stop: stop file exists for stanza main"},
			},
			"the stanza is of another cluster": {
				change: func(w *runtest.World) { w.On("backup", runtest.FailsAs(w.T, "mismatch: backup")) },
				step:   "backup", code: ExitStop, commands: 1, pgCode: 51, want: []string{"[051] backup-mismatch", "stanza-upgrade"},
			},
			"the disk of the repo is full": {
				change: func(w *runtest.World) { w.On("backup", runtest.FailsAs(w.T, "disk full: backup")) },
				step:   "backup", code: ExitStop, commands: 1, pgCode: 64, want: []string{"[064] file-write", "the volume is full"},
			},
			"WAL is not archived": {
				change: func(w *runtest.World) {
					failure := runtest.FailsAs(w.T, "archive-timeout: backup")
					w.On("backup", failure, failure, failure)
				},
				step: "backup", code: ExitGaveUp, commands: 3, pgCode: 82,
				want: []string{"[082] archive-timeout: WAL segment 000000010000000000000009 was not archived", "(3 attempts)"},
			},
			"there is no primary any more": {
				change: func(w *runtest.World) {
					failure := runtest.FailsAs(w.T, "standby only: backup")
					w.On("backup", failure, failure, failure)
				},
				step: "backup", code: ExitGaveUp, commands: 3, pgCode: 56, want: []string{"[056] db-connect", "(3 attempts)"},
			},
			"it dies with its stream": {
				change: func(w *runtest.World) {
					w.On("backup", runtest.DiesWithStream, runtest.DiesWithStream, runtest.DiesWithStream)
				},
				step: "backup", code: ExitGaveUp, commands: 3, want: []string{"lost the stream of pgbackrest backup in shop/orders-0 (postgres): unexpected EOF", "(3 attempts)"},
			},
			"it is not listed": {
				change: func(w *runtest.World) {
					w.On("backup", func(_ context.Context, c runtest.Call) error { return c.Print("P00   INFO: backup command end\n") })
				},
				// The step has done its work; verify says what it is worth.
				step: "verify", code: ExitStop, commands: 1, want: []string{"the backup of this run is not proven", "No backup in repo1 is listed"},
			},
		} {
			t.Run(name, func(t *testing.T) {
				w := runtest.New(t)
				w.List(runtest.Backup{Type: cpo.Full, RepoKey: 1, Stop: runtest.Start.Add(-time.Hour)})
				tc.change(w)
				p := newPod(w)
				p.wantFailure(p.run(backupSteps...), tc.code, tc.step, stanzaflowv1alpha1.RunFailed, tc.want...)
				if n := len(w.Issued("backup")); n != tc.commands {
					t.Errorf("%d backup commands, want %d", n, tc.commands)
				}
				if r := p.report(); r.Code != tc.pgCode {
					t.Errorf("code %d, want %d", r.Code, tc.pgCode)
				}
				if n := len(w.Issued("expire")); tc.step == "backup" && n > 0 {
					t.Errorf("expire ran after a failed backup")
				}
			})
		}
	})
}

func TestBackupSucceedsAtTheSecondAttempt(t *testing.T) {
	inEachForm(t, func(t *testing.T, newPod func(*runtest.World) *pod) {
		for name, failure := range map[string]runtest.Script{
			"database away":      runtest.FailsAs(t, "pg: down, backup"),
			"killed":             runtest.Fails(137, ""),
			"stream and process": runtest.DiesWithStream,
		} {
			t.Run(name, func(t *testing.T) {
				w := runtest.New(t)
				w.On("backup", failure)
				p := newPod(w)
				p.mustRun(backupSteps...)
				if r := p.report(); p.attempts("backup") != 2 || r.Message != "" || r.Code != 0 {
					t.Errorf("report %+v, want two attempts and no message", r)
				}
				// In the form dag Argo shows each attempt.
				if p.parameters.Form == "" && !strings.Contains(p.log.String(), "attempt 1 of 3 failed, next in 0s: ") {
					t.Errorf("log:\n%s", p.log)
				}
			})
		}
	})
}

// TestBackupFollowsAFailover: the next attempt finds the new primary, whichever
// way the backup noticed that its own is gone.
func TestBackupFollowsAFailover(t *testing.T) {
	inEachForm(t, func(t *testing.T, newPod func(*runtest.World) *pod) {
		promoted := []corev1.Pod{runtest.Replica("orders-0"), runtest.Primary("orders-1")}
		for name, tc := range map[string]struct {
			ends runtest.Script
			pods []corev1.Pod
		}{
			"the pod is gone":         {runtest.Fails(137, ""), []corev1.Pod{runtest.Primary("orders-1")}},
			"its stream is lost":      {runtest.DiesWithStream, []corev1.Pod{runtest.Primary("orders-1")}},
			"a connection closes":     {runtest.Fails(57, "P00  ERROR: [057]: unable to execute query 'select pg_backup_stop()': server closed the connection unexpectedly"), promoted},
			"it is a standby now":     {runtest.Fails(58, "P00  ERROR: [058]: the standby is no longer in recovery"), promoted},
			"no primary is found":     {runtest.FailsAs(t, "standby only: backup"), promoted},
			"the label is on its way": {runtest.Fails(137, ""), []corev1.Pod{runtest.Replica("orders-0"), runtest.Replica("orders-1")}},
		} {
			t.Run(name, func(t *testing.T) {
				w := runtest.New(t)
				w.PodObjects = []corev1.Pod{runtest.Primary("orders-0"), runtest.Replica("orders-1")}
				w.On("backup", func(ctx context.Context, c runtest.Call) error {
					w.PodObjects = tc.pods
					return tc.ends(ctx, c)
				})
				p := newPod(w)
				p.env.Log = io.MultiWriter(p.log, writerFunc(func(b []byte) (int, error) {
					if bytes.Contains(b, []byte("no pod of postgresql")) {
						w.PodObjects = promoted
					}
					return len(b), nil
				}))
				p.mustRun(backupSteps...)
				backups := w.Issued("backup")
				if len(backups) != 2 || backups[0].At.Pod != "orders-0" || backups[1].At.Pod != "orders-1" {
					t.Errorf("backups %v, want one in orders-0, then one in orders-1", backups)
				}
				if at := w.Issued("repo-ls")[0].At; at.Pod != "orders-1" {
					t.Errorf("verify asked %s", at)
				}
			})
		}
	})
}

// TestBackupWaitsForTheOldPrimary: a backup that continues in the pod that was the
// primary writes to the same repo, whether PostgreSQL there still knows it or not.
func TestBackupWaitsForTheOldPrimary(t *testing.T) {
	inEachForm(t, func(t *testing.T, newPod func(*runtest.World) *pod) {
		for name, tc := range map[string]struct {
			old corev1.Pod
		}{
			"which is a replica now":    {runtest.Replica("orders-0")},
			"which is not ready":        {runtest.Unready(runtest.Replica("orders-0"))},
			"which is about to be gone": {runtest.Terminating(runtest.Primary("orders-0"))},
		} {
			t.Run(name, func(t *testing.T) {
				w := runtest.New(t)
				w.PodObjects = []corev1.Pod{runtest.Primary("orders-0"), runtest.Replica("orders-1")}
				w.On("backup", func(context.Context, runtest.Call) error {
					w.PodObjects = []corev1.Pod{tc.old, runtest.Primary("orders-1")}
					w.OtherLocks["orders-0"] = true
					w.AtInfo(40, func() { delete(w.OtherLocks, "orders-0") })
					return io.ErrUnexpectedEOF
				})
				p := newPod(w)
				p.mustRun(backupSteps...)
				if n := len(w.Issued("backup")); n != 2 {
					t.Errorf("%d backup commands, want 2", n)
				}
				if !strings.Contains(p.log.String(), "waiting: pgBackRest is running in shop/orders-0 (postgres)") {
					t.Errorf("log:\n%s", p.log)
				}
			})
		}
	})
}

// TestBackupLooksElsewhere: what another pod cannot say. One that is ready and
// does not answer may hold the lock; one that is broken keeps nobody.
func TestBackupLooksElsewhere(t *testing.T) {
	inEachForm(t, func(t *testing.T, newPod func(*runtest.World) *pod) {
		at := func(pod string, s runtest.Script) runtest.Script {
			return func(ctx context.Context, c runtest.Call) error {
				if c.At.Pod == pod {
					return s(ctx, c)
				}
				return runtest.ErrUnscripted
			}
		}
		for name, tc := range map[string]struct {
			other    corev1.Pod
			answer   runtest.Script
			attempts int
		}{
			"it answers":                          {runtest.Replica("orders-1"), runtest.Does(func() {}), 1},
			"it is ready and does not answer":     {runtest.Replica("orders-1"), runtest.DiesWithStream, 2},
			"it is not ready and does not answer": {runtest.Unready(runtest.Replica("orders-1")), runtest.DiesWithStream, 1},
			"it has no pgBackRest":                {runtest.Replica("orders-1"), runtest.Fails(127, "pgbackrest: not found"), 1},
			"its answer cannot be read":           {runtest.Replica("orders-1"), func(_ context.Context, c runtest.Call) error { return c.Print("?") }, 1},
		} {
			t.Run(name, func(t *testing.T) {
				w := runtest.New(t)
				w.PodObjects = append(w.PodObjects, tc.other)
				p := newPod(w)
				p.mustRun("begin", "precheck")
				pass := runtest.Does(func() {})
				w.On("info", pass, pass, at("orders-1", tc.answer))
				p.mustRun("backup", "expire", "verify")
				if n := p.attempts("backup"); n != tc.attempts {
					t.Errorf("%d attempts, want %d\n%s", n, tc.attempts, p.log)
				}
				if n := len(w.Issued("backup")); n != 1 {
					t.Errorf("%d backup commands, want 1", n)
				}
			})
		}
	})
}

// TestBackupEndsWhatADeadOneLeft: its workers would write into the directory that
// this one resumes. Without pkill it is made all the same.
func TestBackupEndsWhatADeadOneLeft(t *testing.T) {
	w := runtest.New(t)
	w.Orphans[atPrimary] = 1
	p := newPod(w)
	p.mustRun(backupSteps...)
	// Without the parent it would end the workers of a backup that is running.
	if argv := strings.Join(w.Issued("pkill workers")[0].Argv, " "); argv != "pkill --signal TERM --parent 1 --full backup:local" {
		t.Errorf("command %q", argv)
	}
	if !strings.Contains(p.log.String(), "ended the workers that another backup left in shop/orders-0 (postgres)") {
		t.Errorf("log:\n%s", p.log)
	}

	w = runtest.New(t)
	w.Always("pkill workers", runtest.Fails(127, ""))
	p = newPod(w)
	p.mustRun(backupSteps...)
	if !strings.Contains(p.log.String(), "there is no pkill in shop/orders-0 (postgres)") {
		t.Errorf("log:\n%s", p.log)
	}
}

// TestBackupSaysThatItWaits, once a minute and not at each look.
func TestBackupSaysThatItWaits(t *testing.T) {
	w := runtest.New(t)
	p := newPod(w)
	p.env.Poll = 7 * time.Second
	p.mustRun("begin", "precheck")
	w.Lock = true
	// 60 looks every 7 s are 7 minutes. The first reads info twice.
	w.AtInfo(61, func() { w.Lock = false })
	p.mustRun("backup")
	if n := strings.Count(p.log.String(), "waiting: pgBackRest is running in shop/orders-0 (postgres)"); n != 7 {
		t.Errorf("said %d times that it waits, want 7\n%s", n, p.log)
	}
}

func TestBackupShowsProgress(t *testing.T) {
	t.Run("of the one it runs", func(t *testing.T) {
		w := runtest.New(t)
		p := newPod(w)
		p.env.ProgressFile, p.env.Progress = filepath.Join(t.TempDir(), "progress"), "0/95"
		w.On("backup", func(ctx context.Context, _ runtest.Call) error {
			w.Size, w.Done = 1000, 420
			w.Unlocked(func() {
				err := wait.PollUntilContextTimeout(ctx, time.Millisecond, 10*time.Second, true, func(context.Context) (bool, error) {
					_, err := os.Stat(p.env.ProgressFile)
					return err == nil, nil
				})
				if err != nil {
					t.Errorf("no progress was written while the backup ran: %v", err)
				}
			})
			return runtest.ErrUnscripted
		})
		p.mustRun("begin", "precheck", "backup")
		wantProgress(t, p, "39/95")
		infos := len(w.Issued("info"))
		for _, c := range w.Issued("info")[1:] {
			if !slices.Contains(c.Argv, "--repo=1") {
				t.Errorf("progress waits for every repo: %q", c.Argv)
			}
		}
		p.mustRun("expire")
		if n := len(w.Issued("info")); n != infos {
			t.Errorf("%d looks after the backup has ended", n-infos)
		}
	})
	t.Run("of the one it waits for", func(t *testing.T) {
		w := runtest.New(t)
		p := newPod(w)
		p.env.ProgressFile, p.env.Progress = filepath.Join(t.TempDir(), "progress"), "0/95"
		p.mustRun("begin", "precheck")
		w.Lock, w.Size, w.Done = true, 1000, 1000
		w.OnInfo = func() { w.Lock = len(w.Calls) < 10 }
		p.mustRun("backup")
		wantProgress(t, p, "94/95")
	})
	t.Run("cannot be written", func(t *testing.T) {
		w := runtest.New(t)
		p := newPod(w)
		p.env.ProgressFile = filepath.Join(t.TempDir(), "gone", "progress")
		p.mustRun("begin", "precheck")
		w.Lock, w.Size, w.Done = true, 1000, 420
		w.OnInfo = func() { w.Lock = len(w.Calls) < 10 }
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
