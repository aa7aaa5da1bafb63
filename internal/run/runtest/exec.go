// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package runtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Exec implements remote.Executor.
func (w *World) Exec(ctx context.Context, at remote.Place, argv []string, stdout, stderr io.Writer) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	c := Call{at, argv, stdout, stderr}
	w.Execs, w.Requests = append(w.Execs, c), w.Requests+1
	if argv[0] == "sh" && w.NoShell {
		return &remote.ExitError{Code: 127}
	}
	if argv[0] == "sh" {
		return Several(w.T, argv, stdout, stderr, func(argv []string) error {
			return w.exec(ctx, Call{at, argv, stdout, stderr})
		})
	}
	return w.exec(ctx, c)
}

// Several runs the commands of a remote.AheadCommand one after the other, as its script does.
func Several(t testing.TB, several []string, stdout, stderr io.Writer, run func(argv []string) error) error {
	t.Helper()
	mark, words := several[4], slices.Clone(several[5:])
	var commands [][]string
	for len(words) > 0 {
		end := slices.Index(words, ";")
		commands, words = append(commands, words[:end:end]), words[end+1:]
	}
	if want := remote.AheadCommand(mark, commands...); !slices.Equal(want, several) {
		t.Errorf("command %q, want %q", several, want)
	}
	_, _ = fmt.Fprintln(stdout, mark)
	for _, argv := range commands {
		err := run(argv)
		code, ended := remote.ExitCode(err)
		if !ended {
			return err
		}
		_, _ = fmt.Fprintf(stdout, "\n%s %d\n", mark, code)
		_, _ = fmt.Fprintf(stderr, "\n%s\n", mark)
	}
	return nil
}

func (w *World) exec(ctx context.Context, c Call) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	at, argv := c.At, c.Argv
	w.Calls = append(w.Calls, c)
	name := c.Name()
	if name == "backup" && (w.Lock || w.Orphans[at] > 0 || w.Sessions > 0 || len(w.OtherLocks) > 0 || len(w.Running) > 0) {
		w.T.Error("a backup was started while another one runs")
	}
	if queue := w.Scripts[name]; len(queue) > 0 {
		w.Scripts[name] = queue[1:]
		if err := queue[0](ctx, c); !errors.Is(err, ErrUnscripted) {
			return err
		}
	}
	w.checkPlace(name, at)
	switch name {
	case "psql":
		return w.psql(c)
	case "heartbeat":
		return w.writeHeartbeat(c)
	case "sha256sum":
		return w.sha256sum(c)
	case "grep":
		return w.grep(c)
	case "grep places":
		return w.grepPlaces(c)
	case "version":
		return c.Print("pgBackRest " + w.Versions[at.Container] + "\n")
	case "check":
		return w.check(c)
	case "info":
		return w.AnswerInfo(c)
	case "stanza-create":
		return w.createStanza(c)
	case "stanza-upgrade":
		return w.upgradeStanza(c)
	case "backup":
		return w.backup(c)
	case "expire":
		return c.Print("P00   INFO: expire command end: completed successfully\n")
	case "repo-ls":
		return w.repoLS(c)
	case "verify":
		return w.verify(c)
	case "pkill":
		return w.pkill(c)
	case "pkill workers":
		return signal(w.Orphans, at)
	}
	w.T.Errorf("unexpected command %q", argv)
	return &remote.ExitError{Code: 48}
}

// checkPlace fails the test for a command in the wrong container.
func (w *World) checkPlace(name string, at remote.Place) {
	switch name {
	case "psql", "heartbeat", "stanza-create", "stanza-upgrade", "check":
		if at.Container != cpo.ContainerPostgreSQL {
			w.T.Errorf("%s ran in %s, want the primary", name, at)
		}
	case "backup", "expire", "repo-ls", "verify":
		if at.Container != w.workplace() {
			w.T.Errorf("%s ran in %s, want container %s", name, at, w.workplace())
		}
	}
}

// backup makes the backup that the command line asks for.
func (w *World) backup(c Call) error {
	if !w.matches() {
		return c.fail(51, "ERROR: [051]: PostgreSQL and the stanza do not match\n       HINT: is this the correct stanza?")
	}
	w.List(w.Made(c.Argv))
	return c.Print("P00   INFO: new backup label = " + w.Backups[len(w.Backups)-1].Label + "\n")
}

// pkill signals the backup with the annotation of the run, and no other.
func (w *World) pkill(c Call) error {
	if want := []string{"pkill", "--signal", "TERM", "--full", vocab.BackupAnnotation + "=" + Run}; !slices.Equal(c.Argv, want) {
		w.T.Errorf("command %q, want %q", c.Argv, want)
	}
	err := signal(w.Running, c.At)
	if err == nil && w.Running[c.At] == 0 {
		w.Lock, w.Orphans[c.At] = false, 1
	}
	return err
}

// signal takes one from what is there, as pkill.
func signal(left map[remote.Place]int, at remote.Place) error {
	if left[at] == 0 {
		return &remote.ExitError{Code: 1}
	}
	if left[at]--; left[at] == 0 {
		delete(left, at)
	}
	return nil
}

// MissingStanza is the status of a repo without the stanza.
var MissingStanza = pgbackrest.Status{Code: pgbackrest.StatusMissingStanzaPath, Message: "missing stanza path"}

// Name returns the name of the command, or that of pgBackRest's command.
func (c Call) Name() string {
	if slices.Equal(c.Argv, pgbackrest.TerminateWorkersCommand()) {
		return "pkill workers"
	}
	if slices.Equal(c.Argv, remote.PsqlCommand(remote.HeartbeatStatement)) {
		return "heartbeat"
	}
	if c.Argv[0] == "grep" && c.Argv[1] == "-E" {
		return "grep places"
	}
	if c.Argv[0] == "pgbackrest" {
		return c.Argv[1]
	}
	return c.Argv[0]
}

// Print writes text to stdout.
func (c Call) Print(text string) error {
	_, err := io.WriteString(c.Stdout, text)
	return err
}

// PrintJSON writes a value to stdout.
func (c Call) PrintJSON(value any) error {
	b, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return c.Print(string(b) + "\n")
}

func (w *World) psql(c Call) error {
	statement := strings.TrimPrefix(c.Argv[len(c.Argv)-1], "--command=")
	switch {
	case statement == remote.BackupSessionsStatement:
		return c.PrintJSON(w.Sessions)
	case strings.Contains(statement, "pg_create_restore_point"):
		return w.createRestorePoint(c, statement)
	}
	return c.PrintJSON(w.Postgres)
}

func (w *World) sha256sum(c Call) error {
	name := strings.TrimPrefix(c.Argv[1], cpo.ConfigDir+"/")
	content, ok := w.Files[c.At.Container][name]
	if !ok {
		_, _ = fmt.Fprintf(c.Stderr, "sha256sum: %s: No such file or directory\n", c.Argv[1])
		return &remote.ExitError{Code: 1}
	}
	return c.Print(digest(content) + "  " + c.Argv[1] + "\n")
}

// grep finds each file a second time where Kubernetes has put it.
func (w *World) grep(c Call) error {
	pattern := regexp.MustCompile(`(?m)` + c.Argv[len(c.Argv)-2])
	var lines []string
	for _, dir := range []string{"", "..data/"} {
		for _, name := range slices.Sorted(maps.Keys(w.Files[c.At.Container])) {
			for _, match := range pattern.FindAllString(w.Files[c.At.Container][name], -1) {
				lines = append(lines, c.Argv[len(c.Argv)-1]+"/"+dir+name+":"+strings.Trim(match, "\n"))
			}
		}
	}
	if len(lines) == 0 {
		return &remote.ExitError{Code: 1}
	}
	return c.Print(strings.Join(lines, "\n") + "\n")
}

// grepPlaces finds lines of one file.
func (w *World) grepPlaces(c Call) error {
	pattern, file := regexp.MustCompile(c.Argv[2]), c.Argv[3]
	content, ok := w.Files[c.At.Container][strings.TrimPrefix(file, cpo.ConfigDir+"/")]
	if !ok {
		_, _ = fmt.Fprintf(c.Stderr, "grep: %s: No such file or directory\n", file)
		return &remote.ExitError{Code: 2}
	}
	var found strings.Builder
	for line := range strings.Lines(content) {
		if pattern.MatchString(strings.TrimRight(line, "\n")) {
			found.WriteString(line)
		}
	}
	if found.Len() == 0 {
		return &remote.ExitError{Code: 1}
	}
	return c.Print(found.String())
}
