// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
)

// answerTime bounds a question. pgbackrest info gives up on a store that does not
// answer after 40 s, and asks up to four of them one after the other.
const answerTime = 3 * time.Minute

// Output of a command.
type Output struct{ Stdout, Stderr bytes.Buffer }

// Text returns all that a command printed.
func (o *Output) Text() string { return o.Stderr.String() + "\n" + o.Stdout.String() }

// Complaint returns what a command printed on stderr, as one line.
func (o *Output) Complaint() string { return strings.Join(strings.Fields(o.Stderr.String()), " ") }

// Capture runs a command whose output is data. It ends after answerTime.
func (c *Cluster) Capture(ctx context.Context, at Place, argv []string) (*Output, error) {
	ctx, cancel := c.Clock.Within(ctx, answerTime, attempt.ErrNoAnswer)
	defer cancel()
	out := &Output{}
	return out, c.exec(ctx, at, argv, &out.Stdout, &out.Stderr)
}

// Follow runs a command whose output is a log. It goes to the log of the
// container and to the transcript as it comes.
func (c *Cluster) Follow(ctx context.Context, at Place, argv []string) (*Output, error) {
	out := &Output{}
	return out, c.tee(ctx, at, argv, &out.Stdout, &out.Stderr)
}

// exec runs a command, unless Ask has. If we gave up on it, the error is the cause of that.
func (c *Cluster) exec(ctx context.Context, at Place, argv []string, stdout, stderr io.Writer) error {
	if a, asked := c.take(at, argv); asked {
		_, lost := stdout.Write(a.stdout)
		_, alsoLost := stderr.Write(a.stderr)
		return cmp.Or(a.err, lost, alsoLost)
	}
	return c.run(ctx, at, argv, stdout, stderr)
}

func (c *Cluster) run(ctx context.Context, at Place, argv []string, stdout, stderr io.Writer) error {
	started := c.Clock.Now()
	err := c.Executor.Exec(ctx, at, argv, stdout, stderr)
	c.note(argv, c.Clock.Since(started))
	if _, ended := ExitCode(err); !ended && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// note notes how long a command has taken.
func (c *Cluster) note(argv []string, d time.Duration) {
	name := argv[0]
	switch {
	case name == pgbackrest.Program && len(argv) > 1:
		name = argv[1]
	case name == "sh":
		name = "several at once"
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	i := slices.IndexFunc(c.took, func(t took) bool { return t.name == name })
	if i < 0 {
		i, c.took = len(c.took), append(c.took, took{name: name})
	}
	c.took[i].times, c.took[i].sum = c.took[i].times+1, c.took[i].sum+d
}

// took is how often a command was run, and how long that has taken.
type took struct {
	name  string
	times int
	sum   time.Duration
}

func (t took) String() string {
	times := ""
	if t.times > 1 {
		times = fmt.Sprintf(" %d times", t.times)
	}
	return fmt.Sprintf("%s%s %.2f s", t.name, times, t.sum.Seconds())
}

// Took says which commands were run, and how long that has taken, its start included.
func (c *Cluster) Took() string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	var texts []string
	for _, t := range c.took {
		texts = append(texts, t.String())
	}
	return strings.Join(texts, ", ")
}

// tee also sends the output to the log and to the transcript.
func (c *Cluster) tee(ctx context.Context, at Place, argv []string, stdout, stderr io.Writer) error {
	transcript, err := os.OpenFile(c.Transcript, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("cannot write to the workspace: %w", err)
	}
	defer func() { _ = transcript.Close() }()
	c.Logf("in %s: %s", at, strings.Join(argv, " "))
	logs := io.MultiWriter(c.Log, transcript)
	outLog, errLog := &redactor{to: logs}, &redactor{to: logs}
	err = c.exec(ctx, at, argv, io.MultiWriter(stdout, outLog), io.MultiWriter(stderr, errLog))
	return errors.Join(err, outLog.flush(), errLog.flush())
}
