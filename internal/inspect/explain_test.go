// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/goldentest"
	"github.com/stanzaflow/stanzaflow/internal/inspect/printer"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

const (
	isFalse   = metav1.ConditionFalse
	isUnknown = metav1.ConditionUnknown
	isTrue    = metav1.ConditionTrue
)

// failing is a schedule whose last run has failed.
func failing(f *Facts) {
	const message = "pgbackrest backup failed: [082] archive-timeout: WAL segment 00000001000000A200000031 was not archived before the 60000ms timeout; WAL does not get into the archive; look at the PostgreSQL log, at pg_stat_archiver and at every repository"
	entry := &f.Stanza.Status.Schedules[0]
	entry.LastRun = runStatus(fullRun, "full", stanzaflowv1alpha1.RunFailed, at(2, 30), at(2, 51))
	entry.LastRun.Message, entry.LastBackup = message, backupStatus("20261128-023011F", "full", "gone", day(28, 2, 42))
	f.Workflows[1] = run(fullRun, "full", wfv1.WorkflowFailed, at(2, 30), at(2, 51), func(r *report.Report) {
		r.Result, r.Step, r.Code, r.Message = stanzaflowv1alpha1.RunFailed, "backup", 82, message
		r.Steps = []report.Step{{Name: "precheck", Attempts: 1}, {Name: "backup", Start: at(2, 31).Time, Attempts: 6, Seconds: 1190}}
	})
	condition(vocab.ConditionBackupHealthy, isFalse, vocab.ReasonLastRunFailed, "Last full backup of repo1 failed: "+message)(f)
}

// neverRun is a database without a backup, and before its first watch.
func neverRun(f *Facts) {
	s := &f.Stanza.Status
	s.LastBackup, s.LastRun, s.Recoverable, s.Archive = nil, nil, nil, nil
	s.Repos = []stanzaflowv1alpha1.RepoStatus{{Name: "repo1", Storage: "s3", Location: "s3://backups/orders"}}
	for i := range s.Schedules {
		s.Schedules[i].LastRun, s.Schedules[i].LastBackup, s.Schedules[i].Runs = nil, nil, nil
	}
	f.Workflows, f.Watches = nil, nil
}

// fullOverdue has the full of this morning missing.
func fullOverdue(f *Facts) {
	entry := &f.Stanza.Status.Schedules[0]
	entry.Overdue = true
	entry.LastRun = runStatus("pgbackrest-orders-repo1-full-1795833000", "full", stanzaflowv1alpha1.RunSucceeded, day(28, 2, 30), day(28, 2, 42))
	f.CronWorkflows[fullCron] = cron(fullCron, day(28, 2, 30))
}

// drilledCluster has a drill that has ended in some way, after a good one.
func drilledCluster(result stanzaflowv1alpha1.RunResult, message string, missing, overdue bool) func(*Facts) {
	return func(f *Facts) {
		last := stanzaflowv1alpha1.DrillRun{Workflow: "pgbackrest-orders-drill-newest-2", Trigger: vocab.TriggerSchedule, Result: result, Message: message, DataMissing: missing, StartTime: at(5, 0), FinishTime: at(5, 10)}
		f.Stanza.Spec.Drills = []stanzaflowv1alpha1.Drill{{Name: "newest", Schedule: "0 5 * * 0"}}
		f.Stanza.Spec.Objectives.RTO = &metav1.Duration{Duration: time.Hour}
		f.Stanza.Status.Recovery = &stanzaflowv1alpha1.RecoveryStatus{LastProvenTime: *day(22, 5, 10), RTO: metav1.Duration{Duration: 220 * time.Second}, Drill: "newest", Workflow: "pgbackrest-orders-drill-newest-1"}
		f.Stanza.Status.Drills = []stanzaflowv1alpha1.DrillStatus{{
			Name: "newest", CronWorkflow: "pgbackrest-orders-drill-newest", Overdue: overdue, LastRun: &last, Runs: []stanzaflowv1alpha1.DrillRun{last},
		}}
	}
}

// situations are what a person may find.
var situations = map[string][]func(*Facts){
	"healthy": nil,
	"drill-good": {
		drilledCluster(stanzaflowv1alpha1.RunSucceeded, "", false, false),
		condition(vocab.ConditionRecoverable, isTrue, vocab.ReasonProven, "Every drill that was due has restored what must be in the archive; the newest good one ended at 2026-11-29T05:10:00Z"),
	},
	"drill-data-missing": {
		drilledCluster(stanzaflowv1alpha1.RunFailed, "recovery ended at 05:00:04 (0/9D4C190), the archive must reach 05:12:11", true, false),
		condition(vocab.ConditionRecoverable, isFalse, vocab.ReasonNewestUnreachable, "A restore has not found what must be in the archive, so commits would be lost with the primary; run a full backup now, then a drill to Newest; drill newest in repo1: recovery ended at 05:00:04 (0/9D4C190), the archive must reach 05:12:11"),
		func(f *Facts) {
			f.Stanza.Status.DrilledRepos = []stanzaflowv1alpha1.DrilledRepo{
				{Repo: "repo1", Missing: &stanzaflowv1alpha1.MissingData{Drill: "newest", Workflow: "pgbackrest-orders-drill-newest-2", Target: "Newest", FinishTime: at(5, 10)}},
				{Repo: "repo2", NewestProvenTime: at(4, 0)},
			}
		},
	},
	"drill-overdue": {
		drilledCluster(stanzaflowv1alpha1.RunSucceeded, "", false, true),
		condition(vocab.ConditionRecoverable, isFalse, vocab.ReasonDrillOverdue, "Drill newest was due, and none has succeeded since"),
	},
	"never-run": {
		func(f *Facts) {
			neverRun(f)
			f.Stanza.Status.Triggers = []stanzaflowv1alpha1.TriggerStatus{{Name: "initial-repo1", Message: "waits for the primary: no pod is ready"}}
		},
		condition(vocab.ConditionBackupHealthy, isUnknown, vocab.ReasonNoBackupYet, "Repo1 has no proven backup yet: it waits for the primary; until a run has created the pgBackRest stanza, PostgreSQL cannot archive and keeps its WAL"),
		condition(vocab.ConditionArchiving, isUnknown, vocab.ReasonNotObservedYet, "No watch has reported on the cluster yet"),
		condition(vocab.ConditionRecoverable, isUnknown, vocab.ReasonNotObservedYet, "No watch has reported on the cluster yet"),
	},
	"stanza-only": {
		func(f *Facts) {
			neverRun(f)
			f.Stanza.Status.Triggers = []stanzaflowv1alpha1.TriggerStatus{{Name: "initial-repo1", Workflow: "pgbackrest-orders-initial-repo1-1"}}
			made := run("pgbackrest-orders-initial-repo1-1", "", wfv1.WorkflowSucceeded, at(14, 0), at(14, 1), func(r *report.Report) {
				r.Kind, r.Step, r.Backup, r.Stanza = vocab.RunStanza, "precheck", nil, &report.Stanza{}
			})
			made.Labels[vocab.LabelKind] = string(vocab.RunStanza)
			f.Workflows = []*wfv1.Workflow{made}
		},
		condition(vocab.ConditionBackupHealthy, isUnknown, vocab.ReasonNoBackupYet, "Repo1 has no proven backup yet; the first run of its schedule will prove one"),
	},
	"overdue": {
		fullOverdue,
		condition(vocab.ConditionBackupHealthy, isFalse, vocab.ReasonOverdue, "Full backup of repo1 was due and did not run; check CronWorkflow pgbackrest-orders-repo1-full and Argo's workflow controller"),
	},
	"overdue-starts": {
		func(f *Facts) {
			fullOverdue(f)
			f.Stanza.Status.Triggers = []stanzaflowv1alpha1.TriggerStatus{{
				Name: "overdue-repo1", Pending: &stanzaflowv1alpha1.TriggerPending{Causes: []string{"full backup is overdue"}}, Message: "waits for the primary: pod orders-0 is not ready",
			}}
		},
		condition(vocab.ConditionBackupHealthy, isFalse, vocab.ReasonOverdue, "Full backup of repo1 was due and did not run; check CronWorkflow pgbackrest-orders-repo1-full and Argo's workflow controller"),
	},
	"failing": {failing},
	"held": {
		func(f *Facts) {
			entry := &f.Stanza.Status.Schedules[0]
			entry.LastRun = runStatus(fullRun, "full", stanzaflowv1alpha1.RunHeld, at(2, 30), at(2, 31))
			entry.LastRun.Message = "the gate is false: postgres.databaseBytes < lastFull.databaseBytes * 10"
			entry.Held = "the last run was held: " + entry.LastRun.Message
			f.Workflows[1] = run(fullRun, "full", wfv1.WorkflowFailed, at(2, 30), at(2, 31), func(r *report.Report) {
				r.Result, r.Step, r.Message = stanzaflowv1alpha1.RunHeld, "precheck", entry.LastRun.Message
			})
		},
		condition(vocab.ConditionBackupHealthy, isFalse, vocab.ReasonHeld, "Last full backup of repo1 was held: the gate is false: postgres.databaseBytes < lastFull.databaseBytes * 10"),
	},
	"suspended-in-argo": {
		func(f *Facts) {
			entry := &f.Stanza.Status.Schedules[1]
			entry.Overdue, entry.NextRunTime = true, nil
			entry.LastRun = runStatus("pgbackrest-orders-repo1-incr-1795957200", "incr", stanzaflowv1alpha1.RunSucceeded, at(13, 30), at(13, 31))
			f.CronWorkflows[incrCron] = cron(incrCron, at(13, 30))
			f.CronWorkflows[incrCron].Spec.Suspend = true
		},
		condition(vocab.ConditionBackupHealthy, isFalse, vocab.ReasonOverdue, "Incr backup of repo1 was due and did not run; check CronWorkflow pgbackrest-orders-repo1-incr and Argo's workflow controller"),
	},
	"archiving-stalled": {
		func(f *Facts) {
			a := f.Stanza.Status.Archive
			a.LastArchivedTime, a.FailingSince, a.WaitingSegments, a.BehindBytes = at(14, 40), at(14, 42), 12, 200<<20
			f.Stanza.Status.Recoverable.Newest, f.Stanza.Status.Recoverable.AtRiskSince = at(14, 40), at(14, 40)
		},
		condition(vocab.ConditionArchiving, isFalse, vocab.ReasonArchivingStalled, "WAL segments wait, none is archived and no attempt fails: archive_command hangs or the archiver is not running"),
		condition(vocab.ConditionRecoverable, isFalse, vocab.ReasonRPOExceeded, "More commits are in no repo than the objective allows"),
	},
	"runway-short": {
		func(f *Facts) {
			a := f.Stanza.Status.Archive
			a.LastArchivedTime, a.FailingSince, a.FailedWAL, a.WaitingSegments = at(9, 12), at(9, 13), "00000001000000A100000009", 2100
			a.WALBytes, a.FreeBytes, a.BehindBytes, a.FullTime = 33<<30, 4<<30, 33<<30, at(16, 40)
			f.Stanza.Status.Recoverable.Newest, f.Stanza.Status.Recoverable.AtRiskSince = at(9, 12), at(9, 12)
		},
		condition(vocab.ConditionArchiving, isFalse, vocab.ReasonRunwayShort, "Archiving fails, and pg_wal fills its volume soon; then PostgreSQL stops"),
		condition(vocab.ConditionRecoverable, isFalse, vocab.ReasonRPOExceeded, "More commits are in no repo than the objective allows"),
	},
	"retention-failing": {
		func(f *Facts) {
			entry := &f.Stanza.Status.Schedules[0]
			entry.LastRun.Retention = vocab.RetentionFailed
			entry.LastRun.Message = "The backup is good, but expire failed: [055] file-missing: unable to open missing file"
			f.Workflows[1] = run(fullRun, "full", wfv1.WorkflowSucceeded, at(2, 30), at(2, 42), func(r *report.Report) {
				r.Retention = &report.Retention{Failed: true, Code: 55, Message: "[055] file-missing: unable to open missing file"}
			})
		},
		condition(vocab.ConditionBackupHealthy, isFalse, vocab.ReasonRetentionFailed, "Last full backup of repo1: The backup is good, but expire failed: [055] file-missing: unable to open missing file"),
	},
	"template-missing": {
		func(f *Facts) { f.Template = Missing },
		condition(vocab.ConditionProgrammed, isFalse, vocab.ReasonWorkflowTemplateMissing, "There is no WorkflowTemplate pgbackrest-backup in namespace shop; install it with kubectl apply -k workflows/ -n shop"),
	},
	"certificate-expires": {
		func(f *Facts) {
			f.Stanza.Status.Certificate = &stanzaflowv1alpha1.CertificateStatus{NotAfter: metav1.NewTime(now.AddDate(0, 0, 12))}
		},
		condition(vocab.ConditionProgrammed, isTrue, vocab.ReasonCertificateExpires, "The certificate of the repo host expires on 2026-12-11, and CPO does not renew it, so that archiving and backups stop; delete Secret orders-pgbackrest-cert in namespace shop while CPO runs, and when CPO has made it again, restart the pods of the cluster and its repo host"),
	},
	"watch-blind": {
		func(f *Facts) {
			f.Stanza.Status.Archive.BlindTime = at(15, 12)
			f.CronWorkflows[vocab.WatchTemplate] = cron(vocab.WatchTemplate, at(15, 12))
			f.WatchTemplate, f.Watches = Missing, nil
		},
		condition(vocab.ConditionArchiving, isUnknown, vocab.ReasonBlind, "No watch has reported on the cluster for three intervals"),
		condition(vocab.ConditionRecoverable, isUnknown, vocab.ReasonBlind, "No watch has reported on the cluster for three intervals"),
	},
	// Beyond the twelve.
	"suspended-in-argo-held": {
		func(f *Facts) {
			entry := &f.Stanza.Status.Schedules[1]
			entry.Held, entry.NextRunTime = "suspended by hand in Argo: CronWorkflow pgbackrest-orders-repo1-incr, which the operator could not resume", nil
			f.CronWorkflows[incrCron].Spec.Suspend = true
		},
		condition(vocab.ConditionBackupHealthy, isFalse, vocab.ReasonHeld, "No schedule can make a backup: suspended by hand in Argo: CronWorkflow pgbackrest-orders-repo1-incr, which the operator could not resume"),
	},
	"repos-not-seen": {
		func(f *Facts) {
			f.Watches[0] = watch(at(15, 47), report.Sample{Time: now, Message: "pgbackrest info does not answer: [049] host-connect"})
		},
		condition(vocab.ConditionRecoverable, isUnknown, vocab.ReasonBlind, "The last three watches could not list the backups of any repo"),
	},
	"standby": {
		func(f *Facts) {
			f.Stanza.Status.Schedules[0].Held = "spec.standby is set: a standby cluster has no primary; back up the cluster that it follows"
		},
		condition(vocab.ConditionBackupHealthy, isFalse, vocab.ReasonHeld, "No schedule can make a backup: spec.standby is set: a standby cluster has no primary; back up the cluster that it follows"),
		condition(vocab.ConditionArchiving, isUnknown, vocab.ReasonHeld, "The watch does not ask the cluster: spec.standby is set"),
		condition(vocab.ConditionRecoverable, isUnknown, vocab.ReasonHeld, "The watch does not ask the cluster: spec.standby is set"),
	},
	"field-refused": {
		condition(vocab.ConditionAccepted, isFalse, vocab.ReasonInvalidSchedule, "Postgresql field spec.backup.pgbackrest.repos[0].schedule.full is not a cron expression: it has six fields; stanza field spec.gate does not compile: unknown name lastFul; CronWorkflow pgbackrest-orders-repo1-full keeps its last good schedule 30 2 * * *"),
	},
	"suspended": {
		func(f *Facts) {
			f.Stanza.Spec.Suspend = true
			for i := range f.Stanza.Status.Schedules {
				f.Stanza.Status.Schedules[i].Held, f.Stanza.Status.Schedules[i].NextRunTime = "suspended by spec.suspend of the Stanza", nil
			}
			f.CronWorkflows[fullCron].Spec.Suspend, f.CronWorkflows[incrCron].Spec.Suspend = true, true
			f.Stanza.Status.NextRunTime = nil
		},
		condition(vocab.ConditionBackupHealthy, isFalse, vocab.ReasonHeld, "No schedule can make a backup: suspended by spec.suspend of the Stanza"),
		condition(vocab.ConditionSuspended, isTrue, vocab.ReasonSuspendedByUser, "The Stanza sets spec.suspend, so no schedule starts a run"),
	},
	"not-readable": {
		failing,
		func(f *Facts) {
			f.Postgresql, f.Template, f.WatchTemplate, f.CronWorkflows, f.Workflows, f.Watches = nil, "", "", nil, nil, nil
			f.Unknown = []string{
				"you may not get postgresqls.cpo.opensource.cybertec.at in namespace shop", "you may not get workflowtemplates.argoproj.io in namespace shop",
				"you may not list cronworkflows.argoproj.io in namespace shop", "you may not list workflows.argoproj.io in namespace shop",
			}
		},
	},
	"operator-down": {
		func(f *Facts) { f.Stanza.Status = stanzaflowv1alpha1.StanzaStatus{} },
	},
	"backup-removed": {
		func(f *Facts) {
			f.Stanza.Status.Repos[0].Backups, f.Stanza.Status.Repos[0].Fulls, f.Stanza.Status.Repos[0].Newest = 0, 0, nil
			f.Stanza.Status.Recoverable = &stanzaflowv1alpha1.RecoverableStatus{RPO: &metav1.Duration{Duration: 30 * time.Minute}}
		},
		condition(vocab.ConditionRecoverable, isFalse, vocab.ReasonBackupRemoved, "Repo1 does not list the proven backup any more: somebody has removed it"),
	},
}

// TestExplain shows for each situation what status and explain print.
func TestExplain(t *testing.T) {
	t.Parallel()
	for name, change := range situations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := world(t, change...)
			var out strings.Builder
			p := printer.Printer{Out: &out}
			out.WriteString("$ kubectl stanzaflow status orders -n shop\n")
			if err := p.Print(StatusTable([]Status{StatusOf(f.Stanza, now)}, false, false, now)); err != nil {
				t.Fatal(err)
			}
			out.WriteString("\n$ kubectl stanzaflow explain orders -n shop\n")
			PrintExplanation(p, Explain(f))
			goldentest.Check(t, filepath.Join("testdata", name+".golden"), out.String())
		})
	}
	files, err := filepath.Glob("testdata/*.golden")
	if err != nil || len(files) != len(situations) {
		t.Errorf("%d golden files for %d situations, error %v", len(files), len(situations), err)
	}
}

// TestExplainIsReadyOnlyWithoutFindings: nothing that is wrong reads as fine.
func TestExplainIsReadyOnlyWithoutFindings(t *testing.T) {
	t.Parallel()
	for name, change := range situations {
		e := Explain(world(t, change...))
		if fine := strings.HasSuffix(e.headline(), "fine"); fine != (name == "healthy" || name == "drill-good") {
			t.Errorf("%s: %s", name, e.headline())
		}
		if name != "healthy" && name != "drill-good" && (len(e.Findings) == 0 || len(e.Next) == 0) {
			t.Errorf("%s: %d findings, %d commands", name, len(e.Findings), len(e.Next))
		}
	}
}

// TestPagesExist: every link of an explanation leads to a page and a heading of it.
func TestPagesExist(t *testing.T) {
	t.Parallel()
	pages := map[string]bool{pageConditions: true, pageAccepted: true, pageProgrammed: true, pageHealthy: true, pageOverdue: true, pageHeld: true, pageEnded: true, pageNoMessage: true}
	for _, page := range alertPages {
		pages[page] = true
	}
	for page := range pages {
		file, anchor, _ := strings.Cut(page, "#")
		text, err := os.ReadFile("../../" + file)
		if err != nil {
			t.Error(err)
			continue
		}
		found := anchor == ""
		for line := range strings.Lines(string(text)) {
			heading := strings.ToLower(strings.ReplaceAll(strings.TrimSpace(strings.TrimLeft(line, "#")), " ", "-"))
			found = found || strings.HasPrefix(line, "#") && heading == anchor
		}
		if !found {
			t.Errorf("%s has no heading #%s", file, anchor)
		}
	}
}
