// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"io"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/proof"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
	"github.com/stanzaflow/stanzaflow/internal/run/precheck"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// askForFiles asks at once for the lists that awaitWAL and listFiles read.
func (s *step) askForFiles(ctx context.Context, at remote.Place, in proof.Input, p precheck.Result) {
	backup, ok := in.Backup()
	if !ok {
		return // The proof says so.
	}
	archive, segments, _ := segmentsOf(in, p) // Whoever lists them says what is wrong.
	var lists [][]string
	add := func(argv []string, err error) {
		if err == nil {
			lists = append(lists, argv)
		}
	}
	for _, dir := range proof.SegmentDirs(vocab.PgBackRestStanza, archive, segments) {
		add(pgbackrest.RepoLSCommand(in.Repo, dir))
	}
	for _, label := range backup.Files() {
		add(pgbackrest.RepoFilesCommand(in.Repo, filesOf(label)))
	}
	s.cluster.Ask(ctx, at, lists...)
}

// filesOf is the directory of a backup in its repo.
func filesOf(label string) string { return "backup/" + vocab.PgBackRestStanza + "/" + label }

// listFiles lists the files of the backup and of those it builds on.
func (s *step) listFiles(ctx context.Context, at remote.Place, in *proof.Input) error {
	backup, ok := in.Backup()
	if !ok {
		return nil // The proof says so.
	}
	in.Files = map[string]pgbackrest.RepoFiles{}
	for _, label := range backup.Files() {
		files, err := s.cluster.RepoFiles(ctx, at, in.Repo, filesOf(label))
		if err != nil {
			return err
		}
		in.Files[label] = files
	}
	return nil
}

// readBack reads the backup and those that it builds on, unless that is more than
// VerifyBytes or WAL is missing.
func (s *step) readBack(ctx context.Context, at remote.Place, in *proof.Input, version string) error {
	backup, ok := in.Backup()
	if !ok || in.LacksWAL() {
		return nil // The proof fails.
	}
	if read, err := s.shouldReadBack(ctx, at, in.Repo, in.Reads(backup, version)); err != nil || !read {
		return err
	}
	argv, err := pgbackrest.VerifyCommand(vocab.PgBackRestStanza, in.Repo, backup.Label)
	if err != nil {
		return attempt.Stop("%v", err)
	}
	verification, err := remote.StreamPgBackRest(ctx, s.cluster, at, argv, true, func(r io.Reader) (proof.Verification, error) {
		return proof.ParseVerify(r, vocab.PgBackRestStanza)
	})
	if err != nil {
		return err
	}
	in.Verification = &verification
	return nil
}

// shouldReadBack reports whether to read the backup back.
func (s *step) shouldReadBack(ctx context.Context, at remote.Place, repo int, reads proof.Reads) (bool, error) {
	if reads.Wrong {
		s.logf("pgbackrest verify of this version does not support block incremental backups: only the sizes of the files are compared")
		return false, nil
	}
	if reads.Archive && reads.Bytes <= s.Backup.VerifyBytes {
		archive, err := s.cluster.RepoFiles(ctx, at, repo, "archive/"+vocab.PgBackRestStanza)
		if err != nil {
			return false, err
		}
		reads.Bytes += archive.Bytes
	}
	if reads.Bytes > s.Backup.VerifyBytes {
		s.logf("pgbackrest verify would read %d bytes, the parameter verify allows %d: only the sizes of the files are compared", reads.Bytes, s.Backup.VerifyBytes)
		return false, nil
	}
	return true, nil
}
