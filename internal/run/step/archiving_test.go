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
)

// TestPrecheckProvesArchiving: no backup is begun whose WAL would not arrive.
func TestPrecheckProvesArchiving(t *testing.T) {
	const failed = stanzaflowv1alpha1.RunFailed
	for name, tc := range map[string]struct {
		change func(*world)
		code   int
		pgCode int
		want   []string
		never  string
	}{
		"archive_command names another stanza": {
			change: func(w *world) { w.postgres["archiveStanza"] = "main" },
			code:   ExitStop,
			want:   []string{"archive_command in " + onPrimary + " archives to stanza main, the backups are in stanza db", `pgbackrest --stanza=db archive-push "%p"`},
		},
		"archive_command fails": {
			change: func(w *world) {
				timeout := func(ctx context.Context, c call) error {
					w.postgres["lastFailed"], w.postgres["lastFailedWal"] = "2026-03-01T06:40:00+05:30", "0000000100000000000000AB"
					return failsAs(w.t, "archive_command wrong stanza: check")(ctx, c)
				}
				w.on("check", timeout, timeout, timeout)
			},
			code: ExitGaveUp, pgCode: 82,
			want: []string{
				"pgbackrest check failed in " + onPrimary + ": [082] archive-timeout: WAL segment 000000010000000000000008 was not archived",
				"PostgreSQL log", "PostgreSQL last failed to archive 0000000100000000000000AB at 2026-03-01T01:10:00Z (3 attempts)",
			},
		},
		"archive_command is slow": {
			change: func(w *world) {
				w.postgres["lastFailed"], w.postgres["lastFailedWal"] = "2026-02-01T00:00:00+00:00", "000000010000000000000001"
				timeout := failsAs(w.t, "archive_command wrong stanza: check")
				w.on("check", timeout, timeout, timeout)
			},
			code: ExitGaveUp, pgCode: 82, want: []string{"[082] archive-timeout", "every repository (3 attempts)"},
		},
		"PostgreSQL is gone afterwards": {
			change: func(w *world) {
				w.on("check", func(ctx context.Context, c call) error {
					w.on("psql", fails(2, "psql: error"), fails(2, "psql: error"), fails(2, "psql: error"))
					return failsAs(w.t, "archive_command wrong stanza: check")(ctx, c)
				})
			},
			code: ExitGaveUp, want: []string{"cannot query PostgreSQL"},
		},
		"archive_command calls another program": {
			change: func(w *world) {
				w.postgres["lastFailed"], w.postgres["lastFailedWal"] = "2026-03-01T01:10:00+00:00", "0000000100000000000000AB"
				w.on("check", failsAs(w.t, "archive_command not pgbackrest: check"))
			},
			code: ExitStop, pgCode: 68, want: []string{"pgbackrest check failed in " + onPrimary + ": [068]"}, never: "last failed",
		},
		"PostgreSQL does not say which segment": {
			change: func(w *world) {
				w.postgres["lastFailed"] = "2026-03-01T01:10:00+00:00"
				timeout := failsAs(w.t, "archive_command wrong stanza: check")
				w.on("check", timeout, timeout, timeout)
			},
			code: ExitGaveUp, pgCode: 82, want: []string{"[082] archive-timeout"}, never: "last failed",
		},
		"the stanza is of another cluster": {
			change: func(w *world) { w.on("check", failsAs(w.t, "mismatch: check")) },
			code:   ExitStop, pgCode: 28, want: []string{"pgbackrest check failed in " + onPrimary + ": [028]"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			tc.change(w)
			p := newPod(w)
			p.wantFailure(p.run(Names...), tc.code, "precheck", failed, tc.want...)
			r := p.report()
			if r.Code != tc.pgCode {
				t.Errorf("code %d, want %d", r.Code, tc.pgCode)
			}
			if tc.never != "" && strings.Contains(r.Message, tc.never) {
				t.Errorf("message %q says %q", r.Message, tc.never)
			}
			if n := len(w.issued("backup")); n > 0 {
				t.Errorf("%d backups after check failed", n)
			}
		})
	}
}

func TestPrecheckTakesArchiving(t *testing.T) {
	for name, change := range map[string]func(*world){
		"archive_command names no stanza": func(w *world) { w.postgres["archiveStanza"] = nil },
		"check passes at the second attempt": func(w *world) {
			w.on("check", failsAs(w.t, "archive_command wrong stanza: check"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			change(w)
			p := newPod(w)
			p.mustRun(Names...)
			if !strings.Contains(p.file(fileLog), "successfully archived") {
				t.Errorf("the log of the run lacks what check said:\n%s", p.file(fileLog))
			}
		})
	}
}

// TestCheckComesBeforeTheGate, which may ask for what it has found, and not
// after a backup that is there.
func TestCheckComesBeforeTheGate(t *testing.T) {
	w := newWorld(t)
	w.stanza.Spec.Gate = "false"
	p := newPod(w)
	p.wantFailure(p.run(Names...), ExitStop, "precheck", stanzaflowv1alpha1.RunHeld, "is false")
	if n := len(w.issued("check")); n != 1 {
		t.Errorf("%d checks, want 1", n)
	}
	w.stanza.Spec.Gate = ""
	lost := newPod(w)
	lost.mustRun("begin", "precheck", "backup")
	w.on("check", fails(82, "ERROR: [082]: x"))
	newPod(w).mustRun(Names...)
	if n := len(w.issued("check")); n != 2 {
		t.Errorf("%d checks, want no other one after the backup", n-2)
	}
}

// TestStanzaOfOtherRepos: PostgreSQL can archive to none while one lacks it.
func TestStanzaOfOtherRepos(t *testing.T) {
	none := pgbackrest.Status{Code: pgbackrest.StatusNoBackups, Message: "no valid backups"}
	down := pgbackrest.Status{Code: pgbackrest.StatusOther, Message: "[HostConnectError] unable to connect to 'x:443': [111] Connection refused"}
	for name, tc := range map[string]struct {
		world  func(*testing.T) *world
		change func(*world)
		want   int
	}{
		"all have it":                     {change: func(w *world) { w.others[2] = none }},
		"one that was added lacks it":     {change: func(w *world) { w.others[2], w.others[3] = none, missingStanza }, want: 1},
		"one beside a repo host lacks it": {world: newRepoHostWorld, change: func(w *world) { w.others[2] = missingStanza }, want: 1},
		"one has lost its data": {change: func(w *world) {
			w.others[2] = pgbackrest.Status{Code: pgbackrest.StatusMissingStanzaData, Message: "missing stanza data"}
		}, want: 1},
		// What that means for the WAL is for check to say.
		"one is down": {change: func(w *world) { w.others[2] = down }},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.world == nil {
				tc.world = newWorld
			}
			w := tc.world(t)
			tc.change(w)
			p := newPod(w)
			p.mustRun(Names...)
			if n := len(w.issued("stanza-create")); n != tc.want {
				t.Errorf("%d stanza-create commands, want %d", n, tc.want)
			}
			if created := strings.Contains(p.file(filePrecheck), `"stanzaCreated": true`); created != (tc.want > 0) {
				t.Errorf("the facts say that the stanza was created: %v", created)
			}
		})
	}
	t.Run("one is none", func(t *testing.T) {
		w := newWorld(t)
		w.others[2] = missingStanza
		w.files[cpo.ContainerPostgreSQL]["z.conf"] = "[global]\nrepo2-cipher-type=hunter2\n"
		w.files[cpo.ContainerPostgreSQL]["z.txt"] = "[global]\nrepo2-path=hunter2\n"
		p := newPod(w)
		p.wantFailure(p.run(Names...), ExitStop, "precheck", stanzaflowv1alpha1.RunFailed,
			"repo2 in "+onPrimary+" has no place", "repo2-cipher-type is set in z.conf; remove it from Secret orders-s3, or add repo2 to spec.backup.pgbackrest.repos")
		if n := len(w.issued("stanza-create")); n > 0 {
			t.Errorf("%d stanza-create commands", n)
		}
	})
	t.Run("one that the files place", func(t *testing.T) {
		for _, option := range []string{"type", "host", "path"} {
			w := newWorld(t)
			w.others[2] = missingStanza
			w.files[cpo.ContainerPostgreSQL]["z.conf"] = "[global]\nrepo2-" + option + "=hunter2\nrepo2-retention-full=hunter2\n"
			newPod(w).mustRun(Names...)
		}
	})
	t.Run("one cannot get it", func(t *testing.T) {
		w := newWorld(t)
		w.others[2] = missingStanza
		w.on("stanza-create", failsAs(t, "mismatch: stanza-create"))
		p := newPod(w)
		p.wantFailure(p.run(Names...), ExitStop, "precheck", stanzaflowv1alpha1.RunFailed, "pgbackrest stanza-create failed in "+onPrimary+": [028]")
	})
	t.Run("the own one is down, another lacks it", func(t *testing.T) {
		w := newWorld(t)
		w.repoStatus, w.others[2] = &down, missingStanza
		p := newPod(w)
		p.wantFailure(p.run(Names...), ExitGaveUp, "precheck", stanzaflowv1alpha1.RunFailed, "pgBackRest in "+onPrimary+" cannot use repo1: [049]")
		if n := len(w.issued("stanza-create")); n > 0 {
			t.Errorf("%d stanza-create commands", n)
		}
	})
}
