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

// verify proves the backup of this run from what the repo holds now, after expire. A
// backup run succeeds only here. A pre-deploy run may have reused the backup of another
// run, which has read it back.
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
	from, in, err := s.subject(info, p)
	if err != nil {
		return err
	}
	s.askForFiles(ctx, at, in, p)
	if err := s.awaitWAL(ctx, at, &in, p); err != nil {
		return err
	}
	if err := s.listFiles(ctx, at, &in); err != nil {
		return err
	}
	if !from.Reused {
		if err := s.readBack(ctx, at, &in, p.Facts.PgBackRest.Version); err != nil {
			return err
		}
	}
	backup, missing := proof.Prove(in)
	if len(missing) > 0 {
		return s.unproven(in, missing)
	}
	proven, how := reportBackup(in, p, backup), "every file there with its size"
	if in.Verification != nil {
		proven.Verified, how = stanzaflowv1alpha1.VerifiedContents, "every file read back"
	}
	s.logf("PROVEN: %s backup %s of postgresql %s/%s in %s, WAL %s to %s archived, %s",
		backup.Type, backup.Label, s.Namespace, s.Cluster, s.Backup.Repo, backup.WALStart, backup.WALStop, how)
	if s.Kind == vocab.RunPredeploy {
		if from.Reused {
			proven.Verified = from.Backup.Verified
		}
		from.Backup = proven
		return s.Workspace.saveCandidate(from)
	}
	s.report.Result, s.report.Message, s.report.Code, s.report.Backup = stanzaflowv1alpha1.RunSucceeded, "", 0, proven
	return nil
}

// subject returns what verify has to prove: the backup of this run, or the one that a
// pre-deploy run has chosen.
func (s *step) subject(info pgbackrest.Info, p precheck.Result) (candidate, proof.Input, error) {
	from := candidate{Run: s.Run}
	if s.Kind == vocab.RunPredeploy {
		var err error
		if from, err = s.Workspace.candidate(s.writerOfCandidate()); err != nil {
			return from, proof.Input{}, err
		}
	}
	backupType := s.Backup.Type
	if from.Reused {
		backupType = from.Backup.Type
	}
	return from, s.proofInput(info, p, from.Run, backupType), nil
}

// proofInput is for the backup of a run.
func (s *step) proofInput(info pgbackrest.Info, p precheck.Result, run, backupType string) proof.Input {
	return proof.Input{
		Info: info, Repo: p.Repo, Type: backupType, Cipher: p.Cipher, AnnotationKey: vocab.BackupAnnotation, Run: run,
		SegmentBytes: p.Facts.Postgres.WALSegmentBytes,
	}
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
	whose := "the backup of this run is not proven"
	if in.Run != s.Run {
		whose = "the backup that was to be reused is not whole any more"
	}
	return refuse("%s: %s%s", whose, strings.TrimSuffix(strings.Join(missing, " "), "."), waited)
}

func reportBackup(in proof.Input, p precheck.Result, b pgbackrest.Backup) *report.Backup {
	repo, _ := in.Info.Repo(p.Repo)
	r := &report.Backup{
		Label: b.Label, Type: b.Type, Start: b.Start, Stop: b.Stop,
		DatabaseBytes: b.DatabaseBytes, RepoDeltaBytes: b.RepoDeltaBytes,
		LSNStart: b.LSNStart, LSNStop: b.LSNStop, WALStart: b.WALStart, WALStop: b.WALStop, WALSegments: len(in.Archived),
		References: len(b.Reference), PgBackRest: b.Version, OldestInRepo: b.Stop,
		Storage: p.Facts.Repo.Storage, Location: p.Facts.Repo.Location, Cipher: repo.Cipher,
		Verified: stanzaflowv1alpha1.VerifiedFiles,
	}
	for _, other := range in.Info.Backups {
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
