// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestCopyProgram(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	if err := os.WriteFile(from, []byte("program"), 0o700); err != nil {
		t.Fatal(err)
	}
	// A pod that is started again finds the program of the pod before.
	if err := os.WriteFile(to, []byte("a longer program of another release"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := copyProgram(from, to); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(to)
	if err != nil || string(content) != "program" {
		t.Errorf("%q, %v", content, err)
	}
	if info, err := os.Stat(to); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("another user cannot start it: %v, %v", info.Mode(), err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("it leaves %v, %v", entries, err)
	}
	for _, failing := range [][2]string{{filepath.Join(dir, "nothing"), to}, {from, filepath.Join(dir, "nowhere", "to")}} {
		if copyProgram(failing[0], failing[1]) == nil {
			t.Errorf("copies %s to %s", failing[0], failing[1])
		}
	}
}
