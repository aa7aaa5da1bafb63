// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"testing"
	"time"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
)

// TestVerifyDoesNotProve: the backup command has exited 0 in each case.
func TestVerifyDoesNotProve(t *testing.T) {
	const label = "20260301-010000F"
	for name, tc := range map[string]struct {
		typ    string
		change func(*world, *backup)
		code   int
		want   []string
	}{
		"not listed": {
			change: func(w *world, _ *backup) { w.backups = nil },
			code:   ExitStop, want: []string{"not proven", "status 2: no valid backups"},
		},
		"another is listed": {
			change: func(_ *world, b *backup) { b.Annotation = nil },
			code:   ExitStop, want: []string{"No backup in repo1 is listed with the annotation stanzaflow-run=" + testRun},
		},
		"listed in another repo": {
			change: func(_ *world, b *backup) { b.RepoKey = 2 },
			code:   ExitStop, want: []string{"No backup in repo1 is listed"},
		},
		"listed twice": {
			change: func(w *world, b *backup) { w.backups = append(w.backups, *b) },
			code:   ExitStop, want: []string{"2 backups in repo1 carry the annotation"},
		},
		"page checksum error": {
			change: func(_ *world, b *backup) { b.Error = true },
			code:   ExitStop, want: []string{"Backup " + label + " in repo1 has page checksum errors"},
		},
		"first WAL segment missing": {
			change: func(w *world, b *backup) { delete(w.segments, b.WALStart) },
			code:   ExitStop, want: []string{"1 of the 2 WAL segments it needs are not in repo1: 000000010000000000000002"},
		},
		"last WAL segment missing": {
			change: func(w *world, b *backup) { delete(w.segments, b.WALStop) },
			code:   ExitStop, want: []string{"1 of the 2 WAL segments it needs are not in repo1: 000000010000000000000003"},
		},
		"WAL segment with two contents": {
			change: func(w *world, b *backup) { w.segments[b.WALStop] = []string{sum("b"), sum("c")} },
			code:   ExitStop, want: []string{"more than once with different content: 000000010000000000000003", "two primaries"},
		},
		"WAL of two timelines": {
			change: func(_ *world, b *backup) { b.WALStop = "000000020000000000000003" },
			code:   ExitStop, want: []string{"backup " + label, "different timelines"},
		},
		"wrong type": {
			change: func(_ *world, b *backup) { b.Type, b.Prior = cpo.Diff, "20260228-010000F" },
			code:   ExitStop, want: []string{"is of type diff, but full was asked for"},
		},
		"broken chain": {
			typ:    cpo.Incr,
			change: func(w *world, _ *backup) { w.backups = w.backups[1:] },
			code:   ExitStop, want: []string{"needs backup 20260228-010000F, which is not in repo1"},
		},
		"store refuses access": {
			change: func(w *world, _ *backup) {
				w.repoStatus = &pgbackrest.Status{Code: pgbackrest.StatusOther, Message: "[ProtocolError] HTTP request failed with 403 (Forbidden):"}
			},
			code: ExitGaveUp, want: []string{"pgBackRest in shop/orders-0 (postgres) cannot use repo1", "403", "(3 attempts)"},
		},
		"store is not reached": {
			change: func(w *world, _ *backup) {
				w.repoStatus = &pgbackrest.Status{Code: pgbackrest.StatusOther, Message: "[HostConnectError] unable to connect to 's3.example.org:443': [111] Connection refused"}
			},
			code: ExitGaveUp, want: []string{"cannot use repo1", "Connection refused", "(3 attempts)"},
		},
		"archive cannot be listed": {
			change: func(w *world, _ *backup) { w.on("repo-ls", failsAs(w.t, "cipher: wrong pass, backup")) },
			code:   ExitStop, want: []string{"pgbackrest repo-ls failed in shop/orders-0 (postgres): [029]"},
		},
		"no pod": {
			change: func(w *world, _ *backup) { w.pods = nil },
			code:   ExitGaveUp, want: []string{"no pod of postgresql shop/orders", "(3 attempts)"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			p := newPod(w)
			if tc.typ != "" {
				p.options.Type = tc.typ
				w.list(backup{Type: cpo.Full, RepoKey: 1, Stop: testStart.Add(-24 * time.Hour)})
			}
			p.mustRun("begin", "precheck", "backup", "expire")
			tc.change(w, &w.backups[len(w.backups)-1])
			p.wantFailure(p.run("verify"), tc.code, "verify", stanzaflowv1alpha1.RunFailed, tc.want...)
		})
	}
}

func TestVerifyProves(t *testing.T) {
	for name, change := range map[string]func(*world){
		// The run ends by the rules that it began with.
		"the resource is deleted meanwhile": func(w *world) { w.cluster = cpo.Postgresql{} },
		"the gate is closed meanwhile":      func(w *world) { w.stanza.Spec.Gate = "false" },
		"the store is back at the second attempt": func(w *world) {
			w.on("info", fails(49, "P00  ERROR: [049]: unable to connect"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.list(backup{Type: cpo.Full, RepoKey: 1, Stop: testStart.Add(-24 * time.Hour)})
			w.clock.Step(time.Hour)
			p := newPod(w)
			p.options.Type = cpo.Incr
			p.mustRun("begin", "precheck", "backup", "expire")
			change(w)
			p.mustRun("verify")
			r := p.report()
			if r.Result != stanzaflowv1alpha1.RunSucceeded || r.Backup.Type != cpo.Incr || r.Backup.References != 1 || r.Backup.WALSegments != 2 {
				t.Errorf("report %+v, backup %+v", r, r.Backup)
			}
		})
	}
}

// TestVerifyTakesBack: a report that says Succeeded does not outlive a verify
// that says otherwise.
func TestVerifyTakesBack(t *testing.T) {
	w := newWorld(t)
	p := newPod(w)
	p.mustRun(Names...)
	w.backups[0].Error = true
	p.wantFailure(p.run("verify"), ExitStop, "verify", stanzaflowv1alpha1.RunFailed, "page checksum errors")
}
