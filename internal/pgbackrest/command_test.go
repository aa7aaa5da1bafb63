// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package pgbackrest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCommands(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		argv func() ([]string, error)
		want string
	}{
		"version": {
			argv: func() ([]string, error) { return VersionCommand(), nil },
			want: "pgbackrest version",
		},
		"info, of all repositories": {
			argv: func() ([]string, error) { return InfoCommand("db", AllRepos) },
			want: "pgbackrest info --stanza=db --output=json --io-timeout=10 --log-level-console=off --log-level-stderr=warn",
		},
		"info, of one repository": {
			argv: func() ([]string, error) { return InfoCommand("db", 3) },
			want: "pgbackrest info --stanza=db --repo=3 --output=json --io-timeout=10 --log-level-console=off --log-level-stderr=warn",
		},
		"check": {
			argv: func() ([]string, error) { return CheckCommand("db") },
			want: "pgbackrest check --stanza=db --io-timeout=10 --log-level-console=info --log-level-stderr=warn",
		},
		"stanza-create": {
			argv: func() ([]string, error) { return StanzaCreateCommand("db") },
			want: "pgbackrest stanza-create --stanza=db --log-level-console=info --log-level-stderr=warn",
		},
		"stanza-upgrade": {
			argv: func() ([]string, error) { return StanzaUpgradeCommand("db") },
			want: "pgbackrest stanza-upgrade --stanza=db --log-level-console=info --log-level-stderr=warn",
		},
		"backup, with its annotations sorted": {
			argv: func() ([]string, error) {
				return BackupCommand(BackupOptions{
					Stanza: "db", Repo: 2, Type: TypeDiff, StartFast: true,
					Annotations: map[string]string{"z-run": "1b4e28ba", "a-run": "a=b", "m-run": "--type=full"},
				})
			},
			want: "pgbackrest backup --stanza=db --repo=2 --type=diff --no-expire-auto --archive-check --reset-checksum-page --reset-exclude --start-fast " +
				"--annotation=a-run=a=b --annotation=m-run=--type=full --annotation=z-run=1b4e28ba " +
				"--log-level-console=info --log-level-stderr=warn",
		},
		"backup, with the checkpoint left to the configuration": {
			argv: func() ([]string, error) {
				return BackupCommand(BackupOptions{Stanza: "db", Repo: 1, Type: TypeFull})
			},
			want: "pgbackrest backup --stanza=db --repo=1 --type=full --no-expire-auto --archive-check --reset-checksum-page --reset-exclude " +
				"--log-level-console=info --log-level-stderr=warn",
		},
		"expire": {
			argv: func() ([]string, error) { return ExpireCommand("db", 4) },
			want: "pgbackrest expire --stanza=db --repo=4 --log-level-console=info --log-level-stderr=warn",
		},
		"repo-get, of a history": {
			argv: func() ([]string, error) { return RepoHistoryCommand(2, "archive/db/15-1/0000000A.history") },
			want: "pgbackrest repo-get --repo=2 --io-timeout=10 --log-level-console=off --log-level-stderr=warn archive/db/15-1/0000000A.history",
		},
		"repo-ls": {
			argv: func() ([]string, error) { return RepoLSCommand(1, "archive/db/15-1/0000000100000000") },
			want: "pgbackrest repo-ls --repo=1 --output=json --io-timeout=10 --log-level-console=off --log-level-stderr=warn " +
				"archive/db/15-1/0000000100000000",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := tc.argv()
			if diff := cmp.Diff(strings.Split(tc.want, " "), got); err != nil || diff != "" {
				t.Errorf("%v, (-want +got):\n%s", err, diff)
			}
		})
	}
}

// hostile are values that could be read as something else than they are for.
var hostile = []string{
	"", " ", "-", "--", "--type=full", "-x", "--repo1-path=/", "db --repo=2", "db\n--repo=2", "db\x00", "db\u0085", "../db", "a/../b", "/etc", "db/",
	"[global]", "db:backup", "db=x", "\xff", ".", "..", ".hidden", "db;id", "$(id)", "`id`", "{{x}}",
}

func TestCommandsRefuse(t *testing.T) {
	t.Parallel()
	backup := func(change func(*BackupOptions)) error {
		o := BackupOptions{Stanza: "db", Repo: 1, Type: TypeFull}
		change(&o)
		argv, err := BackupCommand(o)
		if err != nil && argv != nil {
			t.Errorf("a command line beside an error: %q", argv)
		}
		return err
	}
	for _, text := range hostile {
		for name, err := range map[string]error{
			"info":           second(InfoCommand(text, AllRepos)),
			"check":          second(CheckCommand(text)),
			"stanza-create":  second(StanzaCreateCommand(text)),
			"expire":         second(ExpireCommand(text, 1)),
			"repo-ls":        second(RepoLSCommand(1, text)),
			"repo-get":       second(RepoHistoryCommand(1, "archive/"+text+"/15-1/00000002.history.conf")),
			"backup stanza":  backup(func(o *BackupOptions) { o.Stanza = text }),
			"backup type":    backup(func(o *BackupOptions) { o.Type = text }),
			"annotation key": backup(func(o *BackupOptions) { o.Annotations = map[string]string{text: "x"} }),
		} {
			// These two are paths inside of something, and an annotation may be one.
			if name == "annotation key" && (text == "a/../b" || text == "db/") {
				continue
			}
			if err == nil {
				t.Errorf("%s takes %q", name, text)
			}
		}
	}
	for _, value := range []string{"", "a\nb", "a\rb", "a\x00b", "\xff", "a\u0085b"} {
		if backup(func(o *BackupOptions) { o.Annotations = map[string]string{"run": value} }) == nil {
			t.Errorf("annotation takes %q", value)
		}
	}
	for _, repo := range []int{-1, 0, 257} {
		for name, err := range map[string]error{
			"backup": backup(func(o *BackupOptions) { o.Repo = repo }), "expire": second(ExpireCommand("db", repo)), "repo-ls": second(RepoLSCommand(repo, "archive")),
			"repo-get": second(RepoHistoryCommand(repo, "archive/db/15-1/00000002.history")),
		} {
			if err == nil {
				t.Errorf("%s takes repository %d", name, repo)
			}
		}
	}
	for _, repo := range []int{-1, 257} {
		if second(InfoCommand("db", repo)) == nil {
			t.Errorf("info takes repository %d", repo)
		}
	}
	if CheckStanza("global") == nil {
		t.Error("global is a section, not a stanza")
	}
}

// TestAnAnnotationIsOneArgument: whatever the value, the rest of the command
// line stays as it is.
func TestAnAnnotationIsOneArgument(t *testing.T) {
	t.Parallel()
	for _, text := range append([]string{"db", "a-b"}, hostile...) {
		argv, err := BackupCommand(BackupOptions{
			Stanza: "db", Repo: 1, Type: TypeFull, Annotations: map[string]string{"run": text},
		})
		if err != nil {
			continue // TestCommandsRefuse has these.
		}
		want := []string{
			"pgbackrest", "backup", "--stanza=db", "--repo=1", "--type=full", "--no-expire-auto", "--archive-check", "--reset-checksum-page", "--reset-exclude",
			"--annotation=run=" + text, "--log-level-console=info", "--log-level-stderr=warn",
		}
		if diff := cmp.Diff(want, argv); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func second(_ []string, err error) error { return err }
