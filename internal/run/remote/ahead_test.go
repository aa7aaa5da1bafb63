// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/clock"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
)

// local executes commands on this machine.
type local struct {
	execs [][]string
	// before is called before a command, and may replace it.
	before func(argv []string, stdout io.Writer) error
}

// Exec implements Executor.
func (l *local) Exec(ctx context.Context, _ Place, argv []string, stdout, stderr io.Writer) error {
	l.execs = append(l.execs, argv)
	if l.before != nil {
		if err := l.before(argv, stdout); err != nil {
			return err
		}
	}
	command := exec.CommandContext(ctx, argv[0], argv[1:]...)
	command.Stdout, command.Stderr = stdout, stderr
	err := command.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return &ExitError{Code: exit.ExitCode()}
	}
	return err
}

var (
	inPostgres = Place{Namespace: "shop", Pod: "orders-0", Container: cpo.ContainerPostgreSQL}
	onRepoHost = Place{Namespace: "shop", Pod: "orders-repo-host-0", Container: cpo.ContainerRepoHost}
)

func clusterOn(l *local) *Cluster {
	return &Cluster{Executor: l, Clock: attempt.Clock{WithDelayedExecution: clock.RealClock{}}, Log: io.Discard, Logf: func(string, ...any) {}}
}

// ended is what a command has printed, and how it ended.
type ended struct {
	Stdout, Stderr string
	Code           int
}

func (c *Cluster) must(t *testing.T, at Place, argv []string) ended {
	t.Helper()
	out, err := c.Capture(t.Context(), at, argv)
	code, ok := ExitCode(err)
	if !ok {
		t.Fatalf("%q: %v", argv, err)
	}
	return ended{out.Stdout.String(), out.Stderr.String(), code}
}

// tricky are commands whose words mean something to a shell, and whose output may be
// mistaken.
var tricky = [][]string{
	{"printf", "%s|", "two words", "", "$HOME", "$(id)", "`id`", `a"b'c\d`, "a;b", "*", "line\nbreak", "{{x}}", "-n", "--", "&& id"},
	{"printf", "no line break"},
	{"printf", ""},
	{"printf", "\n\n"},
	{"sh", "-c", "echo out; echo err >&2; exit 3"},
	{"false"},
	{"true"},
	{"sh", "-c", "exit 125"},
	{"sh", "-c", "kill -9 $$"},
	{"printf", "%s", strings.Repeat("x", 100000)},
	{"printf", "%s%s%s%s%s%s%s%s%s%s", "1", "2", "3", "4", "5", "6", "7", "8", "9", "0"},
}

// TestAskedAhead runs the script in a shell, and shows that every answer is that of the
// command alone.
func TestAskedAhead(t *testing.T) {
	alone, together := clusterOn(&local{}), &local{}
	c := clusterOn(together)
	c.Ask(t.Context(), inPostgres, tricky...)
	for _, argv := range tricky {
		got, want := c.must(t, inPostgres, argv), ended{}
		if slices.Contains(argv, "kill -9 $$") {
			got.Stderr, want.Code = "", 137 // The shell may say so.
		} else {
			want = alone.must(t, inPostgres, argv)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-alone +ahead):\n%s", argv, diff)
		}
	}
	if len(together.execs) != 3 { // The long word is in one of its own.
		t.Errorf("%d execs, want 3", len(together.execs))
	}
}

// TestAnswersAreUsedOnce, in their order, for the same command in the same place, and not
// when they are forgotten.
func TestAnswersAreUsedOnce(t *testing.T) {
	l := &local{}
	c := clusterOn(l)
	count := []string{"sh", "-c", "echo $PPID"} // differs in each exec
	c.Ask(t.Context(), inPostgres, count, count)
	first, second := c.must(t, inPostgres, count), c.must(t, inPostgres, count)
	if first != second || len(l.execs) != 1 {
		t.Errorf("%v, %v in %d execs", first, second, len(l.execs))
	}
	if c.must(t, inPostgres, count); len(l.execs) != 2 {
		t.Error("an answer was used twice")
	}
	c.Ask(t.Context(), inPostgres, count, count)
	other := inPostgres
	other.Pod = "orders-1"
	if c.must(t, other, count); len(l.execs) != 4 {
		t.Error("an answer of one pod was used for another")
	}
	c.Forget()
	if c.must(t, inPostgres, count); len(l.execs) != 5 {
		t.Error("an answer was used that was forgotten")
	}
	c.Ask(t.Context(), inPostgres, count, count)
	c.Ask(t.Context(), inPostgres, []string{"true"}, []string{"false"})
	if c.must(t, inPostgres, count); len(l.execs) != 8 {
		t.Error("an answer is left when others are asked")
	}
}

// TestNothingIsAskedAhead where nobody knows of a shell, and where one exec is no less.
func TestNothingIsAskedAhead(t *testing.T) {
	l := &local{}
	c := clusterOn(l)
	c.Ask(t.Context(), onRepoHost, []string{"true"}, []string{"false"})
	c.Ask(t.Context(), inPostgres, []string{"true"})
	c.Ask(t.Context(), inPostgres)
	if len(l.execs) != 0 {
		t.Errorf("%q", l.execs)
	}
}

// TestAskingFails: what was not answered is asked alone, and what broke is broken.
func TestAskingFails(t *testing.T) {
	commands := [][]string{{"echo", "one"}, {"echo", "two"}, {"echo", "three"}}
	lost := io.ErrUnexpectedEOF
	for name, tc := range map[string]struct {
		// fails is how Ask fails, given the mark.
		fails func(mark string, stdout io.Writer) error
		// errs are those of the three commands, execs how many there are.
		errs  []error
		execs int
	}{
		"the policy refuses it": {func(string, io.Writer) error {
			return apierrors.NewForbidden(schema.GroupResource{Resource: "pods/exec"}, "orders-0", errors.New("another release"))
		}, []error{nil, nil, nil}, 4},
		"there is no shell":         {func(string, io.Writer) error { return &ExitError{Code: 127} }, []error{nil, nil, nil}, 4},
		"the stream does not begin": {func(string, io.Writer) error { return lost }, []error{nil, nil, nil}, 4},
		"it breaks in the first": {func(mark string, stdout io.Writer) error {
			_, _ = io.WriteString(stdout, mark+"\non")
			return lost
		}, []error{lost, nil, nil}, 3},
		"it breaks in the second": {func(mark string, stdout io.Writer) error {
			_, _ = io.WriteString(stdout, mark+"\none\n\n"+mark+" 0\nt")
			return lost
		}, []error{nil, lost, nil}, 2},
		"it breaks in a mark": {func(mark string, stdout io.Writer) error {
			_, _ = io.WriteString(stdout, mark+"\none\n\n"+mark+" 0\ntwo\n\n"+mark+" 1")
			return lost
		}, []error{nil, lost, nil}, 2},
		"the shell dies": {func(mark string, stdout io.Writer) error {
			_, _ = io.WriteString(stdout, mark+"\none\n\n"+mark+" 0\n")
			return &ExitError{Code: 137}
		}, []error{nil, nil, nil}, 3},
		"it is too long": {func(mark string, stdout io.Writer) error {
			_, _ = io.WriteString(stdout, mark+"\none\n\n"+mark+" 0\n")
			_, err := stdout.Write(bytes.Repeat([]byte("x"), maxAhead))
			return err
		}, []error{nil, nil, nil}, 4},
		"it is too long and breaks": {func(mark string, stdout io.Writer) error {
			_, _ = io.WriteString(stdout, mark+"\non")
			_, _ = stdout.Write(bytes.Repeat([]byte("x"), maxAhead))
			return lost
		}, []error{nil, nil, nil}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			l := &local{before: func(argv []string, stdout io.Writer) error {
				if argv[0] != "sh" {
					return nil
				}
				return tc.fails(argv[4], stdout)
			}}
			c := clusterOn(l)
			c.Ask(t.Context(), inPostgres, commands...)
			for i, argv := range commands {
				out, err := c.Capture(t.Context(), inPostgres, argv)
				if !errors.Is(err, tc.errs[i]) || err == nil && out.Stdout.String() != argv[1]+"\n" {
					t.Errorf("%q: %.100q, %v; want %v", argv, out.Stdout.String(), err, tc.errs[i])
				}
			}
			if len(l.execs) != tc.execs {
				t.Errorf("%d execs, want %d", len(l.execs), tc.execs)
			}
		})
	}
}

// TestAProgramThatIsMissing is missed in the words of the container runtime, and keeps no
// other command from being run.
func TestAProgramThatIsMissing(t *testing.T) {
	l := &local{}
	c := clusterOn(l)
	c.Ask(t.Context(), inPostgres, []string{"there-is-no-such-program"}, []string{"echo", "one"})
	if out, err := c.Capture(t.Context(), inPostgres, []string{"echo", "one"}); err != nil || out.Stdout.String() != "one\n" || len(l.execs) != 1 {
		t.Errorf("%q, %v, %d execs", out.Stdout.String(), err, len(l.execs))
	}
	if _, err := c.Capture(t.Context(), inPostgres, []string{"there-is-no-such-program"}); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("%v", err)
	}
}

// TestWhatIsKeptIsLimited however it is copied, and for both streams of all execs together.
func TestWhatIsKeptIsLimited(t *testing.T) {
	kept := &room{left: 10}
	stdout, stderr := &limitedBuffer{room: kept}, &limitedBuffer{room: kept}
	for _, w := range []struct {
		to   io.Writer
		text string
	}{{stdout, "123456"}, {stderr, "12345"}, {stdout, "x"}, {stderr, "x"}} {
		// Neither has WriteTo, as the stream of client-go has none.
		if n, err := io.Copy(w.to, struct{ io.Reader }{strings.NewReader(w.text)}); n != int64(len(w.text)) || err != nil {
			t.Errorf("%q: %d bytes, %v", w.text, n, err)
		}
	}
	if out, err := string(stdout.Bytes()), string(stderr.Bytes()); out != "123456" || err != "" || !kept.isFull() {
		t.Errorf("kept %q and %q, full: %t", out, err, kept.isFull())
	}
}

// TestAllThatIsAskedIsLimited: what one exec has kept is missing to the next.
func TestAllThatIsAskedIsLimited(t *testing.T) {
	argv := []string{"sh", "-c", "head -c 5000000 /dev/zero", strings.Repeat("x", maxQuestion/2)} // Two do not fit into one exec.
	l := &local{}
	c := clusterOn(l)
	c.Ask(t.Context(), inPostgres, argv, argv, argv)
	if len(l.execs) != 2 {
		t.Errorf("%d execs, want none after what is too long", len(l.execs))
	}
	for range 3 {
		if got := c.must(t, inPostgres, argv); len(got.Stdout) != 5000000 {
			t.Errorf("%d bytes", len(got.Stdout))
		}
	}
	if len(l.execs) != 4 {
		t.Errorf("%d execs, want one answer that was kept", len(l.execs))
	}
}

// TestWhatIsReadStays although client-go may still write.
func TestWhatIsReadStays(t *testing.T) {
	b := &limitedBuffer{room: &room{left: maxAhead}}
	_, _ = io.WriteString(b, "one")
	read := b.Bytes()
	b.kept.Reset()
	written := make(chan struct{})
	go func() {
		defer close(written)
		for range 1000 {
			_, _ = io.WriteString(b, "two")
		}
	}()
	for range 1000 {
		if n := len(b.Bytes()); n%3 != 0 {
			t.Errorf("%d bytes are no whole writes", n)
		}
	}
	<-written
	if string(read) != "one" {
		t.Errorf("what was read is now %q", read)
	}
}
