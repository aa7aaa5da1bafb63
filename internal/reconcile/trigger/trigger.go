// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	plan "github.com/stanzaflow/stanzaflow/internal/translate/trigger"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Input is everything that Decide depends on.
type Input struct {
	// Cluster is the decoded postgresql. It says what is asked to be restored, what CPO
	// has restored, and the version of PostgreSQL.
	Cluster cpo.Postgresql
	// Before is status.triggers as it was read.
	Before []stanzaflowv1alpha1.TriggerStatus
	// Repos is status.repos as it is after this pass. What a repo without a proven backup
	// is to get is decided from it.
	Repos []stanzaflowv1alpha1.RepoStatus
	// Triggers of the plan.
	Triggers []plan.Trigger
	// Kept are the names of the triggers that start nothing now and keep their status.
	Kept []string
	// Initial are the first runs of the plan.
	Initial []plan.Initial
	// Overdue are what starts overdue backups, and Schedules status.schedules of this pass.
	Overdue   []plan.Overdue
	Schedules []stanzaflowv1alpha1.ScheduleStatus
	// OverdueSince is the first slot without a proven backup of an overdue schedule, by its
	// CronWorkflow, as far as it is known.
	OverdueSince map[string]time.Time
	// Owed are the slots that Argo may still start, by their CronWorkflow.
	Owed map[string]Owed
	// KeepInitial: what is built in and not in Initial or Overdue starts nothing now and
	// keeps its status.
	KeepInitial bool
	// Seen is what was read of the namespace for the triggers.
	Seen Seen
	// Existing has the Workflow of each pending, if there is one, by the names that
	// Pending returns.
	Existing map[string]*wfv1.Workflow
	// Runs of the cluster. Nil means that they are not known: Argo is not installed.
	Runs []outcome.Run
	// Hold says in one line why nothing may start now. Empty means that all may.
	Hold string
	Now  time.Time
}

// Owed is a slot of a schedule that has passed and for which Argo may still start a run.
type Owed struct {
	Slot time.Time
	// Until is how long Argo may need for a slot that has just passed.
	Until time.Time
	// MakesUp: it also starts the run later, as soon as it can, and nobody knows when that is.
	MakesUp bool
}

// Seen is what was read of the namespace for the triggers.
type Seen struct {
	// Objects of each trigger on OnChange, by the name of the trigger. A trigger that is
	// not in it was not read: nothing of it has changed, as far as is known.
	Objects map[string][]Object
	// Primary is nil if it is not known which pod is the primary.
	Primary *Primary
}

// Object is one object that a trigger follows.
type Object struct {
	Kind, Name string
	UID        string
	Generation int64
	// Content is the whole object. It may be nil if NeedsContent says so, and is nil if
	// it could not be read.
	Content map[string]any
}

// Primary is the pod with the role of the primary.
type Primary struct {
	// Pod is its name, empty if no pod has the role.
	Pod string
	// Ready: its containers are ready.
	Ready bool
	// Upgrading: it has the label cpo.LabelCriticalOperation.
	Upgrading bool
}

// Decision is what to write and what to start.
type Decision struct {
	// After is status.triggers to write.
	After []stanzaflowv1alpha1.TriggerStatus
	// Start are the Workflows to create. Create one only if the API server still has the
	// status from which this was decided. Hand each one that the API server has, created
	// or there already, to Fired.
	Start []Start
	// Wake is when there is more to do, zero if nothing but an event can bring it.
	Wake time.Time
}

// Start is a Workflow to create.
type Start struct {
	// Trigger is the name of the entry in status.triggers.
	Trigger string
	// Name of the Workflow.
	Name string
	Kind vocab.RunKind
	Repo string
	Type string
	// Value is the label and the parameter trigger: the name of the trigger, initial or overdue.
	Value string
	// Causes that the run is for, all of which the API server had in the status.
	Causes []string
	Since  metav1.Time
	// Overdue is how long the backup has been due, zero unless the run is for that.
	Overdue time.Duration

	cluster string
	now     metav1.Time
}
