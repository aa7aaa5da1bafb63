// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"errors"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/run/runtest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// TestPrecheckSlot: a slot belongs to one of us, whatever the operator has done.
func TestPrecheckSlot(t *testing.T) {
	before, after := runtest.Start.Add(-time.Minute), runtest.Start.Add(time.Minute)
	full := func(change func(*batchv1.CronJob)) func(*runtest.World) {
		return func(w *runtest.World) {
			cronJob := runtest.CronJob(w.T, 1, cpo.Full)
			change(cronJob)
			w.CronJobObjects = append(w.CronJobObjects, *cronJob)
		}
	}
	active := full(func(*batchv1.CronJob) {})
	ours := full(func(c *batchv1.CronJob) { runtest.Suspend(c, vocab.FieldManager, before) })
	const (
		makes    = "the slot 2026-03-01T01:00:00Z belongs to CPO's CronJob shop/pgbackrest-orders-repo1-full, which makes the backup"
		mayMake  = "the slot 2026-03-01T01:00:00Z may belong to CPO's CronJob shop/pgbackrest-orders-repo1-full, whose command cannot be read"
		manually = "argo submit --from workflowtemplate/pgbackrest-backup"
	)
	for name, tc := range map[string]struct {
		change func(*runtest.World)
		// want is why the run is held, empty if the slot is ours.
		want string
	}{
		"no CronJob":                  {func(*runtest.World) {}, ""},
		"an active one":               {active, makes},
		"suspended by us in time":     {ours, ""},
		"suspended by a user in time": {full(func(c *batchv1.CronJob) { runtest.Suspend(c, "kubectl-edit", before) }), ""},
		"suspended by us too late":    {full(func(c *batchv1.CronJob) { runtest.Suspend(c, vocab.FieldManager, after) }), makes},
		"suspended in the second of the slot, after CPO's Job": {full(func(c *batchv1.CronJob) {
			runtest.Suspend(c, vocab.FieldManager, runtest.Start)
			runtest.LastSlot(c, runtest.Start)
		}), makes},
		"suspended in the second of the slot, in time": {full(func(c *batchv1.CronJob) { runtest.Suspend(c, vocab.FieldManager, runtest.Start) }), ""},
		"suspended, resumed": {full(func(c *batchv1.CronJob) {
			runtest.Suspend(c, vocab.FieldManager, before)
			*c.Spec.Suspend = false
		}), makes},
		"made after the slot": {full(func(c *batchv1.CronJob) { c.CreationTimestamp.Time, c.Status.LastScheduleTime = after, nil }), ""},
		"of another type":     {func(w *runtest.World) { w.CronJobObjects = []batchv1.CronJob{*runtest.CronJob(t, 1, cpo.Incr)} }, ""},
		"of another repo":     {func(w *runtest.World) { w.CronJobObjects = []batchv1.CronJob{*runtest.CronJob(t, 2, cpo.Full)} }, ""},
		"of another cluster":  {full(func(c *batchv1.CronJob) { c.Labels[cpo.LabelCluster] = "invoices" }), ""},
		"of another kind":     {full(func(c *batchv1.CronJob) { c.Labels[cpo.LabelMemberType] = "logical-backup" }), ""},
		"two, one of them active": {func(w *runtest.World) {
			ours(w)
			active(w)
		}, makes},
		"a command that cannot be read": {full(func(c *batchv1.CronJob) { c.Spec.JobTemplate.Spec.Template.Spec.Containers[0].Env = nil }), mayMake},
		"such a command, suspended": {full(func(c *batchv1.CronJob) {
			c.Spec.JobTemplate.Spec.Template.Spec.Containers[0].Env = nil
			runtest.Suspend(c, "kubectl-edit", before)
		}), ""},
		"where CPO has another label for the name": {func(w *runtest.World) {
			active(w)
			w.CronJobObjects[0].Labels["example.org/cluster"] = runtest.Cluster
			delete(w.CronJobObjects[0].Labels, cpo.LabelCluster)
			w.StanzaObject.Status.Configuration.Labels = &stanzaflowv1alpha1.PodLabels{
				Cluster: map[string]string{cpo.LabelApplication: cpo.Application}, ClusterName: "example.org/cluster", Role: cpo.LabelRole,
			}
		}, makes},
	} {
		t.Run(name, func(t *testing.T) {
			w := makeWorld(t, nil, (*runtest.World).BesideCPO)
			tc.change(w)
			p := newPod(w)
			p.mustRun("begin")
			code := p.run("precheck")
			if tc.want == "" {
				if code != 0 {
					t.Errorf("exit code %d:\n%s", code, p.log)
				}
				return
			}
			words := []string{tc.want}
			if tc.want == makes {
				words = append(words, manually)
			}
			p.wantFailure(code, ExitStop, "precheck", stanzaflowv1alpha1.RunHeld, words...)
			if len(w.Calls) > 0 {
				t.Errorf("commands were run before: %q", w.Calls)
			}
		})
	}
}

// TestPrecheckSlotOfNobody: whoever starts a run means it, and without CPO there is
// no other owner.
func TestPrecheckSlotOfNobody(t *testing.T) {
	for name, change := range map[string]func(*pod){
		"started by a person": func(p *pod) { p.BesideCPO(); p.parameters.Trigger = "manual" },
		"resubmitted":         func(p *pod) { p.BesideCPO(); p.SlotTime = time.Time{} },
		"without CPO":         func(*pod) {},
	} {
		t.Run(name, func(t *testing.T) {
			w := runtest.New(t)
			w.CronJobObjects = []batchv1.CronJob{*runtest.CronJob(t, 1, cpo.Full)}
			w.CronJobsError = errors.New("nobody should ask")
			p := newPod(w)
			change(p)
			p.mustRun("begin")
			p.run("precheck")
			if text := p.log.String(); strings.Contains(text, "CronJob") {
				t.Errorf("the run asks for its slot:\n%s", text)
			}
		})
	}
}

// TestPrecheckSlotOfJob: a Job of CPO says who had a slot, also if its CronJob was
// deleted and made again since.
func TestPrecheckSlotOfJob(t *testing.T) {
	const makes = "the slot 2026-03-01T01:00:00Z belongs to CPO's CronJob that has started Job shop/pgbackrest-orders-repo1-full-1"
	for name, tc := range map[string]struct {
		job  func() *batchv1.Job
		held bool
	}{
		"of the slot": {func() *batchv1.Job { return runtest.Job(runtest.CronJob(t, 1, cpo.Full), runtest.Start) }, true},
		"of the slot before": {func() *batchv1.Job {
			return runtest.Job(runtest.CronJob(t, 1, cpo.Full), runtest.Start.Add(-time.Minute))
		}, false},
		"of another type": {func() *batchv1.Job { return runtest.Job(runtest.CronJob(t, 1, cpo.Incr), runtest.Start) }, false},
		"of another repo": {func() *batchv1.Job { return runtest.Job(runtest.CronJob(t, 2, cpo.Full), runtest.Start) }, false},
		"that a person made": {func() *batchv1.Job {
			j := runtest.Job(runtest.CronJob(t, 1, cpo.Full), runtest.Start)
			j.Annotations = nil
			return j
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := makeWorld(t, nil, (*runtest.World).BesideCPO)
			again := runtest.CronJob(t, 1, cpo.Full)
			again.CreationTimestamp.Time, again.Status.LastScheduleTime = runtest.Start.Add(time.Minute), nil
			w.CronJobObjects, w.JobObjects = []batchv1.CronJob{*again}, []batchv1.Job{*tc.job()}
			p := newPod(w)
			p.mustRun("begin")
			code := p.run("precheck")
			if tc.held {
				p.wantFailure(code, ExitStop, "precheck", stanzaflowv1alpha1.RunHeld, makes)
			} else if code != 0 {
				t.Errorf("exit code %d:\n%s", code, p.log)
			}
		})
	}
}

func TestPrecheckSlotUnknown(t *testing.T) {
	const failed = stanzaflowv1alpha1.RunFailed
	forbidden := apierrors.NewForbidden(schema.GroupResource{Group: "batch", Resource: "cronjobs"}, "", errors.New("no RBAC policy matched"))
	for name, tc := range map[string]struct {
		change func(*runtest.World)
		code   int
		want   []string
	}{
		"no right": {
			func(w *runtest.World) { w.CronJobsError = forbidden }, ExitGaveUp,
			[]string{"the run may not list CronJobs in namespace shop", "apply the component workflows/components/alongside"},
		},
		"no right to Jobs": {
			func(w *runtest.World) { w.JobsError = forbidden }, ExitGaveUp,
			[]string{"the run may not list Jobs in namespace shop", "apply the component workflows/components/alongside"},
		},
		"no answer about Jobs": {
			func(w *runtest.World) { w.JobsError = errors.New("connection refused") }, ExitGaveUp,
			[]string{"cannot list the Jobs of postgresql shop/orders: connection refused"},
		},
		"no answer": {
			func(w *runtest.World) { w.CronJobsError = errors.New("connection refused") }, ExitGaveUp,
			[]string{"cannot list the CronJobs of postgresql shop/orders: connection refused"},
		},
		"no Workflow": {
			func(w *runtest.World) { w.SlotError = errors.New("not found") }, ExitGaveUp,
			[]string{"cannot read the Workflow of this run: not found"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := makeWorld(t, nil, (*runtest.World).BesideCPO)
			tc.change(w)
			p := newPod(w)
			p.mustRun("begin")
			p.wantFailure(p.run("precheck"), tc.code, "precheck", failed, tc.want...)
		})
	}
}

// TestPrecheckRestore: CPO marks a restore that its resource does not show.
func TestPrecheckRestore(t *testing.T) {
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "configmaps"}, "orders-pgbackrest-restore", errors.New("no RBAC policy matched"))
	marked := func(w *runtest.World) {
		w.ConfigMaps = []string{"orders-pgbackrest-config", "orders-pgbackrest-restore"}
	}
	for name, tc := range map[string]struct {
		change func(*runtest.World)
		code   int
		result stanzaflowv1alpha1.RunResult
		want   string
	}{
		"no restore": {func(w *runtest.World) {
			w.ConfigMaps = []string{"orders-pgbackrest-config", "invoices-pgbackrest-restore"}
		}, 0, "", ""},
		"a restore": {
			marked, ExitStop, stanzaflowv1alpha1.RunHeld,
			"postgresql shop/orders is being restored, no backup is made: there is CPO's ConfigMap orders-pgbackrest-restore",
		},
		"a ConfigMap that nobody uses without CPO": {
			func(w *runtest.World) { marked(w); w.WithoutCPO() }, 0, "", "",
		},
		"no right": {
			func(w *runtest.World) { w.ConfigMapError = forbidden }, ExitGaveUp, stanzaflowv1alpha1.RunFailed,
			"the run may not ask for ConfigMap shop/orders-pgbackrest-restore by a dry run, apply the component workflows/components/alongside to the namespace",
		},
		"no answer": {
			func(w *runtest.World) { w.ConfigMapError = errors.New("connection refused") }, ExitGaveUp, stanzaflowv1alpha1.RunFailed,
			"cannot ask for ConfigMap shop/orders-pgbackrest-restore: connection refused",
		},
	} {
		for _, trigger := range []string{vocab.TriggerSchedule, "manual"} {
			t.Run(name+", "+trigger, func(t *testing.T) {
				w := makeWorld(t, nil, (*runtest.World).BesideCPO)
				tc.change(w)
				p := newPod(w)
				p.parameters.Trigger = trigger
				p.mustRun("begin")
				code := p.run("precheck")
				if tc.code == 0 {
					if code != 0 {
						t.Errorf("exit code %d:\n%s", code, p.log)
					}
					return
				}
				p.wantFailure(code, tc.code, "precheck", tc.result, tc.want)
			})
		}
	}
}
