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

	corev1 "k8s.io/api/core/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

var (
	atPrimary  = remote.Place{Namespace: testNamespace, Pod: testPod, Container: cpo.ContainerPostgreSQL}
	atRepoHost = remote.Place{Namespace: testNamespace, Pod: testRepoHost, Container: cpo.ContainerRepoHost}
	// ours is the backup of the run, as the repo lists it.
	ours = backup{Type: cpo.Full, RepoKey: 1, Stop: testStart, Annotation: map[string]string{vocab.BackupAnnotation: testRun}}
)

// cancelledBackup runs a backup that is at work in these places when the step
// gets SIGTERM.
func cancelledBackup(p *pod, places ...remote.Place) int {
	p.t.Helper()
	p.mustRun("begin", "precheck")
	ctx, cancel := context.WithCancel(p.t.Context())
	p.on("backup", func(context.Context, call) error {
		for _, at := range places {
			p.atWork[at], p.lock = 1, true
		}
		cancel()
		return ctx.Err()
	})
	return p.step(ctx, "backup")
}

// wantTold checks the one event at the Workflow: Argo publishes nothing else of
// a run that was stopped.
func (p *pod) wantTold(reason string) {
	p.t.Helper()
	if want := []string{reason + ": " + p.report().Message}; !slices.Equal(p.told, want) {
		p.t.Errorf("events %q, want %q", p.told, want)
	}
}

// TestCancelled: the backup of the run is ended, and the run says what became of it.
func TestCancelled(t *testing.T) {
	for name, tc := range map[string]struct {
		world  func(*testing.T) *world
		change func(*world)
		places []remote.Place
		reason string
		want   []string
	}{
		"a backup is at work": {
			world: newWorld, places: []remote.Place{atPrimary}, reason: reasonEnded,
			want: []string{"its backup in shop/orders-0 (postgres) was ended, the lock is free; the next one resumes or removes what it left"},
		},
		"on the repo host": {
			world: newRepoHostWorld, places: []remote.Place{atRepoHost}, reason: reasonEnded,
			want: []string{"its backup in shop/" + testRepoHost + " (pgbackrest) was ended, the lock is free"},
		},
		"in the pod that was the primary": {
			world:  newWorld,
			change: func(w *world) { w.pods = []corev1.Pod{replica(testPod), primary("orders-1")} },
			places: []remote.Place{atPrimary}, reason: reasonEnded, want: []string{"its backup in shop/orders-0 (postgres) was ended"},
		},
		"while two pods claim to be the primary": {
			world:  newWorld,
			change: func(w *world) { w.pods = []corev1.Pod{primary(testPod), primary("orders-1")} },
			places: []remote.Place{atPrimary}, reason: reasonEnded, want: []string{"its backup in shop/orders-0 (postgres) was ended"},
		},
		"in a pod that is terminating": {
			world:  newWorld,
			change: func(w *world) { w.pods = []corev1.Pod{terminating(primary(testPod))} },
			places: []remote.Place{atPrimary}, reason: reasonEnded, want: []string{"its backup in shop/orders-0 (postgres) was ended"},
		},
		"the lock is still held": {
			world:  newWorld,
			change: func(w *world) { w.on("pkill", does(func() {}), does(func() {}), does(func() { w.lock = true })) },
			places: []remote.Place{atPrimary}, reason: reasonEnded, want: []string{"its backup in shop/orders-0 (postgres) was ended; the next one"},
		},
		"its command begins after the first look": {
			world: newWorld,
			change: func(w *world) {
				w.on("pkill", func(context.Context, call) error {
					w.atWork[atPrimary] = 1
					return &remote.ExitError{Code: 1}
				})
			},
			reason: reasonEnded, want: []string{"its backup in shop/orders-0 (postgres) was ended"},
		},
		"it takes a while to end": {
			world:  newWorld,
			change: func(w *world) { w.on("pkill", does(func() { w.atWork[atPrimary] = 5 })) },
			places: []remote.Place{atPrimary}, reason: reasonEnded, want: []string{"its backup in shop/orders-0 (postgres) was ended"},
		},
		"its workers take a while to end": {
			world:  newWorld,
			change: func(w *world) { w.on("pkill workers", does(func() { w.orphans[atPrimary] = 5 })) },
			places: []remote.Place{atPrimary}, reason: reasonEnded, want: []string{"its backup in shop/orders-0 (postgres) was ended"},
		},
		"it does not end": {
			world:  newWorld,
			change: func(w *world) { w.on("pkill", does(func() { w.atWork[atPrimary] = 1000 })) },
			places: []remote.Place{atPrimary}, reason: reasonNotEnded,
			want: []string{
				"its backup may go on, it does not end in shop/orders-0 (postgres); the next run waits for it",
				"pkill --signal TERM --full stanzaflow-run=" + testRun,
			},
		},
		"it was complete before it was ended": {
			world:  newWorld,
			change: func(w *world) { w.on("pkill", does(func() { w.list(ours) })) },
			places: []remote.Place{atPrimary}, reason: reasonNotVerified,
			want: []string{"its backup 20260301-010000F is complete and listed in repo1, but not verified"},
		},
		"it is complete": {
			world: newWorld, change: func(w *world) { w.list(ours) }, reason: reasonNotVerified,
			want: []string{"its backup 20260301-010000F is complete and listed in repo1, but not verified"},
		},
		"none is at work": {
			world: newWorld, reason: reasonNoBackup, want: []string{"no backup of this run was at work, and none is listed in repo1"},
		},
		"workers of a dead backup are left": {
			world: newWorld, change: func(w *world) { w.orphans[atPrimary] = 1 }, reason: reasonNoBackup,
			want: []string{"no backup of this run was at work, and none is listed in repo1"},
		},
		"the backup of somebody else is at work": {
			world: newWorld, change: func(w *world) { w.lock = true }, reason: reasonNoBackup,
			want: []string{"no backup of this run was at work, and none is listed in repo1"},
		},
		"no pod runs": {
			world: newWorld, change: func(w *world) { w.pods = nil }, reason: reasonNoBackup,
			want: []string{"no backup of this run was at work, and it is not known whether one is listed: no pod of the cluster runs"},
		},
		"the list cannot be read": {
			world:  newWorld,
			change: func(w *world) { w.on("info", dies) }, reason: reasonNoBackup,
			want: []string{"it is not known whether one is listed: lost the stream of pgbackrest info"},
		},
		"the pods cannot be listed": {
			world: newWorld, change: func(w *world) { w.podsError = errors.New("boom") }, reason: reasonNotEnded,
			want: []string{"its backup may go on, cannot list the pods of postgresql shop/orders: boom"},
		},
		"the stream of pkill is lost once": {
			world: newWorld, change: func(w *world) { w.on("pkill", dies) }, places: []remote.Place{atPrimary}, reason: reasonEnded,
			want: []string{"its backup in shop/orders-0 (postgres) was ended"},
		},
		"there is no pkill": {
			world: newWorld, change: func(w *world) { w.always("pkill", fails(127, "")) }, places: []remote.Place{atPrimary}, reason: reasonNotEnded,
			want: []string{"its backup may go on, there is no pkill in shop/orders-0 (postgres)"},
		},
		"the runtime finds no pkill": {
			world: newWorld,
			change: func(w *world) {
				w.always("pkill", func(context.Context, call) error {
					return errors.New(`error executing command in container: exec: "pkill": executable file not found in $PATH`)
				})
			},
			places: []remote.Place{atPrimary}, reason: reasonNotEnded, want: []string{"there is no pkill in shop/orders-0 (postgres)"},
		},
		"there is no pkill, and nothing to end": {
			world: newWorld, change: func(w *world) { w.always("pkill", fails(127, "")) }, reason: reasonNoBackup,
			want: []string{"no backup of this run was at work, and none is listed in repo1"},
		},
		"pkill is refused": {
			world: newWorld, change: func(w *world) { w.always("pkill", fails(3, "pkill: cannot open /proc")) }, places: []remote.Place{atPrimary}, reason: reasonNotEnded,
			want: []string{"pkill failed in shop/orders-0 (postgres): pkill: cannot open /proc"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := tc.world(t)
			w.cancelled = "argo stop"
			p := newPod(w)
			p.mustRun("begin", "precheck")
			ctx, cancel := context.WithCancel(t.Context())
			w.on("backup", func(context.Context, call) error {
				for _, at := range tc.places {
					w.atWork[at], w.lock = 1, true
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
			if tc.reason != reasonNotEnded && len(w.orphans) > 0 {
				t.Errorf("workers are left: %v", w.orphans)
			}
			if took := w.clock.Since(testStart); took > endTime {
				t.Errorf("it took %s", took)
			}
		})
	}
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
	if seconds, _ := strconv.Atoi(string(match[1])); time.Duration(seconds)*time.Second < askTime+endTime+tellTime+5*time.Second {
		t.Errorf("%d s are too short", seconds)
	}
}

// TestStoppedAndNotCancelled: the node is drained, the pod evicted. The backup
// goes on, and the next pod finds it.
func TestStoppedAndNotCancelled(t *testing.T) {
	w := newWorld(t)
	p := newPod(w)
	p.wantFailure(cancelledBackup(p, atPrimary), ExitStopped, "backup", stanzaflowv1alpha1.RunFailed,
		"the step was stopped before it ended: pgbackrest backup had not ended in shop/orders-0 (postgres)")
	if n := len(w.issued("pkill")); n > 0 || len(w.told) > 0 {
		t.Errorf("%d commands pkill, events %q; want none", n, w.told)
	}
	delete(w.atWork, atPrimary)
	w.lock = false
	w.list(ours)
	next := newPod(w)
	next.mustRun(Names...)
	if n := len(w.issued("backup")); n != 1 {
		t.Errorf("%d backup commands, want 1", n)
	}
}

// TestCancelledByWhom: each is as good a reason to end the backup.
func TestCancelledByWhom(t *testing.T) {
	for _, by := range []string{"argo stop", "argo terminate", "its Workflow is deleted"} {
		w := newWorld(t)
		w.cancelled = by
		p := newPod(w)
		p.wantFailure(cancelledBackup(p, atPrimary), ExitStop, "backup", stanzaflowv1alpha1.RunFailed, "the run was ended in step backup: "+by+": its backup")
		p.wantTold(reasonEnded)
	}
}

// TestCancelledWhileTheAPIServerIsSlow asks again, and does nothing that it is
// not told to.
func TestCancelledWhileTheAPIServerIsSlow(t *testing.T) {
	errBoom := errors.New("boom")
	t.Run("it answers in the end", func(t *testing.T) {
		w := newWorld(t)
		w.cancelled, w.cancelErrors = "argo stop", []error{errBoom, errBoom, errBoom}
		p := newPod(w)
		p.wantFailure(cancelledBackup(p, atPrimary), ExitStop, "backup", stanzaflowv1alpha1.RunFailed, "argo stop", "was ended")
	})
	t.Run("it does not answer", func(t *testing.T) {
		w := newWorld(t)
		w.cancelled, w.cancelErrors = "argo stop", slices.Repeat([]error{errBoom}, 100)
		p := newPod(w)
		p.wantFailure(cancelledBackup(p, atPrimary), ExitStopped, "backup", stanzaflowv1alpha1.RunFailed,
			"the step was stopped before it ended", "whether the run was cancelled is not known: boom")
		if n := len(w.issued("pkill")); n > 0 {
			t.Errorf("%d commands pkill, want none", n)
		}
		if took := w.clock.Since(testStart); took > askTime {
			t.Errorf("asked for %s", took)
		}
	})
	t.Run("it takes no events", func(t *testing.T) {
		w := newWorld(t)
		w.cancelled, w.tellError = "argo stop", errBoom
		p := newPod(w)
		p.wantFailure(cancelledBackup(p, atPrimary), ExitStop, "backup", stanzaflowv1alpha1.RunFailed, "was ended")
		if !strings.Contains(p.log.String(), "cannot leave an event at the Workflow: boom") {
			t.Errorf("log:\n%s", p.log)
		}
	})
}

// TestCancelledInAnotherStep: the pod before this one was lost, and the backup
// that it started goes on, whatever this one does just now.
func TestCancelledInAnotherStep(t *testing.T) {
	for _, tc := range []struct{ step, during string }{
		{"precheck", ""}, {"precheck", "psql"}, {"precheck", "check"}, {"expire", "expire"}, {"verify", "info"},
	} {
		t.Run(tc.step+" "+tc.during, func(t *testing.T) {
			w := newWorld(t)
			w.cancelled = "argo terminate"
			p := newPod(w)
			p.mustRun("begin")
			p.mustRun(namesBetween(tc.step)...)
			w.backups = nil
			w.atWork[atPrimary], w.lock = 1, true
			ctx, cancel := context.WithCancel(t.Context())
			if tc.during == "" {
				cancel()
			} else {
				w.on(tc.during, func(context.Context, call) error {
					cancel()
					return ctx.Err()
				})
			}
			p.wantFailure(p.step(ctx, tc.step), ExitStop, tc.step, stanzaflowv1alpha1.RunFailed,
				"the run was ended in step "+tc.step+": argo terminate: its backup in shop/orders-0 (postgres) was ended")
			p.wantTold(reasonEnded)
		})
	}
}

// TestCancelledWhenTheStepIsDone: no other step begins, so this one tells; only
// a proof stands.
func TestCancelledWhenTheStepIsDone(t *testing.T) {
	for _, name := range Names {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.cancelled = "argo stop"
			p := newPod(w)
			if name != "begin" {
				p.mustRun("begin")
			}
			p.mustRun(namesBetween(name)...)
			ctx, cancel := context.WithCancel(t.Context())
			last := map[string]string{"precheck": "check", "backup": "backup", "expire": "expire", "verify": "verify"}[name]
			if name == "begin" {
				cancel()
			} else {
				w.on(last, does(cancel))
			}
			code := p.step(ctx, name)
			switch name {
			case "verify":
				if code != 0 || p.report().Backup == nil || len(w.told) > 0 {
					t.Errorf("exit code %d, report %+v, events %q; want a proven backup", code, p.report(), w.told)
				}
			case "backup", "expire":
				p.wantFailure(code, ExitStop, name, stanzaflowv1alpha1.RunFailed, "argo stop", "complete and listed in repo1, but not verified")
				p.wantTold(reasonNotVerified)
			default:
				p.wantFailure(code, ExitStop, name, stanzaflowv1alpha1.RunFailed, "argo stop", "no backup of this run was at work")
				p.wantTold(reasonNoBackup)
			}
		})
	}
	t.Run("not cancelled", func(t *testing.T) {
		w := newWorld(t)
		p := newPod(w)
		p.mustRun("begin", "precheck")
		ctx, cancel := context.WithCancel(t.Context())
		w.on("backup", does(cancel))
		if code := p.step(ctx, "backup"); code != 0 {
			t.Errorf("exit code %d, want 0", code)
		}
	})
}

// TestStoppedBeforeAnything: whatever is there already, a container leaves a
// message.
func TestStoppedBeforeAnything(t *testing.T) {
	for name, change := range map[string]func(*pod){
		"nothing is passed":       func(p *pod) { p.options = Options{} },
		"there is no workspace":   func(p *pod) { p.env.Workspace = Workspace(filepath.Join(string(p.env.Workspace), "gone")) },
		"the API server is away":  func(p *pod) { p.cancelErrors, p.podsError = slices.Repeat([]error{io.EOF}, 100), io.EOF },
		"the postgresql was gone": func(p *pod) { p.cluster.Name = "invoices" },
	} {
		for _, step := range []string{"begin", "precheck"} {
			t.Run(name+", "+step, func(t *testing.T) {
				w := newWorld(t)
				p := newPod(w)
				change(p)
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				code := 0
				for _, name := range append([]string{"begin"}, namesBetween("backup")...) {
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
