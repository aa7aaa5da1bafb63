// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package command runs other programs. An error says what failed, where the whole
// log is, and what its last lines were.
package command

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// tailLines is how many lines of a log an error contains: enough for a compiler error
// or a daemon's last messages, few enough for a CI log.
const tailLines = 15

// Cmd describes a program to run.
type Cmd struct {
	Args  []string
	Dir   string
	Env   []string // added to the environment
	Stdin string
	Log   string // file for all output, truncated first; if empty, output stays in memory
}

// Run runs the program to its end and returns its standard output, which is empty if
// there is a log file.
func (c Cmd) Run(ctx context.Context) (string, error) {
	cmd := exec.CommandContext(ctx, c.Args[0], c.Args[1:]...) //nolint:gosec // Running programs is what this is for.
	cmd.Dir = c.Dir
	cmd.Env = append(os.Environ(), c.Env...)
	if c.Stdin != "" {
		cmd.Stdin = strings.NewReader(c.Stdin)
	}
	// Let the program remove its temporary files, but do not wait for a grandchild
	// that keeps the pipe open.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second

	if c.Log != "" {
		return "", c.runLogged(cmd)
	}
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s: %w\n%s", c, err, indent(lastLines(out.String()+errOut.String(), tailLines)))
	}
	return out.String(), nil
}

func (c Cmd) runLogged(cmd *exec.Cmd) error {
	if err := os.MkdirAll(filepath.Dir(c.Log), 0o750); err != nil {
		return err
	}
	f, err := os.Create(c.Log)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	cmd.Stdout, cmd.Stderr = f, f
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w, %s", c, err, Tail(c.Log))
	}
	return nil
}

// String returns the command as a person would type it, shortened.
func (c Cmd) String() string {
	s := strings.Join(c.Args, " ")
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		s = s[:i] + " …"
	}
	if len(s) > 160 {
		s = s[:160] + " …"
	}
	return s
}

// Tail returns where a log is and how it ends, for an error message.
func Tail(path string) string {
	b, err := os.ReadFile(path) //nolint:gosec // A log that this program wrote.
	if err != nil {
		return "no log: " + err.Error()
	}
	return fmt.Sprintf("log %s ends:\n%s", path, indent(lastLines(string(b), tailLines)))
}

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

func indent(s string) string { return "    " + strings.ReplaceAll(s, "\n", "\n    ") }
