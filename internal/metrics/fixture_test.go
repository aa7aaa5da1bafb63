// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// now is a Sunday morning.
var now = time.Date(2026, 11, 29, 9, 0, 0, 0, time.UTC)

const (
	mb = int64(1) << 20
	gb = int64(1) << 30
)

// ago is a moment before now.
func ago(d time.Duration) *metav1.Time { return new(metav1.NewTime(now.Add(-d))) }

// stanzas is a Cache of a fixed state.
type stanzas []stanzaflowv1alpha1.Stanza

func (s stanzas) Each(_ context.Context, _ client.Object, visit func(client.Object) error) error {
	for i := range s {
		if err := visit(&s[i]); err != nil {
			return err
		}
	}
	return nil
}

func stanza(namespace, name string, edits ...func(*stanzaflowv1alpha1.StanzaStatus)) stanzaflowv1alpha1.Stanza {
	s := stanzaflowv1alpha1.Stanza{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	for _, edit := range edits {
		edit(&s.Status)
	}
	return s
}

// is sets conditions: a type, a status and a reason each.
func is(conditions ...[3]string) func(*stanzaflowv1alpha1.StanzaStatus) {
	return func(s *stanzaflowv1alpha1.StanzaStatus) {
		for _, c := range conditions {
			s.Conditions = append(s.Conditions, metav1.Condition{
				Type: c[0], Status: metav1.ConditionStatus(c[1]), Reason: c[2], Message: "a sentence", LastTransitionTime: *ago(time.Hour),
			})
		}
	}
}

func backup(repo, backupType string, age time.Duration, bytes int64) *stanzaflowv1alpha1.BackupStatus {
	return &stanzaflowv1alpha1.BackupStatus{
		Label: "20261129-" + backupType, Repo: repo, Type: backupType, Workflow: "run-of-" + backupType,
		StartTime: *ago(age + 5*time.Minute), StopTime: *ago(age), DatabaseBytes: 10 * gb, RepoBytes: bytes,
	}
}

func listedBackup(backupType string, age time.Duration, bytes int64) stanzaflowv1alpha1.ListedBackup {
	b := backup("", backupType, age, bytes)
	return stanzaflowv1alpha1.ListedBackup{
		Label: b.Label + b.StopTime.Format("150405"), Type: b.Type, StartTime: b.StartTime, StopTime: b.StopTime, DatabaseBytes: b.DatabaseBytes, RepoBytes: b.RepoBytes,
	}
}

func run(result stanzaflowv1alpha1.RunResult, age time.Duration) *stanzaflowv1alpha1.RunStatus {
	r := &stanzaflowv1alpha1.RunStatus{Workflow: "run-" + string(result), Result: result, StartTime: ago(age + 6*time.Minute), Message: "a sentence"}
	if result != stanzaflowv1alpha1.RunRunning {
		r.FinishTime = ago(age)
	}
	return r
}

func schedule(repo, backupType string, next time.Duration, last *stanzaflowv1alpha1.RunStatus, edits ...func(*stanzaflowv1alpha1.ScheduleStatus)) func(*stanzaflowv1alpha1.StanzaStatus) {
	return func(s *stanzaflowv1alpha1.StanzaStatus) {
		entry := stanzaflowv1alpha1.ScheduleStatus{
			CronWorkflow: "pgbackrest-" + repo + "-" + backupType, Repo: repo, Type: backupType, NextRunTime: ago(-next), LastRun: last,
		}
		for _, edit := range edits {
			edit(&entry)
		}
		s.Schedules = append(s.Schedules, entry)
	}
}

var (
	overdue = func(s *stanzaflowv1alpha1.ScheduleStatus) { s.Overdue = true }
	held    = func(s *stanzaflowv1alpha1.ScheduleStatus) { s.Held, s.NextRunTime = "suspended", nil }
	delayed = func(s *stanzaflowv1alpha1.ScheduleStatus) { s.Delayed = "run b waits for run a" }
)

// healthy is a cluster about which nobody need do anything.
func healthy(namespace, name string) stanzaflowv1alpha1.Stanza {
	return stanza(namespace, name,
		is([3]string{"Ready", "True", "Ready"}, [3]string{"Accepted", "True", "Accepted"}, [3]string{"Programmed", "True", "Programmed"},
			[3]string{"BackupHealthy", "True", "Succeeded"}, [3]string{"Archiving", "True", "Archiving"}, [3]string{"Recoverable", "True", "Recoverable"}),
		schedule("repo1", "full", 6*24*time.Hour, run(stanzaflowv1alpha1.RunSucceeded, 31*time.Hour)),
		schedule("repo1", "incr", 20*time.Minute, run(stanzaflowv1alpha1.RunSucceeded, 10*time.Minute)),
		func(s *stanzaflowv1alpha1.StanzaStatus) {
			s.LastBackup = backup("repo1", "incr", 11*time.Minute, 20*mb)
			s.Repos = []stanzaflowv1alpha1.RepoStatus{{
				Name: "repo1", Storage: "s3", Cipher: "aes-256-cbc", Backups: 40, Fulls: 2, OldestBackupTime: ago(8 * 24 * time.Hour), LastBackup: s.LastBackup,
				Newest: []stanzaflowv1alpha1.ListedBackup{
					listedBackup("incr", 11*time.Minute, 20*mb), listedBackup("incr", 41*time.Minute, 30*mb), listedBackup("full", 31*time.Hour, 3*gb),
				},
				Restorable: &stanzaflowv1alpha1.RestorableStatus{
					Newest: metav1.NewMicroTime(now.Add(-2*time.Minute + 204981*time.Microsecond)), Heartbeat: true, Timeline: 1, LSN: "0/43000148", ObservedTime: *ago(time.Minute),
				},
			}}
			s.Schedules[0].LastBackup, s.Schedules[1].LastBackup = backup("repo1", "full", 31*time.Hour, 3*gb), s.LastBackup
			s.Archive = &stanzaflowv1alpha1.ArchiveStatus{
				ObservedTime: *ago(time.Hour), Timeline: 1, LastArchivedTime: ago(90 * time.Second), LastArchivedWAL: "000000010000000000000042",
				BehindBytes: 4 * mb, WALBytes: 512 * mb, FreeBytes: 40 * gb, VolumeBytes: 50 * gb,
			}
			s.Recoverable = &stanzaflowv1alpha1.RecoverableStatus{
				Oldest: ago(8 * 24 * time.Hour), Newest: ago(2 * time.Minute), RPO: &metav1.Duration{Duration: 30 * time.Minute},
			}
		})
}

// drilled is a cluster with drills: one is good, one has found that data are missing, one
// was never run.
func drilled() stanzaflowv1alpha1.Stanza {
	s := stanza("shop", "payments", is([3]string{"Ready", "False", "NewestUnreachable"}, [3]string{"Recoverable", "False", "NewestUnreachable"}),
		func(s *stanzaflowv1alpha1.StanzaStatus) {
			good := stanzaflowv1alpha1.DrillRun{Workflow: "drill-1", Result: stanzaflowv1alpha1.RunSucceeded, StartTime: ago(5 * time.Hour), FinishTime: ago(4 * time.Hour)}
			missing := stanzaflowv1alpha1.DrillRun{Workflow: "drill-2", Result: stanzaflowv1alpha1.RunFailed, DataMissing: true, StartTime: ago(2 * time.Hour), FinishTime: ago(time.Hour)}
			s.Drills = []stanzaflowv1alpha1.DrillStatus{
				{Name: "newest", LastRun: &good, Runs: []stanzaflowv1alpha1.DrillRun{good}, LastProven: &stanzaflowv1alpha1.ProvenDrill{
					Workflow: "drill-1", FinishTime: *ago(4 * time.Hour), Backup: "20261129-full", Repo: "repo1", Target: "Newest",
					Phases: stanzaflowv1alpha1.DrillPhases{
						Provision: metav1.Duration{Duration: 21 * time.Second}, Restore: metav1.Duration{Duration: 171 * time.Second},
						Replay: metav1.Duration{Duration: 48 * time.Second}, FirstQuery: metav1.Duration{Duration: time.Second}, Checks: metav1.Duration{Duration: 5 * time.Minute},
					},
				}},
				{Name: "anytime", LastRun: &missing, Runs: []stanzaflowv1alpha1.DrillRun{missing}},
				{Name: "later", Overdue: true},
			}
			s.Recovery = &stanzaflowv1alpha1.RecoveryStatus{
				LastProvenTime: *ago(4 * time.Hour), RTO: metav1.Duration{Duration: 220 * time.Second}, RPO: &metav1.Duration{Duration: 58 * time.Second}, Drill: "newest", Workflow: "drill-1",
			}
		})
	s.Spec.Objectives.RTO = &metav1.Duration{Duration: time.Hour}
	return s
}

// fixedState has clusters in several states, and what passes have said of them.
func fixedState() (stanzas, map[string]Pass) {
	state := stanzas{healthy("shop", "orders"), archivingFails(), twoRepos(), blind(), neverRun(), heldByCPO(), unwatched(), drilled()}
	passes := map[string]Pass{}
	for _, s := range state {
		pass := Pass{Watched: now.Add(-time.Minute), WatchInterval: 5 * time.Minute, WatchMaxAge: 16 * time.Minute, Runway: 24 * time.Hour}
		for _, entry := range s.Status.Schedules {
			pass.Schedules = append(pass.Schedules, Schedule{Repo: entry.Repo, Type: entry.Type})
		}
		passes[s.Namespace+"/"+s.Name] = pass
	}
	edit := func(name string, change func(*Pass)) { p := passes[name]; change(&p); passes[name] = p }
	steps := map[string]time.Duration{"precheck": 3 * time.Second, "backup": 4 * time.Minute, "expire": 2 * time.Second, "verify": 20 * time.Second}
	incr := Schedule{Repo: "repo1", Type: "incr"}
	edit("shop/orders", func(p *Pass) {
		p.Ended = []Run{
			{Schedule: incr, Result: stanzaflowv1alpha1.RunSucceeded, Steps: steps},
			{Schedule: incr, Result: stanzaflowv1alpha1.RunFailed, Step: "backup", Cause: "archive-timeout", Steps: map[string]time.Duration{"precheck": 3 * time.Second, "backup": 10 * time.Minute}},
		}
	})
	edit("crm/legacy", func(p *Pass) {
		p.Ended = []Run{{Schedule: Schedule{Repo: "repo1", Type: "full"}, Result: stanzaflowv1alpha1.RunHeld, Step: "precheck", Cause: CauseHeld}}
	})
	edit("hr/payroll", func(p *Pass) { p.Watched = time.Time{} })
	edit("crm/new", func(p *Pass) { p.Watched = time.Time{} })
	edit("shop/stock", func(p *Pass) { p.Waiting = 1 })
	edit("lab/scratch", func(p *Pass) { p.Watched, p.WatchInterval, p.WatchMaxAge, p.Runway = time.Time{}, 0, 0, 0 })
	return state, passes
}

// archivingFails is a cluster on a volume whose repo is full.
func archivingFails() stanzaflowv1alpha1.Stanza {
	s := healthy("shop", "billing")
	status := &s.Status
	status.Conditions = nil
	is([3]string{"Ready", "False", "ArchivingFailed"}, [3]string{"Accepted", "True", "Accepted"}, [3]string{"Programmed", "True", "Programmed"},
		[3]string{"BackupHealthy", "False", "LastRunFailed"}, [3]string{"Archiving", "False", "ArchivingFailed"}, [3]string{"Recoverable", "False", "RPOExceeded"})(status)
	status.Schedules[1].LastRun, status.Schedules[1].Overdue = run(stanzaflowv1alpha1.RunFailed, 25*time.Minute), true
	status.Repos[0].Storage, status.Repos[0].FreeBytes, status.Repos[0].VolumeBytes = "pvc", new(200*mb), 20*gb
	status.Archive.FailingSince, status.Archive.FailedWAL = ago(2*time.Hour), "000000010000000000000043"
	status.Archive.WaitingSegments, status.Archive.BehindBytes = 400, 400*16*mb
	status.Archive.WALBytes, status.Archive.FreeBytes, status.Archive.FullTime = 7*gb, 2*gb, ago(-40*time.Minute)
	status.Recoverable.Newest, status.Recoverable.AtRiskSince = ago(2*time.Hour), ago(2*time.Hour)
	status.Certificate = &stanzaflowv1alpha1.CertificateStatus{NotAfter: *ago(-60 * 24 * time.Hour), RenewalTime: ago(-30 * 24 * time.Hour)}
	return s
}

// twoRepos is running a backup, waits with another, and could not expire.
func twoRepos() stanzaflowv1alpha1.Stanza {
	retentionFailed := run(stanzaflowv1alpha1.RunSucceeded, 30*time.Hour)
	retentionFailed.Retention = vocab.RetentionFailed
	running := run(stanzaflowv1alpha1.RunRunning, time.Hour)
	return stanza("shop", "stock",
		is([3]string{"Ready", "False", "RetentionFailed"}, [3]string{"BackupHealthy", "False", "RetentionFailed"}, [3]string{"Archiving", "True", "Archiving"}, [3]string{"Recoverable", "True", "Recoverable"}),
		schedule("repo1", "full", 24*time.Hour, running, func(e *stanzaflowv1alpha1.ScheduleStatus) { e.PreviousRun = retentionFailed }),
		schedule("repo2", "diff", 12*time.Hour, run(stanzaflowv1alpha1.RunUnknown, 13*time.Hour), delayed),
		func(s *stanzaflowv1alpha1.StanzaStatus) {
			last := *running
			last.Progress = "45%"
			s.LastRun, s.LastBackup = &last, backup("repo1", "full", 30*time.Hour, 3*gb)
			s.Repos = []stanzaflowv1alpha1.RepoStatus{
				{Name: "repo1", Storage: "pvc", Cipher: "none", Backups: 1, Fulls: 1, OldestBackupTime: ago(30 * time.Hour), LastBackup: s.LastBackup, FreeBytes: new(12 * gb), VolumeBytes: 20 * gb},
				{Name: "repo2", Storage: "s3", Message: "missing stanza path"},
			}
			s.Archive = &stanzaflowv1alpha1.ArchiveStatus{ObservedTime: *ago(time.Minute), Timeline: 1, LastArchivedTime: ago(time.Minute), LastArchivedWAL: "000000010000000000000007"}
			s.Recoverable = &stanzaflowv1alpha1.RecoverableStatus{Oldest: ago(30 * time.Hour), Newest: ago(3 * time.Minute), AtRiskSince: ago(3 * time.Minute), RPO: &metav1.Duration{Duration: time.Hour}}
		})
}

// blind has been without a report of a watch for hours.
func blind() stanzaflowv1alpha1.Stanza {
	s := healthy("hr", "payroll")
	s.Status.Conditions = nil
	is([3]string{"Ready", "Unknown", "Blind"}, [3]string{"BackupHealthy", "True", "Succeeded"}, [3]string{"Archiving", "Unknown", "Blind"}, [3]string{"Recoverable", "Unknown", "Blind"})(&s.Status)
	s.Status.Archive.ObservedTime, s.Status.Archive.BlindTime = *ago(3 * time.Hour), ago(3*time.Hour-16*time.Minute)
	return s
}

func neverRun() stanzaflowv1alpha1.Stanza {
	return stanza("crm", "new",
		is([3]string{"Ready", "Unknown", "NoBackupYet"}, [3]string{"BackupHealthy", "Unknown", "NoBackupYet"}, [3]string{"Archiving", "Unknown", "NotObservedYet"}, [3]string{"Recoverable", "Unknown", "NotObservedYet"}),
		schedule("repo1", "full", time.Hour, nil),
		func(s *stanzaflowv1alpha1.StanzaStatus) {
			s.Repos = []stanzaflowv1alpha1.RepoStatus{{Name: "repo1", Storage: "gcs"}}
		})
}

// heldByCPO is suspended, and nobody has renewed the certificate of its repo host.
func heldByCPO() stanzaflowv1alpha1.Stanza {
	return stanza("crm", "legacy",
		is([3]string{"Ready", "False", "WorkflowTemplateMissing"}, [3]string{"Programmed", "False", "WorkflowTemplateMissing"}, [3]string{"BackupHealthy", "False", "Held"}, [3]string{"Archiving", "True", "Archiving"},
			[3]string{"Recoverable", "False", "NoBackup"}, [3]string{"Suspended", "True", "SuspendedByUser"}),
		schedule("repo1", "full", time.Hour, run(stanzaflowv1alpha1.RunHeld, 9*time.Hour), overdue, held),
		func(s *stanzaflowv1alpha1.StanzaStatus) {
			s.Archive = &stanzaflowv1alpha1.ArchiveStatus{ObservedTime: *ago(time.Minute), Message: "the primary does not answer"}
			s.Recoverable = &stanzaflowv1alpha1.RecoverableStatus{RPO: &metav1.Duration{Duration: 24 * time.Hour}}
			s.Certificate = &stanzaflowv1alpha1.CertificateStatus{NotAfter: *ago(-20 * 24 * time.Hour)}
		})
}

// unwatched belongs to an operator without a watch.
func unwatched() stanzaflowv1alpha1.Stanza {
	return stanza("lab", "scratch",
		is([3]string{"Ready", "True", "Ready"}, [3]string{"BackupHealthy", "True", "Succeeded"}),
		schedule("repo1", "incr", time.Hour, run(stanzaflowv1alpha1.RunSucceeded, time.Hour)),
		func(s *stanzaflowv1alpha1.StanzaStatus) {
			s.Schedules[0].LastBackup = backup("repo1", "full", time.Hour, 3*gb)
		})
}

func keyOf(s *stanzaflowv1alpha1.Stanza) types.NamespacedName { return client.ObjectKeyFromObject(s) }
