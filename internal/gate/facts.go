// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package gate

import "time"

// Facts are what precheck found. They are the variables of a gate, and the content
// of the artifact precheck.json. Sizes are in bytes, times are UTC.
type Facts struct {
	// Run is the run itself.
	Run Run `expr:"run" json:"run"`
	// Postgres is the primary that the backup is made of.
	Postgres Postgres `expr:"postgres" json:"postgres"`
	// PgBackRest is the program in the target container.
	PgBackRest PgBackRest `expr:"pgbackrest" json:"pgbackrest"`
	// Archive is the state of WAL archiving on the primary.
	Archive Archive `expr:"archive" json:"archive"`
	// Repo is the repo of the run, before the run.
	Repo Repo `expr:"repo" json:"repo"`
	// LastBackup is the newest good backup in the repo of the run. LastFull,
	// LastDiff and LastIncr are the newest good ones of their type. Nil if there
	// is none.
	LastBackup *Backup `expr:"lastBackup" json:"lastBackup"`
	LastFull   *Backup `expr:"lastFull" json:"lastFull"`
	LastDiff   *Backup `expr:"lastDiff" json:"lastDiff"`
	LastIncr   *Backup `expr:"lastIncr" json:"lastIncr"`
}

// Run is one run.
type Run struct {
	Namespace string `expr:"namespace" json:"namespace"`
	Cluster   string `expr:"cluster" json:"cluster"`
	Repo      string `expr:"repo" json:"repo"`
	Type      string `expr:"type" json:"type"`
	Trigger   string `expr:"trigger" json:"trigger"`
}

// Postgres is a primary.
type Postgres struct {
	Pod string `expr:"pod" json:"pod"`
	// Version is server_version_num, such as 170006.
	Version int `expr:"version" json:"version"`
	// SystemID is the system identifier, as text: it exceeds 2^53.
	SystemID string `expr:"systemId" json:"systemId"`
	// DatabaseBytes is the size of all databases together.
	DatabaseBytes int64 `expr:"databaseBytes" json:"databaseBytes"`
	// WALSegmentBytes is wal_segment_size.
	WALSegmentBytes uint64 `expr:"walSegmentBytes" json:"walSegmentBytes"`
}

// PgBackRest is the installed program.
type PgBackRest struct {
	// Version such as 2.55.1.
	Version string `expr:"version" json:"version"`
	// StanzaCreated is true if this run created the stanza.
	StanzaCreated bool `expr:"stanzaCreated" json:"stanzaCreated"`
}

// Archive is pg_stat_archiver.
type Archive struct {
	// Mode is archive_mode.
	Mode string `expr:"mode" json:"mode"`
	// LastArchived is when a segment was last archived, nil if none ever was.
	LastArchived *time.Time `expr:"lastArchived" json:"lastArchived"`
	// FailedSince is when archiving last failed, nil if the newest attempt
	// succeeded.
	FailedSince *time.Time `expr:"failedSince" json:"failedSince"`
}

// Repo is a repository.
type Repo struct {
	// Number is 1 for repo1.
	Number int `expr:"number" json:"number"`
	// Storage is pvc, s3, azure or gcs.
	Storage string `expr:"storage" json:"storage"`
	// Location is where the backups are, such as s3://bucket/path or pvc://claim.
	Location string `expr:"location" json:"location"`
	// Cipher is none or aes-256-cbc.
	Cipher string `expr:"cipher" json:"cipher"`
	// Backups is how many the repo holds, of every type.
	Backups int `expr:"backups" json:"backups"`
}

// Backup is one listed backup.
type Backup struct {
	Label string `expr:"label" json:"label"`
	Type  string `expr:"type" json:"type"`
	// Stop is when it was complete.
	Stop time.Time `expr:"stop" json:"stop"`
	// Age is the time from Stop until precheck ran. In JSON it is in nanoseconds.
	Age time.Duration `expr:"age" json:"age"`
	// DatabaseBytes is the size of the database at that time. RepoBytes is what the
	// backup added to the repo.
	DatabaseBytes int64 `expr:"databaseBytes" json:"databaseBytes"`
	RepoBytes     int64 `expr:"repoBytes" json:"repoBytes"`
}
