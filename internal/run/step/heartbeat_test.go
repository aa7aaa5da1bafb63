// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/run/runtest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// heartbeatAt is what a report says of the heartbeat of that time.
func heartbeatAt(at time.Time) *report.Heartbeat {
	return &report.Heartbeat{
		Time: at.Add(runtest.HeartbeatDelay), LSN: "0/5000028", Timeline: 1,
		LastArchived: new(time.Date(2026, 3, 1, 0, 50, 0, 123456000, time.UTC)),
	}
}

// TestHeartbeatIsReportedHoweverTheRunEnds: it is a fact of the archive.
func TestHeartbeatIsReportedHoweverTheRunEnds(t *testing.T) {
	inEachForm(t, func(t *testing.T, newPod func(*runtest.World) *pod) {
		for name, tc := range map[string]struct {
			world  func(*runtest.World)
			result stanzaflowv1alpha1.RunResult
		}{
			"it succeeds":         {func(*runtest.World) {}, stanzaflowv1alpha1.RunSucceeded},
			"the gate holds it":   {func(w *runtest.World) { w.StanzaObject.Spec.Gate = "false" }, stanzaflowv1alpha1.RunHeld},
			"the backup fails":    {func(w *runtest.World) { w.On("backup", runtest.FailsAs(t, "stop file: backup")) }, stanzaflowv1alpha1.RunFailed},
			"verify finds damage": {func(w *runtest.World) { w.Always("verify", runtest.Fails(29, "ERROR: [029]: damaged")) }, stanzaflowv1alpha1.RunFailed},
		} {
			t.Run(name, func(t *testing.T) {
				w := makeWorld(t, nil, tc.world)
				p := newPod(w)
				p.run(backupSteps...)
				r := p.report()
				if r.Result != tc.result {
					t.Fatalf("result %s: %s; want %s", r.Result, r.Message, tc.result)
				}
				if diff := cmp.Diff(heartbeatAt(runtest.Start), r.Heartbeat); diff != "" {
					t.Errorf("heartbeat (-want +got):\n%s", diff)
				}
			})
		}
	})
}

// TestStanzaRunReportsAHeartbeat: a run of any kind that executes check has one.
func TestStanzaRunReportsAHeartbeat(t *testing.T) {
	p := newStanzaPod(runtest.New(t))
	p.mustRun(stepsOf[vocab.RunStanza]...)
	if diff := cmp.Diff(heartbeatAt(runtest.Start), p.report().Heartbeat); diff != "" {
		t.Errorf("heartbeat (-want +got):\n%s", diff)
	}
}

// TestPredeployReportsTheLaterHeartbeat: the one of the restore point is after the backup.
func TestPredeployReportsTheLaterHeartbeat(t *testing.T) {
	w := runtest.New(t)
	w.On("expire", runtest.Does(func() { w.Clock.Step(time.Minute) }))
	p := newMakePod(w)
	p.mustRun(makeSteps...)
	if diff := cmp.Diff(heartbeatAt(runtest.Start.Add(time.Minute)), p.report().Heartbeat); diff != "" || w.Heartbeats != 2 {
		t.Errorf("%d heartbeats were written, want 2 (-want +got):\n%s", w.Heartbeats, diff)
	}
}

// TestNoHeartbeat: what was not seen in every repo is not reported.
func TestNoHeartbeat(t *testing.T) {
	answers := func(segment string) func(*runtest.World) {
		return func(w *runtest.World) {
			w.On("heartbeat", runtest.Prints(`{"time": "2026-03-01T01:00:00.2+00:00", "lsn": "0/5000028", "segment": "`+segment+`"}`))
		}
	}
	sees := func(segments ...string) func(*runtest.World) {
		return func(w *runtest.World) {
			var text strings.Builder
			for i, segment := range segments {
				text.WriteString(runtest.CheckedLine(i+1, "16-1", segment))
			}
			w.On("check", runtest.Prints(text.String()))
		}
	}
	const ours = "000000010000000000000002"
	for name, tc := range map[string]struct {
		world func(*runtest.World)
		// says is in the log.
		says string
		want bool
	}{
		"PostgreSQL takes no transaction ID": {func(w *runtest.World) {
			w.On("heartbeat", runtest.Fails(1, "ERROR:  database is not accepting commands to avoid wraparound data loss in database \"shop\""))
		}, "no heartbeat is written, so nobody knows the newest restorable moment exactly: cannot query PostgreSQL in shop/orders-0 (postgres): psql exit code 1: ERROR: database is not accepting commands", false},
		"check has seen its segment":                 {sees(ours), "is in every repo", true},
		"check has seen a later segment":             {sees("0000000100000001000000FF"), "is in every repo", true},
		"check has seen its segment in both repos":   {sees(ours, ours), "is in every repo", true},
		"check has seen an earlier segment":          {sees("000000010000000000000001"), "", false},
		"check has seen an earlier segment in repo2": {sees(ours, "000000010000000000000001"), "", false},
		"there was a failover before check":          {sees("000000020000000000000002"), "", false},
		"check does not say what it has seen":        {sees(), "", false},
		"nobody knows its segment":                   {answers(""), "", false},
	} {
		t.Run(name, func(t *testing.T) {
			w := makeWorld(t, nil, tc.world)
			p := newPod(w)
			p.mustRun(backupSteps...)
			if r := p.report(); (r.Heartbeat != nil) != tc.want || r.Result != stanzaflowv1alpha1.RunSucceeded {
				t.Errorf("%s with the heartbeat %+v, want one: %t", r.Result, r.Heartbeat, tc.want)
			}
			if !strings.Contains(p.log.String(), tc.says) {
				t.Errorf("the log does not say %q:\n%s", tc.says, p.log)
			}
		})
	}
}

// TestHeartbeatOfAFailedCheck: nothing is known to be archived.
func TestHeartbeatOfAFailedCheck(t *testing.T) {
	w := runtest.New(t)
	w.Always("check", runtest.FailsAs(t, "archive_command wrong stanza: check"))
	p := newPod(w)
	p.run(backupSteps...)
	if r := p.report(); r.Heartbeat != nil || w.Heartbeats != 3 {
		t.Errorf("the heartbeat %+v of %d, want none of 3: one for each attempt", r.Heartbeat, w.Heartbeats)
	}
}

// TestHeartbeatIsTriedAgain: a stream that breaks says nothing, and no check follows it.
func TestHeartbeatIsTriedAgain(t *testing.T) {
	w := runtest.New(t)
	w.On("heartbeat", func(context.Context, runtest.Call) error { return fmt.Errorf("cannot dial: %w", io.ErrUnexpectedEOF) })
	p := newPod(w)
	p.mustRun(backupSteps...)
	if checks := len(w.Issued("check")); checks != 1 || w.Heartbeats != 1 || p.report().Heartbeat == nil {
		t.Errorf("%d checks and %d heartbeats, want 1 of each, and it is reported", checks, w.Heartbeats)
	}
}

// TestReuseAlone: the pod that reuses a backup and finds none fresh writes nothing.
func TestReuseAlone(t *testing.T) {
	w := runtest.New(t)
	w.Prove(earlier, cpo.Full, 16*time.Minute)
	newReusePod(w).mustRun(reuseSteps...)
	if w.Heartbeats > 0 {
		t.Errorf("%d heartbeats without a check", w.Heartbeats)
	}
}
