// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/failure"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// FollowPgBackRest runs a command of pgBackRest and logs what it prints. Any end
// but exit code 0 is a Failure.
func (c *Cluster) FollowPgBackRest(ctx context.Context, at Place, argv []string) error {
	out, err := c.Follow(ctx, at, argv)
	return checkEnd(ctx, at, argv, out, err)
}

// Checked is what Check has found.
type Checked struct {
	// Segments are where pgBackRest saw the WAL segment, by the number of the repo.
	Segments map[int]pgbackrest.CheckedSegment
	// Heartbeat that is in every repo. Nil if none could be written, or pgBackRest does not
	// say so.
	Heartbeat *Heartbeat
}

// Check writes a heartbeat, has PostgreSQL switch to another WAL segment, and waits until
// the one before is in every repo.
func (c *Cluster) Check(ctx context.Context, primary Place) (Checked, error) {
	argv, err := pgbackrest.CheckCommand(vocab.PgBackRestStanza)
	if err != nil {
		return Checked{}, attempt.Stop("%v", err)
	}
	// Only the end of the run bounds check. askSome bounds the heartbeat.
	c.forgetAnswers()
	c.askSome(ctx, primary, &room{left: maxAhead}, [][]string{PsqlCommand(HeartbeatStatement), argv})
	heartbeat, err := c.writeHeartbeat(ctx, primary)
	if err != nil {
		return Checked{}, err
	}
	out, err := c.Follow(ctx, primary, argv)
	if err := checkEnd(ctx, primary, argv, out, err); err != nil {
		return Checked{}, c.ExplainArchiveTimeout(ctx, primary, err)
	}
	seen := pgbackrest.ParseCheck(out.Stdout.Bytes())
	return Checked{Segments: seen, Heartbeat: heartbeat.archivedIn(seen)}, nil
}

// StreamPgBackRest runs a command of pgBackRest whose answer may be longer than
// the memory of the step, and takes long. It is parsed as it comes. Only the end
// of the run bounds it: pgBackRest itself gives up on a store that does not
// answer. With logged, the answer is also logged.
func StreamPgBackRest[T any](ctx context.Context, c *Cluster, at Place, argv []string, logged bool, parse func(io.Reader) (T, error)) (T, error) {
	reader, writer := io.Pipe()
	var value T
	var unread error
	read := make(chan struct{})
	go func() {
		defer close(read)
		value, unread = parse(reader)
		_, _ = io.Copy(io.Discard, reader) // The command must not wait for us.
	}()
	run := c.exec
	if logged {
		run = c.tee
	}
	out := &Output{}
	err := run(ctx, at, argv, writer, &out.Stderr)
	_ = writer.Close() // It has no error.
	<-read
	if err = checkEnd(ctx, at, argv, out, err); err == nil && unread != nil {
		err = fmt.Errorf("in %s: %w", at, unread)
	}
	return value, err
}

// Info reads pgbackrest info of a repo, or of all. It also returns the text.
func (c *Cluster) Info(ctx context.Context, at Place, repo int) (pgbackrest.Info, string, error) {
	argv, err := pgbackrest.InfoCommand(vocab.PgBackRestStanza, repo)
	if err != nil {
		return pgbackrest.Info{}, "", attempt.Stop("%v", err)
	}
	out, err := c.capturePgBackRest(ctx, at, argv)
	if err != nil {
		return pgbackrest.Info{}, "", err
	}
	info, err := pgbackrest.ParseInfo(out.Stdout.Bytes(), vocab.PgBackRestStanza)
	if err != nil {
		return pgbackrest.Info{}, "", fmt.Errorf("in %s: %w", at, err)
	}
	return info, out.Stdout.String(), nil
}

// CheckRepo checks that pgBackRest could read a repo: info exits 0 for one that
// it cannot read.
func CheckRepo(at Place, info pgbackrest.Info, repo int) error {
	r, ok := info.Repo(repo)
	if !ok {
		return attempt.Stop("pgBackRest in %s does not know repo%d: its configuration is not the one of the postgresql resource; look at the ConfigMap that the pod mounts at /etc/pgbackrest/conf.d", at, repo)
	}
	if r.Status.Code == pgbackrest.StatusOK || r.Status.Code == pgbackrest.StatusNoBackups {
		return nil
	}
	d := failure.DiagnoseStatus(r.Status)
	return (&attempt.Failure{
		Message: fmt.Sprintf("pgBackRest in %s cannot use repo%d: %s", at, repo, d), Code: d.Code, Stop: d.Class == failure.Stop,
	}).Err()
}

// Version returns the version of pgBackRest in a container.
func (c *Cluster) Version(ctx context.Context, at Place) (string, error) {
	out, err := c.Capture(ctx, at, pgbackrest.VersionCommand())
	if code, ended := ExitCode(err); ended && code != 0 {
		return "", commandFailure("pgbackrest version", at, failure.Diagnose(code, out.Text()))
	}
	if err != nil {
		return "", fmt.Errorf("cannot run pgBackRest in %s: %w", at, err)
	}
	return strings.TrimPrefix(strings.TrimSpace(out.Stdout.String()), "pgBackRest "), nil
}

// ListRepo returns the names in a directory of a repo.
func (c *Cluster) ListRepo(ctx context.Context, at Place, repo int, dir string) ([]string, error) {
	argv, err := pgbackrest.RepoLSCommand(repo, dir)
	if err != nil {
		return nil, attempt.Stop("%v", err)
	}
	out, err := c.capturePgBackRest(ctx, at, argv)
	if err != nil {
		return nil, err
	}
	names, err := pgbackrest.ParseRepoLS(out.Stdout.Bytes())
	if err != nil {
		return nil, fmt.Errorf("in %s: %w", at, err)
	}
	return names, nil
}

// RepoFiles adds up the files below a directory of a repo.
func (c *Cluster) RepoFiles(ctx context.Context, at Place, repo int, dir string) (pgbackrest.RepoFiles, error) {
	argv, err := pgbackrest.RepoFilesCommand(repo, dir)
	if err != nil {
		return pgbackrest.RepoFiles{}, attempt.Stop("%v", err)
	}
	return StreamPgBackRest(ctx, c, at, argv, false, pgbackrest.ParseRepoFiles)
}

// capturePgBackRest runs a command of pgBackRest whose output is data.
func (c *Cluster) capturePgBackRest(ctx context.Context, at Place, argv []string) (*Output, error) {
	out, err := c.Capture(ctx, at, argv)
	return out, checkEnd(ctx, at, argv, out, err)
}

// checkEnd turns the end of a command of pgBackRest into a Failure, unless that
// is exit code 0.
func checkEnd(ctx context.Context, at Place, argv []string, out *Output, err error) error {
	code, ended := ExitCode(err)
	command := strings.Join(argv[:2], " ")
	switch {
	case !ended && ctx.Err() != nil:
		return &attempt.Failure{Message: fmt.Sprintf("%s had not ended in %s: %v", command, at, err), Lost: true}
	case !ended:
		return &attempt.Failure{Message: fmt.Sprintf("lost the stream of %s in %s: %v", command, at, err), Lost: true}
	case code != 0:
		return commandFailure(command, at, failure.Diagnose(code, out.Text()))
	}
	return nil
}

// commandFailure turns the exit of a pgBackRest command into a Failure by the
// class of its code.
func commandFailure(command string, at Place, d failure.Diagnosis) error {
	return (&attempt.Failure{
		Message: fmt.Sprintf("%s failed in %s: %s", command, at, d),
		Code:    d.Code, Stop: d.Class == failure.Stop, Wait: d.Class == failure.Wait,
	}).Err()
}
