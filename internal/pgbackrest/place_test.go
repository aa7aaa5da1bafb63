// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package pgbackrest

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/option"
)

func TestPlaces(t *testing.T) {
	t.Parallel()
	dir := volume(t, map[string]string{
		"a.conf": "[db]\npg1-path = /x\nrepo1-path = /data\n\n[global]\n# repo1-path=/y\n\t repo1-type\t= s3 \r\nrepo2-azure-container=shop\n" +
			"repo1-s3-key = hunter2\nrepo1-s3-key-secret=hunter2\nrepo2-azure-key=hunter2\nrepo1-cipher-pass=hunter2\nrepo1-cipher-type=aes-256-cbc\n" +
			"repo2-azure-account-key=hunter2\nrepo1-gcs-key=hunter2\nrepo1-host-key-file=/x\nrepo1-s3-region = \nbackup-host=old\ntls-server-address=*\nrepo2-s3-host=x=y\n",
	})
	out, code := output(t, PlacesCommand(filepath.Join(dir, "a.conf")))
	if code != 0 || strings.Contains(string(out), "hunter2") {
		t.Fatalf("exit code %d, output %q", code, out)
	}
	got, err := ParsePlaces(out)
	if err != nil {
		t.Fatal(err)
	}
	want := []PlaceOption{
		{"db", "repo1-path", "/data"},
		{"global", "repo1-type", "s3"},
		{"global", "repo2-azure-container", "shop"},
		{"global", "repo1-cipher-type", "aes-256-cbc"},
		{"global", "repo1-s3-region", ""},
		{"global", "repo1-host", "old"},
		{"global", "repo2-storage-host", "x=y"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("places (-want +got):\n%s", diff)
	}
	if _, code := output(t, PlacesCommand(filepath.Join(dir, "b.conf"))); code != 2 {
		t.Errorf("without the file grep ends with %d, want 2", code)
	}
}

func TestParsePlacesRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"hunter2", "repo1-s3-key=hunter2", "log-path=hunter2", "repo1-path"} {
		if _, err := ParsePlaces([]byte("[global]\n" + text + "\n")); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestPlacesAreOptions holds the names against the table of pgBackRest's options: a
// secret is never among them, and no older name is forgotten.
func TestPlacesAreOptions(t *testing.T) {
	t.Parallel()
	pattern := PlacesCommand("x")[2]
	var old []string
	for _, o := range option.All() {
		name, isRepo := strings.CutPrefix(o.Name, "repo-")
		if !isRepo || !slices.Contains(placeNames, name) {
			continue
		}
		for _, alternative := range append([]string{name}, o.Old...) {
			alternative = strings.TrimPrefix(alternative, "repo#-")
			if !strings.Contains(pattern, "|"+alternative+"|") && !strings.Contains(pattern, "("+alternative+"|") && !strings.Contains(pattern, "|"+alternative+")") {
				t.Errorf("the pattern lacks %s", alternative)
			}
		}
		old = append(old, o.Old...)
		if o.Type == option.String && name != "host" {
			t.Errorf("%s may be a secret", o.Name)
		}
	}
	for _, name := range old {
		if present, ok := PlaceName(strings.Replace(name, "#", "1", 1)); !ok || strings.Replace(present, "repo1-", "repo-", 1) == name {
			t.Errorf("%s is read as %q", name, present)
		}
	}
	for _, name := range placeNames {
		if _, err := option.Parse("repo1-" + name); err != nil {
			t.Errorf("repo1-%s: %v", name, err)
		}
	}
}
