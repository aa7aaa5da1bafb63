// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"fmt"
	"io"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/proof"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// examine lists the files of the run's backup and of those it builds on, and reads
// them back unless there is more than VerifyBytes to read.
func (s *step) examine(ctx context.Context, at remote.Place, in *proof.Input, version string) error {
	backup, ok := in.Backup()
	if !ok {
		return nil // The proof says so.
	}
	in.Files = map[string]pgbackrest.RepoFiles{}
	for _, label := range backup.Files() {
		files, err := s.files(ctx, at, in.Repo, "backup/"+vocab.PgBackRestStanza+"/"+label)
		if err != nil {
			return err
		}
		in.Files[label] = files
	}
	if wanted, err := s.readsBack(ctx, at, in.Repo, in.Reads(backup, version)); err != nil || !wanted {
		return err
	}
	argv, err := pgbackrest.VerifyCommand(vocab.PgBackRestStanza, in.Repo, backup.Label)
	if err != nil {
		return stop("%v", err)
	}
	verification, err := stream(ctx, s, at, argv, s.tee, func(r io.Reader) (proof.Verification, error) {
		return proof.ParseVerify(r, vocab.PgBackRestStanza)
	})
	if err != nil {
		return err
	}
	in.Verification = &verification
	return nil
}

// readsBack says whether to read the backup back.
func (s *step) readsBack(ctx context.Context, at remote.Place, repo int, reads proof.Reads) (bool, error) {
	if reads.Wrong {
		s.logf("pgbackrest verify of this version knows no block incremental backup: only the sizes of the files are compared")
		return false, nil
	}
	if reads.Archive && reads.Bytes <= s.VerifyBytes {
		archive, err := s.files(ctx, at, repo, "archive/"+vocab.PgBackRestStanza)
		if err != nil {
			return false, err
		}
		reads.Bytes += archive.Bytes
	}
	if reads.Bytes > s.VerifyBytes {
		s.logf("pgbackrest verify would read %d bytes, the parameter verify allows %d: only the sizes of the files are compared", reads.Bytes, s.VerifyBytes)
		return false, nil
	}
	return true, nil
}

// files adds up the files below a directory of the repo.
func (s *step) files(ctx context.Context, at remote.Place, repo int, dir string) (pgbackrest.RepoFiles, error) {
	argv, err := pgbackrest.RepoFilesCommand(repo, dir)
	if err != nil {
		return pgbackrest.RepoFiles{}, stop("%v", err)
	}
	return stream(ctx, s, at, argv, s.exec, pgbackrest.ParseRepoFiles)
}

// stream runs a command of pgBackRest whose answer may be longer than the memory
// of the step, and takes long. It is read as it comes. Only the end of the run
// bounds it: pgBackRest itself gives up on a store that does not answer.
func stream[T any](
	ctx context.Context, s *step, at remote.Place, argv []string,
	run func(ctx context.Context, at remote.Place, argv []string, stdout, stderr io.Writer) error,
	parse func(io.Reader) (T, error),
) (T, error) {
	reader, writer := io.Pipe()
	var value T
	var unread error
	read := make(chan struct{})
	go func() {
		defer close(read)
		value, unread = parse(reader)
		_, _ = io.Copy(io.Discard, reader) // The command must not wait for us.
	}()
	_, err := s.pgBackRest(ctx, at, argv, func(ctx context.Context, at remote.Place, argv []string) (*output, error) {
		out := &output{}
		return out, run(ctx, at, argv, writer, &out.stderr)
	})
	_ = writer.Close() // It has no error.
	<-read
	if err == nil && unread != nil {
		err = fmt.Errorf("in %s: %w", at, unread)
	}
	return value, err
}
