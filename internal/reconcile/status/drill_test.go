// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/archiving"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// ended is a drill that has ended in some way.
func ended(result stanzaflowv1alpha1.RunResult, missing bool) stanzaflowv1alpha1.StanzaStatus {
	run := stanzaflowv1alpha1.DrillRun{Workflow: "a", Result: result, DataMissing: missing, Message: "a sentence", StartTime: new(metav1.NewTime(reconciletest.Noon))}
	is := stanzaflowv1alpha1.StanzaStatus{Drills: []stanzaflowv1alpha1.DrillStatus{{Name: "newest", LastRun: &run, Runs: []stanzaflowv1alpha1.DrillRun{run}}}}
	if result == stanzaflowv1alpha1.RunSucceeded {
		is.Drills[0].LastProven = &stanzaflowv1alpha1.ProvenDrill{Workflow: "a", FinishTime: metav1.NewTime(reconciletest.Noon)}
	}
	if missing {
		is.DrilledRepos = []stanzaflowv1alpha1.DrilledRepo{{Repo: "repo1", Missing: &stanzaflowv1alpha1.MissingData{Drill: "newest", Workflow: "a"}}}
	}
	return is
}

// TestWatchAndDrills: the worst of both decides, and a restore that has lost data is the
// worst there is.
func TestWatchAndDrills(t *testing.T) {
	t.Parallel()
	const good, failed = stanzaflowv1alpha1.RunSucceeded, stanzaflowv1alpha1.RunFailed
	fine := archiving.Result{Observed: true, Listed: true}
	with := func(change func(*archiving.Result)) *archiving.Result {
		r := fine
		change(&r)
		return &r
	}
	removed := with(func(r *archiving.Result) { r.Removed = []string{"repo1"} })
	blind := with(func(r *archiving.Result) { r.Blind = true })
	for name, tc := range map[string]struct {
		watch  *archiving.Result
		status stanzaflowv1alpha1.StanzaStatus
		want   vocab.Reason
		is     metav1.ConditionStatus
	}{
		"all is fine":                        {&fine, ended(good, false), vocab.ReasonProven, metav1.ConditionTrue},
		"no watch":                           {nil, ended(good, false), vocab.ReasonProven, metav1.ConditionTrue},
		"no watch, a failure":                {nil, ended(failed, false), vocab.ReasonDrillFailed, metav1.ConditionFalse},
		"no drill yet":                       {&fine, stanzaflowv1alpha1.StanzaStatus{}, vocab.ReasonNoDrillYet, metav1.ConditionUnknown},
		"no drill yet, and nothing is known": {blind, stanzaflowv1alpha1.StanzaStatus{}, vocab.ReasonBlind, metav1.ConditionUnknown},
		"good, and nothing is known":         {blind, ended(good, false), vocab.ReasonBlind, metav1.ConditionUnknown},
		"a failure, and nothing is known":    {blind, ended(failed, false), vocab.ReasonDrillFailed, metav1.ConditionFalse},
		"a backup is gone":                   {removed, ended(good, false), vocab.ReasonBackupRemoved, metav1.ConditionFalse},
		"a backup is gone, and a failure":    {removed, ended(failed, false), vocab.ReasonBackupRemoved, metav1.ConditionFalse},
		"data are missing":                   {removed, ended(failed, true), vocab.ReasonNewestUnreachable, metav1.ConditionFalse},
	} {
		state := reconciletest.State(t)
		state.Stanza = &stanzaflowv1alpha1.Stanza{}
		state.Stanza.Spec.Drills = []stanzaflowv1alpha1.Drill{{Name: "newest"}}
		p, watch := Pass{State: state}, archiving.Result{}
		if tc.watch != nil {
			p.Watch, watch = &Watch{Interval: time.Minute}, *tc.watch
		}
		if got := withDrills(p, tc.status, watch); got.Reason != string(tc.want) || got.Status != tc.is {
			t.Errorf("%s: %s %s, want %s %s", name, got.Status, got.Reason, tc.is, tc.want)
		}
	}
}

// TestDrillEvents: each end is said once, and data that are missing by their own name.
func TestDrillEvents(t *testing.T) {
	t.Parallel()
	reasons := func(before, after stanzaflowv1alpha1.StanzaStatus) string {
		var found []string
		for _, e := range drillEvents(before, after) {
			found = append(found, string(e.Reason)+"/"+e.Type)
		}
		return strings.Join(found, " ")
	}
	none := stanzaflowv1alpha1.StanzaStatus{}
	pending := func(workflow, reason string) stanzaflowv1alpha1.StanzaStatus {
		is := ended(stanzaflowv1alpha1.RunSucceeded, false)
		is.Drills[0].LastRun = &stanzaflowv1alpha1.DrillRun{
			Workflow: workflow, Result: stanzaflowv1alpha1.RunRunning, Message: "the pod was Pending for 15 minutes: " + reason + ": quota, StorageClass or node; its events say more",
		}
		return is
	}
	works := pending("b", "")
	works.Drills[0].LastRun.Message = ""
	late := ended(stanzaflowv1alpha1.RunSucceeded, false)
	late.Drills[0].Overdue = true
	byHand := none
	byHand.Conditions = []metav1.Condition{{Type: vocab.ConditionRecoverable, Status: metav1.ConditionFalse, Reason: string(vocab.ReasonNewestUnreachable)}}
	for name, tc := range map[string]struct {
		before, after stanzaflowv1alpha1.StanzaStatus
		want          string
	}{
		"nothing":          {none, none, ""},
		"good":             {none, ended(stanzaflowv1alpha1.RunSucceeded, false), "Proven/Normal"},
		"known":            {ended(stanzaflowv1alpha1.RunFailed, false), ended(stanzaflowv1alpha1.RunFailed, false), ""},
		"failed":           {none, ended(stanzaflowv1alpha1.RunFailed, false), "DrillFailed/Warning"},
		"lost":             {none, ended(stanzaflowv1alpha1.RunUnknown, false), "DrillFailed/Warning"},
		"held":             {none, ended(stanzaflowv1alpha1.RunHeld, false), "Held/Warning"},
		"missing":          {none, ended(stanzaflowv1alpha1.RunFailed, true), "DataNotRecovered/Warning"},
		"never starts":     {works, pending("b", "Unschedulable"), "DrillPending/Warning"},
		"never starts yet": {pending("b", "Unschedulable"), pending("b", "exceeded quota"), ""},
		"nor does another": {pending("b", "Unschedulable"), pending("c", "Unschedulable"), "DrillPending/Warning"},
		"starts at last":   {pending("b", "Unschedulable"), works, ""},
		"overdue":          {ended(stanzaflowv1alpha1.RunSucceeded, false), late, "DrillOverdue/Warning"},
		"overdue still":    {late, late, ""},
		"missing, by hand": {none, byHand, "DataNotRecovered/Warning"},
		"missing still":    {byHand, byHand, ""},
	} {
		if got := reasons(tc.before, tc.after); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

// TestWithoutDrillsNothingChanges: the condition is not there without a watch, and what a
// missing template of the drills means concerns only who asks for drills.
func TestWithoutDrillsNothingChanges(t *testing.T) {
	t.Parallel()
	state := reconciletest.State(t)
	p := Pass{State: state, Plan: reconciletest.Planned(t, state).Plan}
	if drilled(p) || len(findDrills(p)) > 0 || len(noteDrills(p)) > 0 {
		t.Errorf("drills of a cluster without any: %v %v", findDrills(p), noteDrills(p))
	}
	if slices.ContainsFunc(conditions(p, stanzaflowv1alpha1.StanzaStatus{}, archiving.Result{}), func(c metav1.Condition) bool { return c.Type == vocab.ConditionRecoverable }) {
		t.Error("there is a condition Recoverable")
	}
}
