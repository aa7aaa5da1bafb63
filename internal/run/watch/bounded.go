// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/stanzaflow/stanzaflow/internal/run/remote"
)

// maxAnswer bounds the answer of a command: pgbackrest info of 2,000 backups. A container
// that prints without an end would otherwise take the memory in which the answers of all
// other clusters are.
const maxAnswer = 4 << 20

// bounded is an Executor whose commands may print maxAnswer bytes.
type bounded struct{ remote.Executor }

// Exec implements remote.Executor.
func (b bounded) Exec(ctx context.Context, at remote.Place, argv []string, stdout, stderr io.Writer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	limit := func(to io.Writer) io.Writer { return &limited{to: to, left: maxAnswer, exceeded: cancel} }
	err := b.Executor.Exec(ctx, at, argv, limit(stdout), limit(stderr))
	if errors.Is(context.Cause(ctx), errTooLong) {
		return errTooLong
	}
	return err
}

var errTooLong = fmt.Errorf("the answer is longer than %d MiB", maxAnswer>>20)

// limited passes on so many bytes, and ends the command at the next one.
type limited struct {
	to       io.Writer
	left     int
	exceeded context.CancelCauseFunc
}

func (l *limited) Write(b []byte) (int, error) {
	if len(b) > l.left {
		l.exceeded(errTooLong)
		return 0, errTooLong
	}
	l.left -= len(b)
	return l.to.Write(b)
}
