// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// alertPages are the pages of the alerts, by the reasons for which they fire.
var alertPages = map[vocab.Reason]string{
	vocab.ReasonNewestUnreachable: "docs/runbooks/StanzaflowDataNotRecovered.md",
	vocab.ReasonDrillFailed:       "docs/runbooks/StanzaflowDrillFailed.md",
	vocab.ReasonDrillPending:      "docs/runbooks/StanzaflowDrillFailed.md",
	vocab.ReasonDrillOverdue:      "docs/runbooks/StanzaflowDrillOverdue.md",
	vocab.ReasonRTOExceeded:       "docs/runbooks/StanzaflowRTOExceeded.md",
	vocab.ReasonArchivingFailed:   "docs/runbooks/StanzaflowArchivingFailing.md",
	vocab.ReasonArchivingStalled:  "docs/runbooks/StanzaflowArchivingFailing.md",
	vocab.ReasonRunwayShort:       "docs/runbooks/StanzaflowRunwayShort.md",
	vocab.ReasonRPOExceeded:       "docs/runbooks/StanzaflowRPOExceeded.md",
	vocab.ReasonNoBackup:          "docs/runbooks/StanzaflowNotRecoverable.md",
	vocab.ReasonBackupRemoved:     "docs/runbooks/StanzaflowNotRecoverable.md",
	vocab.ReasonBlind:             "docs/runbooks/StanzaflowWatchBlind.md",
}

// pageOfReason is the page of an alert, or that of the conditions.
func pageOfReason(c *metav1.Condition) Link {
	return readMore(cmp.Or(alertPages[vocab.Reason(c.Reason)], pageConditions))
}

// explainArchiving is about WAL between the runs.
func explainArchiving(e *Explanation, f Facts) {
	c := conditionOf(f.Stanza, vocab.ConditionArchiving)
	switch {
	case c == nil:
		if conditionOf(f.Stanza, vocab.ConditionReady) != nil {
			e.Unknown = append(e.Unknown, "whether WAL arrives between the runs: no watch observes the cluster")
		}
		return
	case vocab.Reason(c.Reason) == vocab.ReasonNotObservedYet:
		e.Unknown = append(e.Unknown, "whether WAL arrives between the runs: no watch has reported yet")
		return
	case vocab.Reason(c.Reason) == vocab.ReasonHeld:
		e.Unknown = append(e.Unknown, "whether WAL arrives between the runs: "+lowerFirst(c.Message))
		return
	case vocab.Reason(c.Reason) == vocab.ReasonBlind:
		e.blind(f, c)
		return
	}
	c = notGood(f, vocab.ConditionArchiving)
	if c == nil {
		return
	}
	chain := append(archiveLinks(f), Link{"message", lowerFirst(c.Message)}, pageOfReason(c))
	e.add(findingOf(c, chain...), primary(f, `psql -c "select * from pg_stat_archiver"`), primary(f, "pgbackrest check --stanza="+vocab.PgBackRestStanza))
}

// blind is about what no watch reports.
func (e *Explanation) blind(f Facts, c *metav1.Condition) {
	e.add(findingOf(c, append(e.watchChain(f), Link{"message", lowerFirst(c.Message)}, pageOfReason(c))...))
}

// primary is a command in the primary of the cluster.
func primary(f Facts, command string) string {
	found := cpo.DefaultLabels()
	if c := f.Stanza.Status.Configuration; c != nil && c.Labels != nil {
		found = cpo.Labels{Cluster: c.Labels.Cluster, ClusterName: c.Labels.ClusterName, Role: c.Labels.Role}
	}
	selector := labels.Set(found.Primary(f.Cluster)).String()
	return fmt.Sprintf("kubectl -n %s exec $(kubectl -n %s get pod -l %s -o name) -c postgres -- %s", f.Namespace, f.Namespace, selector, command)
}

// archiveLinks are what the newest watch has found out.
func archiveLinks(f Facts) []Link {
	a := f.Stanza.Status.Archive
	if a == nil {
		return nil
	}
	var chain []Link
	if a.LastArchivedTime != nil {
		chain = append(chain, Link{"primary", "archived WAL last at " + exact(a.LastArchivedTime.Time, f.Now) + ", segment " + a.LastArchivedWAL})
	} else {
		chain = append(chain, Link{"primary", "has never archived WAL since its statistics were reset"})
	}
	if a.FailingSince != nil {
		text := "none is archived since " + exact(a.FailingSince.Time, f.Now)
		if a.FailedWAL != "" {
			text += "; the attempt at segment " + a.FailedWAL + " failed"
		} else {
			text += "; no attempt has failed, so archive_command hangs or is not called"
		}
		chain = append(chain, Link{"WAL", text})
	}
	if a.WaitingSegments > 0 || a.BehindBytes > 0 {
		chain = append(chain, Link{"WAL", fmt.Sprintf("%d segments wait, %s are not in the archive", a.WaitingSegments, report.FormatBytes(a.BehindBytes))})
	}
	return append(chain, volumeLinks(f, a)...)
}

func volumeLinks(f Facts, a *stanzaflowv1alpha1.ArchiveStatus) []Link {
	if a.VolumeBytes == 0 {
		return nil
	}
	text := fmt.Sprintf("pg_wal has %s, and %s of %s are free", report.FormatBytes(a.WALBytes), report.FormatBytes(a.FreeBytes), report.FormatBytes(a.VolumeBytes))
	if a.FullTime != nil {
		text += "; at this rate it is full at " + exact(a.FullTime.Time, f.Now) + ", and PostgreSQL stops"
	}
	return []Link{{"volume", text}}
}

// watchChain says why no watch reports on the cluster.
func (e *Explanation) watchChain(f Facts) []Link {
	var chain []Link
	if a := f.Stanza.Status.Archive; a != nil && a.BlindTime != nil {
		chain = append(chain, Link{"watch", "nobody has seen the cluster since " + exact(a.BlindTime.Time, f.Now)})
	}
	found, ok := f.CronWorkflows[vocab.WatchTemplate]
	switch {
	case f.CronWorkflows == nil:
		chain = append(chain, Link{"CronWorkflow", vocab.WatchTemplate + ": it could not be read"})
	case !ok:
		chain = append(chain, Link{"CronWorkflow", vocab.WatchTemplate + " does not exist, and the operator should have made it"})
		e.next("kubectl stanzaflow doctor")
	case found.Spec.Suspend:
		chain = append(chain, Link{"CronWorkflow", vocab.WatchTemplate + " is suspended: somebody has suspended it in Argo"})
		e.next(`kubectl -n %s patch cronworkflow %s --type=merge -p '{"spec":{"suspend":false}}'`, f.Namespace, vocab.WatchTemplate)
	case found.Status.LastScheduledTime == nil:
		chain = append(chain, Link{"CronWorkflow", vocab.WatchTemplate + " has never fired: is Argo's workflow controller running?"})
		e.next("kubectl stanzaflow doctor")
	default:
		chain = append(chain, Link{"CronWorkflow", vocab.WatchTemplate + " fired last at " + exact(found.Status.LastScheduledTime.Time, f.Now)})
	}
	if f.WatchTemplate == Missing {
		chain = append(chain, Link{"WorkflowTemplate", fmt.Sprintf("%s does not exist in namespace %s, so no watch can start", vocab.WatchTemplate, f.Namespace)})
		e.next("%s", applyTemplate(f))
	}
	return append(chain, e.newestWatch(f)...)
}

// newestWatch says how the newest run of the watch ended.
func (e *Explanation) newestWatch(f Facts) []Link {
	if len(f.Watches) == 0 {
		return []Link{{"Workflow", "there is none of a watch, or it could not be read"}}
	}
	w := f.Watches[0]
	text := w.Name + ": Running since " + ago(w.CreationTimestamp.Time, f.Now)
	if !outcome.Running(w) {
		text = fmt.Sprintf("%s: %s %s", w.Name, w.Status.Phase, ago(w.Status.FinishedAt.Time, f.Now))
	}
	if w.Status.Message != "" {
		text += ", " + w.Status.Message
	}
	chain := []Link{{"Workflow", text}}
	e.next("kubectl stanzaflow logs %s -n %s", w.Name, f.Namespace)
	seen, why := watched(f.Watches)
	sample, asked := seen.Clusters[f.Cluster]
	switch {
	case why != "":
		return append(chain, Link{"report", why})
	case !asked:
		return append(chain, Link{"report", "of " + exact(seen.End, f.Now) + " does not have the cluster"})
	case sample.Message != "":
		return append(chain, Link{"message", sample.Message})
	}
	return append(chain, Link{"report", "of " + exact(seen.End, f.Now) + " has the cluster; the operator should have taken it over"})
}

// explainRecoverable is about the window that can be restored.
func explainRecoverable(e *Explanation, f Facts) {
	c := conditionOf(f.Stanza, vocab.ConditionRecoverable)
	if c != nil && vocab.Reason(c.Reason) == vocab.ReasonBlind {
		// If archiving is seen, the repos are not.
		if a := conditionOf(f.Stanza, vocab.ConditionArchiving); a == nil || a.Reason != c.Reason {
			e.blind(f, c)
		}
		return
	}
	if c == nil || c.Status != metav1.ConditionFalse {
		return // Unknown for the same cause as Archiving.
	}
	if slices.Contains(ofDrills, vocab.Reason(c.Reason)) {
		e.drills(f, c)
		return
	}
	var chain []Link
	if r := f.Stanza.Status.Recoverable; r != nil {
		if r.RPO != nil {
			chain = append(chain, Link{"field", objectiveField(f) + ": " + short(r.RPO.Duration)})
		}
		if r.AtRiskSince != nil {
			chain = append(chain, Link{"WAL", "commits since " + exact(r.AtRiskSince.Time, f.Now) + " are in no repo"})
		}
	}
	if reason := vocab.Reason(c.Reason); reason == vocab.ReasonNoBackup || reason == vocab.ReasonBackupRemoved {
		for i := range f.Stanza.Status.Repos {
			repo := &f.Stanza.Status.Repos[i]
			chain = append(chain, Link{"repo", strings.TrimSuffix(fmt.Sprintf("%s in %s lists %d backups, %d of them full: %s", repo.Name, repo.Location, repo.Backups, repo.Fulls, repo.Message), ": ")})
		}
		e.next("kubectl stanzaflow backup %s -n %s --type full --wait --log", f.Cluster, f.Namespace)
	} else {
		e.next("%s", primary(f, `psql -c "select * from pg_stat_archiver"`))
	}
	e.add(findingOf(c, append(chain, Link{"message", lowerFirst(c.Message)}, pageOfReason(c))...), fmt.Sprintf("kubectl stanzaflow backups %s -n %s", f.Cluster, f.Namespace))
}

// ofDrills are the reasons of the condition that drills find.
var ofDrills = []vocab.Reason{vocab.ReasonNewestUnreachable, vocab.ReasonDrillFailed, vocab.ReasonDrillPending, vocab.ReasonDrillOverdue, vocab.ReasonRTOExceeded}

// drills is about what drills have found.
func (e *Explanation) drills(f Facts, c *metav1.Condition) {
	var chain []Link
	for i := range f.Stanza.Status.Drills {
		entry := &f.Stanza.Status.Drills[i]
		switch last := entry.LastRun; {
		case last != nil && last.Result != stanzaflowv1alpha1.RunSucceeded:
			chain = append(chain, Link{"drill", fmt.Sprintf("%s: Workflow %s is %s: %s", entry.Name, last.Workflow, last.Result, last.Message)})
		case entry.Overdue:
			chain = append(chain, Link{"drill", entry.Name + ": was due, and none has succeeded since"})
		}
	}
	again := []string{""}
	if c.Reason == string(vocab.ReasonNewestUnreachable) {
		e.next("kubectl stanzaflow backup %s -n %s --type full --wait --log", f.Cluster, f.Namespace)
		again = toNewest(f, again)
	}
	e.add(findingOf(c, append(chain, Link{"message", lowerFirst(c.Message)}, pageOfReason(c))...))
	for _, options := range again {
		e.next("kubectl stanzaflow drill %s -n %s%s --wait --log", f.Cluster, f.Namespace, options)
	}
}

// toNewest are the options of the drills that show whether data are missing still: to Newest,
// from each repo in which a drill of the Stanza has not found them. A drill by hand restores
// from the first repo.
func toNewest(f Facts, otherwise []string) []string {
	var options []string
	for _, repo := range f.Stanza.Status.DrilledRepos {
		switch missing := repo.Missing; {
		case missing == nil:
		case slices.ContainsFunc(f.Stanza.Spec.Drills, func(d stanzaflowv1alpha1.Drill) bool { return d.Name == missing.Drill }):
			options = append(options, " --drill "+missing.Drill+" --to Newest")
		default:
			options = append(options, otherwise...)
		}
	}
	if len(options) == 0 {
		return otherwise
	}
	return options
}

func objectiveField(f Facts) string {
	if f.Stanza.Spec.Objectives.RPO != nil {
		return "spec.objectives.rpo of the Stanza"
	}
	return "the objective that follows from the most frequent schedule of the postgresql"
}
