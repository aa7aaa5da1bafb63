// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/archiving"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Watch is what is known of the watch of a cluster.
type Watch struct {
	Seen archiving.Seen
	// Interval between two watches.
	Interval time.Duration
	// Held says why no watch asks the cluster, empty if one does.
	Held string
	// Findings say why no watch can start.
	Findings []Finding
	// Wake is when to look at its WorkflowTemplate again, zero if never.
	Wake time.Time
}

// foldWatch adds what the watches have found to the status. Without a watch there is
// nothing of it in the status.
func foldWatch(before stanzaflowv1alpha1.StanzaStatus, after *stanzaflowv1alpha1.StanzaStatus, p Pass) archiving.Result {
	if p.Watch == nil {
		after.Repos = archiving.Unwatched(after.Repos)
		return archiving.Result{}
	}
	input := archiving.Input{Seen: p.Watch.Seen, Interval: p.Watch.Interval, Repos: after.Repos, Schedules: after.Schedules, LastRun: after.LastRun, Now: p.Now}
	if p.State.Stanza != nil {
		input.Objectives = p.State.Stanza.Spec.Objectives
	}
	result := archiving.Fold(BeforeWatch(before), input)
	after.Archive, after.Recoverable, after.Repos = result.Archive, result.Recoverable, result.Repos
	result.Wake = object.Earliest(result.Wake, p.Watch.Wake)
	return result
}

// BeforeWatch is what a status knows of the archiving of a cluster.
func BeforeWatch(status stanzaflowv1alpha1.StanzaStatus) archiving.Before {
	before := archiving.Before{Archive: status.Archive, Recoverable: status.Recoverable}
	if c := meta.FindStatusCondition(status.Conditions, vocab.ConditionArchiving); c != nil && c.Status == metav1.ConditionUnknown {
		before.Waiting = c.LastTransitionTime.Time
	}
	return before
}

// archivingWorks says whether the WAL of the cluster is archived.
func archivingWorks(p Pass, status stanzaflowv1alpha1.StanzaStatus, r archiving.Result) metav1.Condition {
	says := func(is metav1.ConditionStatus, reason vocab.Reason, texts ...string) metav1.Condition {
		return condition(vocab.ConditionArchiving, is, reason, append(texts, messages(p.Watch.Findings)...)...)
	}
	switch {
	case p.Watch.Held != "":
		return says(metav1.ConditionUnknown, vocab.ReasonHeld, heldWatch(p))
	case r.Blind:
		return says(metav1.ConditionUnknown, vocab.ReasonBlind, blindTexts(p)...)
	case !r.Observed:
		return says(metav1.ConditionUnknown, vocab.ReasonNotObservedYet, "no watch has reported on the cluster yet", p.Watch.Seen.Problem())
	case status.Archive.FailingSince == nil:
		return says(metav1.ConditionTrue, vocab.ReasonArchiving, "PostgreSQL archives its WAL")
	}
	reason, texts := failure(status, r)
	if r.RunwayShort {
		return says(metav1.ConditionFalse, vocab.ReasonRunwayShort, append([]string{
			fmt.Sprintf("the volume of pg_wal is full in less than %s, and PostgreSQL stops then", r.Runway),
		}, texts...)...)
	}
	return says(metav1.ConditionFalse, reason, texts...)
}

// failure says how archiving fails, and what the repos say.
func failure(status stanzaflowv1alpha1.StanzaStatus, r archiving.Result) (vocab.Reason, []string) {
	var texts []string
	for _, repo := range status.Repos {
		if repo.Message != "" {
			texts = append(texts, "pgbackrest info says of "+repo.Name+": "+repo.Message)
		}
	}
	switch {
	case r.Off:
		return vocab.ReasonArchivingFailed, append([]string{"PostgreSQL archives nothing: archive_mode is off, or archive_command does nothing"}, texts...)
	case status.Archive.FailedWAL == "":
		return vocab.ReasonArchivingStalled, append([]string{
			"WAL segments wait and none is archived, although no attempt has failed: archive_command hangs; look for pgbackrest archive-push in the processes and the log of the primary",
		}, texts...)
	}
	return vocab.ReasonArchivingFailed, append([]string{
		"PostgreSQL cannot archive its WAL and keeps it in pg_wal; what pgbackrest archive-push says of it is in the log of the primary",
	}, texts...)
}

// heldWatch says why the cluster is not asked.
func heldWatch(p Pass) string { return "no watch asks the cluster: " + p.Watch.Held }

// blindTexts say why no watch reports, as far as that is known.
func blindTexts(p Pass) []string {
	texts := []string{"no watch has reached the cluster for more than three intervals, so nobody knows whether its WAL is archived"}
	problem := p.Watch.Seen.Problem()
	if problem == "" && len(p.Watch.Findings) == 0 {
		problem = "check CronWorkflow " + vocab.WatchTemplate + " and Argo's workflow controller"
	}
	return append(texts, problem)
}

// recoverable says whether the cluster can be restored as its objective demands.
func recoverable(p Pass, status stanzaflowv1alpha1.StanzaStatus, r archiving.Result) metav1.Condition {
	says := func(is metav1.ConditionStatus, reason vocab.Reason, texts ...string) metav1.Condition {
		return condition(vocab.ConditionRecoverable, is, reason, texts...)
	}
	switch {
	case p.Watch.Held != "":
		return says(metav1.ConditionUnknown, vocab.ReasonHeld, heldWatch(p))
	case r.Blind:
		return says(metav1.ConditionUnknown, vocab.ReasonBlind, blindTexts(p)...)
	case !r.Observed || !r.Listed:
		return says(metav1.ConditionUnknown, vocab.ReasonNotObservedYet, "no watch has listed the backups yet", p.Watch.Seen.Problem())
	case r.ReposBlind:
		return says(metav1.ConditionUnknown, vocab.ReasonBlind,
			cmp.Or(p.Watch.Seen.Problem(), "the last watches could not list the backups of any repo"))
	case len(r.Removed) > 0:
		return says(metav1.ConditionFalse, vocab.ReasonBackupRemoved, fmt.Sprintf(
			"in %s the backup that a run has proven last is gone, and no newer one is there; find out who has removed it, and run a full backup", strings.Join(r.Removed, ", ")))
	case r.Empty:
		return says(metav1.ConditionFalse, vocab.ReasonNoBackup, "no repo has a backup, so nothing can be restored")
	case r.RPOExceeded:
		return says(metav1.ConditionFalse, vocab.ReasonRPOExceeded, fmt.Sprintf(
			"commits of more than %s would be lost with the primary: they are not in every repo; see the condition Archiving", status.Recoverable.RPO.Duration))
	}
	return says(metav1.ConditionTrue, vocab.ReasonRecoverable, "Every repo lists its proven backup, and the WAL since then is archived as the objective demands")
}
