// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
)

// aheadScript runs several commands one after the other, each to its end, whatever became
// of those before it. Its first argument is a mark that no command can print by chance: it
// stands alone on the first line, and after what each command has printed, with the exit
// code. The other arguments are the commands, each with a ; after it. Nothing in them is
// read as shell: eval only sees ${1}, ${2} and so on.
const aheadScript = `mark=$1; shift; i=0; command=; echo "$mark"
for word do
  i=$((i+1))
  if [ "$word" = ";" ]; then
    eval "$command"; code=$?; command=
    printf '\n%s %s\n' "$mark" $code; printf '\n%s\n' "$mark" >&2
  else
    command="$command \"\${$i}\""
  fi
done`

// maxAhead is how many bytes Ask keeps of all that its commands print. What is longer is
// asked again, by whoever needs it, and read as it comes.
const maxAhead = 8 << 20

// AheadCommand is the command line for Ask.
func AheadCommand(mark string, commands ...[]string) []string {
	argv := []string{"sh", "-c", aheadScript, "stanzaflow", mark}
	for _, command := range commands {
		argv = append(append(argv, command...), ";")
	}
	return argv
}

// answer is what a command has printed, and how it ended.
type answer struct {
	stdout, stderr []byte
	err            error
	// absent means that the shell did not find the program. Only the container runtime says
	// so in its own words, so the command is run again alone.
	absent bool
}

// Ask runs commands in a container in as few execs as it can, because each costs a
// handshake. Their answers wait for whoever runs these commands there, once each, until Ask
// or Forget is called again.
//
// It changes no answer and hides no failure: what it could not run, or not to its end before
// answerTime was over for all of them, is run alone when it is needed, and bounded as ever.
// Only the container of PostgreSQL is known to have a shell, because PostgreSQL runs
// archive_command with it.
func (c *Cluster) Ask(ctx context.Context, at Place, commands ...[]string) {
	c.forgetAnswers()
	if at.Container != cpo.ContainerPostgreSQL || len(commands) < 2 {
		return
	}
	ctx, cancel := c.Clock.Within(ctx, answerTime, attempt.ErrNoAnswer)
	defer cancel()
	kept := &room{left: maxAhead}
	for len(commands) > 0 {
		some := commands[:howMany(commands)]
		if c.askSome(ctx, at, kept, some) < len(some) {
			return
		}
		commands = commands[len(some):]
	}
}

// maxQuestion is how many bytes of commands one exec has: they are in the URL of a request,
// and a proxy before the API server may bound that.
const maxQuestion = 4000

// howMany commands fit into one exec, at least one.
func howMany(commands [][]string) int {
	size := 0
	for i, argv := range commands {
		for _, word := range argv {
			size += len(word) + 1
		}
		if i > 0 && size > maxQuestion {
			return i
		}
	}
	return len(commands)
}

// askSome is Ask in one exec. It returns how many commands have an answer. It ends after
// answerTime if the first has none.
func (c *Cluster) askSome(ctx context.Context, at Place, kept *room, commands [][]string) int {
	random := make([]byte, 16)
	_, _ = rand.Read(random) // It never fails.
	mark := hex.EncodeToString(random)
	stdout, stderr := &limitedBuffer{room: kept}, &limitedBuffer{room: kept}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := c.Clock.AfterFunc(answerTime, func() {
		if !bytes.Contains(stdout.Bytes(), []byte("\n"+mark+" ")) {
			cancel(attempt.ErrNoAnswer)
		}
	})
	defer timer.Stop()
	err := c.run(ctx, at, AheadCommand(mark, commands...), stdout, stderr)
	if kept.isFull() {
		err = errTooLong
	}
	answers := split(mark, stdout.Bytes(), stderr.Bytes(), err)
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for i, a := range answers[:min(len(answers), len(commands))] {
		if a.absent {
			continue
		}
		key := keyOf(at, commands[i])
		c.ahead[key] = append(c.ahead[key], a)
	}
	return len(answers)
}

// Forget forgets the answers that nobody has asked for, and what LookAround has seen.
func (c *Cluster) Forget() {
	c.seen = nil
	c.forgetAnswers()
}

func (c *Cluster) forgetAnswers() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.ahead = map[string][]answer{}
}

// take returns an answer that waits for a command.
func (c *Cluster) take(at Place, argv []string) (answer, bool) {
	key := keyOf(at, argv)
	c.mutex.Lock()
	defer c.mutex.Unlock()
	waiting := c.ahead[key]
	if len(waiting) == 0 {
		return answer{}, false
	}
	c.ahead[key] = waiting[1:]
	return waiting[0], true
}

func keyOf(at Place, argv []string) string {
	return strings.Join(slices.Concat([]string{at.Namespace, at.Pod, at.Container}, argv), "\x00")
}

// split returns the answers of the commands that have ended, and of the one in which the
// stream broke, if it did. Without the first mark nothing has begun.
func split(mark string, stdout, stderr []byte, err error) (answers []answer) {
	stdout, begun := bytes.CutPrefix(stdout, []byte(mark+"\n"))
	if !begun {
		return nil
	}
	for {
		printed, rest, ended := bytes.Cut(stdout, []byte("\n"+mark+" "))
		complaint, others, said := bytes.Cut(stderr, []byte("\n"+mark+"\n"))
		digits, next, whole := bytes.Cut(rest, []byte("\n"))
		code, unread := strconv.Atoi(string(digits))
		if !ended || !whole || unread != nil || !said && unfit(err) {
			if broke(err) {
				answers = append(answers, answer{stdout: printed, stderr: complaint, err: err})
			}
			return answers
		}
		a := answer{stdout: printed, stderr: complaint}
		if code != 0 {
			a.err, a.absent = &ExitError{Code: code}, code == 126 || code == 127
		}
		answers, stdout, stderr = append(answers, a), next, others
	}
}

// broke reports whether a stream broke while commands ran. What was refused, or did not fit,
// is asked again.
func broke(err error) bool {
	_, ended := ExitCode(err)
	return !ended && !unfit(err) && apierrors.ReasonForError(err) == ""
}

// unfit reports whether we have stopped to read, because of the time or of what we keep.
func unfit(err error) bool {
	return errors.Is(err, attempt.ErrNoAnswer) || errors.Is(err, errTooLong)
}

var errTooLong = errors.New("the answer is too long to be kept")

// room is how much may still be kept, of all that the commands of one Ask print. Once
// something did not fit, nothing does.
type room struct {
	mutex sync.Mutex
	left  int
	full  bool
}

func (r *room) isFull() bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.full
}

// limitedBuffer keeps what its room has space for. client-go may still write when its exec
// has ended with the context, and copies with io.Copy, which would pass by Write if there
// were a ReadFrom.
type limitedBuffer struct {
	room *room
	kept bytes.Buffer
}

var _ io.Writer = (*limitedBuffer)(nil)

// Write implements io.Writer. It never fails: client-go would log that, and read the rest
// all the same.
func (b *limitedBuffer) Write(p []byte) (int, error) {
	r := b.room
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.full = r.full || len(p) > r.left
	if r.full {
		return len(p), nil
	}
	r.left -= len(p)
	return b.kept.Write(p)
}

// Bytes returns a copy of what is kept so far.
func (b *limitedBuffer) Bytes() []byte {
	b.room.mutex.Lock()
	defer b.room.mutex.Unlock()
	return bytes.Clone(b.kept.Bytes())
}
