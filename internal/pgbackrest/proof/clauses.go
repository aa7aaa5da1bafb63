// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/failure"
)

// repoIsReadable checks the status of the repository itself: info exits 0 for one
// that is down. The status of the stanza mixes all repositories and says nothing
// about this one.
func repoIsReadable(in Input) []string {
	repo, ok := in.Info.Repo(in.Repo)
	switch {
	case !ok && in.Info.Status.Code != pgbackrest.StatusOK:
		return reason("pgBackRest knows no repo%d of stanza %s: status %d, %s.",
			in.Repo, in.Info.Stanza, in.Info.Status.Code, failure.FirstLine(in.Info.Status.Message, failure.MaxCause))
	case !ok:
		return reason("pgBackRest knows no repo%d of stanza %s; check that the repository is in its configuration.",
			in.Repo, in.Info.Stanza)
	case repo.Status.Code != pgbackrest.StatusOK:
		return reason("pgBackRest reports repo%d of stanza %s with status %d: %s.",
			in.Repo, in.Info.Stanza, repo.Status.Code, failure.FirstLine(repo.Status.Message, failure.MaxCause))
	}
	return nil
}

// repoHasTheCipherAskedFor compares the cipher that the resource asks for with the
// one in info. That is what pgBackRest was configured with where it runs, and every
// backup in the repository has it. An empty text asks for nothing, and nothing is
// not none.
func repoHasTheCipherAskedFor(in Input) []string {
	repo, _ := in.Info.Repo(in.Repo)
	if repo.Cipher == in.Cipher && in.Cipher != "" {
		return nil
	}
	verdict := "the backup is not encrypted as asked"
	switch {
	case repo.Cipher == "" || in.Cipher == "":
		verdict = "whether the backup is encrypted as asked is not known"
	case in.Cipher == pgbackrest.CipherNone:
		verdict = "the backup is encrypted, which nobody asked for"
	}
	return reason("Repo%d of stanza %s has cipher %s in pgbackrest info, the resource asks for %s: %s.",
		in.Repo, in.Info.Stanza, orNothing(repo.Cipher), orNothing(in.Cipher), verdict)
}

func orNothing(cipher string) string {
	return cmp.Or(failure.FirstLine(cipher, failure.MaxCause), "nothing")
}

// runHasOneBackup checks that exactly one backup has the annotation, which is the
// only link from a run to its backup. Two mean that two processes backed up for one
// run, and nobody knows which of them is whole.
func runHasOneBackup(in Input) []string {
	if in.AnnotationKey == "" || in.Run == "" {
		return reason("The run has no name to look for in the annotations of repo%d.", in.Repo)
	}
	found := in.Info.ByAnnotation(in.Repo, in.AnnotationKey, in.Run)
	switch len(found) {
	case 1:
		return nil
	case 0:
		return reason("No backup in repo%d is listed with the annotation %s=%s of this run.",
			in.Repo, in.AnnotationKey, in.Run)
	}
	labels := make([]string, 0, len(found))
	for _, backup := range found {
		labels = append(labels, backup.Label)
	}
	return reason("%d backups in repo%d carry the annotation %s=%s of this run, so none of them is certain: %s.",
		len(found), in.Repo, in.AnnotationKey, in.Run, List(labels))
}

// hasNoPageErrors checks the error flag: after a page checksum error pgBackRest sets
// it and exits 0.
func hasNoPageErrors(in Input, b pgbackrest.Backup) []string {
	if !b.Error {
		return nil
	}
	return reason("Backup %s in repo%d has page checksum errors: run `pgbackrest info --stanza=%s --repo=%d --set=%s` "+
		"to see in which files, then check the disks of the database.", b.Label, in.Repo, in.Info.Stanza, in.Repo, b.Label)
}

// hasTheTypeAskedFor accepts a full for the incr or diff that was asked for only if
// there was no full to build on. pgBackRest looks for one of the same database, so
// the first incr after a major upgrade is a full.
func hasTheTypeAskedFor(in Input, b pgbackrest.Backup) []string {
	if b.Type == in.Type {
		return nil
	}
	if b.Type != pgbackrest.TypeFull || (in.Type != pgbackrest.TypeDiff && in.Type != pgbackrest.TypeIncr) {
		return reason("Backup %s in repo%d is of type %s, but %s was asked for.", b.Label, in.Repo, b.Type, in.Type)
	}
	for _, other := range in.Info.Backups {
		earlierFull := other.RepoKey == b.RepoKey && other.DatabaseID == b.DatabaseID &&
			other.Type == pgbackrest.TypeFull && !other.Error && other.Label != b.Label && !other.Stop.After(b.Start)
		if earlierFull {
			return reason("Backup %s in repo%d is of type full, but %s was asked for and the earlier full %s was there to build on.",
				b.Label, in.Repo, in.Type, other.Label)
		}
	}
	return nil
}

// hasTimes checks both times, which a backup that ended has.
func hasTimes(in Input, b pgbackrest.Backup) []string {
	switch {
	case b.Start.IsZero() || b.Stop.IsZero():
		return reason("Backup %s in repo%d has no start or no stop time.", b.Label, in.Repo)
	case b.Stop.Before(b.Start):
		return reason("Backup %s in repo%d stops before it starts; check the clock of the host.", b.Label, in.Repo)
	}
	return nil
}

// hasData checks the sizes: even a backup without changes copies pg_control. It does
// not use RepoBytes, which pgBackRest leaves out with block incremental.
func hasData(in Input, b pgbackrest.Backup) []string {
	var reasons []string
	if b.DatabaseBytes <= 0 {
		reasons = append(reasons, reason("Backup %s in repo%d reports a database size of 0.", b.Label, in.Repo)...)
	}
	if b.RepoDeltaBytes <= 0 {
		reasons = append(reasons, reason("Backup %s put no data into repo%d.", b.Label, in.Repo)...)
	}
	return reasons
}

// hasItsChain checks the backups that a diff or incr builds on, which hold files of
// it: each must still be there, be older and have no errors.
func hasItsChain(in Input, b pgbackrest.Backup) []string {
	var reasons []string
	if b.Type != pgbackrest.TypeFull && b.Prior == "" {
		reasons = append(reasons, reason("Backup %s in repo%d is of type %s, but names no earlier backup.",
			b.Label, in.Repo, b.Type)...)
	}
	for _, label := range chain(b) {
		link, ok := in.Info.Backup(in.Repo, label)
		switch {
		case !ok:
			reasons = append(reasons, reason("Backup %s needs backup %s, which is not in repo%d.", b.Label, label, in.Repo)...)
		case link.Error:
			reasons = append(reasons, reason("Backup %s needs backup %s in repo%d, which has page checksum errors; make a new full backup.",
				b.Label, label, in.Repo)...)
		case link.Stop.IsZero() || link.Stop.After(b.Start):
			reasons = append(reasons, reason("Backup %s needs backup %s in repo%d, which did not end before it.",
				b.Label, label, in.Repo)...)
		}
	}
	return reasons
}

// chain returns the backups that b builds on, each once: what it refers to,
// then its prior, which need not hold any of its files.
func chain(b pgbackrest.Backup) []string {
	seen := map[string]bool{"": true}
	var labels []string
	for _, label := range append(slices.Clip(b.Reference), b.Prior) {
		if !seen[label] {
			seen[label] = true
			labels = append(labels, label)
		}
	}
	return labels
}

// hasAnArchive checks for a WAL archive of the same database: the WAL of another one
// cannot recover this backup.
func hasAnArchive(in Input, b pgbackrest.Backup) []string {
	if archive, ok := in.Info.Archive(in.Repo, b.DatabaseID); ok && archive.ID != "" {
		return nil
	}
	return reason("Backup %s has no WAL archive of its database %d in repo%d.", b.Label, b.DatabaseID, in.Repo)
}

func reason(format string, args ...any) []string { return []string{fmt.Sprintf(format, args...)} }

// List names the first few and counts the rest: a gap can be thousands long.
func List(names []string) string {
	const most = 3
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
