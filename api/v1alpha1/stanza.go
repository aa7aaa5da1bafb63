// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Stanza holds the backup settings that a postgresql resource has no room for,
// and reports the backups of that cluster. It has the name and the namespace of
// the postgresql resource. The operator creates an empty one if the user has
// none, and never writes to the spec of an existing one.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=stanzas,singular=stanza,categories=cpo
// +kubebuilder:printcolumn:name="Schedule",type=string,JSONPath=`.status.schedule`,description="Every backup type with its cron expression"
// +kubebuilder:printcolumn:name="Result",type=string,JSONPath=`.status.lastRun.result`,description="How the run that started last ended"
// +kubebuilder:printcolumn:name="Recoverable To",type=string,JSONPath=`.status.recoverable.newest`,description="Every commit before this moment is in every repo"
// +kubebuilder:printcolumn:name="RPO",type=date,JSONPath=`.status.recoverable.atRiskSince`,description="How much time of commits would be lost with the primary now. Empty if none"
// +kubebuilder:printcolumn:name="Next Run",type=string,JSONPath=`.status.nextRunTime`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Backup",type=string,priority=1,JSONPath=`.status.lastBackup.label`,description="Label of the newest proven backup"
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Suspend",type=boolean,priority=1,JSONPath=`.spec.suspend`
// +kubebuilder:printcolumn:name="Last Run",type=date,priority=1,JSONPath=`.status.lastRun.startTime`
type Stanza struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is optional: without it every schedule runs in UTC, ungated.
	// +optional
	Spec StanzaSpec `json:"spec,omitzero"`
	// status is written only by the operator.
	// +optional
	Status StanzaStatus `json:"status,omitzero"`
}

// StanzaList is a list of Stanzas.
//
// +kubebuilder:object:root=true
type StanzaList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []Stanza `json:"items"`
}

// StanzaSpec is what the user may set.
type StanzaSpec struct {
	// timeZone is the IANA time zone of every schedule of the cluster, such as
	// Europe/Vienna. Empty means UTC. In a zone with
	// daylight saving time a schedule between 02:00 and 03:00 local time does
	// not fire on one day of the year and fires twice on another.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	TimeZone string `json:"timeZone,omitempty"`

	// window spreads the schedules of all clusters: those of this one start up to that much
	// later, always by the same whole minutes, which follow from the namespace, the name and
	// the repo. 0s lets them start as they say. Empty means the annotation stanzaflow.dev/window
	// of the WorkflowTemplate, and without that the default of the operator. At most 24h, in
	// whole minutes, such as 90m.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:Pattern=`^([0-9]{1,2}h)?([0-9]{1,4}m)?(0s)?$`
	// +kubebuilder:validation:XValidation:rule="duration(self) <= duration('24h')",message="must be at most 24h"
	Window *metav1.Duration `json:"window,omitempty"`

	// suspend stops the schedules of the cluster. A run that has started
	// continues. Backups started by hand are not affected. When it is set back
	// to false, each schedule that has missed a run starts one at once.
	// +optional
	Suspend bool `json:"suspend,omitempty"`

	// gate is a boolean expression in expr-lang/expr over the facts that
	// precheck found, docs/gate.md. A run whose gate is false ends as held: it
	// makes no backup and is not a success.
	// Example: lastFull == nil || postgres.databaseBytes < lastFull.databaseBytes * 10
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Gate string `json:"gate,omitempty"`

	// workflowTemplate is the name of the WorkflowTemplate in the namespace
	// of the cluster that runs the backups. Empty means pgbackrest-backup.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	WorkflowTemplate string `json:"workflowTemplate,omitempty"`

	// managed is true by default. If it is false, the operator makes no backups of
	// the cluster: it lets runs end, removes its schedules and, alongside CPO, gives
	// CPO's CronJobs back. It leaves the pgBackRest configuration as it is.
	// +optional
	Managed *bool `json:"managed,omitempty"`

	// initialBackup is true by default: a repo location without a proven backup gets its
	// stanza and a full backup as soon as the primary is ready, and so does every repo
	// after a major upgrade of PostgreSQL. If it is false, only the stanza is made, and
	// PostgreSQL can archive.
	// +optional
	InitialBackup *bool `json:"initialBackup,omitempty"`

	// startOverdue starts the backup of a schedule that is overdue, without waiting for its
	// next slot: its run has failed, as in an outage of the store, or was never started. While
	// it fails it is tried again, at most an hour later. Suspended schedules and those that
	// are held start nothing. Empty means the default of the operator, which is false.
	// +optional
	StartOverdue *bool `json:"startOverdue,omitempty"`

	// triggers start backups when something happens, beside the schedules.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	Triggers []Trigger `json:"triggers,omitempty"`

	// runs says in which form the backups of each type are made. All forms prove the
	// same. pod has every step in one pod, each in a container with its own log. dag has a
	// pod for each step: Argo shows every attempt as a node, and argo retry continues at the
	// step that failed. compact has one container with one log for all steps, and is the
	// fastest: it is for frequent backups.
	// +optional
	Runs RunForms `json:"runs,omitzero"`

	// objectives are what must hold at any time. The condition Recoverable compares the
	// cluster with them.
	// +optional
	Objectives Objectives `json:"objectives,omitzero"`

	// drills restore a backup on a schedule and check what they find: only a restore proves
	// a backup. They run beside the backups and delay none.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=8
	Drills []Drill `json:"drills,omitempty"`

	// restorePod is the pod in which drills restore. If it is set, {} is enough, drills can
	// be started by hand also without spec.drills.
	// +optional
	RestorePod *RestorePod `json:"restorePod,omitempty"`

	// certificate configures the certificates with which the repo host and the
	// PostgreSQL pods authenticate each other. Only clusters with a repo of
	// storage pvc use it.
	// +optional
	Certificate CertificateSpec `json:"certificate,omitzero"`
}

// RunForms is the form of the backups of each type.
type RunForms struct {
	// full is dag by default.
	// +optional
	Full RunForm `json:"full,omitempty"`
	// diff is dag by default.
	// +optional
	Diff RunForm `json:"diff,omitempty"`
	// incr is pod by default.
	// +optional
	Incr RunForm `json:"incr,omitempty"`
}

// RunForm is how a run is laid out in Argo.
//
// +kubebuilder:validation:Enum=pod;dag;compact
type RunForm string

// CertificateSpec says who issues certificates and for how long.
type CertificateSpec struct {
	// duration of a certificate. The operator renews it when a third of that is
	// left, without a restart. Empty means 2160h, 90 days. The operator also
	// replaces its own certificate authority after that time. The old one stays
	// trusted until nothing needs it any more.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:Pattern=`^([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?$`
	Duration *metav1.Duration `json:"duration,omitempty"`

	// issuerRef names an issuer of cert-manager that issues the certificates
	// instead of the operator. The Secrets of cert-manager must hold ca.crt.
	// +optional
	IssuerRef *IssuerReference `json:"issuerRef,omitempty"`
}

// IssuerReference names an issuer of cert-manager.
type IssuerReference struct {
	// name of the issuer.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// kind of the issuer. Empty means Issuer, in the namespace of the Stanza.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Kind string `json:"kind,omitempty"`
	// group of the issuer. Empty means cert-manager.io.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Group string `json:"group,omitempty"`
}

// StanzaStatus is what the operator knows.
type StanzaStatus struct {
	// observedGeneration is the generation of the Stanza that this status
	// describes.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// conditions are Ready, Accepted, Programmed, BackupHealthy, with a watch Archiving,
	// with a watch or drills Recoverable, and, only while true, Suspended. docs/conditions.md
	// lists their reasons.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// schedule is every schedule in one line, for the printed column:
	// full 30 2 * * *, incr */30 * * * *. It names the repo if the cluster
	// has more than one, and by how much a window has moved them: full 30 2 * * * +45m.
	// +optional
	Schedule string `json:"schedule,omitempty"`

	// nextRunTime is when the next schedule of the cluster fires. Absent
	// while no schedule will fire.
	// +optional
	NextRunTime *metav1.Time `json:"nextRunTime,omitempty"`

	// schedules has one entry for each CronWorkflow of the cluster.
	// +optional
	// +listType=map
	// +listMapKey=cronWorkflow
	Schedules []ScheduleStatus `json:"schedules,omitempty"`

	// repos has one entry for each repo of the cluster, as the last run that
	// proved a backup there found it.
	// +optional
	// +listType=map
	// +listMapKey=name
	Repos []RepoStatus `json:"repos,omitempty"`

	// archive is how the archiving of WAL is, between the runs. Absent without a watch.
	// +optional
	Archive *ArchiveStatus `json:"archive,omitempty"`

	// recoverable is the window to whose moments the database can be restored. Absent
	// without a watch, and without a backup.
	// +optional
	Recoverable *RecoverableStatus `json:"recoverable,omitempty"`

	// drills has one entry for each drill of the spec.
	// +optional
	// +listType=map
	// +listMapKey=name
	Drills []DrillStatus `json:"drills,omitempty"`

	// drilledRepos has one entry for each repo in which drills have looked for the end of the
	// archive. Data that are missing stay here until a drill has shown that they are not.
	// +optional
	// +listType=map
	// +listMapKey=repo
	DrilledRepos []DrilledRepo `json:"drilledRepos,omitempty"`

	// recovery is what the newest good drill has measured. Absent until there is one.
	// +optional
	Recovery *RecoveryStatus `json:"recovery,omitempty"`

	// orphanedClaims are PersistentVolumeClaims with backups of this cluster
	// that none of its repos uses. The operator never deletes them.
	// +optional
	// +listType=set
	OrphanedClaims []string `json:"orphanedClaims,omitempty"`

	// certificate is the one that the repo host and the PostgreSQL pods use
	// now. Absent without a repo of storage pvc, and if cert-manager issues. If CPO
	// has made it, it is the one that the last run saw.
	// +optional
	Certificate *CertificateStatus `json:"certificate,omitempty"`

	// configuration says who writes the pgBackRest configuration of the cluster, and
	// identifies what the operator has written. A run compares the pods with it.
	// Absent while the cluster has none.
	// +optional
	Configuration *ConfigurationStatus `json:"configuration,omitempty"`

	// cronJobs are the CronJobs with which CPO makes backups of the cluster, and who
	// owns each schedule. Absent in mode standalone.
	// +optional
	// +listType=map
	// +listMapKey=name
	CronJobs []CronJobStatus `json:"cronJobs,omitempty"`

	// triggers has one entry for each trigger, and one for the first backup of each repo.
	// +optional
	// +listType=map
	// +listMapKey=name
	Triggers []TriggerStatus `json:"triggers,omitempty"`

	// lastPredeploy is the newest pre-deploy run that has ended.
	// +optional
	LastPredeploy *PredeployStatus `json:"lastPredeploy,omitempty"`

	// lastRun is the backup run of the cluster that started last, scheduled or by
	// hand.
	// +optional
	LastRun *RunStatus `json:"lastRun,omitempty"`

	// lastBackup is the newest backup that a run has proven.
	// +optional
	LastBackup *BackupStatus `json:"lastBackup,omitempty"`
}

// ConfigurationStatus says who writes the pgBackRest configuration, and identifies
// it by digests, SHA-256 in hexadecimal digits.
type ConfigurationStatus struct {
	// provisioner writes the configuration: Stanzaflow or CPO.
	// +optional
	Provisioner string `json:"provisioner,omitempty"`
	// labels of the pods of the cluster, where CPO is configured to use others than
	// its own defaults.
	// +optional
	Labels *PodLabels `json:"labels,omitempty"`
	// source is the digest of the spec.backup of the postgresql from which the
	// configuration was made.
	Source string `json:"source"`
	// primary is the digest of the file pgbackrest_instance.conf of the
	// PostgreSQL pods. Absent if CPO writes it, and while a Problem keeps an older
	// configuration.
	// +optional
	Primary string `json:"primary,omitempty"`
	// repoHost is the digest of the same file of the repo host. Absent without a
	// repo host, if CPO writes it, and while a Problem keeps an older configuration.
	// +optional
	RepoHost string `json:"repoHost,omitempty"`
}

// PodLabels are the labels by which the pods of a cluster are found.
type PodLabels struct {
	// cluster are on every pod of every cluster, cluster_labels of CPO.
	Cluster map[string]string `json:"cluster"`
	// clusterName is the key of the label with the name of the cluster,
	// cluster_name_label of CPO.
	ClusterName string `json:"clusterName"`
	// role is the key of the label with the role, pod_role_label of CPO.
	Role string `json:"role"`
}

// CronJobOwner says who runs the schedule of a CronJob of CPO.
//
// +kubebuilder:validation:Enum=Stanzaflow;CPO;User
type CronJobOwner string

// Owners. A schedule has one at any time.
const (
	// OwnerStanzaflow: the operator has suspended the CronJob, and the CronWorkflow
	// makes the backups.
	OwnerStanzaflow CronJobOwner = "Stanzaflow"
	// OwnerCPO: the CronJob is not suspended and makes the backups.
	OwnerCPO CronJobOwner = "CPO"
	// OwnerUser: somebody else has suspended the CronJob. The operator never resumes
	// it. The CronWorkflow makes the backups.
	OwnerUser CronJobOwner = "User"
)

// CronJobStatus is one CronJob of CPO.
type CronJobStatus struct {
	// name of the CronJob.
	Name string `json:"name"`
	// uid of the CronJob. CPO may delete it and create another of the same name.
	UID string `json:"uid"`
	// repo and type of its backups. Absent if its command cannot be read.
	// +optional
	Repo string `json:"repo,omitempty"`
	// type of its backups.
	// +optional
	Type string `json:"type,omitempty"`
	// owner of the schedule.
	Owner CronJobOwner `json:"owner"`
	// suspendedTime is when the CronJob was suspended. It stays if another than the
	// operator resumes it, who then has the last word. Absent if it never was.
	// +optional
	SuspendedTime *metav1.Time `json:"suspendedTime,omitempty"`
	// unhealthyTime is since when the CronWorkflow cannot make the backups, so that
	// the CronJob is given back after a grace period. Absent while it can.
	// +optional
	UnhealthyTime *metav1.Time `json:"unhealthyTime,omitempty"`
	// message says in one line why CPO has the schedule, and what the operator waits
	// for. Empty while Stanzaflow has it.
	// +optional
	Message string `json:"message,omitempty"`
}

// RepoStatus is one repo. What runs find in it is absent until a run has proven
// a backup there.
type RepoStatus struct {
	// name is repo1 to repo4.
	Name string `json:"name"`
	// storage is pvc, s3, azure or gcs.
	Storage string `json:"storage"`
	// location of the backups: s3://bucket/path, azure://container/path,
	// gcs://bucket/path or pvc://claim.
	Location string `json:"location"`
	// previousLocation is where the backups of the repo were before it moved.
	// Absent if it has not moved, and as soon as a run has proven a backup in
	// location.
	// +optional
	PreviousLocation string `json:"previousLocation,omitempty"`
	// cipher is none or aes-256-cbc.
	// +optional
	Cipher string `json:"cipher,omitempty"`
	// backups is the number of backups in the repo, of every type.
	// +optional
	Backups int32 `json:"backups,omitempty"`
	// fulls is the number of backups of type full.
	// +optional
	Fulls int32 `json:"fulls,omitempty"`
	// oldestBackupTime is when the oldest backup without errors was complete:
	// nothing before it can be restored.
	// +optional
	OldestBackupTime *metav1.Time `json:"oldestBackupTime,omitempty"`
	// lastBackup is the newest backup that a run has proven in this repo.
	// +optional
	LastBackup *BackupStatus `json:"lastBackup,omitempty"`
	// message is what pgbackrest info says of the repo if it is not ok. Empty if it is.
	// +optional
	Message string `json:"message,omitempty"`
	// newest are the newest ten backups that pgbackrest info lists in the repo, the
	// newest first, whoever has made them. Absent without a watch.
	// +optional
	// +listType=map
	// +listMapKey=label
	// +kubebuilder:validation:MaxItems=10
	Newest []ListedBackup `json:"newest,omitempty"`
	// restorable is the newest moment that is known to be restorable from the repo.
	// +optional
	Restorable *RestorableStatus `json:"restorable,omitempty"`
	// freeBytes is the room left on the volume of the repo. Absent for an object store.
	// +optional
	FreeBytes *int64 `json:"freeBytes,omitempty"`
	// volumeBytes is the size of that volume.
	// +optional
	VolumeBytes int64 `json:"volumeBytes,omitempty"`
}

// CertificateStatus is a certificate in use.
type CertificateStatus struct {
	// notAfter is when it expires.
	NotAfter metav1.Time `json:"notAfter"`
	// renewalTime is when the operator replaces it. Absent if CPO has made the
	// certificate: nobody renews that.
	// +optional
	RenewalTime *metav1.Time `json:"renewalTime,omitempty"`
}

// ScheduleStatus is one schedule: one backup type of one repo.
type ScheduleStatus struct {
	// cronWorkflow is the name of the Argo CronWorkflow.
	CronWorkflow string `json:"cronWorkflow"`
	// repo is repo1 to repo4.
	Repo string `json:"repo"`
	// type is full, diff or incr.
	Type string `json:"type"`
	// schedule is the cron expression of the postgresql resource that is in force. While
	// the present one is not valid, this is the last good one.
	Schedule string `json:"schedule"`
	// effectiveSchedule is when the backups start if a window has moved the schedule: its
	// expression, moved by offset. Absent if they start as it says.
	// +optional
	EffectiveSchedule string `json:"effectiveSchedule,omitempty"`
	// offset is by how much later than schedule the backups start, such as 45m. Absent if they
	// start as it says.
	// +optional
	Offset string `json:"offset,omitempty"`
	// timeZone of schedule.
	TimeZone string `json:"timeZone"`
	// inForceSince is since when schedule, timeZone and offset are as they are. What was due
	// before is not overdue. Absent while CPO makes the backups of the schedule.
	// +optional
	InForceSince *metav1.Time `json:"inForceSince,omitempty"`
	// nextRunTime is when the schedule fires next. Absent while suspended.
	// +optional
	NextRunTime *metav1.Time `json:"nextRunTime,omitempty"`
	// overdue says that a backup was due and none of this repo and type has been
	// proven since, whatever the reason: held, suspended, failed or not started.
	// While a run of the schedule is running, it is not overdue, but it may be while that run
	// waits for a slot of a cap, or for Argo to begin it.
	// +optional
	Overdue bool `json:"overdue,omitempty"`
	// held says in one line why the schedule can make no backup now: suspended,
	// a standby cluster, no instances, a restore; or why its last run that has
	// ended made none. Absent while nothing holds it.
	// +optional
	Held string `json:"held,omitempty"`
	// delayed says in one line what the schedule waits for: its run for another
	// run of the cluster or for a slot of a cap, or its next slot for its own run.
	// Absent while it does not wait.
	// +optional
	Delayed string `json:"delayed,omitempty"`
	// lastRun is the newest run of this repo and type.
	// +optional
	LastRun *RunStatus `json:"lastRun,omitempty"`
	// previousRun is the newest run of this schedule that has ended, while
	// lastRun is still running. Until then it shows how healthy the schedule is.
	// +optional
	PreviousRun *RunStatus `json:"previousRun,omitempty"`
	// lastBackup is the newest backup that a run of this repo and type has
	// proven.
	// +optional
	LastBackup *BackupStatus `json:"lastBackup,omitempty"`
	// runs are the last ten of this repo and type that have ended, the newest first,
	// whatever started them. They stay when Argo has deleted the Workflow.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	Runs []FinishedRun `json:"runs,omitempty"`
}

// FinishedRun is one run that has ended.
type FinishedRun struct {
	// workflow is the name of the Workflow.
	Workflow string `json:"workflow"`
	// trigger is schedule, manual, initial, overdue, or the name of a trigger of the Stanza.
	// +optional
	Trigger string `json:"trigger,omitempty"`
	// result of the run.
	Result RunResult `json:"result"`
	// label of the backup that the run has proven. Absent if it has proven none.
	// +optional
	Label string `json:"label,omitempty"`
	// message says what went wrong, in one line.
	// +optional
	Message string `json:"message,omitempty"`
	// startTime of the Workflow.
	// +optional
	StartTime *metav1.Time `json:"startTime,omitempty"`
	// finishTime of the Workflow.
	// +optional
	FinishTime *metav1.Time `json:"finishTime,omitempty"`
}

// RunResult says how a run ended.
//
// +kubebuilder:validation:Enum=Running;Succeeded;Failed;Held;Unknown
type RunResult string

// Only RunSucceeded means that there is a backup.
const (
	// RunRunning means that the run has not ended.
	RunRunning RunResult = "Running"
	// RunSucceeded means that the backup of this run is proven: pgbackrest info
	// lists it, without error and with its WAL archived.
	RunSucceeded RunResult = "Succeeded"
	// RunFailed means that there is no proven backup of this run.
	RunFailed RunResult = "Failed"
	// RunHeld means that no backup can or may be made now: the gate of the
	// Stanza is false, or the cluster must not be backed up. There is no backup.
	RunHeld RunResult = "Held"
	// RunUnknown means that the Workflow has ended and left no report. It counts
	// as not succeeded.
	RunUnknown RunResult = "Unknown"
)

// RunStatus is one run: one Argo Workflow.
type RunStatus struct {
	// workflow is the name of the Workflow.
	Workflow string `json:"workflow"`
	// repo of the run.
	Repo string `json:"repo"`
	// type is the backup type that was requested.
	Type string `json:"type"`
	// trigger is schedule, manual, initial, overdue, or the name of a trigger of the Stanza.
	// +optional
	Trigger string `json:"trigger,omitempty"`
	// result of the run.
	Result RunResult `json:"result"`
	// message says what went wrong and what to do, in one line. Empty when
	// the run and its expire step have succeeded. While the run is running, it says
	// that Argo has not noticed that its pod has ended.
	// +optional
	Message string `json:"message,omitempty"`
	// startTime of the Workflow.
	// +optional
	StartTime *metav1.Time `json:"startTime,omitempty"`
	// podEndTime is when the last step of the run's pod ended, while Argo has not
	// noticed that and the Workflow is still Running. Otherwise absent.
	// +optional
	PodEndTime *metav1.Time `json:"podEndTime,omitempty"`
	// finishTime of the Workflow. Absent while it runs.
	// +optional
	FinishTime *metav1.Time `json:"finishTime,omitempty"`
	// progress of a running backup, such as 45%. It is written once a minute at most, and
	// not at all for a backup that takes less.
	// +optional
	Progress string `json:"progress,omitempty"`
	// waitsFor says what a run that is running waits for: another run of its cluster, or a
	// slot of a cap and its position among those that wait for one, such as position 17 of
	// 40. A position is written once a minute at most, and less often far behind.
	// +optional
	WaitsFor string `json:"waitsFor,omitempty"`
	// retention is Succeeded, or Failed when the expire step of the run
	// failed. Empty when the run did not get that far.
	// +optional
	Retention string `json:"retention,omitempty"`
}

// BackupVerification says how much of a backup a run has read back.
//
// +kubebuilder:validation:Enum=Contents;Files
type BackupVerification string

const (
	// VerifiedContents means that pgbackrest verify has read every file of the backup, of
	// the backups it builds on and of its WAL, and each matches its checksum.
	VerifiedContents BackupVerification = "Contents"
	// VerifiedFiles means that the files of each of these backups are in the repo with the
	// size that pgbackrest info reports.
	VerifiedFiles BackupVerification = "Files"
)

// BackupStatus is one backup that a run has proven.
type BackupStatus struct {
	// label is pgBackRest's name of the backup, such as 20261122-132826F.
	Label string `json:"label"`
	// repo that holds it.
	Repo string `json:"repo"`
	// type of the backup. It is full if an incr or diff was requested and the
	// repo held no full yet.
	Type string `json:"type"`
	// workflow that made and proved it.
	Workflow string `json:"workflow"`
	// startTime and stopTime are the times that pgBackRest reports.
	StartTime metav1.Time `json:"startTime"`
	// stopTime is when the backup was complete.
	StopTime metav1.Time `json:"stopTime"`
	// verified says how the run has verified the files of the backup and of every
	// backup that it builds on. Contents: each was read back and matches its
	// checksum. Files: each is there with its size.
	// +optional
	Verified BackupVerification `json:"verified,omitempty"`
	// databaseBytes is the size of the database.
	DatabaseBytes int64 `json:"databaseBytes"`
	// repoBytes is what this backup added to the repo.
	RepoBytes int64 `json:"repoBytes"`
	// walStart and walStop are the first and the last WAL segment that the
	// backup needs to be consistent. Both are in the archive.
	WALStart string `json:"walStart"`
	// walStop is the last such segment.
	WALStop string `json:"walStop"`
}

// PredeployStatus is a pre-deploy run. It never counts as a backup, but the backup
// that it has made and proven does.
type PredeployStatus struct {
	RunStatus `json:",inline"`
	// restorePoint is the name of the restore point before the deploy. Absent unless the
	// run has succeeded: then the database can be restored to it from every repo.
	// +optional
	RestorePoint string `json:"restorePoint,omitempty"`
	// restorePointTime is when it was created.
	// +optional
	RestorePointTime *metav1.Time `json:"restorePointTime,omitempty"`
	// label of the backup from which a restore to it begins.
	// +optional
	Label string `json:"label,omitempty"`
}
