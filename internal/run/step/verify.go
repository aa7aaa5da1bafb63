// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"strings"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/proof"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
	"github.com/stanzaflow/stanzaflow/internal/run/precheck"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// verify proves the backup of this run from what the repo holds now, after expire.
// A run succeeds only here.
func (s *step) verify(ctx context.Context) error {
	p, at, err := s.locate(ctx)
	if err != nil {
		return err
	}
	info, err := s.readInfo(ctx, at, p.Repo)
	if err != nil {
		return err
	}
	if err := remote.CheckRepo(at, info, p.Repo); err != nil {
		return err
	}
	in := proof.Input{
		Info: info, Repo: p.Repo, Type: s.Backup.Type, Cipher: p.Cipher, AnnotationKey: vocab.BackupAnnotation, Run: s.Run,
		SegmentBytes: p.Facts.Postgres.WALSegmentBytes,
	}
	if in.Archived, err = s.listArchived(ctx, at, info, p); err != nil {
		return err
	}
	if err := s.examine(ctx, at, &in, p.Facts.PgBackRest.Version); err != nil {
		return err
	}
	backup, missing := proof.Prove(in)
	if len(missing) > 0 {
		refuse := attempt.Stop
		if in.OnlyUnread() {
			refuse = attempt.Retry
		}
		return refuse("the backup of this run is not proven: %s", strings.TrimSuffix(strings.Join(missing, " "), "."))
	}
	verified, how := stanzaflowv1alpha1.VerifiedFiles, "every file there with its size"
	if in.Verification != nil {
		verified, how = stanzaflowv1alpha1.VerifiedContents, "every file read back"
	}
	s.report.Result, s.report.Message, s.report.Code = stanzaflowv1alpha1.RunSucceeded, "", 0
	s.report.Backup = reportBackup(info, p, backup)
	s.report.Backup.WALSegments, s.report.Backup.Verified = len(in.Archived), verified
	s.logf("PROVEN: %s backup %s of postgresql %s/%s in %s, WAL %s to %s archived, %s",
		backup.Type, backup.Label, s.Namespace, s.Cluster, s.Backup.Repo, backup.WALStart, backup.WALStop, how)
	return nil
}

// listArchived lists the WAL segments of this run's backup that are in the archive.
// What cannot be listed is absent, and then the proof says so.
func (s *step) listArchived(ctx context.Context, at remote.Place, info pgbackrest.Info, p precheck.Result) (map[string]bool, error) {
	found := info.ByAnnotation(p.Repo, vocab.BackupAnnotation, s.Run)
	if len(found) != 1 {
		return nil, nil
	}
	archive, ok := info.Archive(p.Repo, found[0].DatabaseID)
	if !ok {
		return nil, nil
	}
	segments, err := proof.Segments(found[0].WALStart, found[0].WALStop, p.Facts.Postgres.WALSegmentBytes)
	if err != nil {
		return nil, attempt.Stop("backup %s: %v", found[0].Label, err)
	}
	var names []string
	for _, dir := range proof.SegmentDirs(vocab.PgBackRestStanza, archive.ID, segments) {
		listing, err := s.cluster.ListRepo(ctx, at, p.Repo, dir)
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

func reportBackup(info pgbackrest.Info, p precheck.Result, b pgbackrest.Backup) *report.Backup {
	repo, _ := info.Repo(p.Repo)
	r := &report.Backup{
		Label: b.Label, Type: b.Type, Start: b.Start, Stop: b.Stop,
		DatabaseBytes: b.DatabaseBytes, RepoDeltaBytes: b.RepoDeltaBytes,
		LSNStart: b.LSNStart, LSNStop: b.LSNStop, WALStart: b.WALStart, WALStop: b.WALStop,
		References: len(b.Reference), PgBackRest: b.Version, OldestInRepo: b.Stop,
		Storage: p.Facts.Repo.Storage, Location: p.Facts.Repo.Location, Cipher: repo.Cipher,
	}
	for _, other := range info.Backups {
		if other.RepoKey != p.Repo {
			continue
		}
		r.BackupsInRepo++
		if other.Type == cpo.Full {
			r.FullsInRepo++
		}
		if !other.Error && other.Stop.Before(r.OldestInRepo) {
			r.OldestInRepo = other.Stop
		}
	}
	return r
}
