// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"strings"
	"testing"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/run/runtest"
)

// TestPrecheckProvesArchiving: no backup is begun whose WAL would not arrive.
func TestPrecheckProvesArchiving(t *testing.T) {
	const failed = stanzaflowv1alpha1.RunFailed
	for name, tc := range map[string]struct {
		change func(*runtest.World)
		code   int
		pgCode int
		want   []string
		never  string
	}{
		"archive_command names another stanza": {
			change: func(w *runtest.World) { w.Postgres["archiveStanza"] = "main" },
			code:   ExitStop,
			want:   []string{"archive_command in " + onPrimary + " archives to stanza main, the backups are in stanza db", `pgbackrest --stanza=db archive-push "%p"`},
		},
		"archive_command fails": {
			change: func(w *runtest.World) {
				timeout := func(ctx context.Context, c runtest.Call) error {
					w.Postgres["lastFailed"], w.Postgres["lastFailedWal"] = "2026-03-01T06:40:00+05:30", "0000000100000000000000AB"
					return runtest.FailsAs(w.T, "archive_command wrong stanza: check")(ctx, c)
				}
				w.On("check", timeout, timeout, timeout)
			},
			code: ExitGaveUp, pgCode: 82,
			want: []string{
				"pgbackrest check failed in " + onPrimary + ": [082] archive-timeout: WAL segment 000000010000000000000008 was not archived",
				"PostgreSQL log", "PostgreSQL last failed to archive 0000000100000000000000AB at 2026-03-01T01:10:00Z (3 attempts)",
			},
		},
		"archive_command succeeds and archives nothing": {
			change: func(w *runtest.World) {
				w.Postgres["lastArchivedWal"] = "000000010000000000000008"
				timeout := runtest.FailsAs(w.T, "archive_command wrong stanza: check")
				w.On("check", timeout, timeout, timeout)
			},
			code: ExitGaveUp, pgCode: 82,
			want: []string{"every repository; PostgreSQL reports it as archived: archive_command did not pass it to pgBackRest, or archive-push-queue-max dropped it (3 attempts)"},
		},
		"archive_command is slow": {
			change: func(w *runtest.World) {
				w.Postgres["lastFailed"], w.Postgres["lastFailedWal"] = "2026-02-01T00:00:00+00:00", "000000010000000000000001"
				timeout := runtest.FailsAs(w.T, "archive_command wrong stanza: check")
				w.On("check", timeout, timeout, timeout)
			},
			code: ExitGaveUp, pgCode: 82, want: []string{"[082] archive-timeout", "every repository (3 attempts)"},
		},
		"PostgreSQL is gone afterwards": {
			change: func(w *runtest.World) {
				w.On("check", func(ctx context.Context, c runtest.Call) error {
					w.On("psql", runtest.Fails(2, "psql: error"), runtest.Fails(2, "psql: error"), runtest.Fails(2, "psql: error"))
					return runtest.FailsAs(w.T, "archive_command wrong stanza: check")(ctx, c)
				})
			},
			code: ExitGaveUp, want: []string{"cannot query PostgreSQL"},
		},
		"archive_command calls another program": {
			change: func(w *runtest.World) {
				w.Postgres["lastFailed"], w.Postgres["lastFailedWal"] = "2026-03-01T01:10:00+00:00", "0000000100000000000000AB"
				w.On("check", runtest.FailsAs(w.T, "archive_command not pgbackrest: check"))
			},
			code: ExitStop, pgCode: 68, want: []string{"pgbackrest check failed in " + onPrimary + ": [068]"}, never: "last failed",
		},
		"PostgreSQL does not say which segment": {
			change: func(w *runtest.World) {
				w.Postgres["lastFailed"] = "2026-03-01T01:10:00+00:00"
				timeout := runtest.FailsAs(w.T, "archive_command wrong stanza: check")
				w.On("check", timeout, timeout, timeout)
			},
			code: ExitGaveUp, pgCode: 82, want: []string{"[082] archive-timeout"}, never: "last failed",
		},
		"the stanza is of another cluster": {
			change: func(w *runtest.World) { w.On("check", runtest.FailsAs(w.T, "mismatch: check")) },
			code:   ExitStop, pgCode: 28, want: []string{"pgbackrest check failed in " + onPrimary + ": [028]"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := runtest.New(t)
			tc.change(w)
			p := newPod(w)
			p.wantFailure(p.run(backupSteps...), tc.code, "precheck", failed, tc.want...)
			r := p.report()
			if r.Code != tc.pgCode {
				t.Errorf("code %d, want %d", r.Code, tc.pgCode)
			}
			if tc.never != "" && strings.Contains(r.Message, tc.never) {
				t.Errorf("message %q says %q", r.Message, tc.never)
			}
			if n := len(w.Issued("backup")); n > 0 {
				t.Errorf("%d backups after check failed", n)
			}
		})
	}
}

func TestPrecheckTakesArchiving(t *testing.T) {
	for name, change := range map[string]func(*runtest.World){
		"archive_command names no stanza": func(w *runtest.World) { w.Postgres["archiveStanza"] = nil },
		"check passes at the second attempt": func(w *runtest.World) {
			w.On("check", runtest.FailsAs(w.T, "archive_command wrong stanza: check"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := runtest.New(t)
			change(w)
			p := newPod(w)
			p.mustRun(backupSteps...)
			if !strings.Contains(p.file(fileLog), "successfully archived") {
				t.Errorf("the log of the run lacks what check said:\n%s", p.file(fileLog))
			}
		})
	}
}

// TestCheckComesBeforeTheGate, which may ask for what it has found, and not
// after a backup that is there.
func TestCheckComesBeforeTheGate(t *testing.T) {
	w := runtest.New(t)
	w.StanzaObject.Spec.Gate = "false"
	p := newPod(w)
	p.wantFailure(p.run(backupSteps...), ExitStop, "precheck", stanzaflowv1alpha1.RunHeld, "is false")
	if n := len(w.Issued("check")); n != 1 {
		t.Errorf("%d checks, want 1", n)
	}
	w.StanzaObject.Spec.Gate = ""
	lost := newPod(w)
	lost.mustRun("begin", "precheck", "backup")
	w.On("check", runtest.Fails(82, "ERROR: [082]: x"))
	newPod(w).mustRun(backupSteps...)
	if n := len(w.Issued("check")); n != 2 {
		t.Errorf("%d checks, want no other one after the backup", n-2)
	}
}

// TestStanzaOfOtherRepos: PostgreSQL can archive to none while one lacks it.
func TestStanzaOfOtherRepos(t *testing.T) {
	none := pgbackrest.Status{Code: pgbackrest.StatusNoBackups, Message: "no valid backups"}
	down := pgbackrest.Status{Code: pgbackrest.StatusOther, Message: "[HostConnectError] unable to connect to 'x:443': [111] Connection refused"}
	for name, tc := range map[string]struct {
		world  func(*testing.T) *runtest.World
		change func(*runtest.World)
		want   int
	}{
		"all have it":                     {change: func(w *runtest.World) { w.Others[2] = none }},
		"one that was added lacks it":     {change: func(w *runtest.World) { w.Others[2], w.Others[3] = none, runtest.MissingStanza }, want: 1},
		"one beside a repo host lacks it": {world: runtest.NewWithRepoHost, change: func(w *runtest.World) { w.Others[2] = runtest.MissingStanza }, want: 1},
		"one has lost its data": {change: func(w *runtest.World) {
			w.Others[2] = pgbackrest.Status{Code: pgbackrest.StatusMissingStanzaData, Message: "missing stanza data"}
		}, want: 1},
		// What that means for the WAL is for check to say.
		"one is down": {change: func(w *runtest.World) { w.Others[2] = down }},
	} {
		t.Run(name, func(t *testing.T) {
			w := makeWorld(t, tc.world, tc.change)
			p := newPod(w)
			p.mustRun(backupSteps...)
			if n := len(w.Issued("stanza-create")); n != tc.want {
				t.Errorf("%d stanza-create commands, want %d", n, tc.want)
			}
			if created := strings.Contains(p.file(filePrecheck), `"stanzaCreated": true`); created != (tc.want > 0) {
				t.Errorf("the facts say that the stanza was created: %v", created)
			}
		})
	}
	t.Run("one is none", func(t *testing.T) {
		w := runtest.New(t)
		w.Others[2] = runtest.MissingStanza
		w.Files[cpo.ContainerPostgreSQL]["z.conf"] = "[global]\nrepo2-cipher-type=hunter2\n"
		w.Files[cpo.ContainerPostgreSQL]["z.txt"] = "[global]\nrepo2-path=hunter2\n"
		p := newPod(w)
		p.wantFailure(p.run(backupSteps...), ExitStop, "precheck", stanzaflowv1alpha1.RunFailed,
			"repo2 in "+onPrimary+" has no location configured, so PostgreSQL would archive into the container's file system", "repo2-cipher-type is set in z.conf; remove it from Secret orders-s3, or add repo2 to spec.backup.pgbackrest.repos")
		if n := len(w.Issued("stanza-create")); n > 0 {
			t.Errorf("%d stanza-create commands", n)
		}
	})
	t.Run("one that the files place", func(t *testing.T) {
		for _, option := range []string{"type", "host", "path"} {
			w := runtest.New(t)
			w.Others[2] = runtest.MissingStanza
			w.Files[cpo.ContainerPostgreSQL]["z.conf"] = "[global]\nrepo2-" + option + "=hunter2\nrepo2-retention-full=hunter2\n"
			newPod(w).mustRun(backupSteps...)
		}
	})
	t.Run("one cannot get it", func(t *testing.T) {
		w := runtest.New(t)
		w.Others[2] = runtest.MissingStanza
		w.On("stanza-create", runtest.FailsAs(t, "mismatch: stanza-create"))
		p := newPod(w)
		p.wantFailure(p.run(backupSteps...), ExitStop, "precheck", stanzaflowv1alpha1.RunFailed, "pgbackrest stanza-create failed in "+onPrimary+": [028]")
	})
	t.Run("the own one is down, another lacks it", func(t *testing.T) {
		w := runtest.New(t)
		w.RepoStatus, w.Others[2] = &down, runtest.MissingStanza
		p := newPod(w)
		p.wantFailure(p.run(backupSteps...), ExitGaveUp, "precheck", stanzaflowv1alpha1.RunFailed, "pgBackRest in "+onPrimary+" cannot use repo1: [049]")
		if n := len(w.Issued("stanza-create")); n > 0 {
			t.Errorf("%d stanza-create commands", n)
		}
	})
}
