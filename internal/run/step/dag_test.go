// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/failure"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/run/runtest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// wantRetentionFailure checks that an expire has failed its node, and not the run.
func (p *pod) wantRetentionFailure(code, wantCode int, words ...string) {
	p.T.Helper()
	r := p.report()
	if code != wantCode || r.Result != stanzaflowv1alpha1.RunUnknown || r.Message != unknownMessage || r.Retention == nil || !r.Retention.Failed {
		p.T.Fatalf("exit code %d, want %d; report %+v, want Unknown with a failed retention", code, wantCode, r)
	}
	for _, word := range words {
		if !strings.Contains(r.Retention.Message, word) {
			p.T.Errorf("retention %q does not say %q", r.Retention.Message, word)
		}
	}
	want := "Retention failed: " + r.Retention.Message + "\nrunbook: " + failure.Runbook("expire", r.Retention.Code)
	if got := p.file("termination-log"); got != want {
		p.T.Errorf("termination message %q, want %q", got, want)
	}
	if got := p.file(outputRetention); got != "Failed: "+r.Retention.Message {
		p.T.Errorf("output retention %q", got)
	}
	if !strings.Contains(p.log.String(), "RETENTION FAILED, the backup is not affected: "+r.Retention.Message) {
		p.T.Errorf("log:\n%s", p.log)
	}
}

// TestDAGExpireFails: the node is red, and the run is proven all the same.
func TestDAGExpireFails(t *testing.T) {
	for name, tc := range map[string]struct {
		fails          runtest.Script
		code, attempts int
		want           string
	}{
		"only a person can fix it": {runtest.FailsAs(t, "stop file: backup"), ExitStop, 1, "[062] stop"},
		"every attempt fails":      {runtest.Fails(49, "P00  ERROR: [049]: unable to connect"), ExitGaveUp, 3, "(3 attempts)"},
	} {
		t.Run(name, func(t *testing.T) {
			w := runtest.New(t)
			p := newDAG(w)
			p.mustRun("precheck", "backup")
			w.Always("expire", tc.fails)
			p.wantRetentionFailure(p.run("expire"), tc.code, "pgbackrest expire failed in shop/orders-0 (postgres)", tc.want)
			retention := p.report().Retention
			p.mustRun("verify")
			r := p.report()
			if r.Result != stanzaflowv1alpha1.RunSucceeded || r.Backup == nil || r.Message != "" || r.Code != 0 || p.attempts("expire") != tc.attempts {
				t.Errorf("report %+v, want a proven backup after %d attempts of expire", r, tc.attempts)
			}
			if diff := cmp.Diff(retention, r.Retention); diff != "" {
				t.Errorf("retention (-want +got):\n%s", diff)
			}
		})
	}
}

// TestDAGExpireIsLost: nothing says how it ended, so the retention counts as failed.
func TestDAGExpireIsLost(t *testing.T) {
	p := newDAG(runtest.New(t))
	p.mustRun("precheck", "backup")
	p.loses("expire")
	p.mustRun("verify")
	r := p.report()
	if r.Result != stanzaflowv1alpha1.RunSucceeded || r.Backup == nil || r.Retention == nil || !r.Retention.Failed || !strings.Contains(r.Retention.Message, "its pod was lost") {
		t.Errorf("report %+v, want a proven backup and a failed retention", r)
	}
}

// TestDAGKilledHasProvenNothing: whatever the tasks before have said, and attempts of the
// same one.
func TestDAGKilledHasProvenNothing(t *testing.T) {
	for _, name := range backupSteps[1:] {
		t.Run(name, func(t *testing.T) {
			w := runtest.New(t)
			p := newDAG(w)
			p.mustRun(stepsBefore(name)...)
			if name == stepVerify { // An expire that is out of time says Failed.
				said := p.report()
				said.Result, said.Message, said.Code = stanzaflowv1alpha1.RunFailed, "the run exceeded its limit", 50
				if err := p.env.Workspace.saveReport(said); err != nil {
					t.Fatal(err)
				}
			}
			// The clock stands still for the pod: it is killed when it asks for its start.
			const killed = "killed"
			p = limited(p)
			p.env.Workflows = dyingWorkflows{w, killed}
			func() {
				defer func() {
					if got := recover(); got != killed {
						t.Fatalf("the step was not killed: %v", got)
					}
				}()
				p.step(t.Context(), name)
			}()
			r := p.report()
			if r.Result != stanzaflowv1alpha1.RunUnknown || r.Message != unknownMessage || r.Step != name || r.Run != runtest.Run || r.Backup != nil || p.file(vocab.OutputLabel) != "" {
				t.Errorf("killed in %s, the report is %+v", name, r)
			}
		})
	}
}

// dyingWorkflows kills whoever asks it.
type dyingWorkflows struct {
	*runtest.World
	with string
}

func (d dyingWorkflows) Started(context.Context, string, string, string) (time.Time, error) {
	panic(d.with)
}

// TestDAGRetriesAFailedVerify: argo retry continues at verify, and makes no second backup.
func TestDAGRetriesAFailedVerify(t *testing.T) {
	w := runtest.New(t)
	p := newDAG(w)
	p.mustRun("precheck", "backup", "expire")
	lost := w.Backups[0].WALStop
	contents := w.Segments[lost]
	delete(w.Segments, lost)
	w.Postgres["lastArchivedWal"] = lost
	p.wantFailure(p.run("verify"), ExitStop, "verify", stanzaflowv1alpha1.RunFailed, "cannot be restored")
	w.Segments[lost] = contents
	p.mustRun("verify")
	if r := p.report(); r.Result != stanzaflowv1alpha1.RunSucceeded || r.Backup == nil || r.Message != "" || len(w.Issued("backup")) != 1 {
		t.Errorf("report %+v after %d backups, want it proven after 1", r, len(w.Issued("backup")))
	}
}

// TestDAGTriesOnceInAPod: Argo shows the next attempt, with the count of all.
func TestDAGTriesOnceInAPod(t *testing.T) {
	w := runtest.New(t)
	p := newDAG(w)
	p.mustRun("precheck")
	w.Always("backup", runtest.FailsAs(t, "pg: down, backup"))
	p.wantFailure(p.step(t.Context(), "backup"), ExitGaveUp, "backup", stanzaflowv1alpha1.RunFailed)
	if n := len(w.Issued("backup")); n != 1 {
		t.Errorf("%d backup commands in a pod, want 1", n)
	}
	p.parameters.Retries = 2
	p.wantFailure(p.step(t.Context(), "backup"), ExitGaveUp, "backup", stanzaflowv1alpha1.RunFailed, "(3 attempts)")
}

// TestDAGHoldsItsPod: while the backup may be running, a look that fails does not end the
// pod, because nobody would notice that the run is stopped.
func TestDAGHoldsItsPod(t *testing.T) {
	down := runtest.Fails(2, "psql: error: the database system is shutting down")
	for name, tc := range map[string]struct {
		// begins makes the backup run before the look fails.
		begins func(*runtest.World)
		holds  bool
	}{
		"its stream is lost": {func(w *runtest.World) {
			w.On("psql", runtest.Does(func() {}), down, down)
			w.On("backup", runtest.OutlivesStream(w, 3))
		}, true},
		"a lost pod has begun it": {func(w *runtest.World) {
			w.Lock = true
			w.On("psql", runtest.Does(func() {}), down, runtest.Does(func() { w.Lock = false }))
		}, true},
		"it has ended": {func(w *runtest.World) {
			w.On("psql", runtest.Does(func() {}), runtest.Does(func() {}), down)
			w.On("backup", runtest.DiesWithStream)
		}, false},
		"nothing has begun": {func(w *runtest.World) { w.On("psql", down) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := runtest.New(t)
			p := newDAG(w)
			p.mustRun("precheck")
			tc.begins(w)
			if code := p.step(t.Context(), "backup"); (code == 0) != tc.holds {
				t.Errorf("exit code %d, holds its pod %t\n%s", code, tc.holds, p.log)
			}
		})
	}
}

// TestDAGRefuses: a template of somebody else's passes something else.
func TestDAGRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		step   string
		change func(*Parameters)
		want   string
	}{
		"another kind":       {"precheck", func(p *Parameters) { p.Kind = "stanza" }, "--form=dag is for --kind=backup, the kind is stanza"},
		"no parameters":      {"backup", func(p *Parameters) { *p = Parameters{Form: p.Form} }, `--kind is ""`},
		"a wrong parameter":  {"verify", func(p *Parameters) { p.Repo = "repo5" }, `parameter repo is "repo5"`},
		"negative retries":   {"precheck", func(p *Parameters) { p.Retries = -1 }, "--retries is -1"},
		"a step of the pod":  {"begin", func(*Parameters) {}, "the form dag of a run has no step begin: its steps are precheck, backup, expire, verify"},
		"a step of a deploy": {"restore-point", func(*Parameters) {}, "has no step restore-point"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newDAG(runtest.New(t))
			tc.change(&p.parameters)
			p.wantFailure(p.step(t.Context(), tc.step), ExitStop, tc.step, stanzaflowv1alpha1.RunFailed, tc.want)
			if len(p.Calls) > 0 {
				t.Errorf("commands ran: %v", p.Calls)
			}
		})
	}
	p := newPod(runtest.New(t))
	p.parameters.Form = "steps"
	p.wantFailure(p.run("begin"), ExitStop, "begin", stanzaflowv1alpha1.RunFailed, `--form is "steps", must be pod or dag`)
}

// TestDAGNeedsTheTasksBefore: without their outputs a step claims nothing.
func TestDAGNeedsTheTasksBefore(t *testing.T) {
	for _, name := range []string{"backup", "verify"} {
		p := newDAG(runtest.New(t))
		p.wantFailure(p.step(t.Context(), name), ExitGaveUp, name, stanzaflowv1alpha1.RunFailed, "cannot read the report of the run")
		if len(p.Calls) > 0 {
			t.Errorf("commands ran: %v", p.Calls)
		}
	}
}

// TestDAGCarriesNoTag: Argo replaces tags in what one task passes to the next.
func TestDAGCarriesNoTag(t *testing.T) {
	p := newDAG(runtest.New(t))
	if err := p.env.Workspace.save("facts", report.Step{Name: "{{=1}}"}); err != nil || strings.Contains(p.file("facts"), "{{") {
		t.Errorf("saved as %s, %v", p.file("facts"), err)
	}
}
