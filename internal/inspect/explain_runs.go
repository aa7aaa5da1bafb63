// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"fmt"
	"strings"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/translate/workflow"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// explainBackups follows each schedule whose backups are not healthy.
func explainBackups(e *Explanation, f Facts) {
	c := notGood(f, vocab.ConditionBackupHealthy)
	if c == nil {
		return
	}
	found := false
	for i := range f.Stanza.Status.Schedules {
		entry := &f.Stanza.Status.Schedules[i]
		reason := reasonOf(entry)
		if reason == "" {
			continue
		}
		found = true
		finding := findingOf(c, e.scheduleChain(f, entry, reason)...)
		finding.Reason = string(reason)
		e.add(finding)
	}
	if vocab.Reason(c.Reason) == vocab.ReasonNoBackupYet {
		found = e.initial(f, findingOf(c)) || found
	}
	if !found {
		e.add(findingOf(c, Link{"message", lowerFirst(c.Message)}, readMore(pageHealthy)))
	}
}

// reasonOf says why a schedule is not healthy, empty if it is.
func reasonOf(entry *stanzaflowv1alpha1.ScheduleStatus) vocab.Reason {
	last := lastFinished(entry)
	switch {
	case last != nil && last.Result != stanzaflowv1alpha1.RunSucceeded && last.Result != stanzaflowv1alpha1.RunHeld:
		return vocab.ReasonLastRunFailed
	case entry.Held != "":
		return vocab.ReasonHeld
	case last != nil && last.Retention == vocab.RetentionFailed:
		return vocab.ReasonRetentionFailed
	case entry.Overdue:
		return vocab.ReasonOverdue
	}
	return ""
}

func lastFinished(entry *stanzaflowv1alpha1.ScheduleStatus) *stanzaflowv1alpha1.RunStatus {
	return outcome.History{LastRun: entry.LastRun, PreviousRun: entry.PreviousRun}.LastFinished()
}

// scheduleChain goes from the field of a schedule to the exit code of its last run.
func (e *Explanation) scheduleChain(f Facts, entry *stanzaflowv1alpha1.ScheduleStatus, reason vocab.Reason) []Link {
	chain := []Link{{"field", fieldOf(f, entry)}, e.cronWorkflow(f, entry)}
	if entry.Overdue && reason != vocab.ReasonOverdue {
		chain = append(chain, Link{"overdue", "a backup was due, and none has been proven since"})
	}
	if entry.Delayed != "" {
		chain = append(chain, Link{"delayed", entry.Delayed})
	}
	if entry.Overdue {
		chain = append(chain, startsOverdue(f, entry.Repo)...)
	}
	last := lastFinished(entry)
	switch {
	case reason == vocab.ReasonOverdue:
		return append(chain, e.notStarted(f, last)...)
	case reason == vocab.ReasonHeld && (last == nil || last.Result != stanzaflowv1alpha1.RunHeld):
		return append(chain, Link{"held", entry.Held}, readMore(pageHeld))
	}
	chain = append(chain, e.runChain(f, last)...)
	if entry.LastRun != nil && entry.LastRun.Result == stanzaflowv1alpha1.RunRunning {
		chain = append(chain, Link{"Workflow", strings.TrimSpace(entry.LastRun.Workflow + ": a later run is running " + entry.LastRun.Progress)})
	}
	if reason == vocab.ReasonLastRunFailed {
		e.next("kubectl stanzaflow backup %s -n %s --type %s --repo %s --wait --log", f.Cluster, f.Namespace, entry.Type, entry.Repo)
	}
	return chain
}

// fieldOf names the field of a schedule, with its cron expression.
func fieldOf(f Facts, entry *stanzaflowv1alpha1.ScheduleStatus) string {
	name := fmt.Sprintf("the schedule %s of %s in the postgresql", entry.Type, entry.Repo)
	if f.Postgresql != nil && f.Postgresql.PgBackRest != nil {
		for i, repo := range f.Postgresql.PgBackRest.Repos {
			if repo.Name == entry.Repo {
				name = cpo.RepoField(i) + ".schedule." + entry.Type + " of the postgresql"
			}
		}
	}
	text := fmt.Sprintf("%s: %s, %s", name, entry.Schedule, entry.TimeZone)
	if entry.Offset != "" {
		text += "; the window starts it " + entry.Offset + " later: " + entry.EffectiveSchedule
	}
	return text
}

// byHand begins what holds a schedule that the operator could not resume.
const byHand = "suspended by hand in Argo"

// cronWorkflow says whether the schedule can fire.
func (e *Explanation) cronWorkflow(f Facts, entry *stanzaflowv1alpha1.ScheduleStatus) Link {
	text := entry.CronWorkflow
	found, ok := f.CronWorkflows[text]
	switch {
	case f.CronWorkflows == nil:
		text += ": it could not be read"
	case !ok:
		text += " does not exist, and the operator should have made it"
		if f.Template == Missing {
			text += "; WorkflowTemplate " + workflow.TemplateName(f.Stanza.Spec) + " does not exist either"
			e.next("%s", applyTemplate(f))
		} else {
			e.next("kubectl stanzaflow doctor")
		}
	case found.Spec.Suspend && !f.Stanza.Spec.Suspend && (entry.Held == "" || strings.HasPrefix(entry.Held, byHand)):
		text += " is suspended, and nothing of the Stanza asks for that: somebody has suspended it in Argo"
		e.next(`kubectl -n %s patch cronworkflow %s --type=merge -p '{"spec":{"suspend":false}}'`, f.Namespace, entry.CronWorkflow)
	case found.Spec.Suspend:
		text += " is suspended"
	default:
		text += " is not suspended"
		if at := found.Status.LastScheduledTime; at != nil {
			text += ", fired last at " + exact(at.Time, f.Now)
		} else {
			text += ", has never fired"
		}
	}
	if entry.NextRunTime != nil {
		text += "; next at " + exact(entry.NextRunTime.Time, f.Now)
	}
	return Link{"CronWorkflow", text}
}

// notStarted is about a schedule that was due and whose last run is no explanation.
func (e *Explanation) notStarted(f Facts, last *stanzaflowv1alpha1.RunStatus) []Link {
	chain := []Link{{"Workflow", "none was started when the backup was due"}}
	if last != nil {
		chain = append(chain, Link{"last run", last.Workflow + " is older than that: " + string(last.Result)})
	}
	if f.Template == Missing {
		chain = append(chain, Link{"WorkflowTemplate", templateText(f)})
		e.next("%s", applyTemplate(f))
	}
	e.next("kubectl stanzaflow doctor")
	return append(chain, readMore(pageOverdue))
}

// startsOverdue says what the operator does about an overdue backup of a repo.
func startsOverdue(f Facts, repo string) []Link {
	for i := range f.Stanza.Status.Triggers {
		trigger := &f.Stanza.Status.Triggers[i]
		if trigger.Name == vocab.TriggerOverdue+"-"+repo && trigger.Pending != nil {
			return []Link{{"trigger", strings.TrimSuffix(trigger.Name+" starts overdue backups: "+trigger.Message, ": ")}}
		}
	}
	return nil
}

// initial is about repos without a proven backup. It reports whether there is one.
func (e *Explanation) initial(f Facts, finding Finding) bool {
	found := false
	for i := range f.Stanza.Status.Repos {
		repo := &f.Stanza.Status.Repos[i]
		if repo.LastBackup != nil {
			continue
		}
		found = true
		one := finding
		one.Chain = append([]Link{{"repo", repo.Name + " in " + repo.Location + " has no proven backup"}}, e.initialChain(f, repo.Name)...)
		e.add(one)
	}
	return found
}

func (e *Explanation) initialChain(f Facts, repo string) []Link {
	for i := range f.Stanza.Status.Triggers {
		trigger := &f.Stanza.Status.Triggers[i]
		if trigger.Name != vocab.TriggerInitial+"-"+repo {
			continue
		}
		chain := []Link{{"trigger", trigger.Name + " makes the first backup"}}
		if trigger.Message != "" {
			chain[0].Fact += ": " + trigger.Message
		}
		w := f.workflow(trigger.Workflow)
		if w == nil {
			return append(chain, readMore(pageHealthy))
		}
		run := outcome.Read(w, f.Now)
		if run.Kind == vocab.RunStanza && run.Status.Result == stanzaflowv1alpha1.RunSucceeded {
			e.next("kubectl stanzaflow backup %s -n %s --type full --repo %s --wait --log", f.Cluster, f.Namespace, repo)
			return []Link{{"trigger", trigger.Name + " has created the stanza; the schedule makes the first backup"}, readMore(pageHealthy)}
		}
		return append(chain, e.runChain(f, &run.Status)...)
	}
	e.next("kubectl stanzaflow backup %s -n %s --type full --repo %s --wait --log", f.Cluster, f.Namespace, repo)
	return []Link{{"trigger", "nothing makes a first backup"}, readMore(pageHealthy)}
}
