// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const ours = "../../deploy/argocd/argocd-cm.yaml"

// TestHealth shows what Argo CD says of our objects in each of their phases: of a
// Workflow by its own check, of a Stanza by our script. The first line of a file is what
// it says.
func TestHealth(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) < 16 {
		t.Fatalf("found %d objects, which cannot be all: %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(string(text), "\n")
		want, ok := strings.CutPrefix(first, "# want: ")
		if !ok {
			t.Errorf("%s begins with no want", file)
		}
		var got bytes.Buffer
		if err := run(t.Context(), []string{"health", ours}, bytes.NewReader(text), &got); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if strings.TrimSpace(got.String()) != want {
			t.Errorf("%s is %s, want %s", file, strings.TrimSpace(got.String()), want)
		}
	}
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
