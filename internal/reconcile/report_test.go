// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// makePass is a pass over a state with nothing left to do, changed.
func makePass(t *testing.T, change func(*pass)) pass {
	t.Helper()
	p := pass{State: makeState(t), Now: noon}
	p.Done.InForce = p.State.CronWorkflows
	change(&p)
	p.Plan = p.State.plan()
	p.Todo = diff(p.State, p.Plan, mustPlan(t, p.State), p.Now)
	p.Done.Stanza = p.State.Stanza
	return p
}

func ran(name, backupType string, result stanzaflowv1alpha1.RunResult, started string) func(*pass) {
	return func(p *pass) {
		phase := "Failed"
		switch result {
		case stanzaflowv1alpha1.RunRunning:
			phase, result = "Running", ""
		case stanzaflowv1alpha1.RunSucceeded, stanzaflowv1alpha1.RunUnknown:
			phase = "Succeeded"
		case stanzaflowv1alpha1.RunFailed, stanzaflowv1alpha1.RunHeld:
		}
		o := runOptions{name: name, backupType: backupType, phase: phase, started: moment(started), result: result, uid: name}
		p.State.Workflows = append(p.State.Workflows, workflowOf(makeWorkflow("db", o)))
	}
}

func TestConditionsFor(t *testing.T) {
	errBoom := errors.New("dial tcp 10.0.0.1:443: connection refused")
	forbidden := apierrors.NewForbidden(schema.GroupResource{Group: "argoproj.io", Resource: "cronworkflows"}, testFull, errors.New("no"))
	healthy := func(p *pass) {
		ran("full-1", cpo.Full, stanzaflowv1alpha1.RunSucceeded, "2026-11-22T02:30:00Z")(p)
		ran("incr-1", cpo.Incr, stanzaflowv1alpha1.RunSucceeded, "2026-11-22T12:00:00Z")(p)
	}
	all := func(changes ...func(*pass)) func(*pass) {
		return func(p *pass) {
			for _, change := range changes {
				change(p)
			}
		}
	}
	standby := func(p *pass) {
		_ = unstructured.SetNestedMap(p.State.Postgresql.Object, map[string]any{"s3_wal_path": "s3://a"}, "spec", "standby")
	}
	verdict := func(kind, status, message string) func(*pass) {
		return func(p *pass) {
			p.Done.InForce[0].Object["status"] = map[string]any{"conditions": []any{map[string]any{"type": kind, "status": status, "message": message}}}
		}
	}
	for name, tc := range map[string]struct {
		change func(*pass)
		// want are type=status/reason, without those that are as in a healthy pass.
		want        []string
		wantMessage string
	}{
		"healthy": {change: healthy},
		"new": {
			change: func(p *pass) {
				for _, object := range p.Done.InForce {
					object.SetCreationTimestamp(metav1.NewTime(noon))
				}
			},
			want: []string{"BackupHealthy=Unknown/NoRunYet"},
		},
		"nothing scheduled": {
			change: func(p *pass) {
				setSchedule(p.State.Postgresql, cpo.Full, "")
				setSchedule(p.State.Postgresql, cpo.Incr, "")
				p.Done.InForce, p.State.CronWorkflows = nil, nil
			},
			want: []string{"BackupHealthy=Unknown/NoSchedule"},
		},
		"suspended": {
			change:      all(healthy, func(p *pass) { p.State.Stanza.Spec.Suspend = true }),
			want:        []string{"Ready=False/Held", "BackupHealthy=False/Held", "Suspended=True/SuspendedByUser"},
			wantMessage: "No schedule can make a backup: suspended by spec.suspend of the Stanza",
		},
		"a run goes on, the one before succeeded": {
			change: all(healthy, ran("full-2", cpo.Full, stanzaflowv1alpha1.RunRunning, "2026-11-22T12:06:00Z")),
		},
		"a run goes on, the one before failed": {
			change: all(healthy,
				ran("full-2", cpo.Full, stanzaflowv1alpha1.RunFailed, "2026-11-22T12:05:00Z"),
				ran("full-3", cpo.Full, stanzaflowv1alpha1.RunRunning, "2026-11-22T12:06:00Z")),
			want:        []string{"Ready=False/LastRunFailed", "BackupHealthy=False/LastRunFailed"},
			wantMessage: "Last full backup of repo1 failed: disk full; free some space",
		},
		"last run failed": {
			change:      all(healthy, ran("incr-2", cpo.Incr, stanzaflowv1alpha1.RunFailed, "2026-11-22T12:05:00Z")),
			want:        []string{"Ready=False/LastRunFailed", "BackupHealthy=False/LastRunFailed"},
			wantMessage: "Last incr backup of repo1 failed: disk full; free some space",
		},
		"last run left nothing": {
			change: all(healthy, ran("incr-2", cpo.Incr, stanzaflowv1alpha1.RunUnknown, "2026-11-22T12:05:00Z")),
			want:   []string{"Ready=False/LastRunFailed", "BackupHealthy=False/LastRunFailed"},
		},
		"failed comes before held": {
			change: all(
				ran("full-1", cpo.Full, stanzaflowv1alpha1.RunHeld, "2026-11-22T02:30:00Z"),
				ran("incr-1", cpo.Incr, stanzaflowv1alpha1.RunFailed, "2026-11-22T12:00:00Z")),
			want: []string{"Ready=False/LastRunFailed", "BackupHealthy=False/LastRunFailed"},
		},
		"held": {
			change:      all(healthy, ran("full-2", cpo.Full, stanzaflowv1alpha1.RunHeld, "2026-11-22T12:05:00Z")),
			want:        []string{"Ready=False/Held", "BackupHealthy=False/Held"},
			wantMessage: "Last full backup of repo1 was held: disk full; free some space",
		},
		"the cluster is a standby, no run has tried yet": {
			change:      all(healthy, standby),
			want:        []string{"Ready=False/Held", "BackupHealthy=False/Held"},
			wantMessage: "No schedule can make a backup: spec.standby is set: a standby cluster has no primary, back up the cluster that it follows",
		},
		"a standby whose run failed": {
			change: all(healthy, standby, ran("incr-2", cpo.Incr, stanzaflowv1alpha1.RunFailed, "2026-11-22T12:05:00Z")),
			want:   []string{"Ready=False/LastRunFailed", "BackupHealthy=False/LastRunFailed"},
		},
		"held, and overdue": {
			change: all(standby,
				ran("full-1", cpo.Full, stanzaflowv1alpha1.RunHeld, "2026-11-22T02:30:00Z"),
				ran("incr-1", cpo.Incr, stanzaflowv1alpha1.RunSucceeded, "2026-11-22T12:00:00Z")),
			want: []string{"Ready=False/Held", "BackupHealthy=False/Held"},
			wantMessage: "Overdue: full of repo1; no schedule can make a backup: spec.standby is set: a standby cluster has no primary, " +
				"back up the cluster that it follows; last full backup of repo1 was held: disk full; free some space",
		},
		"failed, and overdue": {
			change: all(
				ran("full-1", cpo.Full, stanzaflowv1alpha1.RunFailed, "2026-11-22T02:30:00Z"),
				ran("incr-1", cpo.Incr, stanzaflowv1alpha1.RunSucceeded, "2026-11-22T12:00:00Z")),
			want:        []string{"Ready=False/LastRunFailed", "BackupHealthy=False/LastRunFailed"},
			wantMessage: "Overdue: full of repo1; last full backup of repo1 failed: disk full; free some space",
		},
		"failed, but a new run goes on": {
			change: all(
				ran("full-1", cpo.Full, stanzaflowv1alpha1.RunFailed, "2026-11-22T02:30:00Z"),
				ran("full-2", cpo.Full, stanzaflowv1alpha1.RunRunning, "2026-11-22T12:06:00Z"),
				ran("incr-1", cpo.Incr, stanzaflowv1alpha1.RunSucceeded, "2026-11-22T12:00:00Z")),
			want:        []string{"Ready=False/LastRunFailed", "BackupHealthy=False/LastRunFailed"},
			wantMessage: "Last full backup of repo1 failed: disk full; free some space",
		},
		"overdue": {
			change:      ran("full-1", cpo.Full, stanzaflowv1alpha1.RunSucceeded, "2026-11-22T02:30:00Z"),
			want:        []string{"Ready=False/Overdue", "BackupHealthy=False/Overdue"},
			wantMessage: "Incr backup of repo1 was due and did not run; look at CronWorkflow pgbackrest-shop-repo1-incr and at Argo's workflow controller",
		},
		"suspended is not done": {
			change: func(p *pass) {
				p.State.Stanza.Spec.Suspend = true
				for _, object := range p.Done.InForce {
					_ = unstructured.SetNestedField(object.Object, true, "spec", "suspend")
				}
			},
			want:        []string{"Ready=False/Held", "BackupHealthy=False/Held", "Suspended=True/SuspendedByUser"},
			wantMessage: "Overdue: full of repo1, incr of repo1; no schedule can make a backup: suspended by spec.suspend of the Stanza",
		},
		"broken schedule": {
			change:      all(healthy, func(p *pass) { setSchedule(p.State.Postgresql, cpo.Full, "0 0 31 2 *") }),
			want:        []string{"Ready=False/InvalidSchedule", "Accepted=False/InvalidSchedule"},
			wantMessage: "Postgresql field spec.backup.pgbackrest.repos[0].schedule.full never fires: there is no such date; CronWorkflow pgbackrest-shop-repo1-full keeps its last good schedule 30 2 * * *",
		},
		"cluster gone": {
			change:      all(healthy, func(p *pass) { p.State.Postgresql = nil }),
			want:        []string{"Ready=False/ClusterNotFound", "Accepted=False/ClusterNotFound"},
			wantMessage: "There is no postgresql shop in namespace db",
		},
		"draining": {
			change: all(healthy, func(p *pass) {
				p.Done.Draining, p.Done.InForce = p.Done.InForce[:1], p.Done.InForce[1:]
				setSchedule(p.State.Postgresql, cpo.Full, "")
			}),
			want: []string{"Programmed=True/Draining"},
		},
		"argo not installed": {
			change: func(p *pass) {
				p.State.ArgoInstalled, p.State.Template, p.State.CronWorkflows, p.Done.InForce = false, Template{}, nil, nil
			},
			want:        []string{"Ready=False/ArgoNotInstalled", "Programmed=False/ArgoNotInstalled", "BackupHealthy=Unknown/NoSchedule"},
			wantMessage: "The resources of Argo Workflows (argoproj.io/v1alpha1) are not installed; install Argo Workflows",
		},
		"argo gone since we looked": {
			change: all(healthy, func(p *pass) {
				p.Done.Failures = []failure{{What: "apply CronWorkflow a", Kind: "CronWorkflow", Err: apierrors.NewNotFound(schema.GroupResource{}, "")}}
			}),
			want: []string{"Ready=False/ArgoNotInstalled", "Programmed=False/ArgoNotInstalled"},
		},
		"template missing": {
			change:      all(healthy, func(p *pass) { p.State.Template = Template{Name: "pgbackrest-backup"} }),
			want:        []string{"Ready=False/WorkflowTemplateMissing", "Programmed=False/WorkflowTemplateMissing"},
			wantMessage: "There is no WorkflowTemplate pgbackrest-backup in namespace db; install it with kubectl apply -k workflows/ -n db",
		},
		"template of another contract": {
			change:      all(healthy, func(p *pass) { p.State.Template.Contract = "" }),
			want:        []string{"Ready=False/WorkflowTemplateInvalid", "Programmed=False/WorkflowTemplateInvalid"},
			wantMessage: "WorkflowTemplate pgbackrest-backup in namespace db has label stanzaflow.dev/template-contract=(none), not v1; install it with kubectl apply -k workflows/ -n db",
		},
		"no schedule needs no template": {
			change: func(p *pass) {
				p.State.Template = Template{Name: "pgbackrest-backup"}
				setSchedule(p.State.Postgresql, cpo.Full, "")
				setSchedule(p.State.Postgresql, cpo.Incr, "")
				p.Done.InForce, p.State.CronWorkflows = nil, nil
			},
			want: []string{"BackupHealthy=Unknown/NoSchedule"},
		},
		"not ours": {
			change:      all(healthy, func(p *pass) { p.State.Foreign["CronWorkflow "+testFull] = true }),
			want:        []string{"Ready=False/NotOwned", "Programmed=False/NotOwned"},
			wantMessage: "CronWorkflow pgbackrest-shop-repo1-full exists and is not managed by stanzaflow for this cluster; remove it, or rename the cluster",
		},
		"apply failed": {
			change: all(healthy, func(p *pass) {
				p.Done.Failures = []failure{{What: "apply CronWorkflow " + testFull, Kind: "CronWorkflow", Err: forbidden}}
			}),
			want:        []string{"Ready=False/ApplyFailed", "Programmed=False/ApplyFailed"},
			wantMessage: `Cannot apply CronWorkflow pgbackrest-shop-repo1-full: cronworkflows.argoproj.io "pgbackrest-shop-repo1-full" is forbidden: no`,
		},
		"apply failed on the network": {
			change: all(healthy, func(p *pass) {
				p.Done.Failures = []failure{{What: "apply ConfigMap a", Kind: "ConfigMap", Err: errBoom}}
			}),
			want:        []string{"Ready=False/ApplyFailed", "Programmed=False/ApplyFailed"},
			wantMessage: "Cannot apply ConfigMap a: the API server did not answer",
		},
		"a conflict is nobody's business": {
			change: all(healthy, func(p *pass) {
				p.Done.Failures = []failure{{What: "apply ConfigMap a", Kind: "ConfigMap", Err: apierrors.NewConflict(schema.GroupResource{}, "a", errBoom)}}
			}),
		},
		"rejected by argo": {
			change:      all(healthy, verdict("SpecError", "True", "no such\ntemplate.")),
			want:        []string{"Ready=False/RejectedByArgo", "Programmed=False/RejectedByArgo"},
			wantMessage: "Argo does not run CronWorkflow pgbackrest-shop-repo1-full: no such template",
		},
		"argo could not submit": {
			change: all(healthy, verdict("SubmissionError", "True", strings.Repeat("x", 2000))),
			want:   []string{"Ready=False/RejectedByArgo", "Programmed=False/RejectedByArgo"},
		},
		"argo has got over it": {change: all(healthy, verdict("SubmissionError", "False", "x"))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := makePass(t, tc.change)
			status, _ := statusFor(stanzaflowv1alpha1.StanzaStatus{}, 3, p)
			usual := []string{"Ready=True/Ready", "Accepted=True/Accepted", "Programmed=True/Programmed", "BackupHealthy=True/Succeeded"}
			var got, want []string
			for i, c := range status.Conditions {
				if text := c.Type + "=" + string(c.Status) + "/" + c.Reason; i >= len(usual) || text != usual[i] {
					got = append(got, text)
				}
				if c.ObservedGeneration != 3 || c.LastTransitionTime.IsZero() {
					t.Errorf("%s has generation %d and changed at %v", c.Type, c.ObservedGeneration, c.LastTransitionTime)
				}
				checkMessage(t, c)
			}
			want = append(want, tc.want...)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("conditions (-want +got): %s", diff)
			}
			if m := conditionMessage(status, vocab.ConditionReady); tc.wantMessage != "" && m != tc.wantMessage {
				t.Errorf("message is %q, want %q", m, tc.wantMessage)
			}
			// The same again, later: nothing changes but what the clock moves.
			later := p
			later.Now = later.Now.Add(time.Second)
			again, _ := statusFor(status, 3, later)
			if diff := cmp.Diff(status, again); diff != "" {
				t.Errorf("the second pass changes: %s", diff)
			}
			if events := transitions(status, again, p.Plan.Problems, p.Todo.Keep); len(events) > 0 {
				t.Errorf("the second pass tells %v", events)
			}
		})
	}
}

func checkMessage(t *testing.T, c metav1.Condition) {
	t.Helper()
	m := c.Message
	if m == "" || len(m) > report.MaxMessage || strings.ContainsAny(m, "\n\r") || strings.HasSuffix(m, ".") || m != capital(m) {
		t.Errorf("message of %s is not fit: %q", c.Type, m)
	}
}

func TestConditionTimes(t *testing.T) {
	before, _ := statusFor(stanzaflowv1alpha1.StanzaStatus{}, 1, makePass(t, func(*pass) {}))
	after, _ := statusFor(before, 1, makePass(t, func(p *pass) {
		p.Now = noon.Add(time.Hour)
		p.State.Postgresql = nil
	}))
	for _, c := range after.Conditions {
		want := noon
		if c.Type == vocab.ConditionAccepted {
			want = noon.Add(time.Hour)
		}
		if !c.LastTransitionTime.Time.Equal(want) {
			t.Errorf("%s changed at %v, want %v", c.Type, c.LastTransitionTime, want)
		}
	}
}

func TestStatusSchedules(t *testing.T) {
	p := makePass(t, func(p *pass) {
		ran("full-1", cpo.Full, stanzaflowv1alpha1.RunSucceeded, "2026-11-22T02:30:00Z")(p)
		ran("incr-1", cpo.Incr, stanzaflowv1alpha1.RunFailed, "2026-11-22T12:00:00Z")(p)
		ran("diff-1", cpo.Diff, stanzaflowv1alpha1.RunSucceeded, "2026-11-22T12:01:00Z")(p)
	})
	status, wake := statusFor(stanzaflowv1alpha1.StanzaStatus{}, 1, p)
	if status.Schedule != "full 30 2 * * *, incr */30 * * * *" {
		t.Errorf("schedule is %q", status.Schedule)
	}
	// 12:10 is when the incr of 12:00 would have been overdue.
	if next := moment("2026-11-22T12:30:00Z"); !status.NextRunTime.Time.Equal(next) || !wake.Equal(moment("2026-11-22T12:10:00Z")) {
		t.Errorf("next run at %v, wakes at %v", status.NextRunTime, wake)
	}
	if status.LastRun.Workflow != "diff-1" || status.LastBackup.Workflow != "diff-1" {
		t.Errorf("last run %s, last backup %s", status.LastRun.Workflow, status.LastBackup.Workflow)
	}
	full, incr := status.Schedules[0], status.Schedules[1]
	if full.LastRun.Workflow != "full-1" || full.LastBackup.Workflow != "full-1" || full.Type != cpo.Full || full.Repo != "repo1" || full.TimeZone != "UTC" ||
		!full.NextRunTime.Time.Equal(moment("2026-11-23T02:30:00Z")) {
		t.Errorf("full is %s", asJSON(full))
	}
	if incr.LastRun.Workflow != "incr-1" || incr.LastBackup != nil || !incr.Overdue || full.Overdue {
		t.Errorf("incr is %s, full is %s", asJSON(incr), asJSON(full))
	}

	// Without Argo nothing is in force, and nothing is forgotten.
	without, _ := statusFor(status, 1, makePass(t, func(p *pass) {
		p.State.ArgoInstalled, p.State.Template, p.State.CronWorkflows, p.Done.InForce = false, Template{}, nil, nil
	}))
	if without.NextRunTime != nil || without.Schedules[0].NextRunTime != nil || without.Schedules[0].LastRun == nil || without.LastBackup == nil {
		t.Errorf("without argo: %s", asJSON(without))
	}
	// But what is due is not done.
	later, _ := statusFor(without, 1, makePass(t, func(p *pass) {
		p.Now = noon.Add(24 * time.Hour)
		p.State.ArgoInstalled, p.State.Template, p.State.CronWorkflows, p.Done.InForce = false, Template{}, nil, nil
	}))
	if !later.Schedules[0].Overdue || !later.Schedules[1].Overdue {
		t.Errorf("a day without argo: %s", asJSON(later))
	}
}

func TestSummaryNamesSeveralRepos(t *testing.T) {
	got := summary([]stanzaflowv1alpha1.ScheduleStatus{
		{Repo: "repo2", Type: cpo.Full, Schedule: "b"}, {Repo: "repo1", Type: cpo.Incr, Schedule: "c"}, {Repo: "repo1", Type: cpo.Full, Schedule: "a"},
	})
	if want := "repo1 full a, repo1 incr c, repo2 full b"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTransitions(t *testing.T) {
	type step struct {
		change func(*pass)
		want   []string
	}
	broken := func(p *pass) { setSchedule(p.State.Postgresql, cpo.Full, "nonsense") }
	suspend := func(p *pass) { p.State.Stanza.Spec.Suspend = true }
	for name, steps := range map[string][]step{
		"a problem is told once": {
			{change: broken, want: []string{
				"Warning InvalidSchedule spec.backup.pgbackrest.repos[0].schedule.full",
				"Warning KeptLastGood CronWorkflow pgbackrest-shop-repo1-full",
			}},
			{change: broken},
			{
				change: func(p *pass) { broken(p); setSchedule(p.State.Postgresql, cpo.Incr, "nonsense") },
				want: []string{
					"Warning InvalidSchedule spec.backup.pgbackrest.repos[0].schedule.incr",
					"Warning KeptLastGood CronWorkflow pgbackrest-shop-repo1-incr",
				},
			},
			{change: func(*pass) {}},
			{change: broken, want: []string{
				"Warning InvalidSchedule spec.backup.pgbackrest.repos[0].schedule.full",
				"Warning KeptLastGood CronWorkflow pgbackrest-shop-repo1-full",
			}},
		},
		"what is waited for is normal": {
			{change: func(p *pass) { p.State.Template = Template{Name: "x"} }, want: []string{"Normal WorkflowTemplateMissing"}},
			{change: func(p *pass) { p.State.Template = Template{Name: "x"} }},
			{change: func(p *pass) { p.State.Template.Contract = "v2" }, want: []string{"Warning WorkflowTemplateInvalid"}},
		},
		"runs are told when they are over": {
			{change: ran("full-1", cpo.Full, stanzaflowv1alpha1.RunRunning, "2026-11-22T02:30:00Z")},
			{change: ran("full-1", cpo.Full, stanzaflowv1alpha1.RunSucceeded, "2026-11-22T02:30:00Z"), want: []string{"Normal Succeeded Workflow full-1"}},
			{change: func(*pass) {}},
			{change: ran("full-2", cpo.Full, stanzaflowv1alpha1.RunHeld, "2026-11-22T03:30:00Z"), want: []string{"Warning Held Workflow full-2"}},
			{change: ran("diff-1", cpo.Diff, stanzaflowv1alpha1.RunFailed, "2026-11-22T04:30:00Z"), want: []string{"Warning LastRunFailed Workflow diff-1"}},
			{change: ran("full-3", cpo.Full, stanzaflowv1alpha1.RunRunning, "2026-11-22T05:30:00Z")},
		},
		"overdue is told once": {
			{change: func(*pass) {}, want: nil},
			{change: func(p *pass) { p.Now = noon.Add(time.Hour) }, want: []string{"Warning Overdue CronWorkflow pgbackrest-shop-repo1-incr"}},
			{change: func(p *pass) { p.Now = noon.Add(24 * time.Hour) }, want: []string{"Warning Overdue CronWorkflow pgbackrest-shop-repo1-full"}},
			{change: func(p *pass) { p.Now = noon.Add(25 * time.Hour) }},
			{
				change: func(p *pass) {
					p.Now = noon.Add(25 * time.Hour)
					ran("full-1", cpo.Full, stanzaflowv1alpha1.RunSucceeded, "2026-11-23T13:00:00Z")(p)
				},
				want: []string{"Normal Succeeded Workflow full-1"},
			},
			{change: func(p *pass) { p.Now = noon.Add(49 * time.Hour) }, want: []string{"Warning Overdue CronWorkflow pgbackrest-shop-repo1-full"}},
		},
		"what holds all schedules is told once, and each anew": {
			{change: suspend, want: []string{"Warning Held"}},
			{change: suspend},
			{change: func(p *pass) {
				_ = unstructured.SetNestedField(p.State.Postgresql.Object, int64(0), "spec", "numberOfInstances")
			}, want: []string{"Warning Held"}},
			{change: func(*pass) {}},
			{change: suspend, want: []string{"Warning Held"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status := stanzaflowv1alpha1.StanzaStatus{}
			for i, s := range steps {
				p := makePass(t, func(p *pass) {
					for _, object := range p.Done.InForce {
						object.SetCreationTimestamp(metav1.NewTime(noon.Add(-time.Minute)))
					}
					s.change(p)
				})
				after, _ := statusFor(status, 1, p)
				var got []string
				for _, e := range transitions(status, after, p.Plan.Problems, p.Todo.Keep) {
					text := e.Type + " " + e.Reason
					if e.Field != "" {
						text += " " + e.Field
					}
					if e.Related != nil {
						text += " " + e.Related.Kind + " " + e.Related.Name
					}
					got = append(got, text)
				}
				if diff := cmp.Diff(s.want, got); diff != "" {
					t.Errorf("events of step %d (-want +got): %s", i, diff)
				}
				status = after
			}
		})
	}
}

func TestRetentionFailedIsTold(t *testing.T) {
	run := &stanzaflowv1alpha1.RunStatus{
		Workflow: "full-1", Repo: "repo1", Type: cpo.Full, Result: stanzaflowv1alpha1.RunSucceeded,
		Retention: outcome.RetentionFailed, Message: "The backup is good, but expire failed: no space",
	}
	after := stanzaflowv1alpha1.StanzaStatus{LastRun: run, Schedules: []stanzaflowv1alpha1.ScheduleStatus{{CronWorkflow: testFull, Repo: "repo1", Type: cpo.Full, LastRun: run}}}
	events := transitions(stanzaflowv1alpha1.StanzaStatus{}, after, nil, nil)
	if len(events) != 2 || events[0].Reason != vocab.ReasonSucceeded || events[1].Reason != vocab.ReasonRetentionFailed || events[1].Type != "Warning" {
		t.Errorf("events are %v", events)
	}
	c := backupHealthy(after)
	if c.Status != metav1.ConditionFalse || c.Reason != vocab.ReasonRetentionFailed || c.Message != "Last full backup of repo1: The backup is good, but expire failed: no space" {
		t.Errorf("condition is %s", asJSON(c))
	}
}

func TestResult(t *testing.T) {
	conflict := apierrors.NewConflict(schema.GroupResource{}, "a", errors.New("x"))
	for name, tc := range map[string]struct {
		failures []error
		report   error
		refuse   bool
		wake     time.Duration
		want     time.Duration
		wantErr  bool
	}{
		"nothing to do":        {},
		"a deadline":           {wake: time.Hour, want: time.Hour + time.Second},
		"a deadline gone by":   {wake: -time.Hour, want: time.Second},
		"a conflict is silent": {failures: []error{conflict}, wake: time.Hour, want: retryConflict + time.Second},
		"a conflict of the status is silent": {
			report: errors.Join(conflict), want: retryConflict + time.Second,
		},
		"the stanza was deleted meanwhile": {report: apierrors.NewNotFound(schema.GroupResource{}, "a"), want: retryConflict + time.Second},
		"an error is an error":             {failures: []error{conflict, errors.New("boom")}, wake: time.Hour, wantErr: true},
		"an error of the status":           {report: errors.New("boom"), wantErr: true},
		"argo has gone":                    {failures: []error{apierrors.NewNotFound(schema.GroupResource{}, "")}, want: retryArgo + time.Second},
		"what is not ours may go":          {refuse: true, want: retryForeign + time.Second},
		"the earliest of all is next":      {refuse: true, failures: []error{conflict}, wake: time.Hour, want: retryConflict + time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := pass{Now: noon}
			for _, err := range tc.failures {
				p.Done.Failures = append(p.Done.Failures, failure{What: "apply x", Kind: cronWorkflowKind.Kind, Err: err})
			}
			if tc.refuse {
				p.Todo.Refuse = []*unstructured.Unstructured{newObject(cronWorkflowKind)}
			}
			wake := time.Time{}
			if tc.wake != 0 {
				wake = noon.Add(tc.wake)
			}
			result, err := p.result(wake, tc.report)
			if (err != nil) != tc.wantErr || result.RequeueAfter != tc.want {
				t.Errorf("got %v, %v; want %v", result.RequeueAfter, err, tc.want)
			}
		})
	}
}
