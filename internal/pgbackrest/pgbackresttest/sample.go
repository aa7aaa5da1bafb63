// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package pgbackresttest

import (
	"embed"
	"path"
	"strconv"
	"strings"
	"testing"
)

//go:embed testdata
var samples embed.FS

// Sample returns the recorded output of that name.
func Sample(t testing.TB, name string) []byte {
	t.Helper()
	content, err := samples.ReadFile(path.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// Samples returns the names of the recorded outputs that match a pattern. It
// fails the test if there are none.
func Samples(t testing.TB, pattern string) []string {
	t.Helper()
	entries, err := samples.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		if ok, err := path.Match(pattern, entry.Name()); err != nil {
			t.Fatal(err)
		} else if ok {
			names = append(names, entry.Name())
		}
	}
	if len(names) == 0 {
		t.Fatalf("no sample matches %s", pattern)
	}
	return names
}

// Failure is a command that failed: its name in the file, its exit code and what it
// printed.
type Failure struct {
	Name   string
	Code   int
	Output string
}

// Failures returns the commands of a failures-*.tsv. A line has the name, the exit
// code, the seconds it took, and the text, in which " | " stands for a line break.
func Failures(t testing.TB, file string) []Failure {
	t.Helper()
	var failures []Failure
	for line := range strings.Lines(string(Sample(t, file))) {
		fields := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if len(fields) < 4 {
			continue // A remark, not a command.
		}
		code, err := strconv.Atoi(fields[1])
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		failures = append(failures, Failure{Name: fields[0], Code: code, Output: strings.ReplaceAll(fields[3], " | ", "\n")})
	}
	return failures
}

// WantError checks that there is an error if one is wanted, that it is one clause
// and that it does not quote the forbidden text.
func WantError(t *testing.T, err error, want bool, forbidden string) {
	t.Helper()
	switch {
	case !want:
		if err != nil {
			t.Errorf("unexpected error: %v", err)
		}
	case err == nil:
		t.Error("no error")
	case strings.ContainsAny(err.Error(), "\n\r\x00") || strings.HasSuffix(err.Error(), "."):
		t.Errorf("error is not one clause: %q", err)
	case forbidden != "" && strings.Contains(err.Error(), forbidden):
		t.Errorf("error quotes the value: %q", err)
	}
}
