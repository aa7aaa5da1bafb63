// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Objectives are what the user wants to hold at any time.
type Objectives struct {
	// rpo is the recovery point objective: how much time of commits may be lost at most
	// if the primary and its volume are lost now. Empty means the longest time between
	// two backups of the most frequent schedule.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:Pattern=`^([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?$`
	RPO *metav1.Duration `json:"rpo,omitempty"`
	// rto is the recovery time objective: how long a restore may take at most, from its
	// start to the first query. Drills measure it. Empty means that it is not compared.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:Pattern=`^([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?$`
	RTO *metav1.Duration `json:"rto,omitempty"`
}

// ArchiveStatus is what the watch found out about the archiving of WAL. It is written when
// something of it has changed; the metrics have the age of what does not change.
type ArchiveStatus struct {
	// observedTime is when the watch asked the primary.
	ObservedTime metav1.Time `json:"observedTime"`
	// blindTime is since when no watch has reported on the cluster, or none could reach
	// it: then nothing else here describes the present. Absent while watches report.
	// +optional
	BlindTime *metav1.Time `json:"blindTime,omitempty"`
	// message says in one line why the watch could not ask. Empty if it could.
	// +optional
	Message string `json:"message,omitempty"`
	// timeline of the primary.
	// +optional
	Timeline int32 `json:"timeline,omitempty"`
	// lastArchivedTime is when PostgreSQL archived a WAL segment last.
	// +optional
	LastArchivedTime *metav1.Time `json:"lastArchivedTime,omitempty"`
	// lastArchivedWAL is that segment.
	// +optional
	LastArchivedWAL string `json:"lastArchivedWAL,omitempty"`
	// failingSince is since when no WAL is archived although there is some: the first
	// attempt that failed, as far as a watch has seen it, or the first watch that found
	// the archiver hanging. Absent while archiving works.
	// +optional
	FailingSince *metav1.Time `json:"failingSince,omitempty"`
	// failedWAL is the segment that PostgreSQL tried to archive last, in vain.
	// +optional
	FailedWAL string `json:"failedWAL,omitempty"`
	// waitingSegments is how many WAL segments wait to be archived.
	// +optional
	WaitingSegments int32 `json:"waitingSegments,omitempty"`
	// behindBytes is how much WAL PostgreSQL has written after the last archived segment.
	// +optional
	BehindBytes int64 `json:"behindBytes,omitempty"`
	// walBytes is the size of pg_wal.
	// +optional
	WALBytes int64 `json:"walBytes,omitempty"`
	// freeBytes is the room left on the volume of pg_wal.
	// +optional
	FreeBytes int64 `json:"freeBytes,omitempty"`
	// volumeBytes is the size of that volume.
	// +optional
	VolumeBytes int64 `json:"volumeBytes,omitempty"`
	// fullTime is when pg_wal fills the volume, at the rate of the last watches. Absent
	// while archiving works: then PostgreSQL removes WAL again.
	// +optional
	FullTime *metav1.Time `json:"fullTime,omitempty"`
}

// RecoverableStatus is the window to whose moments the database can be restored.
type RecoverableStatus struct {
	// oldest is when the oldest backup was complete: nothing before it can be restored.
	// +optional
	Oldest *metav1.Time `json:"oldest,omitempty"`
	// newest is a moment such that every commit before it is in every repo, in backup or
	// archive. The real one is at most the time between two watches later.
	// +optional
	Newest *metav1.Time `json:"newest,omitempty"`
	// atRiskSince is the moment since which commits may be lost if the primary is lost
	// now; its age is the RPO of now. Absent if nothing was committed since newest.
	// +optional
	AtRiskSince *metav1.Time `json:"atRiskSince,omitempty"`
	// rpo is the objective that holds for the cluster, that of the spec or the one that
	// follows from the schedules.
	// +optional
	RPO *metav1.Duration `json:"rpo,omitempty"`
}

// ListedBackup is a backup that a repo lists, whoever has made it.
type ListedBackup struct {
	// label is pgBackRest's name of the backup.
	Label string `json:"label"`
	// type is full, diff or incr.
	Type string `json:"type"`
	// startTime is when the backup began.
	StartTime metav1.Time `json:"startTime"`
	// stopTime is when the backup was complete.
	StopTime metav1.Time `json:"stopTime"`
	// databaseBytes is the size of the database.
	// +optional
	DatabaseBytes int64 `json:"databaseBytes,omitempty"`
	// repoBytes is what this backup added to the repo.
	// +optional
	RepoBytes int64 `json:"repoBytes,omitempty"`
	// error says that the backup has pages whose checksums do not match.
	// +optional
	Error bool `json:"error,omitempty"`
	// run is the UID of the Workflow that made it. Absent if another tool did.
	// +optional
	Run string `json:"run,omitempty"`
}
