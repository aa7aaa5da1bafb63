// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Explanation says why a cluster is as it is.
type Explanation struct {
	Namespace string                 `json:"namespace"`
	Cluster   string                 `json:"cluster"`
	Ready     metav1.ConditionStatus `json:"ready"`
	Reason    string                 `json:"reason,omitempty"`
	// Findings are what is wrong or not known, the first cause first. None means that
	// everything is fine as far as is known.
	Findings []Finding `json:"findings,omitempty"`
	// Recoverable are sentences about what can be restored.
	Recoverable []string `json:"recoverable"`
	// Next are commands to type.
	Next []string `json:"next,omitempty"`
	// Unknown are sentences about what is not known, and why.
	Unknown []string `json:"unknown,omitempty"`
}

// Finding is one thing that is wrong, as a chain from its cause to what to read.
type Finding struct {
	Condition string                 `json:"condition"`
	Status    metav1.ConditionStatus `json:"status"`
	Reason    string                 `json:"reason"`
	Chain     []Link                 `json:"chain"`
}

// Link is one fact of a chain.
type Link struct {
	// What the fact is about: field, CronWorkflow, Workflow, step, exit code, runbook.
	What string `json:"what"`
	Fact string `json:"fact"`
}

// Explain follows each condition that is not good to its cause.
func Explain(f Facts) Explanation {
	e := Explanation{Namespace: f.Namespace, Cluster: f.Cluster, Ready: metav1.ConditionUnknown, Unknown: slices.Clone(f.Unknown)}
	ready := conditionOf(f.Stanza, vocab.ConditionReady)
	if ready == nil {
		e.Reason = "NoStatus"
		e.add(Finding{Condition: vocab.ConditionReady, Status: metav1.ConditionUnknown, Reason: e.Reason, Chain: []Link{
			{"Stanza", "exists, and the operator has not written a status"},
			{"operator", "is not running, or does not watch this namespace"},
		}}, "kubectl stanzaflow doctor")
	} else {
		e.Ready, e.Reason = ready.Status, ready.Reason
	}
	for _, explain := range []func(*Explanation, Facts){explainAccepted, explainProgrammed, explainBackups, explainArchiving, explainRecoverable, explainSuspended, explainOperator} {
		explain(&e, f)
	}
	e.Recoverable = recoverable(f)
	if len(e.Findings) > 0 {
		e.next("kubectl -n %s describe stanza %s", f.Namespace, f.Cluster)
	}
	return e
}

// add adds a finding and commands that help with it.
func (e *Explanation) add(finding Finding, commands ...string) {
	e.Findings = append(e.Findings, finding)
	for _, command := range commands {
		e.next("%s", command)
	}
}

// next adds a command, once.
func (e *Explanation) next(format string, args ...any) {
	if command := fmt.Sprintf(format, args...); !slices.Contains(e.Next, command) {
		e.Next = append(e.Next, command)
	}
}

// recoverable says what can be restored.
func recoverable(f Facts) []string {
	var texts []string
	if b := f.Stanza.Status.LastBackup; b != nil {
		texts = append(texts, fmt.Sprintf("last proven backup: %s in %s, complete at %s", b.Label, b.Repo, exact(b.StopTime.Time, f.Now)))
	} else {
		texts = append(texts, "no run has proven a backup")
	}
	texts = append(texts, drilled(f)...)
	r := f.Stanza.Status.Recoverable
	switch {
	case r == nil && f.Stanza.Status.LastBackup == nil:
		return append(texts, "nothing is known to be recoverable")
	case r == nil:
		return append(texts, "no watch has reported, so it is not known whether WAL after that backup is in the repo")
	}
	if r.Oldest != nil && r.Newest != nil {
		texts = append(texts, fmt.Sprintf("any moment from %s to %s", r.Oldest.UTC().Format(time.RFC3339), exact(r.Newest.Time, f.Now)))
	}
	objective := ""
	if r.RPO != nil {
		objective = fmt.Sprintf("; the objective is %s", short(r.RPO.Duration))
	}
	switch rpo := rpoNow(f.Stanza, f.Now); {
	case rpo == nil:
		texts = append(texts, "it is not known how much would be lost now"+objective)
	case rpo.Duration == 0:
		texts = append(texts, "nothing would be lost now: nothing was committed since"+objective)
	default:
		texts = append(texts, fmt.Sprintf("up to %s of commits would be lost if the primary were lost now%s", short(rpo.Duration), objective))
	}
	return texts
}

// drilled says what restores have shown.
func drilled(f Facts) []string {
	var texts []string
	if is := f.Stanza.Status.Recovery; is != nil {
		text := fmt.Sprintf("last restore that was proven: at %s, %s from its start to the first query", exact(is.LastProvenTime.Time, f.Now), is.RTO.Duration)
		if rto := f.Stanza.Spec.Objectives.RTO; rto != nil {
			text += fmt.Sprintf("; the objective is %s", rto.Duration)
		}
		texts = append(texts, text)
	} else if len(f.Stanza.Spec.Drills) > 0 {
		texts = append(texts, "no drill has proven a restore yet")
	}
	return texts
}

// noticeTime is how long the operator may take to notice the end of a run.
const noticeTime = 2 * time.Minute

// explainSuspended is about a Stanza that stops its schedules.
func explainSuspended(e *Explanation, f Facts) {
	if c := conditionOf(f.Stanza, vocab.ConditionSuspended); c != nil && c.Status == metav1.ConditionTrue {
		e.add(Finding{Condition: c.Type, Status: c.Status, Reason: c.Reason, Chain: []Link{
			{"field", "spec.suspend of the Stanza is true"},
			{"CronWorkflow", "none of the cluster starts a run"},
		}}, fmt.Sprintf(`kubectl -n %s patch stanza %s --type=merge -p '{"spec":{"suspend":false}}'`, f.Namespace, f.Cluster))
	}
}

// explainOperator finds what the operator should have noticed.
func explainOperator(e *Explanation, f Facts) {
	var stale []string
	if seen := f.Stanza.Status.ObservedGeneration; seen != 0 && seen < f.Stanza.Generation {
		stale = append(stale, "the spec of the Stanza has changed since the operator wrote the status")
	}
	for _, w := range f.Workflows {
		if outcome.KindOf(w) != vocab.RunBackup || outcome.Running(w) || f.Now.Sub(w.Status.FinishedAt.Time) < noticeTime {
			continue
		}
		if last := f.Stanza.Status.LastRun; last == nil || last.Workflow == w.Name && last.Result == stanzaflowv1alpha1.RunRunning {
			stale = append(stale, fmt.Sprintf("Workflow %s ended %s, and the status does not say so", w.Name, ago(w.Status.FinishedAt.Time, f.Now)))
		}
		break
	}
	if len(stale) > 0 && conditionOf(f.Stanza, vocab.ConditionReady) != nil {
		e.add(Finding{Condition: vocab.ConditionReady, Status: metav1.ConditionUnknown, Reason: "Stale", Chain: []Link{
			{"Stanza", strings.Join(stale, "; ")},
			{"operator", "is not running, or does not watch this namespace; what the status says may be old"},
		}}, "kubectl stanzaflow doctor")
	}
}
