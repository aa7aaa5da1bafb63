// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"bufio"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// testDemo is make demo in the local cluster: the example that it applies, the
// schedule that fires by itself and the proof that it shows.
func testDemo(t *testing.T) {
	t.Helper()
	k := newKit(t, "stanzaflow-demo")
	demo := exec.CommandContext(t.Context(), filepath.Join("hack", "demo.sh"))
	demo.Dir = filepath.Join("..", "..")
	out, err := demo.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	demo.Stderr = demo.Stdout
	if err := demo.Start(); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		t.Log(lines.Text())
		text.WriteString(lines.Text() + "\n")
	}
	if err := demo.Wait(); err != nil {
		t.Fatalf("hack/demo.sh: %v", err)
	}
	label := k.stanza(t, "cluster").Status.LastBackup.Label
	if !strings.Contains(text.String(), "PROVEN: backup "+label[:8]) {
		t.Errorf("the demo shows no proof of a backup such as %s", label)
	}
}
