// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Drill restores a backup into a pod of its own on a schedule, and compares what it finds
// there with what must be there.
type Drill struct {
	// name of the drill.
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([a-z0-9-]{0,14}[a-z0-9])?$`
	Name string `json:"name"`
	// schedule is a cron expression in the time zone of the Stanza. Empty means that the
	// drill runs only by hand.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Schedule string `json:"schedule,omitempty"`
	// repo from which to restore, repo1 to repo4. Empty means the first repo of the cluster.
	// +optional
	// +kubebuilder:validation:Pattern=`^repo[1-4]$`
	Repo string `json:"repo,omitempty"`
	// target is the moment to restore to. Newest is the end of the archive. Random is a
	// moment of the whole window, to the microsecond, another one in each run. Immediate is
	// the end of the newest backup. Empty means Newest.
	// +optional
	Target DrillTarget `json:"target,omitempty"`
	// checks beside Reached, which every drill makes. Absent means Dump.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=3
	Checks []DrillCheck `json:"checks,omitempty"`
	// sql are queries on the restored database, by a role that can only read.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	SQL []SQLCheck `json:"sql,omitempty"`
}

// DrillTarget is the moment to which a drill restores.
//
// +kubebuilder:validation:Enum=Newest;Random;Immediate
type DrillTarget string

// Targets of drills.
const (
	// TargetNewest is the end of the archive.
	TargetNewest DrillTarget = "Newest"
	// TargetRandom is a moment between the end of the oldest backup and the newest commit
	// that is known to be archived.
	TargetRandom DrillTarget = "Random"
	// TargetImmediate is the end of the newest backup.
	TargetImmediate DrillTarget = "Immediate"
)

// DrillCheck is a check of a restored database.
//
// +kubebuilder:validation:Enum=Dump;Amcheck;Checksums
type DrillCheck string

// Checks of a restored database.
const (
	// CheckDump reads every row of every database, with pg_dump.
	CheckDump DrillCheck = "Dump"
	// CheckAmcheck compares every table with its indexes, with pg_amcheck.
	CheckAmcheck DrillCheck = "Amcheck"
	// CheckChecksums reads every page, with pg_checksums.
	CheckChecksums DrillCheck = "Checksums"
)

// SQLCheck is a query with one row of one column, and what its value must be. Exactly one
// of equals, min and maxAge is set.
//
// +kubebuilder:validation:XValidation:rule="[has(self.equals), has(self.min), has(self.maxAge)].filter(x, x).size() == 1",message="exactly one of equals, min and maxAge must be set"
type SQLCheck struct {
	// name of the check, in messages.
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`
	Name string `json:"name"`
	// database to connect to.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Database string `json:"database"`
	// query to run. It is cancelled after ten minutes.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	Query string `json:"query"`
	// equals is the value as psql prints it.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Equals *string `json:"equals,omitempty"`
	// min is the smallest good value.
	// +optional
	Min *int64 `json:"min,omitempty"`
	// maxAge is how long before the moment of the restore the value, a timestamp, may be.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:Pattern=`^([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?$`
	MaxAge *metav1.Duration `json:"maxAge,omitempty"`
}

// RestorePod is the pod in which drills restore. What is empty is taken from the PostgreSQL
// pods of the cluster: the StatefulSet with the name of the cluster.
type RestorePod struct {
	// image with PostgreSQL of the same major version, and pgBackRest. Empty means that of
	// the PostgreSQL pods. It is required if there is no StatefulSet with the name of the
	// cluster.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Image string `json:"image,omitempty"`
	// binDir is the folder of postgres and pg_ctl in the image. Empty means that it is
	// looked for.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:Pattern=`^/`
	BinDir string `json:"binDir,omitempty"`
	// secret is mounted in place of the one with the keys of the repos. Its keys need only
	// to read.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Secret string `json:"secret,omitempty"`
	// volume takes the restored database. It is deleted with the pod.
	// +optional
	Volume RestoreVolume `json:"volume,omitzero"`
	// resources of the container that restores.
	// +optional
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`
	// parameters of PostgreSQL in the drill, beside those that a drill sets itself.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	Parameters map[string]string `json:"parameters,omitempty"`
}

// RestoreVolume is the volume that takes a restored database.
type RestoreVolume struct {
	// size of the volume. Empty means 1.3 times the size of the database, at least 1Gi.
	// +optional
	Size *resource.Quantity `json:"size,omitempty"`
	// storageClassName of the volume. Empty means that of the volumes of PostgreSQL.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	StorageClassName string `json:"storageClassName,omitempty"`
}

// RestorableStatus is the newest moment that is known to be restorable from a repo.
type RestorableStatus struct {
	// newest is the time of the newest commit that is known to be in the repo: every
	// commit up to it can be restored. Its microseconds count.
	Newest metav1.MicroTime `json:"newest"`
	// heartbeat says how newest is known. If true, a run has written a transaction at that
	// time and pgbackrest check has archived it, so newest is a target that PostgreSQL can
	// reach. If false, a watch has seen that everything before it is archived.
	// +optional
	Heartbeat bool `json:"heartbeat,omitempty"`
	// timeline of that commit.
	// +optional
	Timeline int32 `json:"timeline,omitempty"`
	// lsn is a position of WAL up to which everything is in the repo, such as 0/45000148:
	// every commit before newest is before it, and that of a heartbeat is right behind it.
	// Absent if it is not known.
	// +optional
	LSN string `json:"lsn,omitempty"`
	// observedTime is when this was found out.
	ObservedTime metav1.Time `json:"observedTime"`
	// lastHeartbeat is the newest heartbeat, if newest is later and none. PostgreSQL can
	// reach a time for certain if a later commit is known, so a watch must not hide it.
	// +optional
	LastHeartbeat *HeartbeatStatus `json:"lastHeartbeat,omitempty"`
}

// HeartbeatStatus is a transaction that a run has written and pgbackrest check has archived.
type HeartbeatStatus struct {
	// time of the transaction.
	Time metav1.MicroTime `json:"time"`
	// timeline of the transaction.
	// +optional
	Timeline int32 `json:"timeline,omitempty"`
	// lsn is right before its commit. Absent if it is not known.
	// +optional
	LSN string `json:"lsn,omitempty"`
	// observedTime is when the run ended.
	ObservedTime metav1.Time `json:"observedTime"`
}

// RecoveryStatus is what the newest good drill has measured.
type RecoveryStatus struct {
	// lastProvenTime is when the newest good drill ended.
	LastProvenTime metav1.Time `json:"lastProvenTime"`
	// rto is the time from the start of the restore to the first query, without the time
	// that the pod and its volume took.
	RTO metav1.Duration `json:"rto"`
	// rpo is how much time of commits would have been lost with the primary when the drill
	// began. Absent if it is not known.
	// +optional
	RPO *metav1.Duration `json:"rpo,omitempty"`
	// drill that has measured it, and its Workflow. A drill by hand has no name.
	// +optional
	Drill string `json:"drill,omitempty"`
	// workflow of that drill.
	Workflow string `json:"workflow"`
}

// DrillStatus is one drill.
type DrillStatus struct {
	// name of the drill in spec.drills.
	Name string `json:"name"`
	// cronWorkflow is the name of the Argo CronWorkflow. Absent without a schedule.
	// +optional
	CronWorkflow string `json:"cronWorkflow,omitempty"`
	// schedule of the Stanza that is in force.
	// +optional
	Schedule string `json:"schedule,omitempty"`
	// effectiveSchedule is when the drills start if a window has moved the schedule. Absent
	// if they start as it says.
	// +optional
	EffectiveSchedule string `json:"effectiveSchedule,omitempty"`
	// offset is by how much later than schedule they start, such as 45m. Absent if they start
	// as it says.
	// +optional
	Offset string `json:"offset,omitempty"`
	// timeZone of schedule.
	// +optional
	TimeZone string `json:"timeZone,omitempty"`
	// inForceSince is since when schedule, timeZone and offset are as they are. What was due
	// before is not overdue.
	// +optional
	InForceSince *metav1.Time `json:"inForceSince,omitempty"`
	// nextRunTime is when the schedule fires next. Absent while suspended.
	// +optional
	NextRunTime *metav1.Time `json:"nextRunTime,omitempty"`
	// overdue says that a drill was due and none has succeeded since, whatever the reason.
	// +optional
	Overdue bool `json:"overdue,omitempty"`
	// lastRun is the newest run of the drill.
	// +optional
	LastRun *DrillRun `json:"lastRun,omitempty"`
	// lastProven is what the newest good run of the drill has proven.
	// +optional
	LastProven *ProvenDrill `json:"lastProven,omitempty"`
	// runs are the last ten that have ended, the newest first.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	Runs []DrillRun `json:"runs,omitempty"`
}

// DrillRun is one run of a drill.
type DrillRun struct {
	// workflow is the name of the Workflow.
	Workflow string `json:"workflow"`
	// trigger is schedule or manual.
	// +optional
	Trigger string `json:"trigger,omitempty"`
	// result of the run.
	Result RunResult `json:"result"`
	// repo that it restored from. Absent if the run has not said it.
	// +optional
	Repo string `json:"repo,omitempty"`
	// target is Newest, Random, Immediate, or the moment that was asked for. Absent if the
	// run has not said it.
	// +optional
	Target string `json:"target,omitempty"`
	// dataMissing says that recovery ended and did not find what must be in the archive.
	// +optional
	DataMissing bool `json:"dataMissing,omitempty"`
	// message says what went wrong and what to do, in one line.
	// +optional
	Message string `json:"message,omitempty"`
	// startTime of the Workflow.
	// +optional
	StartTime *metav1.Time `json:"startTime,omitempty"`
	// finishTime of the Workflow. Absent while it runs.
	// +optional
	FinishTime *metav1.Time `json:"finishTime,omitempty"`
	// phases of a good run. Absent for any other: what it has measured says nothing.
	// +optional
	Phases *DrillPhases `json:"phases,omitempty"`
	// databaseBytes is the size of the database that a good run has restored.
	// +optional
	DatabaseBytes int64 `json:"databaseBytes,omitempty"`
	// walBytes is how much WAL a good run has replayed.
	// +optional
	WALBytes int64 `json:"walBytes,omitempty"`
}

// DrilledRepo is what drills have found at the end of the archive of a repo.
type DrilledRepo struct {
	// repo is repo1 to repo4.
	Repo string `json:"repo"`
	// newestProvenTime is when the newest good drill to Newest began: it has found everything
	// that had to be in the archive at that time. Absent if there was none.
	// +optional
	NewestProvenTime *metav1.Time `json:"newestProvenTime,omitempty"`
	// missing is the newest drill, by hand or not, that has not found what must be in the
	// archive. Absent if a good drill to Newest has begun since that drill ended.
	// +optional
	Missing *MissingData `json:"missing,omitempty"`
}

// MissingData is a drill that has not found what must be in the archive.
type MissingData struct {
	// drill of the Stanza. A drill by hand that is none of the Stanza has no name.
	// +optional
	Drill string `json:"drill,omitempty"`
	// workflow of that drill.
	Workflow string `json:"workflow"`
	// target is Newest, Random, Immediate, or the moment that was asked for. Absent if it is
	// not known.
	// +optional
	Target string `json:"target,omitempty"`
	// message says what is missing and what to do, in one line.
	// +optional
	Message string `json:"message,omitempty"`
	// finishTime of the Workflow.
	// +optional
	FinishTime *metav1.Time `json:"finishTime,omitempty"`
}

// ProvenDrill is what a good drill has proven.
type ProvenDrill struct {
	// workflow that has proven it.
	Workflow string `json:"workflow"`
	// finishTime of the Workflow.
	FinishTime metav1.Time `json:"finishTime"`
	// backup is the label of the backup that was restored.
	Backup string `json:"backup"`
	// repo that it was restored from.
	Repo string `json:"repo"`
	// target is Newest, Random, Immediate, or the moment that was asked for.
	Target string `json:"target"`
	// recoveredTo is the time of the newest commit in the restored database.
	// +optional
	RecoveredTo *metav1.MicroTime `json:"recoveredTo,omitempty"`
	// lsn up to which WAL was replayed.
	// +optional
	LSN string `json:"lsn,omitempty"`
	// timeline on which the restore followed the WAL.
	// +optional
	Timeline int32 `json:"timeline,omitempty"`
	// phases of the drill.
	Phases DrillPhases `json:"phases"`
	// databaseBytes is the size of the restored database.
	// +optional
	DatabaseBytes int64 `json:"databaseBytes,omitempty"`
	// walBytes is how much WAL was replayed.
	// +optional
	WALBytes int64 `json:"walBytes,omitempty"`
	// checks that were made, all of them passed.
	// +optional
	// +listType=atomic
	Checks []string `json:"checks,omitempty"`
}

// DrillPhases is how long each phase of a drill took.
type DrillPhases struct {
	// provision is the time that the pod and its volume took to start.
	// +optional
	Provision metav1.Duration `json:"provision,omitzero"`
	// restore is that of pgbackrest restore.
	Restore metav1.Duration `json:"restore"`
	// replay is the time that PostgreSQL replayed WAL.
	Replay metav1.Duration `json:"replay"`
	// firstQuery is the time from the end of the replay to the first query in every database.
	FirstQuery metav1.Duration `json:"firstQuery"`
	// checks is the time that all checks took.
	// +optional
	Checks metav1.Duration `json:"checks,omitzero"`
}
