// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// killDelay is how long a process has to end after it was asked to, when the drill is
// stopped.
const killDelay = 20 * time.Second

// notStarted is the exit code of a program that is not there, as a shell has it.
const notStarted = 127

// signalled is the exit code of a process that a signal has ended.
const signalled = -1

// programs finds and runs programs of the image.
type programs struct {
	path    string
	environ []string
}

// newPrograms takes the variables of the container. Those of libpq could lead psql to
// another database; messages must be in English and times in UTC.
func newPrograms(environ []string) programs {
	p := programs{}
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		switch {
		case name == "PATH":
			p.path = value
		case strings.HasPrefix(name, "PG") && !strings.HasPrefix(name, "PGBACKREST_"):
			continue
		case name == "LANGUAGE" || name == "TZ" || strings.HasPrefix(name, "LC_"):
			continue
		}
		p.environ = append(p.environ, variable)
	}
	p.environ = append(p.environ, "LC_ALL=C", "TZ=UTC")
	return p
}

// with returns programs with one more variable.
func (p programs) with(variable string) programs {
	p.environ = append(slices.Clone(p.environ), variable)
	return p
}

// find returns the path of a program, false if there is none.
func (p programs) find(name string) (string, bool) {
	if filepath.IsAbs(name) {
		return name, executable(name)
	}
	for _, dir := range filepath.SplitList(p.path) {
		if file := filepath.Join(dir, name); dir != "" && executable(file) {
			return file, true
		}
	}
	return "", false
}

func executable(file string) bool {
	info, err := os.Stat(file) //nolint:gosec // PATH says where to look.
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// command makes a process that ends with a signal when the context does.
func (p programs) command(ctx context.Context, argv []string, stop syscall.Signal) (*exec.Cmd, error) {
	file, found := p.find(argv[0])
	if !found {
		return nil, fmt.Errorf("there is no program %s", argv[0])
	}
	cmd := exec.CommandContext(ctx, file, argv[1:]...) //nolint:gosec // A program of the image, never a shell.
	cmd.Args[0] = argv[0]
	cmd.Env = p.environ
	cmd.Cancel = func() error { return cmd.Process.Signal(stop) }
	cmd.WaitDelay = killDelay
	return cmd, nil
}

// run runs a program to its end and returns its exit code: notStarted if it is not there,
// signalled if a signal has ended it.
func (p programs) run(ctx context.Context, argv []string, stdout, stderr io.Writer) int {
	cmd, err := p.command(ctx, argv, syscall.SIGTERM)
	if err != nil {
		_, _ = fmt.Fprintln(stderr, err)
		return notStarted
	}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	return exitCode(cmd.Run())
}

// capture runs a program whose output is data.
func (p programs) capture(ctx context.Context, argv []string) (stdout, stderr string, code int) {
	var out, problem bytes.Buffer
	code = p.run(ctx, argv, &out, &problem)
	return out.String(), problem.String(), code
}

// exitCode is signalled for every end without an exit code.
func exitCode(err error) int {
	var ended *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &ended):
		return ended.ExitCode()
	case errors.Is(err, os.ErrNotExist), errors.Is(err, os.ErrPermission):
		return notStarted
	}
	return signalled
}
