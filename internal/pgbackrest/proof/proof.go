// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
)

// Input is what a proof needs to know.
type Input struct {
	// Info was read after the backup ended.
	Info pgbackrest.Info
	Repo int
	// Type is what the run asked for.
	Type string
	// Cipher is what the resource asks for, CipherNone or CipherAES256CBC.
	Cipher string
	// AnnotationKey and Run are the annotation that the run gave its backup.
	AnnotationKey, Run string
	// SegmentBytes is the size of a WAL segment of the cluster.
	SegmentBytes uint64
	// Archived is what ArchivedSegments found in the SegmentDirs of the
	// backup's WAL, in the same repository.
	Archived map[string]bool
	// ArchivedUpTo is the last WAL file that PostgreSQL had archived before Archived
	// was read, as pg_stat_archiver names it. Empty if that is not known.
	ArchivedUpTo string
	// Files is what RepoFilesCommand found of each of Backup.Files, by label.
	Files map[string]pgbackrest.RepoFiles
	// Verification is what pgbackrest verify found, nil if it was not run.
	Verification *Verification
}

// Prove says whether the backup of a run is in the repository and can be restored,
// as far as the records of the repository and a look at its files show.
//
// The reasons say what is missing; with none, the backup is proven. The backup is
// also returned if it is not proven, but there is exactly one, so that a report can
// name it.
func Prove(in Input) (pgbackrest.Backup, []string) { return allClauses.prove(in) }

// clauses of the proof.
type clauses struct {
	// search must hold, in this order, before there is a backup to judge.
	search []func(Input) []string
	// backup clauses are all judged, so that a person sees all that is wrong.
	backup []func(Input, pgbackrest.Backup) []string
}

var allClauses = clauses{
	search: []func(Input) []string{
		repoIsReadable,
		repoHasTheCipherAskedFor,
		runHasOneBackup,
	},
	backup: []func(Input, pgbackrest.Backup) []string{
		hasNoPageErrors,
		hasTheTypeAskedFor,
		hasTimes,
		hasData,
		hasItsChain,
		hasAnArchive,
		hasItsWAL,
		hasItsFiles,
		hasItsContents,
	},
}

func (c clauses) prove(in Input) (pgbackrest.Backup, []string) {
	backup, _ := in.Backup()
	for _, clause := range c.search {
		if reasons := clause(in); len(reasons) > 0 {
			// The later clauses would only repeat the cause.
			return backup, reasons
		}
	}
	var reasons []string
	for _, clause := range c.backup {
		reasons = append(reasons, clause(in, backup)...)
	}
	return backup, reasons
}

// Backup returns the one backup of the run, or none where there are more.
func (in Input) Backup() (pgbackrest.Backup, bool) {
	if found := in.Info.ByAnnotation(in.Repo, in.AnnotationKey, in.Run); len(found) == 1 {
		return found[0], true
	}
	return pgbackrest.Backup{}, false
}
