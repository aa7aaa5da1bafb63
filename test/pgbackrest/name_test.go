//go:build pgbackrest

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package pgbackrest

import (
	"strings"
	"testing"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/option"
)

// TestOldNames: pgBackRest takes an old name for the option that the table says.
// Otherwise it would not refuse the two together.
func TestOldNames(t *testing.T) {
	for _, p := range programs {
		at := newPlace(t)
		for _, o := range option.All() {
			for _, old := range o.Old {
				old = strings.ReplaceAll(old, "#", "1")
				name, err := option.Parse(old)
				if err != nil || name.Option.Name != o.Name {
					t.Errorf("%s is read as %s, %v", old, name, err)
				}
				value := goodValues(o)[0]
				conf := file("global", map[string]string{old: value, name.String(): value})
				if says := p.verdict(t, at, "archive-push", conf); !strings.Contains(says, "duplicate options") {
					t.Errorf("pgBackRest %s accepts %s beside %s: %s", p.release, old, name, says)
				}
			}
		}
	}
}

// TestNames: what Parse refuses, pgBackRest refuses or ignores with a warning.
func TestNames(t *testing.T) {
	for _, name := range []string{
		"repo-bundle", "pg-host-user", "process1-max", "process-max1", "compress1-level", "no-resume", "reset-resume", "no-process-max", "no-x999-y",
		"online", "force", "type", "stanza", "config", "dry-run", "pg", "repo", "repo257-path", "x999-y", "a1b999-c", "repo01-path",
		"repo1-rentention-archive", "archive-chek", "compres-type", "resum",
		"retention7-full", "backup2-host", "repo-azure-host", "repo-s3-port", "archive7-queue-max",
	} {
		if parsed, err := option.Parse(name); err == nil {
			t.Errorf("%s is read as %s", name, parsed)
		}
		for _, p := range programs {
			at := newPlace(t)
			conf := file("global", map[string]string{name: "/x", "repo1-path": "/x", "log-level-stderr": "warn"})
			says := p.verdict(t, at, "archive-push", conf) + p.output(t, at, "archive-push", conf)
			if !strings.Contains(says, name) {
				t.Errorf("pgBackRest %s says nothing of %s: %s", p.release, name, says)
			}
		}
	}
}

// TestConflicts: what does not go together for us does not for pgBackRest.
func TestConflicts(t *testing.T) {
	const s3 = "repo1-type=s3 repo1-s3-bucket=b repo1-s3-endpoint=127.0.0.1 repo1-s3-region=r repo1-s3-key=k repo1-s3-key-secret=s "
	const sftp = "repo1-type=sftp repo1-sftp-host=h repo1-sftp-host-user=u repo1-sftp-host-key-hash-type=sha256 repo1-sftp-private-key-file=/k "
	for _, tc := range []struct{ options, want string }{
		{"compress-type=lz4 compress-level=12", ""},
		{"compress-type=lz4 compress-level=13", "compress-level"},
		{"compress-type=zst compress-level=-7", ""},
		{"compress-type=zst compress-level=23", "compress-level"},
		{"compress-type=bz2 compress-level=0", "compress-level"},
		{"compress-type=none compress-level=99", ""},
		{"compress=n compress-level=99", ""},
		{"compress-level=10", "compress-level"},
		{"db-timeout=60 protocol-timeout=61", ""},
		{"db-timeout=60 protocol-timeout=60", "protocol-timeout"},
		{"db-timeout=600", ""},
		{"protocol-timeout=10", ""},
		{"repo2-path=/x repo3-path=/x/", "repo3-path"},
		{"repo2-type=cifs repo2-path=/x repo3-path=/x", ""},
		{"repo2-retention-full=1 repo3-retention-full=1", "repo3-retention-full"},
		{"repo2-type=cifs repo3-type=cifs", "repo3-type"},
		{s3 + "repo1-s3-bucket=a.b", "repo1-s3-bucket"},
		{s3 + "repo1-s3-bucket=a.b repo1-s3-uri-style=path", "repo1-s3-bucket"},
		{s3 + "repo1-s3-bucket=a.b repo1-storage-verify-tls=n", ""},
		{sftp + "repo1-sftp-host-fingerprint=f", ""},
		{sftp + "repo1-sftp-host-fingerprint=f repo1-sftp-host-key-check-type=strict", "repo1-sftp-host-fingerprint"},
		{sftp + "repo1-sftp-host-fingerprint=f repo1-sftp-host-key-check-type=none", ""},
		{sftp + "repo1-sftp-host-key-check-type=fingerprint", "repo1-sftp-host-key-check-type"},
	} {
		options := map[string]string{"log-level-console": "off", "log-level-file": "off", "log-level-stderr": "error"}
		for pair := range strings.FieldsSeq(tc.options) {
			key, value, _ := strings.Cut(pair, "=")
			options[key] = value
		}
		var got string
		for _, conflict := range option.SetOf(options).Conflicts() {
			if !conflict.Harmless {
				got += conflict.Name.String()
			}
		}
		if got != tc.want {
			t.Errorf("%s: conflict of %q, want %q", tc.options, got, tc.want)
		}
		for _, p := range programs {
			at := newPlace(t)
			options["lock-path"], options["log-path"] = at.lockPath(), at.dir
			conf := file("global", options) + file("db", map[string]string{"pg1-path": at.dir})
			if strings.Contains(tc.options, "sftp") && later("2.46", p.release) {
				continue
			}
			if says := p.verdict(t, at, "archive-push", conf) + p.verdict(t, at, "backup", conf); (says == "") != (tc.want == "") {
				t.Errorf("%s: pgBackRest %s says %q, want %q", tc.options, p.release, says, tc.want)
			}
		}
	}
}
