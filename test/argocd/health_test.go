// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stanzaflow/stanzaflow/internal/goldentest"
)

const ours = "../../deploy/argocd/argocd-cm.yaml"

// TestHealth has one table of what Argo CD says of our objects in each of their phases: by
// the checks of its engine, of a Stanza by our script. The scripts that Argo CD itself
// brings for other kinds are not in the engine; of these the table says "no check".
func TestHealth(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) < 35 {
		t.Fatalf("found %d objects, which cannot be all: %v", len(files), err)
	}
	all, err := readScripts(ours)
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		health, message := "no check", ""
		switch status, err := healthOf(all, text); {
		case err == nil:
			health, message = string(status.Status), status.Message
		case !strings.Contains(err.Error(), "has no health"):
			t.Errorf("%s: %v", file, err)
		}
		row := fmt.Sprintf("%-34s %-11s %s", strings.TrimSuffix(filepath.Base(file), ".yaml"), health, message)
		table.WriteString(strings.TrimRight(row, " ") + "\n")
	}
	goldentest.Check(t, "testdata/health.golden", table.String())
}

// TestHealthScriptIsTotal gives the script what a broken or a future status may hold.
func TestHealthScriptIsTotal(t *testing.T) {
	t.Parallel()
	all, err := readScripts(ours)
	if err != nil {
		t.Fatal(err)
	}
	const stanza = "apiVersion: stanzaflow.dev/v1alpha1\nkind: Stanza\nmetadata: {name: shop}\n"
	for _, status := range []string{
		"", "status: {}", "status: {conditions: []}", "status: {conditions: [{type: Other, status: 'True', reason: X, message: x}]}",
		"status: {conditions: [{type: Ready, status: 'Unknown', reason: X, message: x}]}",
		"status: {conditions: [{type: Ready, status: Maybe, reason: X, message: ''}, {type: Suspended, status: 'False', reason: X, message: x}]}",
	} {
		got, err := healthOf(all, []byte(stanza+status))
		if err != nil {
			t.Errorf("%s: %v", status, err)
		} else if got.Status != "Progressing" {
			t.Errorf("%s is %s, want Progressing: nothing says that backups work or fail", status, got.Status)
		}
	}
}

// TestWrongScriptsAreErrors shows that the test can fail.
func TestWrongScriptsAreErrors(t *testing.T) {
	t.Parallel()
	stanza := []byte("apiVersion: stanzaflow.dev/v1alpha1\nkind: Stanza\nmetadata: {name: shop}\n")
	for _, script := range []string{"return", "return 1", "return {status = 'Fine'}", "return {", "os.exit(1)", "while true do end"} {
		if got, err := healthOf(scripts{"stanzaflow.dev_Stanza": script}, stanza); err == nil {
			t.Errorf("%s: %v, want an error", script, got)
		}
	}
}
