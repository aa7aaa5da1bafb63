// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package object

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Verb is what an action does.
type Verb string

// Verbs.
const (
	// CreateStanza: the cluster has backup settings and no Stanza to report in.
	CreateStanza Verb = "create Stanza"
	// Issue: the certificates that we issue exist, and are renewed in time.
	Issue Verb = "issue"
	// Renew: the certificates that we have issued are renewed in time. None is made
	// where there is none.
	Renew Verb = "renew"
	// WriteSecret: a Secret of ours has the planned content.
	WriteSecret Verb = "write secret"
	// EnsureSecret: a Secret of ours exists, with whatever content.
	EnsureSecret Verb = "ensure secret"
	// Grow raises the size of a claim.
	Grow Verb = "grow"
	// Create makes a planned object.
	Create Verb = "create"
	// Update makes an existing object as planned.
	Update Verb = "update"
	// Suspend and Resume set spec.suspend of a CronWorkflow, and nothing else.
	Suspend Verb = "suspend"
	Resume  Verb = "resume"
	// Retire suspends a CronWorkflow as the first step of its removal.
	Retire Verb = "retire"
	// Drain leaves a suspended CronWorkflow until its runs have ended.
	Drain Verb = "drain"
	// Delete removes a CronWorkflow that has no run.
	Delete Verb = "delete"
	// Hold suspends a CronWorkflow that Argo does not start, and marks it so that a
	// sign of life of Argo shows.
	Hold Verb = "hold"
	// TakeOver suspends a CronJob of CPO, whose backups a CronWorkflow makes.
	TakeOver Verb = "take over"
	// GiveBack resumes a CronJob of CPO that we have suspended.
	GiveBack Verb = "give back"
	// LiftDeadline removes the deadline that GiveBack has set.
	LiftDeadline Verb = "lift deadline"
	// Start creates a Workflow for a trigger.
	Start Verb = "start"
	// DeleteStanza removes a Stanza that we made, after everything in it.
	DeleteStanza Verb = "delete Stanza"
	// Touch merges metadata into a Workflow, so that Argo looks at it again.
	Touch Verb = "touch"
	// Show merges metadata into a Workflow, with which Argo's lists show how it is or has
	// ended.
	Show Verb = "show"

	// Verbs that write nothing; the status reports them.

	// Keep leaves an object unchanged because of a Problem.
	Keep Verb = "keep"
	// Refuse leaves a planned object out because another owner uses its name.
	Refuse Verb = "refuse"
	// Block leaves a planned object out until Argo or the template is there.
	Block Verb = "block"
	// Mismatch leaves a claim unchanged that cannot become what is planned.
	Mismatch Verb = "mismatch"
	// Await leaves a Workflow that Argo may still look at by itself.
	Await Verb = "await"
)

// turns are the verbs in the order in which they take place. The order matters
// where a crash could hurt: what a run needs is written before what starts the
// run, and what reports a run is removed after it. Verbs of one turn keep the
// order in which they were planned.
var turns = [][]Verb{
	{CreateStanza},
	{Issue, Renew},
	{WriteSecret, EnsureSecret},
	{Grow},
	{Hold},
	{Create},
	{Update},
	{Suspend, Resume, Retire},
	{Drain},
	{Delete},
	{TakeOver, GiveBack, LiftDeadline},
	{Start},
	{DeleteStanza},
	{Touch},
	{Show},
	{Keep, Refuse, Block, Mismatch, Await},
}

// Action is one thing that a pass does, or leaves alone for a reason.
type Action struct {
	Verb Verb
	// Want is the planned object, nil if none is planned.
	Want *unstructured.Unstructured
	// Have is the existing object, nil if it does not exist or was not read.
	Have *unstructured.Unstructured
	// Text says why, for the status.
	Text string
	// Valid is how long the certificates of Issue and Renew are valid.
	Valid time.Duration
	// Deadline is spec.startingDeadlineSeconds of GiveBack, 0 for none.
	Deadline int64
	// Lift: GiveBack removes the deadline of an earlier one.
	Lift bool
	// Wake is when there is more to do although nothing may have changed.
	Wake time.Time
}

// Object is the object that an action is about: the planned one if there is one.
func (a Action) Object() *unstructured.Unstructured {
	if a.Want != nil {
		return a.Want
	}
	return a.Have
}

// Order sorts actions into the order in which Apply must carry them out.
func Order(actions []Action) {
	slices.SortStableFunc(actions, func(a, b Action) int { return a.Verb.turn() - b.Verb.turn() })
}

func (v Verb) turn() int {
	i := slices.IndexFunc(turns, func(verbs []Verb) bool { return slices.Contains(verbs, v) })
	if i < 0 {
		panic("no turn for verb " + string(v))
	}
	return i
}

// With returns the actions that have one of some verbs.
func With(actions []Action, verbs ...Verb) []Action {
	var found []Action
	for _, action := range actions {
		if slices.Contains(verbs, action.Verb) {
			found = append(found, action)
		}
	}
	return found
}

// WakeAfter returns when the first action has more to do, zero if none has.
func WakeAfter(actions []Action) time.Time {
	var wake time.Time
	for _, action := range actions {
		wake = Earliest(wake, action.Wake)
	}
	return wake
}

// Earliest returns the earlier of two moments. Zero means never.
func Earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
