// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/provision"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/schedule"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// makePass is a pass over a state with nothing left to do, changed.
func makePass(t *testing.T, change func(*Pass)) Pass {
	t.Helper()
	p := Pass{State: reconciletest.State(t), Now: reconciletest.Noon}
	p.Done.InForce = p.State.Objects[object.CronWorkflow]
	change(&p)
	p.Runs = outcome.ReadAll(p.State.Workflows, p.Now)
	planned := reconciletest.Planned(t, p.State)
	p.Plan = planned.Plan
	p.Actions = slices.Concat(provision.Diff(p.State, planned, nil), schedule.Diff(p.State, planned, p.Now), provision.KeepUnplanned(p.State, planned))
	object.Order(p.Actions)
	p.Done.Stanza = p.State.Stanza
	return p
}

// ran adds a run to a pass.
func ran(name, backupType string, result stanzaflowv1alpha1.RunResult, started string) func(*Pass) {
	return func(p *Pass) { reconciletest.AddRun(&p.State, name, backupType, result, started) }
}

// ofCPO is the message about a cluster that CPO manages.
func ofCPO(why string) string {
	return why + ", so the operator creates and changes nothing; to add proven backups, install the operator with --mode=alongside, see docs/cpo.md; " +
		"if CPO must leave this postgresql alone, say so: kubectl annotate postgresql -n db shop cpo.opensource.cybertec.at/controller=stanzaflow"
}

func TestConditionsFor(t *testing.T) {
	errBoom := errors.New("dial tcp 10.0.0.1:443: connection refused")
	forbidden := apierrors.NewForbidden(schema.GroupResource{Group: "argoproj.io", Resource: "cronworkflows"}, reconciletest.Full, errors.New("no"))
	healthy := func(p *Pass) {
		ran("full-1", cpo.Full, stanzaflowv1alpha1.RunSucceeded, "2026-11-22T02:30:00Z")(p)
		ran("incr-1", cpo.Incr, stanzaflowv1alpha1.RunSucceeded, "2026-11-22T12:00:00Z")(p)
	}
	all := func(changes ...func(*Pass)) func(*Pass) {
		return func(p *Pass) {
			for _, change := range changes {
				change(p)
			}
		}
	}
	withoutTemplateAndSchedule := func(p *Pass) {
		p.State.Template = object.Template{Name: "pgbackrest-backup"}
		reconciletest.SetSchedule(p.State.Postgresql, cpo.Full, "")
		reconciletest.SetSchedule(p.State.Postgresql, cpo.Incr, "")
		p.Done.InForce, p.State.Objects[object.CronWorkflow] = nil, nil
	}
	handedOver := func(p *Pass) {
		p.State.CPOInstalled = true
		p.State.Postgresql.SetAnnotations(map[string]string{cpo.AnnotationController: cpo.ControllerStanzaflow})
	}
	standby := func(p *Pass) {
		_ = unstructured.SetNestedMap(p.State.Postgresql.Object, map[string]any{"s3_wal_path": "s3://a"}, "spec", "standby")
	}
	verdict := func(kind, status, message string) func(*Pass) {
		return func(p *Pass) {
			p.Done.InForce[0].Object["status"] = map[string]any{"conditions": []any{map[string]any{"type": kind, "status": status, "message": message}}}
		}
	}
	for name, tc := range map[string]struct {
		change func(*Pass)
		// want are type=status/reason, without those that are as in a healthy pass.
		want        []string
		wantMessage string
	}{
		"healthy": {change: healthy},
		"of CPO, with schedules of ours that continue": {
			change:      all(healthy, func(p *Pass) { p.State.CPOInstalled = true }),
			want:        []string{"Ready=False/ManagedByCPO", "Programmed=False/ManagedByCPO"},
			wantMessage: ofCPO("CPO is installed and manages postgresql shop"),
		},
		"of CPO and new": {
			change: func(p *Pass) {
				p.State.CPOInstalled, p.State.Objects, p.State.ArgoInstalled = true, object.Objects{}, true
				p.Done.InForce = nil
			},
			want:        []string{"Ready=False/ManagedByCPO", "Programmed=False/ManagedByCPO", "BackupHealthy=Unknown/NoSchedule"},
			wantMessage: ofCPO("CPO is installed and manages postgresql shop"),
		},
		"of CPO, which has written to it": {
			change: all(healthy, func(p *Pass) {
				_ = unstructured.SetNestedField(p.State.Postgresql.Object, "Running", "status", "PostgresClusterStatus")
			}),
			want:        []string{"Ready=False/ManagedByCPO", "Programmed=False/ManagedByCPO"},
			wantMessage: ofCPO("CPO manages postgresql shop, as the status of the resource shows"),
		},
		"of a CPO with an id": {
			change: all(healthy, func(p *Pass) {
				p.State.CPOInstalled = true
				p.State.Postgresql.SetAnnotations(map[string]string{cpo.AnnotationController: "blue"})
			}),
			want:        []string{"Ready=False/ManagedByCPO", "Programmed=False/ManagedByCPO"},
			wantMessage: "The CPO with CONTROLLER_ID \"blue\" manages postgresql shop, by its annotation cpo.opensource.cybertec.at/controller, so the operator creates and changes nothing; to add proven backups, install the operator with --mode=alongside, see docs/cpo.md",
		},
		"nobody knows which CPO": {
			change:      all(healthy, func(p *Pass) { p.State.Undecided = "there are 2 OperatorConfigurations" }),
			want:        []string{"Ready=False/OperatorConfigurationUnknown", "Programmed=False/OperatorConfigurationUnknown"},
			wantMessage: "There are 2 OperatorConfigurations; until then the operator touches nothing of this cluster",
		},
		"ours beside CPO": {
			change: all(healthy, handedOver),
		},
		"new": {
			change: func(p *Pass) {
				for _, o := range p.Done.InForce {
					o.SetCreationTimestamp(metav1.NewTime(reconciletest.Noon))
				}
			},
			want:        []string{"Ready=Unknown/NoBackupYet", "BackupHealthy=Unknown/NoBackupYet"},
			wantMessage: "Repo1 has no proven backup yet; the first run of its schedule will prove one; until a run has created the pgBackRest stanza, PostgreSQL cannot archive and keeps its WAL",
		},
		"a second repo without a backup and without a schedule": {
			change: all(healthy, func(p *Pass) {
				second := maps.Clone(reconciletest.Repo1(p.State.Postgresql))
				second["name"], second["resource"] = "repo2", "elsewhere"
				delete(second, "schedule")
				reconciletest.SetRepos(p.State.Postgresql, reconciletest.Repo1(p.State.Postgresql), second)
			}),
			want:        []string{"Ready=Unknown/NoBackupYet", "BackupHealthy=Unknown/NoBackupYet"},
			wantMessage: "Repo2 has no proven backup yet; it has no schedule, so run a backup by hand; until a run has created the pgBackRest stanza, PostgreSQL cannot archive and keeps its WAL",
		},
		"the repo has moved": {
			change: all(healthy, func(p *Pass) {
				_ = unstructured.SetNestedField(p.State.Postgresql.Object, "/elsewhere", "spec", "backup", "pgbackrest", "global", "repo1-path")
			}),
			want: []string{"Ready=Unknown/NoBackupYet", "BackupHealthy=Unknown/NoBackupYet"},
		},
		"nothing scheduled": {
			change: func(p *Pass) {
				reconciletest.SetSchedule(p.State.Postgresql, cpo.Full, "")
				reconciletest.SetSchedule(p.State.Postgresql, cpo.Incr, "")
				p.Done.InForce, p.State.Objects[object.CronWorkflow] = nil, nil
			},
			want:        []string{"Ready=False/NoSchedule", "BackupHealthy=False/NoSchedule"},
			wantMessage: "No schedule is in force, so nothing makes a backup; add one to spec.backup.pgbackrest.repos[0].schedule",
		},
		"a standby without a schedule": {
			change: all(standby, func(p *Pass) {
				reconciletest.SetSchedule(p.State.Postgresql, cpo.Full, "")
				reconciletest.SetSchedule(p.State.Postgresql, cpo.Incr, "")
				p.Done.InForce, p.State.Objects[object.CronWorkflow] = nil, nil
			}),
			want: []string{"BackupHealthy=Unknown/NoSchedule"},
		},
		"a cluster that asks for no backup": {
			change: func(p *Pass) {
				unstructured.RemoveNestedField(p.State.Postgresql.Object, "spec", "backup")
				p.Done.InForce, p.State.Objects[object.CronWorkflow] = nil, nil
			},
			want: []string{"BackupHealthy=Unknown/NoSchedule"},
		},
		"suspended": {
			change:      all(healthy, func(p *Pass) { p.State.Stanza.Spec.Suspend = true }),
			want:        []string{"Ready=False/Held", "BackupHealthy=False/Held", "Suspended=True/SuspendedByUser"},
			wantMessage: "No schedule can make a backup: suspended by spec.suspend of the Stanza",
		},
		"a run is running, the one before succeeded": {
			change: all(healthy, ran("full-2", cpo.Full, stanzaflowv1alpha1.RunRunning, "2026-11-22T12:06:00Z")),
		},
		"a run is running, the one before failed": {
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
			wantMessage: "No schedule can make a backup: spec.standby is set: a standby cluster has no primary; back up the cluster that it follows",
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
			wantMessage: "Overdue: full of repo1; no schedule can make a backup: spec.standby is set: a standby cluster has no primary; " +
				"back up the cluster that it follows; last full backup of repo1 was held: disk full; free some space",
		},
		"failed, and overdue": {
			change: all(
				ran("full-1", cpo.Full, stanzaflowv1alpha1.RunFailed, "2026-11-22T02:30:00Z"),
				ran("incr-1", cpo.Incr, stanzaflowv1alpha1.RunSucceeded, "2026-11-22T12:00:00Z")),
			want:        []string{"Ready=False/LastRunFailed", "BackupHealthy=False/LastRunFailed"},
			wantMessage: "Overdue: full of repo1; last full backup of repo1 failed: disk full; free some space",
		},
		"failed, but a new run is running": {
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
			wantMessage: "Incr backup of repo1 was due and did not run; check CronWorkflow pgbackrest-shop-repo1-incr and Argo's workflow controller",
		},
		"overdue, and Argo does not begin the run": {
			change: all(
				ran("full-1", cpo.Full, stanzaflowv1alpha1.RunSucceeded, "2026-11-22T02:30:00Z"),
				ran("incr-1", cpo.Incr, stanzaflowv1alpha1.RunRunning, "2026-11-22T12:00:00Z"),
				func(p *Pass) { p.State.Workflows[len(p.State.Workflows)-1].Status.Phase = "" }),
			want:        []string{"Ready=False/Overdue", "BackupHealthy=False/Overdue"},
			wantMessage: "Incr backup of repo1 was due, and its run incr-1 does not begin or does not end; check Argo's workflow controller",
		},
		"overdue, and the run waits for a slot": {
			change: all(
				ran("full-1", cpo.Full, stanzaflowv1alpha1.RunSucceeded, "2026-11-22T02:30:00Z"),
				ran("incr-1", cpo.Incr, stanzaflowv1alpha1.RunRunning, "2026-11-22T12:00:00Z"),
				func(p *Pass) {
					p.State.Workflows[len(p.State.Workflows)-1].Status.Nodes = wfv1.Nodes{"a": {ID: "a", Phase: wfv1.NodePending, SynchronizationStatus: &wfv1.NodeSynchronizationStatus{Waiting: "argo/ConfigMap/caps/all"}}}
				}),
			want:        []string{"Ready=False/Overdue", "BackupHealthy=False/Overdue"},
			wantMessage: "Incr backup of repo1 was due, and its run waits for a slot of a cap: docs/fleet.md#caps",
		},
		"overdue, and the run waits behind one that waits for a slot": {
			change: all(
				ran("full-1", cpo.Full, stanzaflowv1alpha1.RunRunning, "2026-11-22T02:30:00Z"),
				ran("incr-1", cpo.Incr, stanzaflowv1alpha1.RunRunning, "2026-11-22T12:00:00Z"),
				func(p *Pass) {
					full, incr := p.State.Workflows[len(p.State.Workflows)-2], p.State.Workflows[len(p.State.Workflows)-1]
					full.Status.Nodes = wfv1.Nodes{"a": {ID: "a", Phase: wfv1.NodePending, SynchronizationStatus: &wfv1.NodeSynchronizationStatus{Waiting: "argo/ConfigMap/caps/all"}}}
					incr.Status.Nodes = wfv1.Nodes{"a": {ID: "a", Phase: wfv1.NodePending, SynchronizationStatus: &wfv1.NodeSynchronizationStatus{Waiting: "db/Mutex/pgbackrest-shop"}}}
					incr.Status.Synchronization = &wfv1.SynchronizationStatus{Mutex: &wfv1.MutexStatus{Waiting: []wfv1.MutexHolding{{Mutex: "db/Mutex/pgbackrest-shop", Holder: "db/full-1/full-1-7"}}}}
				}),
			want: []string{"Ready=False/Overdue", "BackupHealthy=False/Overdue"},
			wantMessage: "Full backup of repo1 was due, and its run waits for a slot of a cap: docs/fleet.md#caps; " +
				"incr backup of repo1 was due, and its run incr-1 waits for run full-1",
		},
		"overdue, and somebody has suspended the run": {
			change: all(
				ran("full-1", cpo.Full, stanzaflowv1alpha1.RunSucceeded, "2026-11-22T02:30:00Z"),
				ran("incr-1", cpo.Incr, stanzaflowv1alpha1.RunRunning, "2026-11-22T12:00:00Z"),
				func(p *Pass) { p.State.Workflows[len(p.State.Workflows)-1].Spec.Suspend = new(true) }),
			want: []string{"Ready=False/Overdue", "BackupHealthy=False/Overdue"},
			wantMessage: "Incr backup of repo1 was due, and its run incr-1 has not ended: somebody has suspended the Workflow, so Argo begins no step of it, " +
				"gives it no lock, and does not end it: argo resume -n db incr-1, or delete it",
		},
		"suspended is not done": {
			change: func(p *Pass) {
				p.State.Stanza.Spec.Suspend = true
				for _, o := range p.Done.InForce {
					_ = unstructured.SetNestedField(o.Object, true, "spec", "suspend")
				}
			},
			want:        []string{"Ready=False/Held", "BackupHealthy=False/Held", "Suspended=True/SuspendedByUser"},
			wantMessage: "Overdue: full of repo1, incr of repo1; no schedule can make a backup: suspended by spec.suspend of the Stanza",
		},
		"broken schedule": {
			change:      all(healthy, func(p *Pass) { reconciletest.SetSchedule(p.State.Postgresql, cpo.Full, "0 0 31 2 *") }),
			want:        []string{"Ready=False/InvalidSchedule", "Accepted=False/InvalidSchedule"},
			wantMessage: "Postgresql field spec.backup.pgbackrest.repos[0].schedule.full never fires: there is no such date; CronWorkflow pgbackrest-shop-repo1-full keeps its last good schedule 30 2 * * *",
		},
		"cluster gone": {
			change:      all(healthy, func(p *Pass) { p.State.Postgresql = nil }),
			want:        []string{"Ready=False/ClusterNotFound", "Accepted=False/ClusterNotFound"},
			wantMessage: "There is no postgresql shop in namespace db",
		},
		"draining": {
			change: all(healthy, func(p *Pass) {
				p.Done.Draining, p.Done.InForce = p.Done.InForce[:1], p.Done.InForce[1:]
				reconciletest.SetSchedule(p.State.Postgresql, cpo.Full, "")
			}),
			want: []string{"Programmed=True/Draining"},
		},
		"argo not installed": {
			change: func(p *Pass) {
				p.State.ArgoInstalled, p.State.Template, p.State.Objects[object.CronWorkflow], p.Done.InForce = false, object.Template{}, nil, nil
			},
			want:        []string{"Ready=False/ArgoNotInstalled", "Programmed=False/ArgoNotInstalled", "BackupHealthy=False/NoSchedule"},
			wantMessage: "The resources of Argo Workflows (argoproj.io/v1alpha1) are not installed; install Argo Workflows",
		},
		"argo gone since we looked": {
			change: all(healthy, func(p *Pass) {
				p.Done.Failures = []object.Failure{{What: "apply CronWorkflow a", Kind: object.CronWorkflow, Err: apierrors.NewNotFound(schema.GroupResource{}, "")}}
			}),
			want: []string{"Ready=False/ArgoNotInstalled", "Programmed=False/ArgoNotInstalled"},
		},
		"template missing": {
			change:      all(healthy, func(p *Pass) { p.State.Template = object.Template{Name: "pgbackrest-backup"} }),
			want:        []string{"Ready=False/WorkflowTemplateMissing", "Programmed=False/WorkflowTemplateMissing"},
			wantMessage: "There is no WorkflowTemplate pgbackrest-backup in namespace db; install it with kubectl apply -k workflows/ -n db",
		},
		"template missing, alongside CPO": {
			change: all(healthy, func(p *Pass) {
				p.Provisioner, p.State.Template = vocab.ProvisionedByCPO, object.Template{Name: "pgbackrest-backup"}
			}),
			want:        []string{"Ready=False/WorkflowTemplateMissing", "Programmed=False/WorkflowTemplateMissing"},
			wantMessage: "There is no WorkflowTemplate pgbackrest-backup in namespace db; install it with kubectl apply -k deploy/overlays/alongside-workflows/ -n db",
		},
		"template of another contract": {
			change:      all(healthy, func(p *Pass) { p.State.Template.Contract = "" }),
			want:        []string{"Ready=False/WorkflowTemplateInvalid", "Programmed=False/WorkflowTemplateInvalid"},
			wantMessage: "WorkflowTemplate pgbackrest-backup in namespace db has label stanzaflow.dev/template-contract=(none), not " + vocab.TemplateContract + "; install it with kubectl apply -k workflows/ -n db",
		},
		"no schedule needs no template": {
			change: withoutTemplateAndSchedule,
			want:   []string{"Ready=False/NoSchedule", "BackupHealthy=False/NoSchedule"},
		},
		"a trigger needs the template": {
			change: all(withoutTemplateAndSchedule, func(p *Pass) {
				p.State.Stanza.Spec.Triggers = []stanzaflowv1alpha1.Trigger{{Name: "restored", Event: "Restore", Type: "full"}}
			}),
			want: []string{"Ready=False/WorkflowTemplateMissing", "Programmed=False/WorkflowTemplateMissing", "BackupHealthy=False/NoSchedule"},
		},
		"a first backup needs the template": {
			change: all(withoutTemplateAndSchedule, func(p *Pass) {
				p.Unproven = map[string]string{"repo1": "waits for the primary"}
			}),
			want: []string{"Ready=False/WorkflowTemplateMissing", "Programmed=False/WorkflowTemplateMissing", "BackupHealthy=False/NoSchedule"},
		},
		"not ours": {
			change:      all(healthy, func(p *Pass) { p.State.Foreign["CronWorkflow "+reconciletest.Full] = true }),
			want:        []string{"Ready=False/NotOwned", "Programmed=False/NotOwned"},
			wantMessage: "CronWorkflow pgbackrest-shop-repo1-full exists and is not managed by stanzaflow for this cluster; remove it, or rename the cluster",
		},
		"not ours, and perhaps CPO's": {
			change:      all(healthy, handedOver, func(p *Pass) { p.State.Foreign["ConfigMap "+reconciletest.ConfigMap] = true }),
			want:        []string{"Ready=False/NotOwned", "Programmed=False/NotOwned"},
			wantMessage: "These exist, are not managed by stanzaflow for this cluster and may be CPO's: ConfigMap shop-pgbackrest-config; leave them, and see docs/cpo.md, From CPO to standalone, for how to take them over",
		},
		"a claim that is not ours, and perhaps CPO's": {
			change: func(p *Pass) {
				p.State = reconciletest.StateOf(t, reconciletest.Hosted(t, "db"))
				p.State.Objects, p.Done.InForce = object.Objects{}, nil
				handedOver(p)
				p.State.Foreign["PersistentVolumeClaim "+reconciletest.Claim] = true
			},
			want:        []string{"Ready=False/NotOwned", "Programmed=False/NotOwned", "BackupHealthy=False/NoSchedule"},
			wantMessage: "These exist, are not managed by stanzaflow for this cluster and may be CPO's: PersistentVolumeClaim repo1-shop-pgbackrest-repo-host-0; leave them, and see docs/cpo.md, From CPO to standalone, for how to take them over",
		},
		"not ours, and CPO was here": {
			change: all(healthy, handedOver, func(p *Pass) {
				p.State.CPOInstalled = false
				_ = unstructured.SetNestedField(p.State.Postgresql.Object, "Running", "status", "PostgresClusterStatus")
				p.State.Foreign["ConfigMap "+reconciletest.ConfigMap] = true
			}),
			want:        []string{"Ready=False/NotOwned", "Programmed=False/NotOwned"},
			wantMessage: "These exist, are not managed by stanzaflow for this cluster and may be CPO's: ConfigMap shop-pgbackrest-config; leave them, and see docs/cpo.md, From CPO to standalone, for how to take them over",
		},
		"not ours, and of a kind that CPO does not know": {
			change:      all(healthy, handedOver, func(p *Pass) { p.State.Foreign["CronWorkflow "+reconciletest.Full] = true }),
			want:        []string{"Ready=False/NotOwned", "Programmed=False/NotOwned"},
			wantMessage: "CronWorkflow pgbackrest-shop-repo1-full exists and is not managed by stanzaflow for this cluster; remove it, or rename the cluster",
		},
		"apply failed": {
			change: all(healthy, func(p *Pass) {
				p.Done.Failures = []object.Failure{{What: "apply CronWorkflow " + reconciletest.Full, Kind: object.CronWorkflow, Err: forbidden}}
			}),
			want:        []string{"Ready=False/ApplyFailed", "Programmed=False/ApplyFailed"},
			wantMessage: `Cannot apply CronWorkflow pgbackrest-shop-repo1-full: cronworkflows.argoproj.io "pgbackrest-shop-repo1-full" is forbidden: no`,
		},
		"apply failed on the network": {
			change: all(healthy, func(p *Pass) {
				p.Done.Failures = []object.Failure{{What: "apply ConfigMap a", Kind: object.ConfigMap, Err: errBoom}}
			}),
			want:        []string{"Ready=False/ApplyFailed", "Programmed=False/ApplyFailed"},
			wantMessage: "Cannot apply ConfigMap a: the API server did not answer",
		},
		"a conflict is nobody's business": {
			change: all(healthy, func(p *Pass) {
				p.Done.Failures = []object.Failure{{What: "apply ConfigMap a", Kind: object.ConfigMap, Err: apierrors.NewConflict(schema.GroupResource{}, "a", errBoom)}}
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
			status, _ := For(stanzaflowv1alpha1.StanzaStatus{}, 3, p)
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
			again, _ := For(status, 3, later)
			if diff := cmp.Diff(status, again); diff != "" {
				t.Errorf("the second pass changes: %s", diff)
			}
			if events := Transitions(status, again, p.Plan.Problems, p.Actions); len(events) > 0 {
				t.Errorf("the second pass sends %v", events)
			}
		})
	}
}

func checkMessage(t *testing.T, c metav1.Condition) {
	t.Helper()
	m := c.Message
	if m == "" || len(m) > report.MaxMessage || strings.ContainsAny(m, "\n\r") || strings.HasSuffix(m, ".") || m != capitalize(m) {
		t.Errorf("message of %s is not fit: %q", c.Type, m)
	}
}

func TestConditionTimes(t *testing.T) {
	before, _ := For(stanzaflowv1alpha1.StanzaStatus{}, 1, makePass(t, func(*Pass) {}))
	after, _ := For(before, 1, makePass(t, func(p *Pass) {
		p.Now = reconciletest.Noon.Add(time.Hour)
		p.State.Postgresql = nil
	}))
	for _, c := range after.Conditions {
		want := reconciletest.Noon
		if c.Type == vocab.ConditionAccepted {
			want = reconciletest.Noon.Add(time.Hour)
		}
		if !c.LastTransitionTime.Time.Equal(want) {
			t.Errorf("%s changed at %v, want %v", c.Type, c.LastTransitionTime, want)
		}
	}
}

func TestStatusSchedules(t *testing.T) {
	p := makePass(t, func(p *Pass) {
		ran("full-1", cpo.Full, stanzaflowv1alpha1.RunSucceeded, "2026-11-22T02:30:00Z")(p)
		ran("incr-1", cpo.Incr, stanzaflowv1alpha1.RunFailed, "2026-11-22T12:00:00Z")(p)
		ran("diff-1", cpo.Diff, stanzaflowv1alpha1.RunSucceeded, "2026-11-22T12:01:00Z")(p)
	})
	status, wake := For(stanzaflowv1alpha1.StanzaStatus{}, 1, p)
	if status.Schedule != "full 30 2 * * *, incr */30 * * * *" {
		t.Errorf("schedule is %q", status.Schedule)
	}
	// 12:10 is when the incr of 12:00 would have been overdue.
	if next := reconciletest.Moment("2026-11-22T12:30:00Z"); !status.NextRunTime.Time.Equal(next) || !wake.Equal(reconciletest.Moment("2026-11-22T12:10:00Z")) {
		t.Errorf("next run at %v, wakes at %v", status.NextRunTime, wake)
	}
	if status.LastRun.Workflow != "diff-1" || status.LastBackup.Workflow != "diff-1" {
		t.Errorf("last run %s, last backup %s", status.LastRun.Workflow, status.LastBackup.Workflow)
	}
	full, incr := status.Schedules[0], status.Schedules[1]
	if full.LastRun.Workflow != "full-1" || full.LastBackup.Workflow != "full-1" || full.Type != cpo.Full || full.Repo != "repo1" || full.TimeZone != "UTC" ||
		!full.NextRunTime.Time.Equal(reconciletest.Moment("2026-11-23T02:30:00Z")) {
		t.Errorf("full is %s", reconciletest.JSON(full))
	}
	if incr.LastRun.Workflow != "incr-1" || incr.LastBackup != nil || !incr.Overdue || full.Overdue {
		t.Errorf("incr is %s, full is %s", reconciletest.JSON(incr), reconciletest.JSON(full))
	}

	// Without Argo nothing is in force, and nothing is forgotten.
	without, _ := For(status, 1, makePass(t, func(p *Pass) {
		p.State.ArgoInstalled, p.State.Template, p.State.Objects[object.CronWorkflow], p.Done.InForce = false, object.Template{}, nil, nil
	}))
	if without.NextRunTime != nil || without.Schedules[0].NextRunTime != nil || without.Schedules[0].LastRun == nil || without.LastBackup == nil {
		t.Errorf("without argo: %s", reconciletest.JSON(without))
	}
	// But what is due is not done.
	later, _ := For(without, 1, makePass(t, func(p *Pass) {
		p.Now = reconciletest.Noon.Add(24 * time.Hour)
		p.State.ArgoInstalled, p.State.Template, p.State.Objects[object.CronWorkflow], p.Done.InForce = false, object.Template{}, nil, nil
	}))
	if !later.Schedules[0].Overdue || !later.Schedules[1].Overdue {
		t.Errorf("a day without argo: %s", reconciletest.JSON(later))
	}
}
