// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/spf13/cobra"

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
