// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/stanzaflow/stanzaflow/internal/goldentest"
)

// Files of a case in testdata/render.
const (
	caseInput = "in.yaml"
	// caseArgs replaces "-f in.yaml", one argument a line.
	caseArgs = "args"
	// caseStdin is an empty file that says to pass in.yaml as standard input.
	caseStdin = "stdin"
	caseWant  = "want.golden"
	// caseFiles is a directory with input files.
	caseFiles = "files"
)

// now is two days before the clocks change in Europe.
var now = time.Date(2026, time.March, 27, 12, 0, 0, 0, time.UTC)

// secretMark is in every credential of the cases, so it must be in no output.
const secretMark = "hunter2"

func TestRender(t *testing.T) {
	dirs, err := filepath.Glob("testdata/render/*")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Chdir(dir)
			entries, err := os.ReadDir(".")
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				if !slices.Contains([]string{caseInput, caseArgs, caseStdin, caseWant, caseFiles}, e.Name()) {
					t.Errorf("%s is not a file of a case", e.Name())
				}
			}
			args := []string{"-f", caseInput}
			if b, err := os.ReadFile(caseArgs); err == nil {
				args = strings.Fields(string(b))
			}
			stdin := os.DevNull
			if _, err := os.Stat(caseStdin); err == nil {
				stdin = caseInput
			}
			got := operator(t, stdin, append([]string{"render"}, args...)...).String()
			if strings.Contains(got, secretMark) {
				t.Errorf("the output has a credential:\n%s", got)
			}
			goldentest.Check(t, caseWant, got)
		})
	}
}

// TestRenderCredentialsAreInTheInput makes sure that the other tests can fail: a mark
// that is in no input would be in no output.
func TestRenderCredentialsAreInTheInput(t *testing.T) {
	b, err := os.ReadFile("testdata/render/credential-in-global/in.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(b), secretMark); n < 5 {
		t.Errorf("%d credentials in the case, want at least 5", n)
	}
}

// result is the result of the program.
type result struct {
	args           []string
	code           int
	stdout, stderr string
}

func (r result) String() string {
	return fmt.Sprintf("$ %s\nexit code %d\n\n== stderr ==\n%s\n== stdout ==\n%s", strings.Join(r.args, " "), r.code, r.stderr, r.stdout)
}

// operator runs the program with the file as its standard input.
func operator(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	return program(t, stdin, append([]string{programName}, args...)...)
}

// program runs a file, which is the first argument.
func program(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	return programAt(t, now, stdin, args...)
}

// programAt runs it at a moment.
func programAt(t *testing.T, at time.Time, stdin string, args ...string) result {
	t.Helper()
	in, err := os.Open(stdin)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	dir := t.TempDir()
	out, err := os.Create(filepath.Join(dir, "stdout"))
	if err != nil {
		t.Fatal(err)
	}
	problems, err := os.Create(filepath.Join(dir, "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	stdinBefore, stdoutBefore, stderrBefore := os.Stdin, os.Stdout, os.Stderr
	os.Stdin, os.Stdout, os.Stderr = in, out, problems
	code := run(t.Context(), clocktesting.NewFakePassiveClock(at), args)
	os.Stdin, os.Stdout, os.Stderr = stdinBefore, stdoutBefore, stderrBefore
	return result{args: args, code: code, stdout: content(t, out), stderr: content(t, problems)}
}

func content(t *testing.T, f *os.File) string {
	t.Helper()
	defer func() { _ = f.Close() }()
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
