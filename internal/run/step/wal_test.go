// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"strings"
	"testing"
	"time"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/run/runtest"
)

// lateBackup makes a run whose backup has ended, and whose last WAL segment PostgreSQL
// has not archived.
func lateBackup(t *testing.T, other func(*testing.T) *runtest.World, change func(*runtest.World)) (p *pod, segment string) {
	t.Helper()
	p = newPod(makeWorld(t, other, change))
	p.mustRun("begin", "precheck", "backup", "expire")
	b := p.Backups[len(p.Backups)-1]
	delete(p.Segments, b.WALStop)
	p.Postgres["lastArchivedWal"] = b.WALStart
	return p, b.WALStop
}

// archives has PostgreSQL archive the segment when it is asked for the nth time
// what it has archived.
func (p *pod) archives(segment string, nth int) {
	p.T.Helper()
	scripts := make([]runtest.Script, nth)
	for i := range scripts {
		scripts[i] = runtest.Does(func() {})
	}
	scripts[nth-1] = runtest.Does(func() {
		p.Segments[segment] = []string{runtest.Sum("b")}
		p.Postgres["lastArchivedWal"] = segment
	})
	p.On("psql", scripts...)
}

// TestVerifyAwaitsLateWAL proves a backup whose WAL is only late.
func TestVerifyAwaitsLateWAL(t *testing.T) {
	for name, tc := range map[string]struct {
		world  func(*testing.T) *runtest.World
		change func(*runtest.World)
		nth    int
		waits  time.Duration
	}{
		"it is there at the second look": {nth: 1},
		"it comes after 58 seconds":      {nth: 30, waits: 58 * time.Second},
		"on a repo host":                 {world: runtest.NewWithRepoHost, nth: 3, waits: 4 * time.Second},
		"it comes within archive-timeout": {
			change: func(w *runtest.World) { w.Cluster.PgBackRest.Global["archive-timeout"] = "5m"; w.Project() },
			nth:    120, waits: 238 * time.Second,
		},
	} {
		t.Run(name, func(t *testing.T) {
			change := tc.change
			if change == nil {
				change = func(*runtest.World) {}
			}
			p, segment := lateBackup(t, tc.world, change)
			p.archives(segment, tc.nth)
			before := p.Clock.Now()
			p.mustRun("verify")
			r := p.report()
			if r.Result != stanzaflowv1alpha1.RunSucceeded || r.Backup.WALSegments != 2 || r.Backup.Verified != stanzaflowv1alpha1.VerifiedContents {
				t.Errorf("report %+v, backup %+v", r, r.Backup)
			}
			if waited := p.Clock.Since(before); waited != tc.waits {
				t.Errorf("waited %s, want %s", waited, tc.waits)
			}
			if attempts := r.Steps[len(r.Steps)-1].Attempts; attempts != 1 {
				t.Errorf("%d attempts, want 1: waiting uses up none", attempts)
			}
			if tc.waits > 0 && !strings.Contains(p.log.String(), "waiting: WAL of the backup is not in repo1 yet: "+segment) {
				t.Errorf("the log does not say what it waits for:\n%s", p.log)
			}
		})
	}
}

// TestVerifySaysThatWALIsLate: when the archive timeout has passed, the run says which
// WAL is late, and nothing of a backup that cannot be restored.
func TestVerifySaysThatWALIsLate(t *testing.T) {
	for name, tc := range map[string]struct {
		timeout string
		waits   time.Duration
		change  func(*pod)
		log     string
	}{
		"default":                         {waits: time.Minute},
		"archive-timeout":                 {timeout: "20", waits: 20 * time.Second},
		"PostgreSQL is on a new timeline": {waits: time.Minute, change: func(p *pod) { p.Postgres["lastArchivedWal"] = "000000020000000000000009" }},
		"PostgreSQL does not answer": {
			waits: time.Minute, change: func(p *pod) { p.Always("psql", runtest.Fails(2, "psql: error")) },
			log: "cannot see which WAL PostgreSQL has archived: cannot query PostgreSQL in shop/orders-0 (postgres)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, segment := lateBackup(t, nil, func(w *runtest.World) {
				if tc.timeout != "" {
					w.Cluster.PgBackRest.Global["archive-timeout"] = tc.timeout
					w.Project()
				}
			})
			if tc.change != nil {
				tc.change(p)
			}
			before := p.Clock.Now()
			p.wantFailure(p.run("verify"), ExitGaveUp, "verify", stanzaflowv1alpha1.RunFailed,
				"is not complete yet: 1 of the 2 WAL segments it needs are late, not in repo1: "+segment,
				"pg_stat_archiver", "(waited "+tc.waits.String()+") (3 attempts)")
			for _, lie := range []string{"cannot be restored", "new full"} {
				if message := p.report().Message; strings.Contains(message, lie) {
					t.Errorf("message %q says %q", message, lie)
				}
			}
			// The attempts after the first do not wait again.
			if waited := p.Clock.Since(before).Round(time.Second); waited != tc.waits {
				t.Errorf("waited %s, want %s", waited, tc.waits)
			}
			if !strings.Contains(p.log.String(), tc.log) {
				t.Errorf("the log does not say %q:\n%s", tc.log, p.log)
			}
			if n := len(p.Issued("verify")); n > 0 {
				t.Errorf("pgbackrest verify has run %d times for a backup that is not complete", n)
			}
		})
	}
}

// TestVerifyDoesNotAwaitLostWAL: a look that began after PostgreSQL had archived the
// segment must find it.
func TestVerifyDoesNotAwaitLostWAL(t *testing.T) {
	p, segment := lateBackup(t, nil, func(*runtest.World) {})
	// PostgreSQL archives between the two looks, and the segment does not arrive.
	p.On("psql", runtest.Does(func() {}), runtest.Does(func() {}), runtest.Does(func() { p.Postgres["lastArchivedWal"] = segment }))
	before := p.Clock.Now()
	p.wantFailure(p.run("verify"), ExitStop, "verify", stanzaflowv1alpha1.RunFailed,
		"cannot be restored: 1 of the 2 WAL segments it needs are not in repo1, although PostgreSQL has archived them: "+segment, "archive-push-queue-max")
	if waited := p.Clock.Since(before); waited != 4*time.Second {
		t.Errorf("waited %s, want 4s: until PostgreSQL had archived it", waited)
	}
}

// TestVerifyAsksPostgreSQLBeforeTheArchive: a segment that arrives between the two is
// not lost.
func TestVerifyAsksPostgreSQLBeforeTheArchive(t *testing.T) {
	p, segment := lateBackup(t, nil, func(*runtest.World) {})
	p.archives(segment, 1)
	p.mustRun("verify")
	var order []string
	for _, c := range p.Calls {
		if name := c.Name(); name == "psql" || name == "repo-ls" && !strings.Contains(strings.Join(c.Argv, " "), "--recurse") {
			order = append(order, name)
		}
	}
	if got := strings.Join(order[len(order)-3:], " "); got != "repo-ls psql repo-ls" {
		t.Errorf("verify looked in the order %q", got)
	}
	if at := p.Issued("psql"); at[len(at)-1].At != (remote.Place{Namespace: runtest.Namespace, Pod: runtest.PrimaryPod, Container: "postgres"}) {
		t.Errorf("asked %s", at[len(at)-1].At)
	}
}

// TestVerifyStoppedWhileWALIsLate: a drained node or a limit of the run ends the wait.
func TestVerifyStoppedWhileWALIsLate(t *testing.T) {
	p, _ := lateBackup(t, nil, func(*runtest.World) {})
	ctx := p.stoppedDuring("psql")
	p.wantFailure(p.step(ctx, "verify"), ExitStopped, "verify", stanzaflowv1alpha1.RunFailed, "the step was stopped before it ended")
}

// TestBackupSaysThatWALWasDropped has a backup that waits in vain for WAL of which
// PostgreSQL says that it is archived.
func TestBackupSaysThatWALWasDropped(t *testing.T) {
	for name, tc := range map[string]struct{ archived, want string }{
		"dropped":      {"00000001000000000000000B", "PostgreSQL reports it as archived: archive_command did not pass it to pgBackRest, or archive-push-queue-max dropped it"},
		"not archived": {"000000010000000000000008", "look at the PostgreSQL log, at pg_stat_archiver and at every repository (3 attempts)"},
	} {
		t.Run(name, func(t *testing.T) {
			w := runtest.NewWithRepoHost(t)
			p := newPod(w)
			p.mustRun("begin", "precheck")
			timeout := runtest.FailsAs(t, "archive-timeout: backup") // of segment …9
			w.On("backup", timeout, timeout, timeout)
			w.Postgres["lastArchivedWal"] = tc.archived
			p.wantFailure(p.run("backup"), ExitGaveUp, "backup", stanzaflowv1alpha1.RunFailed, "[082] archive-timeout", tc.want)
		})
	}
}

// TestFilesAreListedAfterTheWait: what the wait for WAL has outlived proves nothing.
func TestFilesAreListedAfterTheWait(t *testing.T) {
	p, segment := lateBackup(t, nil, func(*runtest.World) {})
	p.archives(segment, 3)
	label := p.Backups[len(p.Backups)-1].Label
	p.On("psql", runtest.Does(func() {}))
	p.Scripts["psql"][1] = runtest.Does(func() { p.LostBytes[label] = 4096 })
	p.wantFailure(p.run("verify"), ExitStop, "verify", stanzaflowv1alpha1.RunFailed, "the backup of this run is not proven")
}
