// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package pgbackrest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/pgbackresttest"
)

func TestRenderConf(t *testing.T) {
	t.Parallel()
	got := RenderConf(
		Section{Name: "db", Options: map[string]string{"pg1-port": "5432", "pg1-path": "/data with space", "pg1-user": "a=b#c"}},
		Section{Name: "global", Options: map[string]string{RepoOption(1, "type"): "s3", RepoOption(1, "s3-bucket"): "bucket"}},
		Section{Name: "global:archive-push"},
	)
	want := `[db]
pg1-path=/data with space
pg1-port=5432
pg1-user=a=b#c

[global]
repo1-s3-bucket=bucket
repo1-type=s3

[global:archive-push]
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRenderConfLeavesOutWhatIsNoOption(t *testing.T) {
	t.Parallel()
	got := RenderConf(
		Section{Name: "db]\n[global", Options: map[string]string{"a": "b"}},
		Section{Name: "global", Options: map[string]string{
			"repo1-path": "/r\n[db]\npg1-path=/x", "[db]": "x", "a\nb": "c", "empty": "", "good": "y",
		}},
	)
	if diff := cmp.Diff("[global]\ngood=y\n", got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCheckOption(t *testing.T) {
	t.Parallel()
	const value = "s3cr3t"
	cases := map[string]struct {
		key, value string
		wantError  bool
	}{
		"an option":                         {key: "repo1-s3-bucket", value: value},
		"a value of one letter":             {key: "start-fast", value: "y"},
		"a value with an equals sign":       {key: "tls-server-auth", value: "pg=db"},
		"a value with brackets":             {key: "a", value: "[db]"},
		"a value with a space within":       {key: "a", value: value + " " + value},
		"letters of other scripts":          {key: "a", value: "Müller"},
		"the longest value":                 {key: "a", value: strings.Repeat("x", 2048)},
		"a longer value":                    {key: "a", value: strings.Repeat("x", 2049), wantError: true},
		"a longer name":                     {key: strings.Repeat("x", 65), value: value, wantError: true},
		"no value":                          {key: "a", value: "", wantError: true},
		"only a space":                      {key: "a", value: " ", wantError: true},
		"only a space of another kind":      {key: "a", value: "\u00a0", wantError: true},
		"a space in front":                  {key: "a", value: " " + value, wantError: true},
		"a space behind":                    {key: "a", value: value + " ", wantError: true},
		"a tab":                             {key: "a", value: value + "\t" + value, wantError: true},
		"a new line":                        {key: "a", value: value + "\n[db]", wantError: true},
		"a carriage return":                 {key: "a", value: value + "\rb", wantError: true},
		"a zero byte":                       {key: "a", value: value + "\x00b", wantError: true},
		"a control character of the second": {key: "a", value: value + "\u0085b", wantError: true},
		"bytes that are no text":            {key: "a", value: value + "\xff", wantError: true},
		"no name":                           {key: "", value: value, wantError: true},
		"a name in capitals":                {key: "REPO1-PATH", value: value, wantError: true},
		"a name with an underscore":         {key: "repo1_path", value: value, wantError: true},
		"a name with a space":               {key: "repo1 path", value: value, wantError: true},
		"a name with a new line":            {key: "repo1-path\n", value: value, wantError: true},
		"a name that is an option line":     {key: "a=b", value: value, wantError: true},
		"a name that is a section":          {key: "[db]", value: value, wantError: true},
		"a name that is a comment":          {key: "#a", value: value, wantError: true},
		"a name that starts with a dash":    {key: "-a", value: value, wantError: true},
		"a name that starts with a digit":   {key: "1a", value: value, wantError: true},
		"a value in place of the name":      {key: value + "=", value: value, wantError: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pgbackresttest.WantError(t, CheckOption(tc.key, tc.value), tc.wantError, value)
		})
	}
}

func TestIsCredential(t *testing.T) {
	t.Parallel()
	for _, key := range []string{
		"repo1-s3-key", "repo1-s3-key-secret", "repo2-s3-token", "repo1-s3-sse-customer-key", "repo1-azure-key",
		"repo1-cipher-pass", "repo256-cipher-pass", "repo1-sftp-private-key-passphrase", "repo1-gcs-key",
		// The spelling that counts as repo1.
		"repo-s3-key", "repo-cipher-pass",
		// Near misses: pgBackRest does not read them, but people do.
		"REPO1_S3_KEY", "REPO1-S3-KEY-SECRET", "PGBACKREST_REPO1_S3_KEY_SECRET", "Repo1-Cipher-Pass", "repo1_cipher_pass", " repo1-s3-key ",
		"repo1s3keysecret", "s3-key", "repo1-s3-secret-key", "repo1-s3-access-key", "repo1-cipher-passphrase", "repo1-cipher-password",
		"repo1-azure-sas-token", "repo1-s3-secret", "pg1-password", "REPO1_GCS_KEY",
	} {
		if !IsCredential(key, "AKIAEXAMPLE") {
			t.Errorf("%q is not a credential", key)
		}
	}
	for _, key := range []string{
		"repo1-azure-account", // a name, part of every address of the storage
		"repo1-s3-key-type", "repo1-gcs-key-type", "repo1-azure-key-type", "repo1-s3-kms-key-id", "repo1-s3-bucket", "repo1-s3-role",
		"repo1-cipher-type", "repo1-host-key-file", "tls-server-key-file", "repo1-sftp-private-key-file", "repo1-storage-ca-file",
		"repo1-path", "repo1-retention-full", "process-max", "archive-async", "start-fast", "compress-type", "",
	} {
		if IsCredential(key, "shared") {
			t.Errorf("%q is a credential", key)
		}
	}
	for value, want := range map[string]bool{
		"/etc/pgbackrest/key.json": false, "key.json": true, `{"type":"service_account"}`: true, "": true, "token": true,
	} {
		if got := IsCredential("repo1-gcs-key", value); got != want {
			t.Errorf("gcs-key %q: %v", value, got)
		}
	}
}

func TestRepoOption(t *testing.T) {
	t.Parallel()
	if got := RepoOption(1, "s3-bucket"); got != "repo1-s3-bucket" {
		t.Errorf("got %q", got)
	}
}

// parseConf reads a configuration as pgBackRest does: sections in brackets,
// options up to the first equals sign, spaces around both cut off.
func parseConf(text string) (map[string]map[string]string, error) {
	sections := map[string]map[string]string{}
	name := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[' && line[len(line)-1] == ']':
			name = line[1 : len(line)-1]
			if sections[name] == nil {
				sections[name] = map[string]string{}
			}
		default:
			key, value, ok := strings.Cut(line, "=")
			if !ok || name == "" {
				return nil, fmt.Errorf("line %q is no option", line)
			}
			if _, twice := sections[name][key]; twice {
				return nil, fmt.Errorf("option %q is there twice", key)
			}
			sections[name][strings.TrimSpace(key)] = strings.TrimSpace(value)
		}
	}
	return sections, nil
}

func FuzzRenderConf(f *testing.F) {
	f.Add("repo1-path", "/r", "repo1-s3-bucket", "bucket", "db")
	f.Add("repo1-path", "/r\n[db]\npg1-path=/x", "a]", "[x]", "global:archive-push")
	f.Add("a", " b ", "A_B", "\x00", "x]\n[y")
	f.Add("a", "b=c", "#c", "#d", "")
	for line := range strings.Lines(string(pgbackresttest.Sample(f, "backup-2.45-repo2-gone.txt"))) {
		for argument := range strings.FieldsSeq(line) {
			if key, value, ok := strings.Cut(strings.TrimPrefix(argument, "--"), "="); ok {
				f.Add(key, value, "process-max", "2", "main")
			}
		}
	}
	f.Fuzz(func(t *testing.T, key1, value1, key2, value2, name string) {
		options := map[string]string{key1: value1, key2: value2}
		want := map[string]string{}
		for key, value := range options {
			err := CheckOption(key, value)
			if err == nil {
				want[key] = value
			}
			if err != nil && len(value) > 30 && strings.Contains(err.Error(), value) {
				t.Fatalf("the error quotes the value: %v", err)
			}
		}
		text := RenderConf(Section{Name: "global", Options: options})
		got, err := parseConf(text)
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		if diff := cmp.Diff(map[string]map[string]string{"global": want}, got); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
		// A section of any name brings itself or nothing.
		got, err = parseConf(RenderConf(Section{Name: name, Options: options}))
		if err != nil || len(got) > 1 || (len(got) == 1 && got[name] == nil) {
			t.Fatalf("section %q makes %v, %v", name, got, err)
		}
	})
}
