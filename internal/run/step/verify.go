// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"fmt"
	"strings"
	"time"

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
	if err := s.awaitWAL(ctx, at, &in, p); err != nil {
		return err
	}
	if err := s.examine(ctx, at, &in, p.Facts.PgBackRest.Version); err != nil {
		return err
	}
	backup, missing := proof.Prove(in)
	if len(missing) > 0 {
		return s.unproven(in, missing)
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

// unproven returns why the backup is not proven. What was only late or not read may
// be there at the next attempt.
func (s *step) unproven(in proof.Input, missing []string) error {
	refuse, waited := attempt.Stop, ""
	switch {
	case in.OnlyUnread():
		refuse = attempt.Retry
	case in.OnlyLate():
		refuse, waited = attempt.Retry, fmt.Sprintf(" (waited %s)", s.clock.Since(s.lateSince).Round(time.Second))
	}
	return refuse("the backup of this run is not proven: %s%s", strings.TrimSuffix(strings.Join(missing, " "), "."), waited)
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
