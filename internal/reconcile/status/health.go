// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/schedule"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// backupHealthy sums up the schedules: the worst of them decides. A running run
// does not change what is known; the one before it still counts. The message
// lists what is overdue whatever the reason, and before texts that may be long.
func backupHealthy(p Pass, status stanzaflowv1alpha1.StanzaStatus) metav1.Condition {
	if !p.State.Managed() {
		return condition(vocab.ConditionBackupHealthy, metav1.ConditionUnknown, vocab.ReasonNotManaged,
			"The operator makes no backups: the Stanza sets spec.managed to false, or operator release has given the cluster back")
	}
	if len(status.Schedules) == 0 {
		return noSchedule(p)
	}
	texts, late, proven := map[vocab.Reason][]string{}, []string(nil), false
	for _, entry := range status.Schedules {
		name := backupName(entry.Type, entry.Repo)
		last := schedule.LastFinished(entry)
		if reason := verdict(last); reason == vocab.ReasonSucceeded {
			proven = true
		} else if reason != "" {
			texts[reason] = append(texts[reason], runText(reason, name, last.Message))
		}
		if cause := schedule.HeldByCluster(entry); cause != "" {
			texts[vocab.ReasonHeld] = append([]string{heldText(cause)}, texts[vocab.ReasonHeld]...)
		}
		if entry.Overdue {
			texts[vocab.ReasonOverdue] = append(texts[vocab.ReasonOverdue], overdueText(entry))
			late = append(late, entry.Type+" of "+entry.Repo)
		}
	}
	for _, reason := range []vocab.Reason{vocab.ReasonLastRunFailed, vocab.ReasonHeld, vocab.ReasonRetentionFailed} {
		if len(texts[reason]) == 0 {
			continue
		}
		worst := texts[reason]
		if len(late) > 0 {
			worst = append([]string{"overdue: " + strings.Join(late, ", ")}, worst...)
		}
		return condition(vocab.ConditionBackupHealthy, metav1.ConditionFalse, reason, worst...)
	}
	if len(late) > 0 {
		return condition(vocab.ConditionBackupHealthy, metav1.ConditionFalse, vocab.ReasonOverdue, texts[vocab.ReasonOverdue]...)
	}
	if missing := withoutBackup(p, status); len(missing) > 0 || !proven && len(status.Repos) == 0 {
		missing = append(missing, "until a run has created the pgBackRest stanza, PostgreSQL cannot archive and keeps its WAL")
		return condition(vocab.ConditionBackupHealthy, metav1.ConditionUnknown, vocab.ReasonNoBackupYet, missing...)
	}
	return condition(vocab.ConditionBackupHealthy, metav1.ConditionTrue, vocab.ReasonSucceeded, "The last run of every schedule that was due is proven")
}

// noSchedule is about a cluster without a schedule. One that asks for backups will
// get none.
func noSchedule(p Pass) metav1.Condition {
	if p.Plan.LeftToCPO {
		return condition(vocab.ConditionBackupHealthy, metav1.ConditionUnknown, vocab.ReasonNoSchedule,
			"No schedule of "+vocab.ManagedBy+" is in force: CPO manages the postgresql, and nothing proves its backups")
	}
	if asksForBackups(p) && p.State.Undecided == "" {
		return condition(vocab.ConditionBackupHealthy, metav1.ConditionFalse, vocab.ReasonNoSchedule,
			"no schedule is in force, so nothing makes a backup; add one to "+cpo.RepoField(0)+".schedule")
	}
	return condition(vocab.ConditionBackupHealthy, metav1.ConditionUnknown, vocab.ReasonNoSchedule, "No schedule is in force")
}

// asksForBackups reports whether a cluster has a repo, and could make a backup.
func asksForBackups(p Pass) bool {
	if p.State.Postgresql == nil {
		return false
	}
	cluster, _ := cpo.Decode(p.State.Postgresql.Object)
	return cluster.PgBackRest != nil && len(cluster.PgBackRest.Repos) > 0 && cluster.Operation.Held() == ""
}

// withoutBackup says of each repo without a proven backup, or without one of the
// version of PostgreSQL, what will make one.
func withoutBackup(p Pass, status stanzaflowv1alpha1.StanzaStatus) []string {
	var texts []string
	for _, repo := range status.Repos {
		why := p.Unproven[repo.Name]
		if why != "" {
			texts = append(texts, repo.Name+" "+why)
		}
		if why != "" || repo.LastBackup != nil {
			continue
		}
		scheduled := slices.ContainsFunc(status.Schedules, func(s stanzaflowv1alpha1.ScheduleStatus) bool { return s.Repo == repo.Name })
		text := repo.Name + " has no proven backup yet; "
		if scheduled {
			text += "the first run of its schedule will prove one"
		} else {
			text += "it has no schedule, so run a backup by hand"
		}
		texts = append(texts, text)
	}
	return texts
}

// verdict is the reason that the last finished run of a schedule stands for,
// empty without one.
func verdict(run *stanzaflowv1alpha1.RunStatus) vocab.Reason {
	switch {
	case run == nil:
		return ""
	case run.Result == stanzaflowv1alpha1.RunHeld:
		return vocab.ReasonHeld
	case run.Result != stanzaflowv1alpha1.RunSucceeded:
		return vocab.ReasonLastRunFailed
	case run.Retention == vocab.RetentionFailed:
		return vocab.ReasonRetentionFailed
	}
	return vocab.ReasonSucceeded
}

func runText(reason vocab.Reason, name, message string) string {
	if reason == vocab.ReasonHeld {
		return "last " + name + " was held: " + message
	}
	if reason == vocab.ReasonRetentionFailed {
		return "last " + name + ": " + message
	}
	return "last " + name + " failed: " + message
}

// heldText says what holds every schedule.
func heldText(cause string) string { return "no schedule can make a backup: " + cause }

// overdueText says that the schedule did not start, unless the last run or the
// cluster explains why there is no backup. The schedule of a run that has not ended is overdue
// only while that stands, or if it does not end.
func overdueText(entry stanzaflowv1alpha1.ScheduleStatus) string {
	name := backupName(entry.Type, entry.Repo)
	if last := entry.LastRun; last != nil && !outcome.Finished(last) {
		switch {
		case last.Message != "":
			return name + " was due, and its run " + last.Workflow + " has not ended: " + last.Message
		case outcome.IsCap(last.WaitsFor):
			return name + " was due, and its run waits for a slot of a cap: docs/fleet.md#caps"
		case last.WaitsFor != "":
			return name + " was due, and its run " + last.Workflow + " waits for " + last.WaitsFor
		}
		return name + " was due, and its run " + last.Workflow + " does not begin or does not end; check Argo's workflow controller"
	}
	if reason := verdict(schedule.LastFinished(entry)); entry.Held == "" && reason != vocab.ReasonLastRunFailed {
		return name + " was due and did not run; check CronWorkflow " + entry.CronWorkflow + " and Argo's workflow controller"
	}
	return name + " was due, and no backup has been proven since"
}

func backupName(backupType, repo string) string { return backupType + " backup of " + repo }
