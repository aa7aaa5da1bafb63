// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package runtest

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/pgbackresttest"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
)

// Call of a command.
type Call struct {
	At     remote.Place
	Argv   []string
	Stdout io.Writer
	Stderr io.Writer
}

// Script replaces one call of a command. It is called with the World locked. With
// ErrUnscripted the command does what it normally does.
type Script func(ctx context.Context, c Call) error

// ErrUnscripted makes a command do what it normally does.
var ErrUnscripted = errors.New("unscripted")

// On scripts the next calls of a command, one each.
func (w *World) On(name string, scripts ...Script) {
	w.Scripts[name] = append(w.Scripts[name], scripts...)
}

// Always scripts every call of a command.
func (w *World) Always(name string, s Script) { w.On(name, slices.Repeat([]Script{s}, 1000)...) }

// Issued returns the calls of a command.
func (w *World) Issued(name string) []Call {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.IssuedLocked(name)
}

// IssuedLocked is Issued for a Script.
func (w *World) IssuedLocked(name string) []Call {
	return slices.DeleteFunc(slices.Clone(w.Calls), func(c Call) bool { return c.Name() != name })
}

// Fails ends with a code, and a text on stderr.
func Fails(code int, text string) Script {
	return func(_ context.Context, c Call) error { return c.fail(code, text) }
}

func (c Call) fail(code int, text string) error {
	_, _ = io.WriteString(c.Stderr, text+"\n")
	return &remote.ExitError{Code: code}
}

// Does calls f, and then does what the command normally does.
func Does(f func()) Script {
	return func(context.Context, Call) error { f(); return ErrUnscripted }
}

// AtInfo calls a function when info is read for the nth time from now on.
func (w *World) AtInfo(n int, f func()) {
	w.OnInfo = func() {
		if n--; n == 0 {
			f()
		}
	}
}

// OutlivesStream breaks the stream of a backup, which keeps the lock until info
// was read so many times, and is listed then.
func OutlivesStream(w *World, infos int) Script {
	return func(_ context.Context, c Call) error {
		w.Lock, w.Size, w.Done = true, 1000, 420
		made := w.Made(c.Argv)
		w.AtInfo(infos, func() {
			w.Lock = false
			w.List(made)
		})
		_ = c.Print("P00   INFO: execute backup start\n")
		return io.ErrUnexpectedEOF
	}
}

// DiesWithStream breaks the stream of a backup that does not survive it.
func DiesWithStream(_ context.Context, c Call) error {
	_ = c.Print("P00   INFO: execute backup start\n")
	return io.ErrUnexpectedEOF
}

// FailsAs fails as pgBackRest 2.55.1 did.
func FailsAs(t *testing.T, name string) Script {
	t.Helper()
	for _, failure := range pgbackresttest.Failures(t, "failures-2.55.1.tsv") {
		if failure.Name == name {
			return Fails(failure.Code, failure.Output)
		}
	}
	t.Fatalf("there is no sample %q", name)
	return nil
}

// Unlocked lets a script wait for another command.
func (w *World) Unlocked(f func()) {
	w.mu.Unlock()
	defer w.mu.Lock()
	f()
}
