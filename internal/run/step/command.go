// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/failure"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// output of a command.
type output struct{ stdout, stderr bytes.Buffer }

func (o *output) text() string { return o.stderr.String() + "\n" + o.stdout.String() }

// complaint is what a command said before it failed, on one line.
func (o *output) complaint() string {
	return strings.Join(strings.Fields(o.stderr.String()), " ")
}

// answerTime bounds a question. pgbackrest info gives up on a store that does not
// answer after 40 s, and asks up to four of them one after the other.
const answerTime = 3 * time.Minute

// capture runs a command whose output is data.
func (s *step) capture(ctx context.Context, at remote.Place, argv []string) (*output, error) {
	ctx, cancel := s.within(ctx, answerTime, errNoAnswer)
	defer cancel()
	out := &output{}
	return out, s.exec(ctx, at, argv, &out.stdout, &out.stderr)
}

// exec says why a command was not waited for any longer.
func (s *step) exec(ctx context.Context, at remote.Place, argv []string, stdout, stderr io.Writer) error {
	err := s.Executor.Exec(ctx, at, argv, stdout, stderr)
	if _, ended := remote.ExitCode(err); !ended && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// follow runs a command whose output is a log: it goes to the log of the
// container and to the log of the run.
func (s *step) follow(ctx context.Context, at remote.Place, argv []string) (*output, error) {
	out := &output{}
	return out, s.tee(ctx, at, argv, &out.stdout, &out.stderr)
}

// tee also sends the output to both logs.
func (s *step) tee(ctx context.Context, at remote.Place, argv []string, stdout, stderr io.Writer) error {
	log, err := os.OpenFile(s.Workspace.path(fileLog), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("cannot write to the workspace: %w", err)
	}
	defer func() { _ = log.Close() }()
	s.logf("in %s: %s", at, strings.Join(argv, " "))
	toldOut, toldErr := &redactor{to: io.MultiWriter(s.Log, log)}, &redactor{to: io.MultiWriter(s.Log, log)}
	err = s.exec(ctx, at, argv, io.MultiWriter(stdout, toldOut), io.MultiWriter(stderr, toldErr))
	return errors.Join(err, toldOut.flush(), toldErr.flush())
}

// redactor passes on whole lines, without what pgBackRest quotes in them.
type redactor struct {
	to   io.Writer
	rest []byte
}

func (r *redactor) Write(b []byte) (int, error) {
	r.rest = append(r.rest, b...)
	end := bytes.LastIndexByte(r.rest, '\n') + 1
	for line := range bytes.Lines(r.rest[:end]) {
		if _, err := io.WriteString(r.to, failure.Redact(string(bytes.TrimSuffix(line, []byte("\n"))))+"\n"); err != nil {
			return 0, err
		}
	}
	r.rest = append(r.rest[:0], r.rest[end:]...)
	return len(b), nil
}

// flush passes on a last line without an end.
func (r *redactor) flush() error {
	if len(r.rest) == 0 {
		return nil
	}
	_, err := r.Write([]byte("\n"))
	return err
}

// pgBackRest runs a command of pgBackRest that is to end with code 0.
func (s *step) pgBackRest(ctx context.Context, at remote.Place, argv []string, run func(context.Context, remote.Place, []string) (*output, error)) (*output, error) {
	out, err := run(ctx, at, argv)
	code, ended := remote.ExitCode(err)
	command := strings.Join(argv[:2], " ")
	switch {
	case !ended && ctx.Err() != nil:
		return nil, &Failure{Message: fmt.Sprintf("%s had not ended in %s: %v", command, at, err), Lost: true}
	case !ended:
		return nil, &Failure{Message: fmt.Sprintf("lost the stream of %s in %s: %v", command, at, err), Lost: true}
	case code != 0:
		return out, commandFailed(command, at, failure.Diagnose(code, out.text()))
	}
	return out, nil
}

// info reads pgbackrest info of a repo, or of all, and keeps it in the workspace.
func (s *step) info(ctx context.Context, at remote.Place, repo int) (pgbackrest.Info, error) {
	info, text, err := s.readInfo(ctx, at, repo)
	if err != nil || failure.Redact(text) != text {
		// The repo host cannot read its configuration, and the message has a
		// piece of it. The file is published.
		return info, err
	}
	return info, s.Workspace.write(fileInfo, []byte(text))
}

// readInfo also returns the text.
func (s *step) readInfo(ctx context.Context, at remote.Place, repo int) (pgbackrest.Info, string, error) {
	argv, err := pgbackrest.InfoCommand(vocab.PgBackRestStanza, repo)
	if err != nil {
		return pgbackrest.Info{}, "", stop("%v", err)
	}
	out, err := s.pgBackRest(ctx, at, argv, s.capture)
	if err != nil {
		return pgbackrest.Info{}, "", err
	}
	info, err := pgbackrest.ParseInfo(out.stdout.Bytes(), vocab.PgBackRestStanza)
	if err != nil {
		return pgbackrest.Info{}, "", fmt.Errorf("in %s: %w", at, err)
	}
	return info, out.stdout.String(), nil
}
