// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package option_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/option"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"process-max":         "process-max",
		"repo1-path":          "repo1-path",
		"repo256-s3-key-type": "repo256-s3-key-type",
		"pg1-user":            "pg1-user",
		"pg-version-force":    "pg-version-force",
		"retention-full":      "repo1-retention-full",
		"backup-host":         "repo1-host",
		"db-path":             "pg1-path",
		"db2-path":            "pg2-path",
		"repo2-s3-verify-ssl": "repo2-storage-verify-tls",
	} {
		if name, err := option.Parse(text); err != nil || name.String() != want {
			t.Errorf("%s is read as %s, %v; want %s", text, name, err, want)
		}
	}
	for text, want := range map[string]string{
		"":                         "",
		"telemetry":                "",
		"x1-telemetry":             "",
		"repo-bundle":              "begin it with repo1-",
		"repo01-path":              "write repo1-path",
		"repo0-path":               "from 1 to 256",
		"x257-y":                   "from 1 to 256",
		"process1-max":             "write process-max",
		"no-resume":                "set resume instead",
		"no-x999-y":                "from 1 to 256",
		"online":                   "command line",
		"retention7-full":          "write repo7-retention-full",
		"backup2-host":             "write repo2-host",
		"archive7-queue-max":       "write archive-push-queue-max",
		"repo-azure-host":          "write repo1-storage-host",
		"repo-s3-port":             "write repo1-storage-port",
		"repo1-local":              "by pgBackRest itself",
		"repo1-rentention-archive": "did you mean repo1-retention-archive?",
		"compres-type":             "did you mean compress-type?",
	} {
		_, err := option.Parse(text)
		unknown := errors.As(err, &option.UnknownError{})
		if err == nil || unknown != (want == "") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gives %v, want %q", text, err, want)
		}
	}
}

func TestCheckHasNoValue(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, value, want string }{
		{"compress-type", "zstd", `must be none, bz2, gz, lz4 or zst`},
		{"compress-type", "wJalrXUtnFEMI/K7MDENG", "must be none, bz2, gz, lz4 or zst"},
		{"repo1-path", "hunter2", "must be an absolute path, which begins with /"},
		{"repo1-s3-endpoint", "hunter2:x", "must be a host, with an optional https:// before it and an optional port behind it, such as s3.example.com:9000"},
		{"process-max", "1000", `must be from 1 to 999`},
		{"buffer-size", "1KiB", `must be 16KiB, 32KiB, 64KiB, 128KiB, 256KiB, 512KiB, 1MiB, 2MiB, 4MiB, 8MiB or 16MiB`},
		{"archive-push-queue-max", "5PiB", `must be from 0B to 4PiB`},
		{"archive-timeout", "50ms", `must be from 100ms to 1d`},
	} {
		name, err := option.Parse(tc.name)
		if err != nil {
			t.Fatal(err)
		}
		if err := name.Check(tc.value); err == nil || err.Error() != tc.want {
			t.Errorf("%s=%s gives %v, want %s", tc.name, tc.value, err, tc.want)
		}
	}
}

func TestSince(t *testing.T) {
	t.Parallel()
	for pair, want := range map[string]string{
		"repo1-path=/x":                      "",
		"repo1-symlink=y":                    "2.57",
		"backup-standby=y":                   "",
		"backup-standby=prefer":              "2.54",
		"repo1-s3-key-type=pod-id":           "2.58",
		"repo1-s3-endpoint=https://x":        "",
		"repo1-s3-endpoint=http://x":         "2.58",
		"archive-timeout=90":                 "",
		"archive-timeout=90s":                "",
		"archive-timeout=2m":                 "2.53",
		"compress-level-network=9":           "",
		"compress-level-network=10":          "2.55",
		"repo1-block-size-map=128MiB=512KiB": "2.46",
	} {
		text, value, _ := strings.Cut(pair, "=")
		name, err := option.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := name.Since(value); got != want {
			t.Errorf("%s needs %q, want %q", pair, got, want)
		}
	}
}

func TestConflictsAndMissing(t *testing.T) {
	t.Parallel()
	set := option.SetOf(map[string]string{
		"compress-type": "lz4", "compress-level": "19",
		"repo1-type": "s3", "repo1-s3-bucket": "a.b", "repo1-s3-endpoint": "x", "repo1-block": "y", "repo1-storage-upload-chunk-size": "64KiB",
		"repo2-type": "gcs", "repo2-gcs-key-type": "auto", "repo2-bundle-size": "1MiB",
		"repo3-cipher-type": "aes-256-cbc", "repo3-path": "/x/", "repo4-path": "/x",
		"repo7-type": "cifs", "repo8-type": "cifs",
		"repo9-path": "x", "nonsense": "y",
	})
	var got []string
	for _, c := range set.Conflicts() {
		got = append(got, strings.Join([]string{c.Name.String(), c.Since, c.Until, map[bool]string{true: "harmless"}[c.Harmless]}, " "))
	}
	for _, m := range set.Missing() {
		got = append(got, strings.Join([]string{m.Of.String(), "needs", m.Name.String(), map[bool]string{true: "in the Secret"}[m.InSecret]}, " "))
	}
	want := []string{
		"compress-level   ",
		"repo1-block   ",
		"repo1-s3-bucket   ",
		"repo1-storage-upload-chunk-size  2.58 ",
		"repo2-bundle-size   harmless",
		"repo4-path   ",
		"repo8-type   ",
		"repo1-type needs repo1-s3-region ",
		"repo1-type needs repo1-s3-key in the Secret",
		"repo1-type needs repo1-s3-key-secret in the Secret",
		"repo2-type needs repo2-gcs-bucket ",
		"repo3-cipher-type needs repo3-cipher-pass in the Secret",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestTable: the table is sorted within its groups, and no name is there twice.
func TestTable(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	all := option.All()
	for i, o := range all {
		for _, name := range append(slices.Clone(o.Old), o.Name) {
			if seen[name] {
				t.Errorf("%s is there twice", name)
			}
			seen[name] = true
		}
		if (o.Type == option.Word) != (len(o.Words) > 0 && o.Type != option.Size) || o.Min > o.Max {
			t.Errorf("%s is %+v", o.Name, o)
		}
		if i > 0 && all[i-1].Group() == o.Group() && all[i-1].Name >= o.Name {
			t.Errorf("%s is not behind %s", o.Name, all[i-1].Name)
		}
	}
	if len(all) < 150 {
		t.Errorf("%d options are not all", len(all))
	}
}

func FuzzParse(f *testing.F) {
	for _, o := range option.All() {
		f.Add(o.Name, "1")
		f.Add("repo1-"+o.Name, "x=1")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		name, err := option.Parse(text)
		if err != nil {
			return
		}
		if again, err := option.Parse(name.String()); err != nil || again != name {
			t.Errorf("%q is %s, and that is %s, %v", text, name, again, err)
		}
		if name.Check(value) == nil {
			option.SetOf(map[string]string{text: value}).Conflicts()
		}
	})
}
