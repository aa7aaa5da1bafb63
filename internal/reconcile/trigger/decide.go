// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	plan "github.com/stanzaflow/stanzaflow/internal/translate/trigger"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Decide says what becomes of the triggers of a cluster. It is pure.
func Decide(in Input) Decision {
	d := &decider{in: in}
	decided := map[string]bool{}
	for _, t := range in.Triggers {
		decided[t.Name] = true
		d.trigger(t)
	}
	for _, i := range in.Initial {
		decided[i.Name()] = true
		d.initial(i)
	}
	for _, o := range in.Overdue {
		decided[o.Name()] = true
		d.overdue(o)
	}
	for _, before := range in.Before {
		kept := slices.Contains(in.Kept, before.Name) || in.KeepInitial && isBuiltIn(before.Name)
		if kept && !decided[before.Name] {
			d.add(d.read(before.Name))
		}
	}
	slices.SortFunc(d.out.After, func(a, b stanzaflowv1alpha1.TriggerStatus) int { return strings.Compare(a.Name, b.Name) })
	return d.out
}

// decider makes one Decision.
type decider struct {
	in  Input
	out Decision
}

// entry is one trigger while it is decided.
type entry struct {
	stanzaflowv1alpha1.TriggerStatus
	// stored are the pending causes that the API server has. Nil if it has none, or
	// others than those that are pending now.
	stored *stanzaflowv1alpha1.TriggerPending
	// notes are what a person should know of its objects, beside the message.
	notes []string
}

// terms are under which a trigger starts its runs.
type terms struct {
	repo, backupType, value string
	kind                    vocab.RunKind
	maxAge                  time.Duration
	cooldown                time.Duration
	// attempts that have failed for the same causes.
	attempts int32
	// longest is the longest pause between attempts.
	longest time.Duration
	// newOnly: a backup from before the cause will not do, however young it is.
	newOnly bool
	// upgrade: one of the causes is a major upgrade.
	upgrade bool
	// overdue is how long the backup has been due.
	overdue time.Duration
}

// trigger decides about a trigger of the Stanza.
func (d *decider) trigger(t plan.Trigger) {
	e := d.read(t.Name)
	switch t.Event {
	case stanzaflowv1alpha1.OnRestore:
		d.observeRestore(e)
	case stanzaflowv1alpha1.OnMajorUpgrade:
		d.observeVersion(e)
	case stanzaflowv1alpha1.OnFailover:
		d.observePrimary(e)
	case stanzaflowv1alpha1.OnChange:
		d.observeObjects(e, t)
	}
	d.start(e, terms{
		repo: t.Repo, backupType: t.Type, value: t.Name, kind: vocab.RunBackup, maxAge: t.MaxAge, cooldown: t.Cooldown,
		newOnly: t.Event == stanzaflowv1alpha1.OnRestore || t.Event == stanzaflowv1alpha1.OnMajorUpgrade,
		upgrade: t.Event == stanzaflowv1alpha1.OnMajorUpgrade,
	})
	d.add(e)
}

// read returns the status of a trigger with what its runs say by now.
func (d *decider) read(name string) *entry {
	e := &entry{TriggerStatus: stanzaflowv1alpha1.TriggerStatus{Name: name}}
	for _, before := range d.in.Before {
		if before.Name == name {
			e.TriggerStatus = *before.DeepCopy()
			e.Message = withoutNotes(e.Message)
		}
	}
	e.stored = e.Pending.DeepCopy()
	if e.Pending != nil {
		if workflow := d.in.Existing[runName(d.in.Cluster.Name, name, e.Pending.Since)]; workflow != nil {
			record(&e.TriggerStatus, d.in.Cluster.Name, workflow, d.now())
			e.stored = nil
		}
	}
	d.readResult(e)
	return e
}

// settle is how long after its creation a Workflow may be missing in a late cache.
const settle = time.Minute

// readResult reads how the last run ended. An end that is known is not taken back by a
// late cache.
func (d *decider) readResult(e *entry) {
	running := stanzaflowv1alpha1.TriggerResult(stanzaflowv1alpha1.RunRunning)
	if e.Workflow == "" || d.in.Runs == nil {
		return
	}
	for _, run := range d.in.Runs {
		if run.Status.Workflow != e.Workflow {
			continue
		}
		if run.Status.Result != stanzaflowv1alpha1.RunRunning {
			e.Result, e.Message = stanzaflowv1alpha1.TriggerResult(run.Status.Result), run.Status.Message
		}
		return
	}
	if e.Result != running || e.LastFiredTime == nil {
		return
	}
	if end := e.LastFiredTime.Add(settle); d.in.Now.Before(end) {
		d.wake(end)
		return
	}
	e.Result, e.Message = stanzaflowv1alpha1.TriggerResult(stanzaflowv1alpha1.RunUnknown), "The Workflow was deleted before it was over, so no backup is proven"
}

// add adds an entry to the decision.
func (d *decider) add(e *entry) {
	e.Message = report.OneLine(withNotes(e.Message, e.notes))
	d.out.After = append(d.out.After, e.TriggerStatus)
}

// ofObjects begins what a message says about the objects of a trigger, after anything
// else: it is added again in each pass.
const ofObjects = "objects: "

func withNotes(message string, notes []string) string {
	if len(notes) == 0 {
		return message
	}
	if message != "" {
		message += "; "
	}
	return message + ofObjects + strings.Join(notes, ", ")
}

func withoutNotes(message string) string {
	if strings.HasPrefix(message, ofObjects) {
		return ""
	}
	message, _, _ = strings.Cut(message, "; "+ofObjects)
	return message
}

// wake looks again at a time.
func (d *decider) wake(at time.Time) {
	if d.out.Wake.IsZero() || at.Before(d.out.Wake) {
		d.out.Wake = at
	}
}

// now is the time of the pass as a status has it, in whole seconds.
func (d *decider) now() metav1.Time { return metav1.NewTime(d.in.Now).Rfc3339Copy() }

// isBuiltIn reports whether a name is that of what starts runs by itself, as no trigger of a
// Stanza is called.
func isBuiltIn(name string) bool { return valueOf(name) != name }

// valueOf is the parameter trigger in the runs of an entry.
func valueOf(name string) string {
	for _, value := range []string{vocab.TriggerInitial, vocab.TriggerOverdue} {
		if strings.HasPrefix(name, value+"-") {
			return value
		}
	}
	return name
}
