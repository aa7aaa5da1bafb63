// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"os"
	"slices"
	"testing"
	"time"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/run/runtest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// TestPredeployFailsClosed has what ends a run in the first pod: nothing but exit code 0
// has the deploy continue.
func TestPredeployFailsClosed(t *testing.T) {
	for name, tc := range map[string]struct {
		world  func(*runtest.World)
		code   int
		step   string
		result stanzaflowv1alpha1.RunResult
		why    string
	}{
		"the gate is false":         {func(w *runtest.World) { w.StanzaObject.Spec.Gate = "postgres.databaseBytes == 0" }, ExitStop, "precheck", stanzaflowv1alpha1.RunHeld, "the gate of stanza shop/orders is false"},
		"the gate is wrong":         {func(w *runtest.World) { w.StanzaObject.Spec.Gate = "now > later" }, ExitStop, "precheck", stanzaflowv1alpha1.RunFailed, "correct spec.gate"},
		"the cluster is a standby":  {func(w *runtest.World) { w.Cluster.Operation.Standby = true }, ExitStop, "precheck", stanzaflowv1alpha1.RunHeld, "cannot be backed up now"},
		"PostgreSQL is in recovery": {func(w *runtest.World) { w.Postgres["inRecovery"] = true }, ExitStop, "precheck", stanzaflowv1alpha1.RunHeld, "is in recovery"},
		"the repo cannot be read": {func(w *runtest.World) {
			w.RepoStatus = &pgbackrest.Status{Code: 99, Message: "[ProtocolError] HTTP request failed with 404 (Not Found):"}
		}, ExitStop, "precheck", stanzaflowv1alpha1.RunFailed, "cannot use repo1"},
		"the Stanza cannot be read": {func(w *runtest.World) { w.StanzaError = context.DeadlineExceeded }, ExitGaveUp, "precheck", stanzaflowv1alpha1.RunFailed, "cannot read stanza shop/orders"},
		"the files cannot be listed": {func(w *runtest.World) {
			w.Always("repo-ls", runtest.Fails(39, "ERROR: [039]: HTTP request failed with 503 (Slow Down):"))
		}, ExitGaveUp, "precheck", stanzaflowv1alpha1.RunFailed, "pgbackrest repo-ls failed"},
		"PostgreSQL makes no restore point": {func(w *runtest.World) {
			w.On("psql", func(context.Context, runtest.Call) error { return runtest.ErrUnscripted })
			w.Always("psql", runtest.Fails(1, "ERROR:  could not write"))
		}, ExitGaveUp, "restore-point", stanzaflowv1alpha1.RunFailed, "cannot query PostgreSQL"},
		"PostgreSQL says nothing of it": {func(w *runtest.World) {
			w.On("psql", func(context.Context, runtest.Call) error { return runtest.ErrUnscripted })
			w.Always("psql", runtest.Prints(`{"lsn":null}`))
		}, ExitStop, "restore-point", stanzaflowv1alpha1.RunFailed, "does not say where restore point release-"},
		"WAL does not get into a repo": {func(w *runtest.World) {
			w.Always("check", runtest.Fails(82, "ERROR: [082]: WAL segment 000000010000000000000004 was not archived before the 60000ms timeout"))
		}, ExitGaveUp, "restore-point", stanzaflowv1alpha1.RunFailed, "was not archived"},
		"check does not name the repo": {func(w *runtest.World) {
			w.Always("check", runtest.Prints(runtest.CheckedLine(2, "16-1", "000000010000000000000004")))
		}, ExitStop, "restore-point", stanzaflowv1alpha1.RunFailed, "does not say which WAL segment it has seen in repo1"},
		"WAL since the backup does not come": {(*runtest.World).SkipSegment, ExitGaveUp, "restore-point", stanzaflowv1alpha1.RunFailed, "WAL up to the restore point is not in repo1 after 1m0s: 000000010000000000000004"},
		"WAL is not in another repo": {func(w *runtest.World) {
			w.Others[2] = pgbackrest.Status{Code: pgbackrest.StatusNoBackups, Message: "no valid backups"}
			w.Always("check", runtest.Prints(runtest.CheckedLine(1, "16-1", "000000010000000000000004")+runtest.CheckedLine(2, "16-1", "000000010000000000000005")))
		}, ExitGaveUp, "restore-point", stanzaflowv1alpha1.RunFailed, "WAL up to the restore point is not in repo2 after 1m0s: 000000010000000000000004"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newReusePod(makeWorld(t, nil, func(w *runtest.World) {
				w.Prove(earlier, cpo.Full, time.Minute)
				tc.world(w)
			}))
			p.wantFailure(p.run(reuseSteps...), tc.code, tc.step, tc.result, tc.why)
			p.wantOutputs("false", "", "")
			if r := p.report(); r.Predeploy != nil {
				t.Errorf("the report has a restore point: %+v", r)
			}
		})
	}
}

// TestPredeployMakeFailsClosed has the same for the pod that makes a backup.
func TestPredeployMakeFailsClosed(t *testing.T) {
	for name, tc := range map[string]struct {
		world  func(*runtest.World)
		code   int
		step   string
		result stanzaflowv1alpha1.RunResult
		why    string
	}{
		"the gate is false": {func(w *runtest.World) { w.StanzaObject.Spec.Gate = "false" }, ExitStop, "precheck", stanzaflowv1alpha1.RunHeld, "the gate of stanza shop/orders is false"},
		"the backup fails":  {func(w *runtest.World) { w.Always("backup", runtest.Fails(75, "ERROR: [075]: no")) }, ExitStop, "backup", stanzaflowv1alpha1.RunFailed, "pgbackrest backup failed"},
		"retention fails": {
			func(w *runtest.World) { w.Always("expire", runtest.Fails(41, "ERROR: [041]: unable to open file")) }, ExitStop, "expire", stanzaflowv1alpha1.RunFailed,
			"the retention of repo1 cannot be applied, so the deploy must not continue: pgbackrest expire failed",
		},
		"retention fails again and again": {
			func(w *runtest.World) {
				w.Always("expire", runtest.Fails(39, "ERROR: [039]: HTTP request failed with 503"))
			}, ExitGaveUp, "expire", stanzaflowv1alpha1.RunFailed,
			"the retention of repo1 cannot be applied, so the deploy must not continue",
		},
		"the backup is not proven": {func(w *runtest.World) {
			w.On("verify", runtest.Finds("", "error", runtest.VerifyCounts{Segments: 2}, runtest.VerifiedBackup{Label: "20260301-010000F", Status: "invalid", VerifyCounts: runtest.VerifyCounts{Missing: 1}}))
		}, ExitStop, "verify", stanzaflowv1alpha1.RunFailed, "the backup of this run is not proven"},
		"a failover after the backup": {
			func(w *runtest.World) { w.On("verify", runtest.Does(func() { w.Timeline = 2 })) }, ExitStop, "restore-point", stanzaflowv1alpha1.RunFailed,
			"so the deploy must not continue: it is on another timeline than backup 20260301-010000F",
		},
		"WAL after the backup is lost": {func(w *runtest.World) {
			w.On("verify", runtest.Does(func() {
				w.SkipSegment()
				w.Postgres["lastArchivedWal"] = "000000010000000000000004"
			}))
		}, ExitStop, "restore-point", stanzaflowv1alpha1.RunFailed, "so the deploy must not continue: PostgreSQL has archived WAL that is not whole in repo1"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newMakePod(makeWorld(t, nil, tc.world))
			p.wantFailure(p.run(makeSteps...), tc.code, tc.step, tc.result, tc.why)
			p.wantOutputs("false", "", "")
		})
	}
	t.Run("out of time", func(t *testing.T) {
		w := runtest.New(t)
		w.Lock = true // CPO's backup, for ever.
		p := newMakePod(w)
		p.parameters.Created, p.parameters.Limit = runtest.Start.Format(time.RFC3339), 20*time.Minute
		p.wantFailure(p.run(makeSteps...), ExitStop, "backup", stanzaflowv1alpha1.RunFailed, "the run exceeded its limit of 20m0s")
		p.wantOutputs("false", "", "")
	})
}

// TestPredeployKilledHasProvenNothing: nothing that a step leaves reads as success.
func TestPredeployKilledHasProvenNothing(t *testing.T) {
	for _, name := range makeSteps[1:] {
		p := newMakePod(runtest.New(t))
		p.mustRun(makeSteps[:slices.Index(makeSteps, name)]...)
		if r := p.report(); r.Result != stanzaflowv1alpha1.RunUnknown || r.Backup != nil || r.Predeploy != nil {
			t.Errorf("killed in %s, the report is %+v", name, r)
		}
		p.wantOutputs("false", "", "")
	}
}

// TestPredeployReusedIsLostAgain: what verify finds after expire counts.
func TestPredeployReusedIsLostAgain(t *testing.T) {
	w := runtest.New(t)
	made := w.Prove(earlier, cpo.Full, time.Minute)
	w.On("expire", runtest.Does(func() { w.LostBytes[made.Label] = 7 }))
	p := newMakePod(w)
	p.wantFailure(p.run(makeSteps...), ExitStop, "verify", stanzaflowv1alpha1.RunFailed, "the backup that was to be reused is not whole any more", "lacks 7 of its")
	p.wantOutputs("false", "", "")
}

func TestPredeployCancelled(t *testing.T) {
	w := runtest.New(t)
	w.Prove(earlier, cpo.Full, time.Minute)
	w.CancelledBy = "argo stop"
	p := newReusePod(w)
	p.mustRun("begin", "precheck")
	p.wantFailure(p.step(p.stoppedDuring("check"), "restore-point"), ExitStop, "restore-point", stanzaflowv1alpha1.RunFailed, "the run was ended in step restore-point: argo stop")
	p.wantOutputs("false", "", "")
	if n := len(w.Issued("pkill")); n > 0 {
		t.Errorf("%d commands pkill of a run that makes no backup", n)
	}
}

// TestPredeployThatCannotSayHow: a restore point that nobody can be told of is none.
func TestPredeployThatCannotSayHow(t *testing.T) {
	w := runtest.New(t)
	w.Prove(earlier, cpo.Full, time.Minute)
	p := newReusePod(w)
	p.mustRun("begin", "precheck")
	if err := os.Mkdir(p.env.Workspace.path(vocab.OutputRestore+".next"), 0o700); err != nil {
		t.Fatal(err)
	}
	p.wantFailure(p.step(t.Context(), "restore-point"), ExitGaveUp, "restore-point", stanzaflowv1alpha1.RunFailed, "cannot write to the workspace")
	if r := p.report(); r.Predeploy != nil {
		t.Errorf("the report has a restore point: %+v", r)
	}
	p.wantOutputs("false", "", "")
}
