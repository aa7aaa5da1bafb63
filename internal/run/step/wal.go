// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"strings"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/proof"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
	"github.com/stanzaflow/stanzaflow/internal/run/precheck"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// awaitWAL lists the WAL of this run's backup in the archive. What PostgreSQL has not
// archived yet is only late: it is listed again until the archive timeout has passed
// since the first look of the step. What it has archived and is not there is lost.
func (s *step) awaitWAL(ctx context.Context, at remote.Place, in *proof.Input, p precheck.Result) (err error) {
	if in.Archived, err = s.listArchived(ctx, at, *in, p); err != nil || !in.LacksWAL() {
		return err
	}
	if s.lateSince.IsZero() {
		s.lateSince = s.Clock.Now()
	}
	s.cluster.Forget() // The files are listed after the wait.
	for {
		// PostgreSQL first: what it has archived before the look must be there.
		in.ArchivedUpTo = s.readArchivedUpTo(ctx, p)
		if in.Archived, err = s.listArchived(ctx, at, *in, p); err != nil {
			return err
		}
		late := in.LateWAL()
		if len(late) == 0 || s.Clock.Since(s.lateSince) >= p.ArchiveTimeout {
			return nil
		}
		if err := s.attempts.Wait(ctx, s.Poll, "WAL of the backup is not in %s yet: %s", s.Backup.Repo, strings.Join(late, ", ")); err != nil {
			return err
		}
	}
}

// readArchivedUpTo asks PostgreSQL for the last file that it archived. Without an answer
// nothing is known to be lost.
func (s *step) readArchivedUpTo(ctx context.Context, p precheck.Result) string {
	primary, err := s.cluster.Find(ctx, p.Primary)
	if err == nil {
		var postgres remote.Postgres
		if postgres, err = s.cluster.ReadPostgres(ctx, primary); err == nil && postgres.LastArchivedWAL != nil {
			return *postgres.LastArchivedWAL
		}
	}
	if err != nil {
		s.logf("cannot see which WAL PostgreSQL has archived: %v", err)
	}
	return ""
}

// listArchived lists the WAL segments of the backup that are in the archive. What cannot
// be listed is absent, and then the proof says so.
func (s *step) listArchived(ctx context.Context, at remote.Place, in proof.Input, p precheck.Result) (map[string]bool, error) {
	archive, segments, err := segmentsOf(in, p)
	if err != nil || len(segments) == 0 {
		return nil, err
	}
	return s.listSegments(ctx, at, p.Repo, archive, segments)
}

// segmentsOf returns the archive of the backup and the WAL segments that it needs, none
// if there is no such backup or no archive of its database.
func segmentsOf(in proof.Input, p precheck.Result) (archive string, segments []string, err error) {
	backup, ok := in.Backup()
	if !ok {
		return "", nil, nil
	}
	of, ok := in.Info.Archive(p.Repo, backup.DatabaseID)
	if !ok {
		return "", nil, nil
	}
	if segments, err = proof.Segments(backup.WALStart, backup.WALStop, p.Facts.Postgres.WALSegmentBytes); err != nil {
		return "", nil, attempt.Stop("backup %s: %v", backup.Label, err)
	}
	return of.ID, segments, nil
}

// listSegments returns which of these segments are in an archive of a repo.
func (s *step) listSegments(ctx context.Context, at remote.Place, repo int, archive string, segments []string) (map[string]bool, error) {
	var names []string
	for _, dir := range proof.SegmentDirs(vocab.PgBackRestStanza, archive, segments) {
		listing, err := s.cluster.ListRepo(ctx, at, repo, dir)
		if err != nil {
			return nil, err
		}
		names = append(names, listing...)
	}
	all, needed := proof.ArchivedSegments(names), map[string]bool{}
	for _, segment := range segments {
		// A segment that is there twice, with different content, is false.
		if whole, ok := all[segment]; ok {
			needed[segment] = whole
		}
	}
	return needed, nil
}
