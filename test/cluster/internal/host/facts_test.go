// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package host

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFree(t *testing.T) {
	t.Parallel()
	if free, err := FreeMemory(); err != nil || free < 1<<20 {
		t.Errorf("FreeMemory = %d, %v", free, err)
	}
	dir := t.TempDir()
	here, err := FreeDisk(dir)
	if err != nil || here <= 0 {
		t.Errorf("FreeDisk = %d, %v", here, err)
	}
	if _, err := FreeDisk(filepath.Join(dir, "not", "there", "yet")); err != nil {
		t.Errorf("a directory that is not there yet: %v", err)
	}
}

func TestParseRelease(t *testing.T) {
	t.Parallel()
	id, version, name := parseRelease("PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=x\nVERSION_ID='12'\nID=debian\n")
	if diff := cmp.Diff([]string{"debian", "12", "Debian GNU/Linux 12 (bookworm)"}, []string{id, version, name}); diff != "" {
		t.Errorf("parseRelease (-want +got):\n%s", diff)
	}
}

func TestKernelChanges(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for name, value := range map[string]string{"vm/overcommit_memory": "0\n", "kernel/panic": "10\n"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"vm.overcommit_memory from 0 to 1"}, kernelChanges(root)); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}
