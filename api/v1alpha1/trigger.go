// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// TriggerEvent is what a trigger waits for.
//
// +kubebuilder:validation:Enum=Restore;MajorUpgrade;Failover;Change
type TriggerEvent string

const (
	// OnRestore means that a restore of the cluster has ended.
	OnRestore TriggerEvent = "Restore"
	// OnMajorUpgrade means that spec.postgresql.version of the postgresql has changed, and the
	// upgrade has ended.
	OnMajorUpgrade TriggerEvent = "MajorUpgrade"
	// OnFailover means that another pod is the primary.
	OnFailover TriggerEvent = "Failover"
	// OnChange means that the spec of an object has changed as the trigger says.
	OnChange TriggerEvent = "Change"
)

// Trigger starts a backup when something happens.
//
// +kubebuilder:validation:XValidation:rule="self.event == 'Change' || !has(self.of) && !has(self.when)",message="of and when are for a trigger with event: Change"
// +kubebuilder:validation:XValidation:rule="self.event != 'Change' || has(self.of)",message="a trigger with event: Change needs of, which says the change of what"
type Trigger struct {
	// name of the trigger, unique in the list. The runs have it in their names and in
	// their label stanzaflow.dev/trigger.
	// +kubebuilder:validation:Pattern=`^[a-z]([-a-z0-9]{0,28}[a-z0-9])?$`
	// +kubebuilder:validation:XValidation:rule="self != 'schedule' && self != 'manual' && !self.startsWith('initial') && !self.startsWith('overdue')",message="schedule, manual and names that begin with initial or overdue have a meaning of their own"
	Name string `json:"name"`
	// event that starts the backup: Restore, MajorUpgrade, Failover or Change.
	Event TriggerEvent `json:"event"`
	// of says which objects of the namespace event: Change is about.
	// +optional
	Of *TriggerObject `json:"of,omitempty"`
	// when is a boolean expression in expr-lang/expr over old and new, the object
	// before and after the change. It sees kind, metadata.name, metadata.labels and
	// spec. Empty means every change of the spec.
	// Example: old.spec.replicas != new.spec.replicas
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	When string `json:"when,omitempty"`
	// type of the backup: full, diff or incr.
	// +kubebuilder:validation:Enum=full;diff;incr
	Type string `json:"type"`
	// repo of the backup, repo1 to repo4. Empty means the first one of the postgresql.
	// +optional
	// +kubebuilder:validation:Enum=repo1;repo2;repo3;repo4
	Repo string `json:"repo,omitempty"`
	// maxAge: no backup is made if a proven one of the repo is younger. Empty means that
	// one is always made.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:Pattern=`^([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?$`
	MaxAge *metav1.Duration `json:"maxAge,omitempty"`
	// cooldown is how long after a run the trigger starts no other one. What happens
	// meanwhile starts one run together when it is over. Empty means 0s.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:Pattern=`^([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?$`
	Cooldown *metav1.Duration `json:"cooldown,omitempty"`
}

// TriggerObject selects objects in the namespace of the Stanza.
//
// +kubebuilder:validation:XValidation:rule="self.kind == 'postgresql' ? !has(self.name) && !has(self.selector) : has(self.name) != has(self.selector)",message="a Deployment or StatefulSet needs either name or selector; the postgresql is always the one of the Stanza"
type TriggerObject struct {
	// kind is Deployment, StatefulSet or postgresql. A postgresql is the one of the
	// Stanza.
	// +kubebuilder:validation:Enum=Deployment;StatefulSet;postgresql
	Kind string `json:"kind"`
	// name of the object.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
	// selector selects objects by their labels. A trigger follows at most 16 objects.
	// +optional
	Selector *metav1.LabelSelector `json:"selector,omitempty"`
}

// TriggerResult says what came of the last causes of a trigger.
//
// +kubebuilder:validation:Enum=Running;Succeeded;Failed;Held;Unknown;NotNeeded
type TriggerResult string

// TriggerNotNeeded means that no run was started: a proven backup is younger than
// maxAge. The other results are those of the run, a RunResult.
const TriggerNotNeeded TriggerResult = "NotNeeded"

// TriggerStatus is one trigger of the spec, or one of the operator's own:
// initial-repo1 makes the first backup of repo1.
type TriggerStatus struct {
	// name of the trigger.
	Name string `json:"name"`
	// observed is what the trigger saw last. A difference from it is a cause, also if it
	// came about while the operator was not running.
	// +optional
	// +listType=map
	// +listMapKey=object
	Observed []TriggerObservation `json:"observed,omitempty"`
	// pending are causes for which no run has been started yet.
	// +optional
	Pending *TriggerPending `json:"pending,omitempty"`
	// causes of the last run, or why one would have been started.
	// +optional
	// +listType=atomic
	Causes []string `json:"causes,omitempty"`
	// lastFiredTime is when the last run was started, or found not to be needed.
	// +optional
	LastFiredTime *metav1.Time `json:"lastFiredTime,omitempty"`
	// workflow is the last run. Absent if none was needed.
	// +optional
	Workflow string `json:"workflow,omitempty"`
	// result of the last run.
	// +optional
	Result TriggerResult `json:"result,omitempty"`
	// attempts is how many runs were started for a first backup that is not proven yet.
	// Absent otherwise: no other trigger starts more than one.
	// +optional
	Attempts int32 `json:"attempts,omitempty"`
	// message says in one line what the trigger waits for, or why its last run made no
	// backup.
	// +optional
	Message string `json:"message,omitempty"`
}

// TriggerPending are causes that wait for their run.
type TriggerPending struct {
	// since is when the first of them was seen. The name of the run has it, so that it is
	// started once.
	Since metav1.Time `json:"since"`
	// causes in the order in which they were seen.
	// +listType=atomic
	Causes []string `json:"causes"`
}

// TriggerObservation is what a trigger saw of one object.
type TriggerObservation struct {
	// object is kind and name, such as Deployment/shop, or the event of the trigger.
	Object string `json:"object"`
	// version is the generation of the object, or what stands for it: the pod that is the
	// primary, the version of PostgreSQL, the restore, the location of the repo.
	Version string `json:"version"`
	// uid of the object. One that is created again under the same name has another.
	// +optional
	UID string `json:"uid,omitempty"`
	// values are what the expression of the trigger reads of the object, as JSON.
	// +optional
	Values string `json:"values,omitempty"`
}
