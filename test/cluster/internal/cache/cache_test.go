// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cache

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPrune(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"current-1", "old-1", "current-1.tmp", "work.tmp123/rootfs"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("old-1", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	monthAgo := time.Now().AddDate(0, -1, 0)
	for _, name := range []string{"current-1", "old-1"} {
		if err := os.Chtimes(filepath.Join(dir, name), monthAgo, monthAgo); err != nil {
			t.Fatal(err)
		}
	}

	if there, err := Touch(filepath.Join(dir, "current-1")); !there || err != nil {
		t.Errorf("Touch of a build = %v, %v", there, err)
	}
	if there, err := Touch(filepath.Join(dir, "absent")); there || err != nil {
		t.Errorf("Touch of no build = %v, %v", there, err)
	}
	if err := Prune(dir, filepath.Join(dir, "absent")); err != nil {
		t.Fatal(err)
	}

	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, e := range entries {
		left = append(left, e.Name())
	}
	slices.Sort(left)
	if diff := cmp.Diff([]string{"current-1", "link"}, left); diff != "" {
		t.Errorf("left over (-want +got):\n%s", diff)
	}
}
