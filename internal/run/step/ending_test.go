// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/run/runtest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

var (
	atPrimary  = remote.Place{Namespace: runtest.Namespace, Pod: runtest.PrimaryPod, Container: cpo.ContainerPostgreSQL}
	atRepoHost = remote.Place{Namespace: runtest.Namespace, Pod: runtest.RepoHostPod, Container: cpo.ContainerRepoHost}
	// ours is the backup of the run, as the repo lists it.
	ours = runtest.Backup{Type: cpo.Full, RepoKey: 1, Stop: runtest.Start, Annotation: map[string]string{vocab.BackupAnnotation: runtest.Run}}
)

// cancelledBackup runs a backup that is running in these places when the step
// receives SIGTERM.
func cancelledBackup(p *pod, places ...remote.Place) int {
	p.T.Helper()
	p.mustRun("begin", "precheck")
	ctx, cancel := context.WithCancel(p.T.Context())
	p.On("backup", func(context.Context, runtest.Call) error {
		for _, at := range places {
			p.Running[at], p.Lock = 1, true
		}
		cancel()
		return ctx.Err()
	})
	return p.step(ctx, "backup")
}

// wantTold checks the one event at the Workflow: Argo publishes nothing else of
// a run that was stopped.
func (p *pod) wantTold(reason string) {
	p.T.Helper()
	if want := []string{reason + ": " + p.report().Message}; !slices.Equal(p.Events, want) {
		p.T.Errorf("events %q, want %q", p.Events, want)
	}
}

// TestCancelled: the backup of the run is ended, and the run says what became of it.
func TestCancelled(t *testing.T) {
	inEachForm(t, func(t *testing.T, newPod func(*runtest.World) *pod) {
		for name, tc := range map[string]struct {
			world  func(*testing.T) *runtest.World
			change func(*runtest.World)
			places []remote.Place
			reason string
			want   []string
		}{
			"a backup is running": {
				world: runtest.New, places: []remote.Place{atPrimary}, reason: vocab.EventBackupEnded,
				want: []string{"its backup in shop/orders-0 (postgres) was ended, the lock is free; the next one resumes or removes what it left"},
			},
			"on the repo host": {
				world: runtest.NewWithRepoHost, places: []remote.Place{atRepoHost}, reason: vocab.EventBackupEnded,
				want: []string{"its backup in shop/" + runtest.RepoHostPod + " (pgbackrest) was ended, the lock is free"},
			},
			"in the pod that was the primary": {
				world: runtest.New,
				change: func(w *runtest.World) {
					w.PodObjects = []corev1.Pod{runtest.Replica(runtest.PrimaryPod), runtest.Primary("orders-1")}
				},
				places: []remote.Place{atPrimary}, reason: vocab.EventBackupEnded, want: []string{"its backup in shop/orders-0 (postgres) was ended"},
			},
			"while two pods claim to be the primary": {
				world: runtest.New,
				change: func(w *runtest.World) {
					w.PodObjects = []corev1.Pod{runtest.Primary(runtest.PrimaryPod), runtest.Primary("orders-1")}
				},
				places: []remote.Place{atPrimary}, reason: vocab.EventBackupEnded, want: []string{"its backup in shop/orders-0 (postgres) was ended"},
			},
			"in a pod that is terminating": {
				world: runtest.New,
				change: func(w *runtest.World) {
					w.PodObjects = []corev1.Pod{runtest.Terminating(runtest.Primary(runtest.PrimaryPod))}
				},
				places: []remote.Place{atPrimary}, reason: vocab.EventBackupEnded, want: []string{"its backup in shop/orders-0 (postgres) was ended"},
			},
			"the lock is still held": {
				world: runtest.New,
				change: func(w *runtest.World) {
					w.On("pkill", runtest.Does(func() {}), runtest.Does(func() {}), runtest.Does(func() { w.Lock = true }))
				},
				places: []remote.Place{atPrimary}, reason: vocab.EventBackupEnded, want: []string{"its backup in shop/orders-0 (postgres) was ended; the next one"},
			},
			"its command begins after the first look": {
				world: runtest.New,
				change: func(w *runtest.World) {
					w.On("pkill", func(context.Context, runtest.Call) error {
						w.Running[atPrimary] = 1
						return &remote.ExitError{Code: 1}
					})
				},
				reason: vocab.EventBackupEnded, want: []string{"its backup in shop/orders-0 (postgres) was ended"},
			},
			"it takes a while to end": {
				world:  runtest.New,
				change: func(w *runtest.World) { w.On("pkill", runtest.Does(func() { w.Running[atPrimary] = 5 })) },
				places: []remote.Place{atPrimary}, reason: vocab.EventBackupEnded, want: []string{"its backup in shop/orders-0 (postgres) was ended"},
			},
			"its workers take a while to end": {
				world:  runtest.New,
				change: func(w *runtest.World) { w.On("pkill workers", runtest.Does(func() { w.Orphans[atPrimary] = 5 })) },
				places: []remote.Place{atPrimary}, reason: vocab.EventBackupEnded, want: []string{"its backup in shop/orders-0 (postgres) was ended"},
			},
			"it does not end": {
				world:  runtest.New,
				change: func(w *runtest.World) { w.On("pkill", runtest.Does(func() { w.Running[atPrimary] = 1000 })) },
				places: []remote.Place{atPrimary}, reason: vocab.EventBackupNotEnded,
				want: []string{
					"its backup may still be running, it does not end in shop/orders-0 (postgres); the next run waits for it",
					"pkill --signal TERM --full stanzaflow-run=" + runtest.Run,
				},
			},
			"it was complete before it was ended": {
				world:  runtest.New,
				change: func(w *runtest.World) { w.On("pkill", runtest.Does(func() { w.List(ours) })) },
				places: []remote.Place{atPrimary}, reason: vocab.EventBackupNotVerified,
				want: []string{"its backup 20260301-010000F is complete and listed in repo1, but not verified"},
			},
			"it is complete": {
				world: runtest.New, change: func(w *runtest.World) { w.List(ours) }, reason: vocab.EventBackupNotVerified,
				want: []string{"its backup 20260301-010000F is complete and listed in repo1, but not verified"},
			},
			"none is running": {
				world: runtest.New, reason: vocab.EventNoBackup, want: []string{"this run had no backup running, and none is listed in repo1"},
			},
			"workers of a dead backup are left": {
				world: runtest.New, change: func(w *runtest.World) { w.Orphans[atPrimary] = 1 }, reason: vocab.EventNoBackup,
				want: []string{"this run had no backup running, and none is listed in repo1"},
			},
			"the backup of somebody else is running": {
				world: runtest.New, change: func(w *runtest.World) { w.Lock = true }, reason: vocab.EventNoBackup,
				want: []string{"this run had no backup running, and none is listed in repo1"},
			},
			"no pod runs": {
				world: runtest.New, change: func(w *runtest.World) { w.PodObjects = nil }, reason: vocab.EventNoBackup,
				want: []string{"this run had no backup running, and it is not known whether one is listed: no pod of the cluster runs"},
			},
			"the list cannot be read": {
				world:  runtest.New,
				change: func(w *runtest.World) { w.On("info", runtest.DiesWithStream) }, reason: vocab.EventNoBackup,
				want: []string{"it is not known whether one is listed: lost the stream of pgbackrest info"},
			},
			"the pods cannot be listed": {
				world: runtest.New, change: func(w *runtest.World) { w.PodsError = errors.New("boom") }, reason: vocab.EventBackupNotEnded,
				want: []string{"its backup may still be running, cannot list the pods of postgresql shop/orders: boom"},
			},
			"the stream of pkill is lost once": {
				world: runtest.New, change: func(w *runtest.World) { w.On("pkill", runtest.DiesWithStream) }, places: []remote.Place{atPrimary}, reason: vocab.EventBackupEnded,
				want: []string{"its backup in shop/orders-0 (postgres) was ended"},
			},
			"there is no pkill": {
				world: runtest.New, change: func(w *runtest.World) { w.Always("pkill", runtest.Fails(127, "")) }, places: []remote.Place{atPrimary}, reason: vocab.EventBackupNotEnded,
				want: []string{
					"its backup may still be running, there is no pkill in shop/orders-0 (postgres), it cannot be ended from here; the next run waits for it",
					"to end it, run bash -c 'kill $(pgrep --full [s]tanzaflow-run=" + runtest.Run + ")' in the container",
				},
			},
			"there is no pkill in CPO's repo host": {
				world: func(t *testing.T) *runtest.World {
					return makeWorld(t, runtest.NewWithRepoHost, (*runtest.World).BesideCPO)
				},
				change: func(w *runtest.World) { w.Always("pkill", runtest.Fails(127, "")) }, places: []remote.Place{atRepoHost}, reason: vocab.EventBackupNotEnded,
				want: []string{"there is no pkill in shop/" + runtest.RepoHostPod + " (pgbackrest), it cannot be ended from here", "[s]tanzaflow-run=" + runtest.Run},
			},
			"a backup to a bucket, beside CPO's repo host": {
				world: func(t *testing.T) *runtest.World {
					w := runtest.New(t)
					w.PodObjects = append(w.PodObjects, runtest.RepoHost(runtest.RepoHostPod))
					return w
				},
				change: func(w *runtest.World) {
					w.Always("pkill", func(_ context.Context, c runtest.Call) error {
						if c.At == atRepoHost {
							w.T.Errorf("looked for a backup in %s", c.At)
						}
						return runtest.ErrUnscripted
					})
				},
				places: []remote.Place{atPrimary}, reason: vocab.EventBackupEnded, want: []string{"its backup in shop/orders-0 (postgres) was ended, the lock is free"},
			},
			"the runtime finds no pkill": {
				world: runtest.New,
				change: func(w *runtest.World) {
					w.Always("pkill", func(context.Context, runtest.Call) error {
						return errors.New(`error executing command in container: exec: "pkill": executable file not found in $PATH`)
					})
				},
				places: []remote.Place{atPrimary}, reason: vocab.EventBackupNotEnded, want: []string{"there is no pkill in shop/orders-0 (postgres)"},
			},
			"there is no pkill, and nothing to end": {
				world: runtest.New, change: func(w *runtest.World) { w.Always("pkill", runtest.Fails(127, "")) }, reason: vocab.EventNoBackup,
				want: []string{"this run had no backup running, and none is listed in repo1"},
			},
			"pkill is refused": {
				world: runtest.New, change: func(w *runtest.World) { w.Always("pkill", runtest.Fails(3, "pkill: cannot open /proc")) }, places: []remote.Place{atPrimary}, reason: vocab.EventBackupNotEnded,
				want: []string{"pkill failed in shop/orders-0 (postgres): pkill: cannot open /proc"},
			},
		} {
			t.Run(name, func(t *testing.T) {
				w := tc.world(t)
				w.CancelledBy = "argo stop"
				p := newPod(w)
				p.mustRun("begin", "precheck")
				ctx, cancel := context.WithCancel(t.Context())
				w.On("backup", func(context.Context, runtest.Call) error {
					for _, at := range tc.places {
						w.Running[at], w.Lock = 1, true
					}
					if tc.change != nil {
						tc.change(w)
					}
					cancel()
					return ctx.Err()
				})
				code := p.step(ctx, "backup")
				p.wantFailure(code, ExitStop, "backup", stanzaflowv1alpha1.RunFailed,
					append(tc.want, "the run was ended in step backup: argo stop: ")...)
				p.wantTold(tc.reason)
				if tc.reason != vocab.EventBackupNotEnded && len(w.Orphans) > 0 {
					t.Errorf("workers are left: %v", w.Orphans)
				}
				if took := w.Clock.Since(runtest.Start); took > endTime {
					t.Errorf("it took %s", took)
				}
			})
		}
	})
}

// TestGracePeriod: the pod is not killed before the step has said what it did.
func TestGracePeriod(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "workflows", "pgbackrest-backup.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	match := regexp.MustCompile(`(?m)^        terminationGracePeriodSeconds: (\d+)$`).FindSubmatch(text)
	if match == nil {
		t.Fatal("the template sets no terminationGracePeriodSeconds")
	}
	if seconds, _ := strconv.Atoi(string(match[1])); time.Duration(seconds)*time.Second < askTime+endTime+eventTime+5*time.Second {
		t.Errorf("%d s are too short", seconds)
	}
}

// TestStoppedAndNotCancelled: the node is drained, the pod evicted. The backup
// continues, and the next pod finds it.
func TestStoppedAndNotCancelled(t *testing.T) {
	inEachForm(t, func(t *testing.T, newPod func(*runtest.World) *pod) {
		w := runtest.New(t)
		p := newPod(w)
		p.wantFailure(cancelledBackup(p, atPrimary), ExitStopped, "backup", stanzaflowv1alpha1.RunFailed,
			"the step was stopped before it ended: pgbackrest backup had not ended in shop/orders-0 (postgres)")
		if n := len(w.Issued("pkill")); n > 0 || len(w.Events) > 0 {
			t.Errorf("%d commands pkill, events %q; want none", n, w.Events)
		}
		delete(w.Running, atPrimary)
		w.Lock = false
		w.List(ours)
		next := newPod(w)
		next.mustRun(backupSteps...)
		if n := len(w.Issued("backup")); n != 1 {
			t.Errorf("%d backup commands, want 1", n)
		}
	})
}

// TestCancelledByWhom: each is as good a reason to end the backup.
func TestCancelledByWhom(t *testing.T) {
	inEachForm(t, func(t *testing.T, newPod func(*runtest.World) *pod) {
		for _, by := range []string{"argo stop", "argo terminate", "its Workflow is deleted"} {
			w := runtest.New(t)
			w.CancelledBy = by
			p := newPod(w)
			p.wantFailure(cancelledBackup(p, atPrimary), ExitStop, "backup", stanzaflowv1alpha1.RunFailed, "the run was ended in step backup: "+by+": its backup")
			p.wantTold(vocab.EventBackupEnded)
		}
	})
}

// TestCancelledWhileTheAPIServerIsSlow asks again, and ends nothing without an
// answer.
func TestCancelledWhileTheAPIServerIsSlow(t *testing.T) {
	inEachForm(t, func(t *testing.T, newPod func(*runtest.World) *pod) {
		errBoom := errors.New("boom")
		t.Run("it answers in the end", func(t *testing.T) {
			w := runtest.New(t)
			w.CancelledBy, w.CancelErrors = "argo stop", []error{errBoom, errBoom, errBoom}
			p := newPod(w)
			p.wantFailure(cancelledBackup(p, atPrimary), ExitStop, "backup", stanzaflowv1alpha1.RunFailed, "argo stop", "was ended")
		})
		t.Run("it does not answer", func(t *testing.T) {
			w := runtest.New(t)
			w.CancelledBy, w.CancelErrors = "argo stop", slices.Repeat([]error{errBoom}, 100)
			p := newPod(w)
			p.wantFailure(cancelledBackup(p, atPrimary), ExitStopped, "backup", stanzaflowv1alpha1.RunFailed,
				"the step was stopped before it ended", "whether the run was cancelled is not known: boom")
			if n := len(w.Issued("pkill")); n > 0 {
				t.Errorf("%d commands pkill, want none", n)
			}
			if took := w.Clock.Since(runtest.Start); took > askTime {
				t.Errorf("asked for %s", took)
			}
		})
		t.Run("it takes no events", func(t *testing.T) {
			w := runtest.New(t)
			w.CancelledBy, w.EventError = "argo stop", errBoom
			p := newPod(w)
			p.wantFailure(cancelledBackup(p, atPrimary), ExitStop, "backup", stanzaflowv1alpha1.RunFailed, "was ended")
			if !strings.Contains(p.log.String(), "cannot leave an event at the Workflow: boom") {
				t.Errorf("log:\n%s", p.log)
			}
		})
	})
}

// TestCancelledInAnotherStep: the pod before this one was lost, and the backup
// that it started still runs, whatever this one does just now.
func TestCancelledInAnotherStep(t *testing.T) {
	inEachForm(t, func(t *testing.T, newPod func(*runtest.World) *pod) {
		for _, tc := range []struct{ step, during string }{
			{"precheck", ""}, {"precheck", "psql"}, {"precheck", "check"}, {"expire", "expire"}, {"verify", "info"},
		} {
			t.Run(tc.step+" "+tc.during, func(t *testing.T) {
				w := runtest.New(t)
				w.CancelledBy = "argo terminate"
				p := newPod(w)
				p.mustRun(stepsBefore(tc.step)...)
				w.Backups = nil
				w.Running[atPrimary], w.Lock = 1, true
				ctx := p.stoppedDuring(tc.during)
				p.wantFailure(p.step(ctx, tc.step), ExitStop, tc.step, stanzaflowv1alpha1.RunFailed,
					"the run was ended in step "+tc.step+": argo terminate: its backup in shop/orders-0 (postgres) was ended")
				p.wantTold(vocab.EventBackupEnded)
			})
		}
	})
}

// TestCancelledWhenTheStepIsDone: no other step begins, so this one reports;
// only a proof stands.
func TestCancelledWhenTheStepIsDone(t *testing.T) {
	for _, name := range backupSteps {
		t.Run(name, func(t *testing.T) {
			w := runtest.New(t)
			w.CancelledBy = "argo stop"
			p := newPod(w)
			p.mustRun(stepsBefore(name)...)
			ctx, cancel := context.WithCancel(t.Context())
			last := map[string]string{"precheck": "check", "backup": "backup", "expire": "expire", "verify": "verify"}[name]
			if name == "begin" {
				cancel()
			} else {
				w.On(last, runtest.Does(cancel))
			}
			code := p.step(ctx, name)
			switch name {
			case "verify":
				if code != 0 || p.report().Backup == nil {
					t.Errorf("exit code %d, report %+v; want a proven backup", code, p.report())
				}
				want := []string{"BackupProven: the run was ended in step verify: argo stop: its backup 20260301-010000F in repo1 was proven before that"}
				if diff := cmp.Diff(want, w.Events); diff != "" {
					t.Errorf("events (-want +got):\n%s", diff)
				}
			case "backup", "expire":
				p.wantFailure(code, ExitStop, name, stanzaflowv1alpha1.RunFailed, "argo stop", "complete and listed in repo1, but not verified")
				p.wantTold(vocab.EventBackupNotVerified)
			default:
				p.wantFailure(code, ExitStop, name, stanzaflowv1alpha1.RunFailed, "argo stop", "this run had no backup running")
				p.wantTold(vocab.EventNoBackup)
			}
		})
	}
	t.Run("not cancelled", func(t *testing.T) {
		w := runtest.New(t)
		p := newPod(w)
		p.mustRun("begin", "precheck")
		ctx, cancel := context.WithCancel(t.Context())
		w.On("backup", runtest.Does(cancel))
		if code := p.step(ctx, "backup"); code != 0 {
			t.Errorf("exit code %d, want 0", code)
		}
	})
}

// TestStoppedBeforeAnything: whatever is there already, a container leaves a
// message.
func TestStoppedBeforeAnything(t *testing.T) {
	for name, change := range map[string]func(*pod){
		"nothing is passed":       func(p *pod) { p.parameters = Parameters{} },
		"there is no workspace":   func(p *pod) { p.env.Workspace = Workspace(filepath.Join(string(p.env.Workspace), "gone")) },
		"the API server is away":  func(p *pod) { p.CancelErrors, p.PodsError = slices.Repeat([]error{io.EOF}, 100), io.EOF },
		"the postgresql was gone": func(p *pod) { p.Cluster.Name = "invoices" },
	} {
		for _, step := range []string{"begin", "precheck"} {
			t.Run(name+", "+step, func(t *testing.T) {
				w := runtest.New(t)
				p := newPod(w)
				change(p)
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				code := 0
				for _, name := range stepsBefore("backup") {
					if code = p.step(ctx, name); code != 0 || name == step {
						break
					}
				}
				if b, err := os.ReadFile(p.env.TerminationLog); code != 0 && (err != nil || !strings.HasPrefix(string(b), "Failed: ")) {
					t.Errorf("exit code %d, termination message %q, %v", code, b, err)
				}
			})
		}
	}
}
