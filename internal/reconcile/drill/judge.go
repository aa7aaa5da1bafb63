// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Verdict is what the drills say about the condition Recoverable.
type Verdict struct {
	Status metav1.ConditionStatus
	Reason vocab.Reason
	Texts  []string
}

// Asked reports whether a Stanza wants the condition Recoverable to say what drills find.
func Asked(spec stanzaflowv1alpha1.StanzaSpec) bool {
	return len(spec.Drills) > 0 || spec.Objectives.RTO != nil && spec.Objectives.RTO.Duration > 0
}

// Judge returns the worst that the drills say. That data are missing holds until it is
// repaired, see DrilledRepos, and a drill by hand counts for it as any other.
func Judge(spec stanzaflowv1alpha1.StanzaSpec, status stanzaflowv1alpha1.StanzaStatus, runs []outcome.Run) Verdict {
	found := findings{}
	for i := range status.DrilledRepos {
		found.addRepo(&status.DrilledRepos[i])
	}
	for i := range status.Drills {
		found.add(&status.Drills[i], status.Recovery)
	}
	if verdict, bad := found.worst(); bad {
		return verdict
	}
	if rto, is := spec.Objectives.RTO, status.Recovery; rto != nil && rto.Duration > 0 && is != nil && is.RTO.Duration > rto.Duration {
		return Verdict{metav1.ConditionFalse, vocab.ReasonRTOExceeded, []string{
			fmt.Sprintf("the newest good drill took %s from the start of the restore to the first query, and spec.objectives.rto is %s", is.RTO.Duration, rto.Duration),
		}}
	}
	if len(found.held) > 0 {
		return Verdict{metav1.ConditionUnknown, vocab.ReasonHeld, found.held}
	}
	proof := newestProof(status.Drills, runs)
	if proof == nil {
		return Verdict{metav1.ConditionUnknown, vocab.ReasonNoDrillYet, []string{noDrill(spec)}}
	}
	return Verdict{metav1.ConditionTrue, vocab.ReasonProven, []string{
		"every drill that was due has restored what must be in the archive; the newest good one ended at " + proof.UTC().Format(time.RFC3339),
	}}
}

// findings are texts about the drills of a cluster, by what is wrong with them.
type findings struct {
	unreachable, failed, pending, overdue, held []string
}

// worst is what is wrong, if anything is.
func (f *findings) worst() (Verdict, bool) {
	switch {
	case len(f.unreachable) > 0:
		return Verdict{metav1.ConditionFalse, vocab.ReasonNewestUnreachable, append([]string{
			"a restore has not found what must be in the archive, so commits would be lost with the primary; run a full backup now, then a drill to Newest",
		}, f.unreachable...)}, true
	case len(f.failed) > 0:
		return Verdict{metav1.ConditionFalse, vocab.ReasonDrillFailed, f.failed}, true
	case len(f.pending) > 0:
		return Verdict{metav1.ConditionFalse, vocab.ReasonDrillPending, f.pending}, true
	case len(f.overdue) > 0:
		return Verdict{metav1.ConditionFalse, vocab.ReasonDrillOverdue, f.overdue}, true
	}
	return Verdict{}, false
}

func (f *findings) addRepo(is *stanzaflowv1alpha1.DrilledRepo) {
	if is.Missing == nil {
		return
	}
	name := "a drill by hand"
	if is.Missing.Drill != "" {
		name = "drill " + is.Missing.Drill
	}
	f.unreachable = append(f.unreachable, name+" in "+cmp.Or(is.Repo, "a repo")+": "+is.Missing.Message)
}

func (f *findings) add(entry *stanzaflowv1alpha1.DrillStatus, recovery *stanzaflowv1alpha1.RecoveryStatus) {
	if last := entry.LastRun; outcome.NeverStarted(last) && (recovery == nil || !last.StartTime.Before(&recovery.LastProvenTime)) {
		f.pending = append(f.pending, Pending(entry))
	}
	if entry.Overdue {
		f.overdue = append(f.overdue, Overdue(entry))
	}
	if len(entry.Runs) == 0 {
		return
	}
	switch last := entry.Runs[0]; {
	case last.Result == stanzaflowv1alpha1.RunSucceeded:
	case last.Result == stanzaflowv1alpha1.RunHeld:
		f.held = append(f.held, "the last drill "+entry.Name+" was held: "+last.Message)
	case last.DataMissing:
		f.failed = append(f.failed, "the last drill "+entry.Name+" has not found all data, which are not known to be missing any more; run it again: "+last.Message)
	default:
		f.failed = append(f.failed, "the last drill "+entry.Name+" has proven nothing: "+last.Message)
	}
}

// Pending says that the pod of a drill does not start, and why.
func Pending(entry *stanzaflowv1alpha1.DrillStatus) string {
	return "drill " + entry.Name + " does not start, Workflow " + entry.LastRun.Workflow + ": " + entry.LastRun.Message
}

// Overdue says that a drill was due, and why it may not have run.
func Overdue(entry *stanzaflowv1alpha1.DrillStatus) string {
	text := "drill " + entry.Name + " was due, and none has succeeded since"
	switch {
	case len(entry.Runs) > 0 && entry.Runs[0].Result == stanzaflowv1alpha1.RunHeld:
		return text + "; the last one was held: " + strings.TrimRight(entry.Runs[0].Message, ". ")
	case len(entry.Runs) > 0 && entry.Runs[0].Result != stanzaflowv1alpha1.RunSucceeded:
		return text
	}
	return text + "; check CronWorkflow " + entry.CronWorkflow + ", spec.suspend and Argo's workflow controller"
}

func noDrill(spec stanzaflowv1alpha1.StanzaSpec) string {
	if len(spec.Drills) == 0 {
		return "spec.objectives.rto is set, and no drill has measured it; add one to spec.drills"
	}
	return "no drill of spec.drills has restored a backup yet"
}
