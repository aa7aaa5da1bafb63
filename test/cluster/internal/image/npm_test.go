// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNPMFilesOfTheImage(t *testing.T) {
	t.Parallel()
	work := t.TempDir()
	for name, mode := range map[string]os.FileMode{
		"package.json":                         0o600,
		"absent/index.js":                      0o664,
		"node_modules/.package-lock.json":      0o644,
		"node_modules/program/main.js":         0o750,
		"node_modules/program/main.js.map":     0o644,
		"node_modules/program/main.d.ts":       0o644,
		"node_modules/program/README.md":       0o644,
		"node_modules/program/LICENSE":         0o644,
		"node_modules/program/lib/schema.json": 0o640,
	} {
		file := filepath.Join(work, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{
		"node_modules/unused":       "../absent",
		"node_modules/.bin/program": "../program/main.js",
	} {
		file := filepath.Join(work, link)
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, file); err != nil {
			t.Fatal(err)
		}
	}

	got, err := NPM{To: "/opt/program"}.entries(work)
	if err != nil {
		t.Fatal(err)
	}
	source := func(name string) string { return filepath.Join(work, name) }
	want := []Entry{
		{Path: "/opt/program/absent/index.js", Mode: 0o644, Source: source("absent/index.js")},
		{Path: "/opt/program/node_modules/program/LICENSE", Mode: 0o644, Source: source("node_modules/program/LICENSE")},
		{Path: "/opt/program/node_modules/program/lib/schema.json", Mode: 0o644, Source: source("node_modules/program/lib/schema.json")},
		{Path: "/opt/program/node_modules/program/main.js", Mode: 0o755, Source: source("node_modules/program/main.js")},
		{Path: "/opt/program/node_modules/unused", Mode: 0o644, Link: "../absent"},
		{Path: "/opt/program/package.json", Mode: 0o644, Source: source("package.json")},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

// The lock must pin each package of the registry by its checksum, and none by the
// address of somebody's mirror.
func TestNPMLocksAreComplete(t *testing.T) {
	t.Parallel()
	for _, row := range table {
		if row.NPM == nil {
			continue
		}
		content, err := npmFiles.ReadFile(row.NPM.Dir + "/package-lock.json")
		if err != nil {
			t.Fatal(err)
		}
		var lock struct {
			Packages map[string]struct {
				Version, Integrity, Resolved string
				Link                         bool
			}
		}
		if err := json.Unmarshal(content, &lock); err != nil {
			t.Fatal(err)
		}
		if got := lock.Packages["node_modules/"+row.Name].Version; got != row.Tag {
			t.Errorf("%s: the lock has version %s, the tag is %s", row.Name, got, row.Tag)
		}
		for name, p := range lock.Packages {
			if !strings.HasPrefix(name, "node_modules/") || p.Link { // The row's own files.
				continue
			}
			if p.Integrity == "" || p.Resolved != "" {
				t.Errorf("%s: %s has checksum %q and address %q", row.Name, name, p.Integrity, p.Resolved)
			}
		}
	}
}

// The files must be part of the key, so that another lock gives another image.
func TestNPMKeyHoldsTheLock(t *testing.T) {
	t.Parallel()
	recipe, err := json.Marshal(NPM{Dir: "azurite", To: "/opt/azurite"})
	if err != nil {
		t.Fatal(err)
	}
	var got struct{ Files map[string]string }
	if err := json.Unmarshal(recipe, &got); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"azurite/package.json", "azurite/package-lock.json", "azurite/absent/applicationinsights/index.js"} {
		if got.Files[name] == "" {
			t.Errorf("%s is not part of the key", name)
		}
	}
}
