// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"k8s.io/utils/clock"

	"github.com/stanzaflow/stanzaflow/internal/inspect/printer"
	"github.com/stanzaflow/stanzaflow/internal/restore"
)

// TestRestorePlanExitCodes: a script sees whether a moment can be restored, also in JSON.
func TestRestorePlanExitCodes(t *testing.T) {
	t.Parallel()
	for verdict, want := range map[restore.Verdict]int{restore.Reachable: 0, restore.Refused: 20, restore.NotProven: 21} {
		for _, format := range []string{printer.Plain, printer.JSON} {
			var options restoreOptions
			options.output = format
			var out bytes.Buffer
			command := &cobra.Command{}
			command.SetOut(&out)
			answer := restore.Answer{Verdict: verdict, Message: "why", WAL: &restore.WAL{}, Lost: &restore.Lost{}, Room: &restore.Room{}}
			code := exitError(0)
			if err := options.answer(command, answer); err != nil && !errors.As(err, &code) {
				t.Fatal(err)
			}
			if int(code) != want || !strings.Contains(out.String(), "why") {
				t.Errorf("%s in format %q: exit code %d, want %d:\n%s", verdict, format, code, want, out.String())
			}
		}
	}
}

// TestRestorePlanOfAWorkflow: the files from which Argo takes the outputs say what the log
// says, also for a refusal, and the exit code is the same.
func TestRestorePlanOfAWorkflow(t *testing.T) {
	t.Parallel()
	for verdict, want := range map[restore.Verdict]struct {
		code    int
		message string
	}{
		restore.Reachable: {0, "why"}, restore.Refused: {exitRefused, "Gap: why"}, restore.NotProven: {exitNotProven, "why"},
	} {
		dir := t.TempDir()
		options := restoreOptions{outputs: planOutputs{directory: dir, terminationLog: filepath.Join(dir, "log")}}
		var out bytes.Buffer
		command := &cobra.Command{}
		command.SetOut(&out)
		answer := restore.Answer{Cluster: "orders", Verdict: verdict, Message: "why", WAL: &restore.WAL{}, Lost: &restore.Lost{}, Room: &restore.Room{}}
		if verdict == restore.Refused {
			answer.Reason = "Gap"
		}
		code := exitError(0)
		if err := options.answer(command, answer); err != nil && !errors.As(err, &code) {
			t.Fatal(err)
		}
		if result, message, log := read(t, dir, "result"), read(t, dir, "message"), read(t, dir, "log"); int(code) != want.code || result != string(verdict) ||
			message != want.message || log != string(verdict)+": "+want.message || !strings.Contains(out.String(), "why") {
			t.Errorf("%s: exit code %d, result %q, message %q, log %q, printed\n%s", verdict, code, result, message, log, out.String())
		}
		var plan restore.Answer
		if err := json.Unmarshal([]byte(read(t, dir, "plan.json")), &plan); err != nil || plan.Verdict != verdict || plan.Cluster != "orders" {
			t.Errorf("%s: plan %+v: %v", verdict, plan, err)
		}
	}
}

// TestRestorePlanThatCannotBeLeft: without its outputs a plan is not green.
func TestRestorePlanThatCannotBeLeft(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "missing")
	options := restoreOptions{outputs: planOutputs{directory: missing, terminationLog: filepath.Join(missing, "log")}}
	command := &cobra.Command{}
	command.SetOut(&bytes.Buffer{})
	if err := options.answer(command, restore.Answer{Verdict: restore.Reachable, WAL: &restore.WAL{}, Lost: &restore.Lost{}, Room: &restore.Room{}}); err == nil {
		t.Error("no error")
	}
}

// TestRestorePlanOfAWorkflowWithoutAMoment: a wrong parameter leaves no result, and says
// what is wrong.
func TestRestorePlanOfAWorkflowWithoutAMoment(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	args := []string{programName, "restore", "plan", "--namespace=shop", "--to=", "--set=", "--repo=", "--zone=", "--outputs=" + dir, "--termination-log=" + filepath.Join(dir, "log"), "--", "orders"}
	if code := run(t.Context(), clock.RealClock{}, args); code != exitUsage {
		t.Errorf("exit code %d", code)
	}
	if result, message := read(t, dir, "result"), read(t, dir, "message"); result != "" || !strings.Contains(message, "--to is missing") {
		t.Errorf("result %q, message %q", result, message)
	}
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
