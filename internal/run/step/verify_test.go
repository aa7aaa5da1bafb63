// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"testing"
	"time"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/run/runtest"
)

// TestVerifyDoesNotProve: the backup command has exited 0 in each case.
func TestVerifyDoesNotProve(t *testing.T) {
	inEachForm(t, func(t *testing.T, newPod func(*runtest.World) *pod) {
		const label = "20260301-010000F"
		for name, tc := range map[string]struct {
			typ    string
			change func(*runtest.World, *runtest.Backup)
			code   int
			want   []string
		}{
			"not listed": {
				change: func(w *runtest.World, _ *runtest.Backup) { w.Backups = nil },
				code:   ExitStop, want: []string{"not proven", "status 2: no valid backups"},
			},
			"another is listed": {
				change: func(_ *runtest.World, b *runtest.Backup) { b.Annotation = nil },
				code:   ExitStop, want: []string{"No backup in repo1 is listed with the annotation stanzaflow-run=" + runtest.Run},
			},
			"listed in another repo": {
				change: func(_ *runtest.World, b *runtest.Backup) { b.RepoKey = 2 },
				code:   ExitStop, want: []string{"No backup in repo1 is listed"},
			},
			"listed twice": {
				change: func(w *runtest.World, b *runtest.Backup) { w.Backups = append(w.Backups, *b) },
				code:   ExitStop, want: []string{"2 backups in repo1 carry the annotation"},
			},
			"page checksum error": {
				change: func(_ *runtest.World, b *runtest.Backup) { b.Error = true },
				code:   ExitStop, want: []string{"Backup " + label + " in repo1 has page checksum errors"},
			},
			"first WAL segment missing": {
				change: func(w *runtest.World, b *runtest.Backup) {
					delete(w.Segments, b.WALStart)
					w.Postgres["lastArchivedWal"] = b.WALStart
				},
				code: ExitStop, want: []string{"cannot be restored: 1 of the 2 WAL segments", "although PostgreSQL has archived them: 000000010000000000000002"},
			},
			"last WAL segment missing": {
				change: func(w *runtest.World, b *runtest.Backup) {
					delete(w.Segments, b.WALStop)
					w.Postgres["lastArchivedWal"] = b.WALStop + ".00000028.backup"
				},
				code: ExitStop, want: []string{"cannot be restored: 1 of the 2 WAL segments", "although PostgreSQL has archived them: 000000010000000000000003"},
			},
			"WAL segment with two contents": {
				change: func(w *runtest.World, b *runtest.Backup) {
					w.Segments[b.WALStop] = []string{runtest.Sum("b"), runtest.Sum("c")}
				},
				code: ExitStop, want: []string{"more than once with different content: 000000010000000000000003", "two primaries"},
			},
			"WAL of two timelines": {
				change: func(_ *runtest.World, b *runtest.Backup) { b.WALStop = "000000020000000000000003" },
				code:   ExitStop, want: []string{"backup " + label, "different timelines"},
			},
			"wrong type": {
				change: func(_ *runtest.World, b *runtest.Backup) { b.Type, b.Prior = cpo.Diff, "20260228-010000F" },
				code:   ExitStop, want: []string{"is of type diff, but full was asked for"},
			},
			"broken chain": {
				typ:    cpo.Incr,
				change: func(w *runtest.World, _ *runtest.Backup) { w.Backups = w.Backups[1:] },
				code:   ExitStop, want: []string{"needs backup 20260228-010000F, which is not in repo1"},
			},
			"store refuses access": {
				change: func(w *runtest.World, _ *runtest.Backup) {
					w.RepoStatus = &pgbackrest.Status{Code: pgbackrest.StatusOther, Message: "[ProtocolError] HTTP request failed with 403 (Forbidden):"}
				},
				code: ExitGaveUp, want: []string{"pgBackRest in shop/orders-0 (postgres) cannot use repo1", "403", "(3 attempts)"},
			},
			"store is not reached": {
				change: func(w *runtest.World, _ *runtest.Backup) {
					w.RepoStatus = &pgbackrest.Status{Code: pgbackrest.StatusOther, Message: "[HostConnectError] unable to connect to 's3.example.org:443': [111] Connection refused"}
				},
				code: ExitGaveUp, want: []string{"cannot use repo1", "Connection refused", "(3 attempts)"},
			},
			"archive cannot be listed": {
				change: func(w *runtest.World, _ *runtest.Backup) {
					w.On("repo-ls", runtest.FailsAs(w.T, "cipher: wrong pass, backup"))
				},
				code: ExitStop, want: []string{"pgbackrest repo-ls failed in shop/orders-0 (postgres): [029]"},
			},
			"no pod": {
				change: func(w *runtest.World, _ *runtest.Backup) { w.PodObjects = nil },
				code:   ExitGaveUp, want: []string{"no pod of postgresql shop/orders", "(3 attempts)"},
			},
		} {
			t.Run(name, func(t *testing.T) {
				w := runtest.New(t)
				p := newPod(w)
				if tc.typ != "" {
					p.parameters.Type = tc.typ
					w.List(runtest.Backup{Type: cpo.Full, RepoKey: 1, Stop: runtest.Start.Add(-24 * time.Hour)})
				}
				p.mustRun("begin", "precheck", "backup", "expire")
				tc.change(w, &w.Backups[len(w.Backups)-1])
				p.wantFailure(p.run("verify"), tc.code, "verify", stanzaflowv1alpha1.RunFailed, tc.want...)
			})
		}
	})
}

func TestVerifyProves(t *testing.T) {
	inEachForm(t, func(t *testing.T, newPod func(*runtest.World) *pod) {
		for name, change := range map[string]func(*runtest.World){
			// The run ends by the rules that it began with.
			"the resource is deleted meanwhile": func(w *runtest.World) { w.Cluster = cpo.Postgresql{} },
			"the gate is closed meanwhile":      func(w *runtest.World) { w.StanzaObject.Spec.Gate = "false" },
			"the store is back at the second attempt": func(w *runtest.World) {
				w.On("info", runtest.Fails(49, "P00  ERROR: [049]: unable to connect"))
			},
		} {
			t.Run(name, func(t *testing.T) {
				w := runtest.New(t)
				w.List(runtest.Backup{Type: cpo.Full, RepoKey: 1, Stop: runtest.Start.Add(-24 * time.Hour)})
				w.Clock.Step(time.Hour)
				p := newPod(w)
				p.parameters.Type = cpo.Incr
				p.mustRun("begin", "precheck", "backup", "expire")
				change(w)
				p.mustRun("verify")
				r := p.report()
				if r.Result != stanzaflowv1alpha1.RunSucceeded || r.Backup.Type != cpo.Incr || r.Backup.References != 1 || r.Backup.WALSegments != 2 {
					t.Errorf("report %+v, backup %+v", r, r.Backup)
				}
			})
		}
	})
}

// TestVerifyTakesBack: a report that says Succeeded does not outlive a verify
// that says otherwise.
func TestVerifyTakesBack(t *testing.T) {
	w := runtest.New(t)
	p := newPod(w)
	p.mustRun(backupSteps...)
	w.Backups[0].Error = true
	p.wantFailure(p.run("verify"), ExitStop, "verify", stanzaflowv1alpha1.RunFailed, "page checksum errors")
}
