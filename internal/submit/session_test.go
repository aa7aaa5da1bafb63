// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/goldentest"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// aBackup and aPredeploy are what most tests ask for.
func aBackup() Options {
	return Options{Request: Request{Kind: vocab.RunBackup, Namespace: namespace, Cluster: orders, Type: "incr"}, Wait: true}
}

func aPredeploy() Options {
	return Options{
		Request: Request{Kind: vocab.RunPredeploy, Namespace: namespace, Cluster: orders, Type: "incr", MaxAge: "15m0s", RestorePoint: "release-42"},
		Wait:    true, Timeout: 30 * time.Minute,
	}
}

// verdictCase is one way in which a run ends.
type verdictCase struct {
	options Options
	script  []scene
	code    int
}

func ended(phase wfv1.WorkflowPhase, change ...func(*wfv1.Workflow)) []scene {
	return []scene{{after: 48 * time.Second, workflow: state(phase, change...)}}
}

func verdictCases() map[string]verdictCase {
	const done, failed = wfv1.WorkflowSucceeded, wfv1.WorkflowFailed
	full := func(r *report.Report) { r.Backup.Label, r.Backup.Type = "20260301-020012F", "full" }
	return map[string]verdictCase{
		"succeeded": {aBackup(), []scene{
			{after: time.Second, workflow: state(wfv1.WorkflowRunning)},
			{after: 2 * time.Second, workflow: state(wfv1.WorkflowRunning, thePod(wfv1.NodePending, "1-begin:Pending 2-precheck:Pending 3-backup:Pending 4-expire:Pending main:Pending"))},
			{after: 2 * time.Second, workflow: state(wfv1.WorkflowRunning, thePod(wfv1.NodeRunning, "1-begin:Running 2-precheck:Running 3-backup:Running 4-expire:Running main:Running"))},
			{after: 3 * time.Second, workflow: state(wfv1.WorkflowRunning, thePod(wfv1.NodeRunning, "1-begin:Succeeded 2-precheck:Succeeded 3-backup:Running 4-expire:Running main:Running"))},
			{after: 35 * time.Second, workflow: state(wfv1.WorkflowRunning, thePod(wfv1.NodeRunning, "1-begin:Succeeded 2-precheck:Succeeded 3-backup:Succeeded 4-expire:Running main:Running"))},
			{after: 5 * time.Second, workflow: state(done, thePod(wfv1.NodeSucceeded, allDone), says(aReport()))},
		}, ExitProven},
		"dag": {aBackup(), []scene{
			{after: 3 * time.Second, workflow: state(wfv1.WorkflowRunning, aTask("precheck", 0, 0, wfv1.NodeRunning))},
			{after: 5 * time.Second, workflow: state(wfv1.WorkflowRunning, aTask("precheck", 0, 0, wfv1.NodeSucceeded))},
			{after: time.Second, workflow: state(wfv1.WorkflowRunning, aTask("precheck", 0, 0, wfv1.NodeSucceeded), aTask("backup", 0, 1, wfv1.NodeRunning))},
			{after: 30 * time.Second, workflow: state(wfv1.WorkflowRunning, aTask("precheck", 0, 0, wfv1.NodeSucceeded),
				aTask("backup", 0, 1, wfv1.NodeFailed), aTask("backup", 1, 2, wfv1.NodeRunning))},
			{after: 30 * time.Second, workflow: state(wfv1.WorkflowRunning, aTask("precheck", 0, 0, wfv1.NodeSucceeded),
				aTask("backup", 0, 1, wfv1.NodeFailed), aTask("backup", 1, 2, wfv1.NodeSucceeded), aTask("expire", 0, 3, wfv1.NodeFailed), aTask("verify", 0, 4, wfv1.NodeRunning))},
			{after: 9 * time.Second, workflow: state(done, aTask("precheck", 0, 0, wfv1.NodeSucceeded),
				aTask("backup", 0, 1, wfv1.NodeFailed), aTask("backup", 1, 2, wfv1.NodeSucceeded), aTask("expire", 0, 3, wfv1.NodeFailed), aTask("verify", 0, 4, wfv1.NodeSucceeded), says(aReport(expireFailed)))},
		}, ExitProven},
		"full-instead-of-incr": {aBackup(), ended(done, says(aReport(full))), ExitProven},
		"files-only":           {aBackup(), ended(done, says(aReport(func(r *report.Report) { r.Backup.Verified = stanzaflowv1alpha1.VerifiedFiles }))), ExitProven},
		"retention-failed":     {aBackup(), ended(done, says(aReport(expireFailed))), ExitProven},
		"failed": {aBackup(), []scene{
			{after: 5 * time.Second, workflow: state(wfv1.WorkflowRunning, thePod(wfv1.NodeRunning, "1-begin:Succeeded 2-precheck:Succeeded 3-backup:Running 4-expire:Running main:Running"))},
			{after: 90 * time.Second, workflow: state(failed, thePod(wfv1.NodeFailed, "1-begin:Succeeded 2-precheck:Succeeded 3-backup:Failed 4-expire:Failed main:Failed"),
				says(aReport(ends(stanzaflowv1alpha1.RunFailed, "backup", "pgbackrest backup failed: [082] WAL segment was not archived before the 60000ms timeout; look at archive_command", 82))))},
		}, ExitFailed},
		"held": {aBackup(), ended(failed, says(aReport(ends(stanzaflowv1alpha1.RunHeld, "precheck", "the gate is false: repo.freeBytes > 1000000", 0)))), ExitHeld},
		"stopped-by-argo": {aBackup(), ended(failed, func(w *wfv1.Workflow) {
			w.Spec.Shutdown, w.Status.Message = wfv1.ShutdownStrategyStop, "Stopped with strategy 'Stop'"
		}), ExitFailed},
		"no-report":            {aBackup(), ended(done), ExitFailed},
		"report-of-another":    {aBackup(), ended(done, says(aReport(func(r *report.Report) { r.Run = "another" }))), ExitFailed},
		"report-without-label": {aBackup(), ended(done, says(aReport(func(r *report.Report) { r.Backup.Label = "" }))), ExitFailed},
		"report-says-failed":   {aBackup(), ended(done, says(aReport(ends(stanzaflowv1alpha1.RunFailed, "verify", "nothing is listed", 0)))), ExitFailed},
		"phase-failed-report-succeeded": {aBackup(), ended(wfv1.WorkflowError, says(aReport()), func(w *wfv1.Workflow) {
			w.Status.Message = "pod deleted"
		}), ExitFailed},
		"deleted": {aBackup(), []scene{
			{after: 5 * time.Second, workflow: state(wfv1.WorkflowRunning, thePod(wfv1.NodeRunning, "1-begin:Succeeded 2-precheck:Running"))},
			{after: 5 * time.Second, deleted: true},
		}, ExitFailed},
		"deleted-when-over": {aBackup(), []scene{
			{after: 48 * time.Second, deleted: true, workflow: state(done, says(aReport()))},
		}, ExitProven},
		"another-of-the-same-name": {aBackup(), ended(done, says(aReport()), func(w *wfv1.Workflow) { w.UID = "another" }), ExitFailed},
		"dropped": {aBackup(), []scene{
			{after: 5 * time.Second, workflow: state(wfv1.WorkflowRunning, thePod(wfv1.NodeRunning, "1-begin:Succeeded 2-precheck:Running"))},
			{after: time.Second, drop: true},
			{after: 3 * time.Second, get: errLost},
			{after: 3 * time.Second, get: rejected("get", "workflows")},
			{after: 3 * time.Second, get: unserved("workflows")},
			{after: 20 * time.Second, drop: true, workflow: state(done, says(aReport()), thePod(wfv1.NodeSucceeded, allDone))},
		}, ExitProven},
		"forbidden-meanwhile": {aBackup(), []scene{
			{after: time.Second, get: rejected("get", "workflows")},
			{after: forbiddenTime, get: rejected("get", "workflows")},
		}, ExitFailed},
		"waits-for-another": {aBackup(), []scene{
			{after: time.Second, workflow: state(wfv1.WorkflowRunning, func(w *wfv1.Workflow) {
				w.Status.Synchronization = &wfv1.SynchronizationStatus{Mutex: &wfv1.MutexStatus{Waiting: []wfv1.MutexHolding{
					{Mutex: "shop/Mutex/pgbackrest-orders", Holder: "shop/pgbackrest-orders-repo1-full-1772326800/pgbackrest-orders-repo1-full-1772326800-1"},
				}}}
			})},
			{after: 600 * time.Second, workflow: state(done, says(aReport()))},
		}, ExitProven},
		"waits-for-a-cap": {aBackup(), []scene{
			{after: time.Second, workflow: state(wfv1.WorkflowRunning, func(w *wfv1.Workflow) {
				w.Status.Nodes["retry"] = wfv1.NodeStatus{
					ID: "retry", DisplayName: "backup", Type: wfv1.NodeTypeRetry, TemplateName: "capped-backup", Phase: wfv1.NodePending,
					Message:               "Waiting for argo/ConfigMap/pgbackrest-caps/all lock. Lock status: 0/20",
					SynchronizationStatus: &wfv1.NodeSynchronizationStatus{Waiting: "argo/ConfigMap/pgbackrest-caps/all"},
				}
			})},
			{after: 600 * time.Second, workflow: state(wfv1.WorkflowRunning, aPod("backup(0)", 0, wfv1.NodeRunning, "1-begin:Succeeded 2-precheck:Running 3-backup:Running"))},
			{after: 6 * time.Second, workflow: state(done, says(aReport()))},
		}, ExitProven},
		"another-pod": {aBackup(), []scene{
			{after: 5 * time.Second, workflow: state(wfv1.WorkflowRunning, thePod(wfv1.NodeRunning, "1-begin:Succeeded 2-precheck:Succeeded 3-backup:Running"))},
			{after: 30 * time.Second, workflow: state(wfv1.WorkflowRunning, thePod(wfv1.NodeError, "1-begin:Succeeded 2-precheck:Succeeded 3-backup:Error"),
				aPod(name+"(1)", 1, wfv1.NodeRunning, "1-begin:Running 2-precheck:Running 3-backup:Running"))},
			{after: 30 * time.Second, workflow: state(done, says(aReport()), thePod(wfv1.NodeError, "1-begin:Succeeded 2-precheck:Succeeded 3-backup:Error"),
				aPod(name+"(1)", 1, wfv1.NodeSucceeded, allDone))},
		}, ExitProven},
		"predeploy-made": {aPredeploy(), []scene{
			{after: 4 * time.Second, workflow: state(wfv1.WorkflowRunning, aPod("reuse(0)", 0, wfv1.NodeRunning, "1-begin:Succeeded 2-precheck:Running main:Running"))},
			{after: 4 * time.Second, workflow: state(wfv1.WorkflowRunning, aPod("reuse(0)", 0, wfv1.NodeSucceeded, "1-begin:Succeeded 2-precheck:Succeeded main:Succeeded"),
				aPod("make(0)", 1, wfv1.NodeRunning, "1-begin:Succeeded 2-precheck:Succeeded 3-backup:Running 4-expire:Running 5-verify:Running main:Running"))},
			{after: 55 * time.Second, workflow: state(done, says(aReport(beforeDeploy)))},
		}, ExitProven},
		"predeploy-reused": {aPredeploy(), ended(done, says(aReport(beforeDeploy, reused))), ExitProven},
		"predeploy-failed": {aPredeploy(), ended(failed, says(aReport(ends(stanzaflowv1alpha1.RunFailed, "restore-point",
			"the WAL of the restore point is not in repo3 after 60s", 82), beforeDeploy))), ExitFailed},
		"predeploy-held":             {aPredeploy(), ended(failed, says(aReport(ends(stanzaflowv1alpha1.RunHeld, "precheck", "the cluster is being restored", 0), beforeDeploy))), ExitHeld},
		"predeploy-no-report":        {aPredeploy(), ended(done), ExitFailed},
		"predeploy-no-restore-point": {aPredeploy(), ended(done, says(aReport(beforeDeploy, func(r *report.Report) { r.Predeploy.RestorePoint = "" }))), ExitFailed},
		"predeploy-was-a-backup": {aPredeploy(), ended(done, says(aReport()), func(w *wfv1.Workflow) {
			w.Labels = map[string]string{vocab.LabelKind: string(vocab.RunBackup)}
		}), ExitFailed},
		"predeploy-retention-failed": {aPredeploy(), ended(done, says(aReport(beforeDeploy, expireFailed))), ExitFailed},
		"predeploy-deleted":          {aPredeploy(), []scene{{after: time.Second, deleted: true}}, ExitFailed},
	}
}

// TestVerdicts shows what a person sees of each end of a run.
func TestVerdicts(t *testing.T) {
	for name, tc := range verdictCases() {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, tc.script...)
			if code := play(t, f, t.Context(), tc.options, "verdict/"+name); code != tc.code {
				t.Errorf("exit code %d, want %d", code, tc.code)
			}
			if len(f.script) > 0 {
				t.Errorf("%d scenes were not seen", len(f.script))
			}
		})
	}
	checkFiles(t, "verdict", verdictCases())
}

// TestUnfinished shows what a person sees of a run that is not followed to its end.
func TestUnfinished(t *testing.T) {
	making := scene{after: 5 * time.Second, workflow: state(wfv1.WorkflowRunning, aPod("make(0)", 0, wfv1.NodeRunning, "1-begin:Succeeded 2-precheck:Succeeded 3-backup:Running"))}
	inBackup := scene{after: 5 * time.Second, workflow: state(wfv1.WorkflowRunning, thePod(wfv1.NodeRunning, "1-begin:Succeeded 2-precheck:Succeeded 3-backup:Running"))}
	cases := map[string]struct {
		options Options
		scenes  []scene
		cause   error
	}{
		"interrupted":         {aBackup(), []scene{inBackup}, context.Canceled},
		"timeout":             {aPredeploy(), []scene{making}, ErrTimeout},
		"timeout-not-begun":   {aPredeploy(), nil, ErrTimeout},
		"timeout-without-pod": {aPredeploy(), []scene{{workflow: state(wfv1.WorkflowRunning)}}, ErrTimeout},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			f := newFake(t, append(tc.scenes, scene{after: 30 * time.Minute, do: func() { cancel(tc.cause) }})...)
			if code := play(t, f, ctx, tc.options, "unfinished/"+name); code != ExitFailed {
				t.Errorf("exit code %d, want %d", code, ExitFailed)
			}
		})
	}
	checkFiles(t, "unfinished", cases)
}

// TestArgoIsNotRunning: a Workflow that nobody has looked at causes a remark.
func TestArgoIsNotRunning(t *testing.T) {
	f := newFake(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	s, out, _ := f.session()
	go func() {
		f.clock.move(patience)
		f.clock.long <- f.clock.Now()
		cancel(ErrTimeout)
	}()
	s.Run(ctx, aPredeploy())
	if want := "Argo's workflow controller has not looked at it yet: is it running?"; !strings.Contains(out.String(), want) {
		t.Errorf("printed %q, want %q", out.String(), want)
	}
}

// TestWithoutTheRightToWatch: the run is looked at again and again.
func TestWithoutTheRightToWatch(t *testing.T) {
	f := newFake(t, scene{workflow: state(wfv1.WorkflowRunning), after: time.Second}, scene{workflow: state(wfv1.WorkflowSucceeded, says(aReport())), after: time.Second})
	f.watchErr = rejected("watch", "workflows")
	if code := play(t, f, t.Context(), aBackup(), "verdict-without-watch"); code != ExitProven {
		t.Errorf("exit code %d, want %d", code, ExitProven)
	}
	if f.watches != 1 {
		t.Errorf("tried to watch %d times, want once", f.watches)
	}
}

// play runs a session, compares what it prints, and returns its exit code.
func play(t *testing.T, f *fake, ctx context.Context, o Options, file string) int { //nolint:revive // The test comes first.
	t.Helper()
	s, out, errs := f.session()
	code := s.Run(ctx, o)
	goldentest.Check(t, "testdata/"+file+".golden", fmt.Sprintf("exit code %d\n\n== stderr ==\n%s\n== stdout ==\n%s", code, errs, out))
	return code
}

// checkFiles refuses a golden file of no case.
func checkFiles[C any](t *testing.T, folder string, cases map[string]C) {
	t.Helper()
	files, err := filepath.Glob("testdata/" + folder + "/*")
	if err != nil || len(files) != len(cases) {
		t.Errorf("testdata/%s has %d files for %d cases, error %v", folder, len(files), len(cases), err)
	}
}
