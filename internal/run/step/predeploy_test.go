// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/run/runtest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// earlier is the run that has made the backup before.
const earlier = "0a1b2c3d-0c0e-4d6b-9a5e-1b5f3c1d7e11"

var (
	reuseSteps = Options{Predeploy: PredeployOptions{OnlyReuse: true}}.steps()
	makeSteps  = stepsOf[vocab.RunPredeploy]
)

// newReusePod is the first pod of a pre-deploy run.
func newReusePod(w *runtest.World) *pod {
	p := newMakePod(w)
	p.parameters.OnlyReuse = true
	return p
}

// newMakePod is the second.
func newMakePod(w *runtest.World) *pod {
	w.T.Helper()
	p := newPod(w)
	p.parameters.Kind, p.parameters.Trigger = string(vocab.RunPredeploy), vocab.TriggerManual
	p.parameters.MaxAge, p.parameters.RestorePoint = 15*time.Minute, "release"
	return p
}

// names are those of the commands that ran.
func names(w *runtest.World) []string {
	var all []string
	for _, c := range w.Calls {
		all = append(all, c.Name())
	}
	return all
}

// wantNotFresh checks that a pod leaves it to the next one to make a backup, and why.
func (p *pod) wantNotFresh(why string) {
	p.T.Helper()
	if code := p.run(reuseSteps...); code != 0 {
		p.T.Fatalf("exit code %d, want 0, so that the next pod starts\n%s", code, p.log)
	}
	r := p.report()
	if r.Result != stanzaflowv1alpha1.RunUnknown || r.Backup != nil || r.Predeploy != nil {
		p.T.Errorf("report %+v, want one that proves nothing", r)
	}
	if !strings.HasPrefix(r.Message, "no fresh backup: ") || !strings.Contains(r.Message, why) {
		p.T.Errorf("message %q, want no fresh backup: …%s", r.Message, why)
	}
	p.wantOutputs("false", "", "")
}

func (p *pod) wantOutputs(fresh, label, point string) {
	p.T.Helper()
	if got := p.file(outputFresh); got != fresh {
		p.T.Errorf("output fresh is %q, want %q", got, fresh)
	}
	if got := p.file(vocab.OutputLabel); got != label {
		p.T.Errorf("output backup-label is %q, want %q", got, label)
	}
	if got := p.file(vocab.OutputRestorePoint); got != point {
		p.T.Errorf("output restore-point is %q, want %q", got, point)
	}
	if got := p.file(vocab.OutputRestore); (got == "") != (point == "") {
		p.T.Errorf("output restore is %q beside the restore point %q", got, point)
	}
}

func TestPredeployReusesAFreshBackup(t *testing.T) {
	w := runtest.New(t)
	full := w.Prove(earlier, cpo.Full, 26*time.Hour)
	incr := w.Prove(earlier[:35]+"2", cpo.Incr, 10*time.Minute)
	w.Lock = true // A deploy does not wait for a backup that is running.
	p := newReusePod(w)
	if code := p.run(reuseSteps...); code != 0 {
		t.Fatalf("exit code %d\n%s", code, p.log)
	}
	const point = "release-20260301T010000.000Z"
	restore := "pgbackrest restore --stanza=db --repo=1 --set=" + incr.Label + " --type=name --target=" + point + " --target-timeline=1 --target-action=promote"
	at := runtest.Start
	want := report.Report{
		Result: stanzaflowv1alpha1.RunSucceeded, Step: "restore-point",
		Kind: vocab.RunPredeploy, Run: runtest.Run, Cluster: runtest.Cluster, Repo: "repo1", Type: cpo.Full, Trigger: "manual",
		Backup: &report.Backup{
			Label: incr.Label, Type: cpo.Incr, Start: incr.Stop, Stop: incr.Stop, DatabaseBytes: 22992758, RepoDeltaBytes: 4534133,
			LSNStart: "0/2000028", LSNStop: "0/3000050",
			WALStart: "000000010000000000000004", WALStop: "000000010000000000000005", WALSegments: 2, References: 1, PgBackRest: "2.55.1",
			OldestInRepo: full.Stop, BackupsInRepo: 2, FullsInRepo: 1,
			Storage: "s3", Location: "s3://backups/orders", Cipher: "aes-256-cbc", Verified: stanzaflowv1alpha1.VerifiedContents,
		},
		Predeploy: &report.Predeploy{Reused: true, RestorePoint: point, Time: at, LSN: "0/5000060", Timeline: 1, Restore: restore},
		Heartbeat: heartbeatAt(at),
		Steps: []report.Step{
			{Name: "begin", Start: at, Attempts: 1}, {Name: "precheck", Start: at, Attempts: 1}, {Name: "restore-point", Start: at, Attempts: 1},
		},
	}
	if diff := cmp.Diff(want, p.report()); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	p.wantOutputs("true", incr.Label, point)
	if got := p.file(vocab.OutputRestore); got != restore {
		t.Errorf("output restore is %q, want %q", got, restore)
	}
	if diff := cmp.Diff([]string{point}, w.RestorePoints); diff != "" {
		t.Errorf("restore points (-want +got):\n%s", diff)
	}
	// Nothing is asked twice: each exec takes a part of the 5 s.
	commands := []string{"psql", "version", "sha256sum", "grep", "info", "repo-ls", "repo-ls", "repo-ls", "psql", "heartbeat", "check"}
	if diff := cmp.Diff(commands, names(w)); diff != "" {
		t.Errorf("commands (-want +got):\n%s", diff)
	}
}

func TestPredeployOnARepoHost(t *testing.T) {
	w := runtest.NewWithRepoHost(t)
	made := w.Prove(earlier, cpo.Full, time.Minute)
	p := newReusePod(w)
	p.mustRun(reuseSteps...)
	p.wantOutputs("true", made.Label, w.RestorePoints[0])
}

func TestPredeployMakesABackup(t *testing.T) {
	w := runtest.New(t)
	w.Prove(earlier, cpo.Full, 16*time.Minute)
	newReusePod(w).wantNotFresh("ended 16m0s ago, and the parameter max-age is 15m0s")
	if n := len(w.RestorePoints); n > 0 {
		t.Errorf("%d restore points without a backup", n)
	}
	w.Clock.Step(time.Minute)
	p := newMakePod(w)
	if code := p.run(makeSteps...); code != 0 {
		t.Fatalf("exit code %d\n%s", code, p.log)
	}
	r := p.report()
	if r.Result != stanzaflowv1alpha1.RunSucceeded || r.Predeploy == nil || r.Predeploy.Reused || r.Backup == nil || r.Backup.Verified != stanzaflowv1alpha1.VerifiedContents {
		t.Errorf("report %+v, want one with a restore point and a backup of its own", r)
	}
	p.wantOutputs("true", w.Backups[1].Label, "release-20260301T010100.000Z")
	if got := w.Backups[1].Annotation[vocab.BackupAnnotation]; got != runtest.Run {
		t.Errorf("the backup is of run %q", got)
	}
	order := []string{"backup", "expire", "verify", "psql", "heartbeat", "check"}
	if got := slices.DeleteFunc(names(w), func(name string) bool { return !slices.Contains(order, name) }); !cmp.Equal(got[len(got)-len(order):], order) {
		t.Errorf("commands %v, want them to end with %v", got, order)
	}
}

// TestPredeployNotFresh has every reason why the backup of before is not reused. A
// make pod decides by the same function.
func TestPredeployNotFresh(t *testing.T) {
	proven := func(change func(*runtest.World, runtest.Backup)) func(*runtest.World) {
		return func(w *runtest.World) { change(w, w.Prove(earlier, cpo.Full, time.Minute)) }
	}
	for name, tc := range map[string]struct {
		world func(*runtest.World)
		why   string
	}{
		"no backup":                     {func(*runtest.World) {}, "no run has proven a backup in repo1"},
		"one of CPO, which none proved": {func(w *runtest.World) { w.List(runtest.Backup{Type: cpo.Full, RepoKey: 1, Stop: runtest.Start}) }, "no run has proven a backup in repo1"},
		"a stanza that does not exist":  {func(w *runtest.World) { w.StanzaExists = false }, "no run has proven a backup in repo1"},
		"a proven one in another repo": {proven(func(w *runtest.World, _ runtest.Backup) {
			w.StanzaObject.Status.Repos[0].Name = "repo2"
		}), "no run has proven a backup in repo1"},
		"too old": {func(w *runtest.World) { w.Prove(earlier, cpo.Full, 15*time.Minute+time.Second) }, "ended 15m1s ago, and the parameter max-age is 15m0s"},
		"expired": {proven(func(w *runtest.World, _ runtest.Backup) { w.Backups = nil }), "backup 20260301-005900F is no longer listed in repo1"},
		"the same label, of nobody": {proven(func(w *runtest.World, _ runtest.Backup) {
			w.Backups[0].Annotation = nil
		}), "is not whole any more: The run has no name"},
		"page errors": {proven(func(w *runtest.World, _ runtest.Backup) { w.Backups[0].Error = true }), "is not whole any more: Backup 20260301-005900F in repo1 has page checksum errors"},
		"files lost":  {proven(func(w *runtest.World, b runtest.Backup) { w.LostBytes[b.Label] = 1 }), "lacks 1 of its 4534133 bytes"},
		"WAL lost":    {proven(func(w *runtest.World, b runtest.Backup) { delete(w.Segments, b.WALStop) }), "1 of the 2 WAL segments it needs are late"},
		"WAL twice": {proven(func(w *runtest.World, b runtest.Backup) {
			w.Segments[b.WALStop] = []string{runtest.Sum("a"), runtest.Sum("b")}
		}), "more than once with different content"},
		"its full lost": {func(w *runtest.World) {
			w.Prove(earlier, cpo.Full, time.Hour)
			w.Prove(earlier[:35]+"2", cpo.Incr, time.Minute)
			w.Backups = w.Backups[1:]
		}, "needs backup 20260301-000000F, which is not in repo1"},
		"of PostgreSQL before an upgrade": {proven(func(w *runtest.World, _ runtest.Backup) { w.AfterUpgrade() }), "is of another database than this PostgreSQL"},
		"on a timeline before a failover": {proven(func(w *runtest.World, _ runtest.Backup) { w.Timeline = 2 }), "it is on another timeline than backup 20260301-005900F, there was a failover or a restore since"},
		"WAL since then lost": {proven(func(w *runtest.World, _ runtest.Backup) {
			w.SkipSegment()
			w.Postgres["lastArchivedWal"] = "000000010000000000000004"
		}), "PostgreSQL has archived WAL that is not whole in repo1, see whether archive-push-queue-max dropped it: 000000010000000000000004"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newReusePod(makeWorld(t, nil, tc.world))
			p.wantNotFresh(tc.why)
			if n := len(p.Issued("backup")) + len(p.Issued("expire")) + len(p.Issued("verify")); n > 0 {
				t.Errorf("%d commands that need the lock", n)
			}
		})
	}
}

// TestPredeployWaitsForWALOfAnAsyncArchive: a later segment may arrive first.
func TestPredeployWaitsForWALOfAnAsyncArchive(t *testing.T) {
	w := runtest.New(t)
	made := w.Prove(earlier, cpo.Full, time.Minute)
	w.SkipSegment()
	w.On("check", runtest.Does(func() {}))
	looks := 0
	w.Always("repo-ls", func(context.Context, runtest.Call) error {
		if len(w.IssuedLocked("check")) > 0 {
			if looks++; looks == 3 {
				w.Segments["000000010000000000000004"] = []string{runtest.Sum("d")}
			}
		}
		return runtest.ErrUnscripted
	})
	p := newReusePod(w)
	p.mustRun(reuseSteps...)
	p.wantOutputs("true", made.Label, w.RestorePoints[0])
	if looks != 3 {
		t.Errorf("looked %d times, want 3", looks)
	}
}

// TestPredeployAsksTheNewPrimary whether WAL is lost: a failover may come while it waits, or
// while check does.
func TestPredeployAsksTheNewPrimary(t *testing.T) {
	const promoted = "orders-1"
	failedOver := []corev1.Pod{runtest.Replica(runtest.PrimaryPod), runtest.Primary(promoted)}
	for _, during := range []string{"check", "the wait"} {
		t.Run(during, func(t *testing.T) {
			w := runtest.New(t)
			w.Prove(earlier, cpo.Full, time.Minute)
			w.SkipSegment()
			checked, asked := false, map[string]int{}
			w.Always("check", func(context.Context, runtest.Call) error {
				checked = true
				if during == "check" {
					w.PodObjects = failedOver
				}
				return runtest.ErrUnscripted
			})
			w.Always("psql", func(_ context.Context, c runtest.Call) error {
				if checked {
					asked[c.At.Pod]++
				}
				return runtest.ErrUnscripted
			})
			w.Always("repo-ls", func(context.Context, runtest.Call) error {
				if asked[promoted] > 0 {
					w.Segments["000000010000000000000004"] = []string{runtest.Sum("d")}
				}
				if checked {
					w.PodObjects = failedOver
				}
				return runtest.ErrUnscripted
			})
			newReusePod(w).mustRun(reuseSteps...)
			if asked[promoted] != 1 {
				t.Errorf("asked %v, want the new primary once", asked)
			}
		})
	}
}

// TestPredeployFiveAtOnce: five hooks within a second make one backup. The mutex of the
// template orders the second pods.
func TestPredeployFiveAtOnce(t *testing.T) {
	w := runtest.New(t)
	uid := func(i int) string { return fmt.Sprintf("%d%s", i, earlier[1:]) }
	for i := range 5 {
		p := newReusePod(w)
		p.parameters.Run = uid(i)
		p.wantNotFresh("no run has proven a backup in repo1")
	}
	for i := range 5 {
		p := newMakePod(w)
		p.parameters.Run = uid(i)
		p.mustRun(makeSteps...)
		r := p.report()
		if r.Predeploy.Reused != (i > 0) || r.Backup.Label != w.Backups[0].Label {
			t.Errorf("run %d: reused %t, backup %s; want that of the first run", i, r.Predeploy.Reused, r.Backup.Label)
		}
		w.Clock.Step(time.Second)
		if i == 0 {
			// The operator is slower than the second run.
			looks := 0
			w.OnStanza = func() {
				if looks++; looks == 4 {
					w.Record(w.Backups[0])
				}
			}
		}
	}
	if n := len(w.Issued("backup")); n != 1 {
		t.Errorf("%d backup commands, want 1", n)
	}
	if n := len(w.Issued("verify")); n != 1 {
		t.Errorf("%d backups were read back, want only that of the first run", n)
	}
	if points := slices.Compact(slices.Sorted(slices.Values(w.RestorePoints))); len(points) != 5 {
		t.Errorf("restore points %v, want five", w.RestorePoints)
	}
}

// TestPredeployWithoutAnOperator makes a backup of its own: nobody has written down that
// the one of the other run is proven.
func TestPredeployWithoutAnOperator(t *testing.T) {
	w := runtest.New(t)
	w.Prove(earlier, cpo.Full, time.Minute)
	w.StanzaObject.Status.Repos = nil
	p := newMakePod(w)
	p.mustRun(makeSteps...)
	if r := p.report(); r.Predeploy.Reused || len(w.Issued("backup")) != 1 {
		t.Errorf("%d backups, report %+v", len(w.Issued("backup")), r)
	}
	if took := w.Clock.Since(runtest.Start); took < recordTime || took > 2*recordTime {
		t.Errorf("it took %s, want about %s", took, recordTime)
	}
}

// TestPredeployContinuesAfterALostPod: the backup of the pod before is not made again.
func TestPredeployContinuesAfterALostPod(t *testing.T) {
	w := runtest.New(t)
	w.Prove(earlier, cpo.Full, time.Hour)
	newMakePod(w).mustRun("begin", "precheck", "backup")
	w.Clock.Step(time.Second)
	p := newMakePod(w)
	p.mustRun(makeSteps...)
	if r := p.report(); r.Predeploy.Reused || r.Backup.Label != w.Backups[1].Label || len(w.Issued("backup")) != 1 {
		t.Errorf("%d backups, report %+v", len(w.Issued("backup")), r)
	}
	if took := w.Clock.Since(runtest.Start); took >= recordTime {
		t.Errorf("it took %s: it waited for the operator to record its own backup", took)
	}
}
