// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"io"
	"strings"
	"testing"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/run/runtest"
)

// unencrypted makes a world whose resource asks for no cipher.
func unencrypted(w *runtest.World) {
	delete(w.Cluster.PgBackRest.Global, "repo1-cipher-type")
	w.Cipher = pgbackrest.CipherNone
	for _, files := range w.Files {
		files[runtest.SecretFile] = "[global]\nrepo1-s3-key=hunter2\n"
	}
	w.Project()
}

// mounted puts a file beside the one of the operator, in every pod.
func mounted(w *runtest.World, name, content string) {
	for _, files := range w.Files {
		files[name] = content
	}
}

// TestPrecheckRefusesOptions: mistakes in the Secret, most of which pgBackRest
// says nothing about.
func TestPrecheckRefusesOptions(t *testing.T) {
	const secret = "Secret orders-s3"
	for name, tc := range map[string]struct {
		world  func(*testing.T) *runtest.World
		change func(*runtest.World)
		want   []string
	}{
		"a pass phrase and no cipher": {
			change: func(w *runtest.World) {
				unencrypted(w)
				mounted(w, runtest.SecretFile, "[global]\nrepo1-cipher-pass=hunter2\n")
			},
			want: []string{
				"repo1-cipher-pass is set in s3.conf in " + onPrimary, "repo1-cipher-type is nowhere", "backups would not be encrypted",
				"write repo1-cipher-type: aes-256-cbc into spec.backup.pgbackrest.global, or remove repo1-cipher-pass from " + secret,
			},
		},
		"a pass phrase and no cipher on the repo host": {
			world: runtest.NewWithRepoHost,
			change: func(w *runtest.World) {
				unencrypted(w)
				mounted(w, runtest.SecretFile, "[global]\nrepo1-cipher-pass=hunter2\n")
			},
			want: []string{"repo1-cipher-pass is set in s3.conf in " + onRepoHost, "repo1-cipher-type is nowhere"},
		},
		"a pass phrase, and a cipher of another repo": {
			change: func(w *runtest.World) {
				unencrypted(w)
				mounted(w, runtest.SecretFile, "[global]\nrepo1-cipher-pass=hunter2\nrepo2-cipher-type=aes-256-cbc\n")
			},
			want: []string{"repo1-cipher-type is nowhere"},
		},
		"a pass phrase under its old name": {
			change: func(w *runtest.World) {
				unencrypted(w)
				mounted(w, runtest.SecretFile, "[global]\nrepo-cipher-pass=hunter2\n")
			},
			want: []string{"repo1-cipher-pass is set in s3.conf", "repo1-cipher-type is nowhere"},
		},
		"a pass phrase, and a cipher that pgBackRest does not read": {
			change: func(w *runtest.World) {
				unencrypted(w)
				mounted(w, runtest.SecretFile, "[global]\nrepo1-cipher-pass=hunter2\n")
				mounted(w, "cipher", "[global]\nrepo1-cipher-type=aes-256-cbc\n")
			},
			want: []string{"repo1-cipher-type is set in cipher, which pgBackRest in " + onPrimary + " does not read", "rename cipher in " + secret + ", so that it ends in .conf"},
		},
		"a cipher and no pass phrase": {
			change: func(w *runtest.World) { delete(w.Files[cpo.ContainerPostgreSQL], runtest.SecretFile) },
			want: []string{
				"repo1-cipher-type is set in pgbackrest_instance.conf in " + onPrimary, "repo1-cipher-pass is in no file that pgBackRest reads there",
				"write it into a file *.conf of " + secret + ", under [global]",
			},
		},
		"a cipher, no pass phrase and no Secret": {
			change: func(w *runtest.World) {
				delete(w.Files[cpo.ContainerPostgreSQL], runtest.SecretFile)
				w.Cluster.PgBackRest.Secret = ""
			},
			want: []string{"write it into a file *.conf of a Secret that configuration.secret names"},
		},
		"a cipher, and the pass phrase of another repo": {
			change: func(w *runtest.World) { mounted(w, runtest.SecretFile, "[global]\nrepo2-cipher-pass=hunter2\n") },
			want:   []string{"repo1-cipher-pass is in no file"},
		},
		"credentials in a file that pgBackRest does not read": {
			change: func(w *runtest.World) {
				w.Files[cpo.ContainerPostgreSQL]["s3.txt"] = w.Files[cpo.ContainerPostgreSQL][runtest.SecretFile]
				delete(w.Files[cpo.ContainerPostgreSQL], runtest.SecretFile)
			},
			want: []string{"repo1-s3-key is set in s3.txt, which pgBackRest in " + onPrimary + " does not read: rename s3.txt in " + secret},
		},
		"a pass phrase in a directory": {
			change: func(w *runtest.World) {
				mounted(w, "keys/s3.conf", "[global]\nrepo1-cipher-pass=hunter2\n")
				mounted(w, runtest.SecretFile, "[global]\nrepo1-s3-key=hunter2\n")
			},
			want: []string{"repo1-cipher-pass is set in keys/s3.conf, which pgBackRest in " + onPrimary + " does not read"},
		},
		"an option in two files": {
			change: func(w *runtest.World) { mounted(w, "z.conf", "[global]\nrepo1-s3-key=hunter2\n") },
			want:   []string{"repo1-s3-key is set in s3.conf and in z.conf in " + onPrimary, "pgBackRest does not start: remove it from " + secret},
		},
		"an option in two files, of a repo that is not the run's": {
			change: func(w *runtest.World) {
				mounted(w, "y.conf", "[global]\nrepo3-s3-key=hunter2\n")
				mounted(w, "z.conf", "[global]\nrepo3-s3-key=hunter2\n")
			},
			want: []string{"repo3-s3-key is set in y.conf and in z.conf in " + onPrimary},
		},
		"an option in the Secret and in the resource": {
			change: func(w *runtest.World) { mounted(w, "z.conf", "[global]\nrepo1-retention-full=hunter2\n") },
			want: []string{
				"repo1-retention-full is set in pgbackrest_instance.conf and in z.conf in " + onPrimary,
				"remove it from spec.backup.pgbackrest of the postgresql resource or from " + secret,
			},
		},
		"an option twice in one file": {
			change: func(w *runtest.World) {
				mounted(w, runtest.SecretFile, "[global]\nrepo1-cipher-pass=hunter2\n[db]\n[global]\nrepo1-cipher-pass=hunter2\n")
			},
			want: []string{"repo1-cipher-pass is set twice in s3.conf in " + onPrimary, "remove it from " + secret},
		},
		"an option twice on the repo host only": {
			world: runtest.NewWithRepoHost,
			change: func(w *runtest.World) {
				w.Files[cpo.ContainerRepoHost]["z.conf"] = "[global]\nrepo1-cipher-pass=hunter2\n"
			},
			want: []string{"repo1-cipher-pass is set in s3.conf and in z.conf in " + onRepoHost},
		},
		"an option in no section": {
			change: func(w *runtest.World) { mounted(w, runtest.SecretFile, "repo1-cipher-pass=hunter2\n") },
			want:   []string{"repo1-cipher-pass in s3.conf in " + onPrimary + " is in no section", "write [global] above it in " + secret},
		},
		"a cipher that only the Secret asks for": {
			change: func(w *runtest.World) {
				unencrypted(w)
				mounted(w, runtest.SecretFile, "[global]\nrepo1-cipher-type=aes-256-cbc\nrepo1-cipher-pass=hunter2\n")
				w.Cipher = pgbackrest.CipherAES256CBC
			},
			want: []string{
				"repo1 in " + onPrimary + " has cipher aes-256-cbc, and the postgresql resource asks for none",
				"repo1-cipher-type is set in s3.conf; write it into spec.backup.pgbackrest.global, and remove it from " + secret,
			},
		},
		"another cipher than that of the backups": {
			change: func(w *runtest.World) { w.Cipher = pgbackrest.CipherNone },
			want: []string{
				"repo1 in " + onPrimary + " has cipher none, and the postgresql resource asks for aes-256-cbc", "pgBackRest cannot change the cipher",
				"set repo1-cipher-type back to none in spec.backup.pgbackrest.global, or give the repo a new location",
			},
		},
		"a cipher that earlier runs did not find": {
			change: func(w *runtest.World) {
				unencrypted(w)
				w.StanzaObject.Status.Repos = []stanzaflowv1alpha1.RepoStatus{{Name: "repo1", Storage: "s3", Location: "s3://backups/orders", Cipher: "none"}}
				w.Cluster.PgBackRest.Global["repo1-cipher-type"] = pgbackrest.CipherAES256CBC
				w.Declare()
			},
			want: []string{"has cipher none, and the postgresql resource asks for aes-256-cbc", "set repo1-cipher-type back to none"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := makeWorld(t, tc.world, tc.change)
			p := newPod(w)
			p.wantFailure(p.run(backupSteps...), ExitStop, "precheck", stanzaflowv1alpha1.RunFailed, tc.want...)
			if n := len(w.Issued("backup")) + len(w.Issued("check")); n > 0 {
				t.Errorf("%d commands ran after precheck failed", n)
			}
			if strings.Contains(p.log.String()+p.file(fileReport), "hunter2") {
				t.Errorf("a value is shown:\n%s", p.log)
			}
		})
	}
}

func TestPrecheckTakesOptions(t *testing.T) {
	for name, tc := range map[string]struct {
		world    func(*testing.T) *runtest.World
		change   func(*runtest.World)
		attempts int
	}{
		"no cipher and no pass phrase": {change: unencrypted},
		"no cipher, said so": {change: func(w *runtest.World) {
			unencrypted(w)
			w.Cluster.PgBackRest.Global["repo1-cipher-type"] = pgbackrest.CipherNone
			w.Project()
		}},
		"no cipher, said so beside a pass phrase": {change: func(w *runtest.World) {
			unencrypted(w)
			w.Cluster.PgBackRest.Global["repo1-cipher-type"] = pgbackrest.CipherNone
			mounted(w, runtest.SecretFile, "[global]\nrepo1-cipher-pass=hunter2\n")
			w.Project()
		}},
		"no options at all": {change: func(w *runtest.World) {
			none := func(context.Context, runtest.Call) error { return &remote.ExitError{Code: 1} }
			w.On("grep", none)
		}},
		"mistakes of another repo": {change: func(w *runtest.World) {
			mounted(w, "z.conf", "[global]\nrepo2-cipher-pass=hunter2\nrepo3-cipher-type=aes-256-cbc\n")
			mounted(w, "z.txt", "repo2-azure-key=hunter2\n")
		}},
		"an option in two sections": {change: func(w *runtest.World) {
			mounted(w, "z.conf", "[global:archive-push]\nrepo1-s3-key=hunter2\n[db]\nrepo1-s3-key=hunter2\n")
		}},
		// Nobody misses it.
		"a copy that pgBackRest does not read": {change: func(w *runtest.World) {
			mounted(w, "s3.conf.old", "[global]\nrepo1-s3-key=hunter2\nrepo1-cipher-pass=hunter2\n")
		}},
		// The primary asks the repo host for the cipher.
		"a pass phrase and no cipher in the primary of a repo host": {world: runtest.NewWithRepoHost, change: func(w *runtest.World) {
			w.Files[cpo.ContainerPostgreSQL][cpo.ConfigFileName] = "[global]\nrepo1-host=x\n"
			w.StanzaObject.Status.Repos = nil
			w.Cluster.PgBackRest.Global["repo1-s3-key"] = "the operator keeps an older configuration"
			w.Declare()
		}},
		"grep finds all at the second attempt": {attempts: 2, change: func(w *runtest.World) {
			w.On("grep", runtest.Fails(2, "grep: /etc/pgbackrest/conf.d/..2026: No such file or directory"))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := makeWorld(t, tc.world, tc.change)
			p := newPod(w)
			p.mustRun(backupSteps...)
			if n := p.report().Steps[1].Attempts; n != max(1, tc.attempts) {
				t.Errorf("%d attempts of precheck", n)
			}
		})
	}
}

// TestPrecheckReadsTheConfiguration says what cannot be read, where.
func TestPrecheckReadsTheConfiguration(t *testing.T) {
	lost := func(context.Context, runtest.Call) error { return io.ErrUnexpectedEOF }
	for name, tc := range map[string]struct {
		command string
		script  runtest.Script
		want    []string
	}{
		"no rights to the file": {
			"sha256sum", runtest.Fails(1, "sha256sum: /etc/pgbackrest/conf.d/pgbackrest_instance.conf: Permission denied"),
			[]string{"cannot read /etc/pgbackrest/conf.d/pgbackrest_instance.conf in " + onPrimary, "sha256sum exit code 1: ", "Permission denied"},
		},
		"no sha256sum": {"sha256sum", runtest.Fails(127, "sha256sum: not found"), []string{"cannot read", "sha256sum exit code 127: sha256sum: not found"}},
		"no digest":    {"sha256sum", func(_ context.Context, c runtest.Call) error { return c.Print("hunter2\n") }, []string{"in " + onPrimary + ": cannot read the output of sha256sum"}},
		"lost file":    {"sha256sum", lost, []string{"cannot read /etc/pgbackrest/conf.d/pgbackrest_instance.conf in " + onPrimary + ": unexpected EOF"}},
		"no rights to the directory": {
			"grep", runtest.Fails(2, "grep: /etc/pgbackrest/conf.d: Permission denied"),
			[]string{"cannot read /etc/pgbackrest/conf.d in " + onPrimary + ": grep exit code 2: grep: /etc/pgbackrest/conf.d: Permission denied"},
		},
		"no names":       {"grep", func(_ context.Context, c runtest.Call) error { return c.Print("hunter2\n") }, []string{"in " + onPrimary + ": cannot read the output of grep"}},
		"lost directory": {"grep", lost, []string{"cannot read /etc/pgbackrest/conf.d in " + onPrimary + ": unexpected EOF"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := runtest.New(t)
			w.Always(tc.command, tc.script)
			p := newPod(w)
			p.wantFailure(p.run("begin", "precheck"), ExitGaveUp, "precheck", stanzaflowv1alpha1.RunFailed, append(tc.want, "(3 attempts)")...)
		})
	}
}
