// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/run/runtest"
)

// edited replaces a text in CPO's file in a container.
func edited(container, old, by string) func(*runtest.World) {
	return func(w *runtest.World) {
		before := w.Files[container][cpo.ConfigFileName]
		w.Files[container][cpo.ConfigFileName] = strings.Replace(before, old, by, 1)
		if w.Files[container][cpo.ConfigFileName] == before {
			w.T.Errorf("there is no %q in\n%s", old, before)
		}
	}
}

// global sets an option in the resource, which CPO writes into the pods.
func global(option, value string) func(*runtest.World) {
	return func(w *runtest.World) { w.Cluster.PgBackRest.Global[option] = value; w.Project() }
}

func TestPrecheckPlaces(t *testing.T) {
	const (
		primary, host = cpo.ContainerPostgreSQL, cpo.ContainerRepoHost
		project       = "Kubernetes projects a changed ConfigMap within about a minute; if it stays so, look at the ConfigMap "
	)
	for name, tc := range map[string]struct {
		world  func(*testing.T) *runtest.World
		change func(*runtest.World)
		// code is 0 if the precheck passes.
		code int
		want []string
	}{
		"a bucket":    {change: func(*runtest.World) {}},
		"a repo host": {world: runtest.NewWithRepoHost, change: func(*runtest.World) {}},
		"other lines": {change: edited(primary, "[global]\n", "[global]\nprocess-max = 4\ntls-server-address=*\nrepo1-azure-key = x\n")},
		"another bucket in the pod": {
			change: edited(primary, "backups", "backups-old"), code: ExitGaveUp,
			want: []string{
				"/etc/pgbackrest/conf.d/pgbackrest_instance.conf in " + onPrimary + " is not what the postgresql resource asks for",
				"repo1-s3-bucket is backups-old there, and must be backups", project + "orders-pgbackrest-config, which CPO writes", "(3 attempts)",
			},
		},
		"a path that the pod does not have yet": {
			change: func(w *runtest.World) { w.Cluster.PgBackRest.Global["repo1-path"] = "/new" }, code: ExitGaveUp,
			want: []string{"repo1-path is /orders there, and must be /new"},
		},
		"a repo that the resource no longer has": {
			change: edited(primary, "[global]\n", "[global]\nrepo2-type = s3\n"), code: ExitGaveUp,
			want: []string{"repo2-type is s3 there, and must not be set"},
		},
		"a cipher that the pod does not have yet": {
			change: edited(primary, "repo1-cipher-type = aes-256-cbc\n", ""), code: ExitGaveUp,
			want: []string{"repo1-cipher-type is not set there, and must be aes-256-cbc"},
		},
		"another directory on the repo host": {
			world: runtest.NewWithRepoHost, change: edited(host, "/data/pgbackrest/repo1", "/data/pgbackrest/repo2"), code: ExitGaveUp,
			want: []string{"in " + onRepoHost + " is not what", "repo1-path is /data/pgbackrest/repo2 there", project + "orders-pgbackrest-repohost-config"},
		},
		"no file": {
			change: func(w *runtest.World) { delete(w.Files[primary], cpo.ConfigFileName) }, code: ExitGaveUp,
			want: []string{"cannot read /etc/pgbackrest/conf.d/pgbackrest_instance.conf in " + onPrimary + ", where CPO's ConfigMap orders-pgbackrest-config should be: grep exit code 2", "No such file"},
		},
		"no option in the file": {
			change: func(w *runtest.World) { w.Files[primary][cpo.ConfigFileName] = "pg1-path=/x\n" }, code: ExitGaveUp,
			want: []string{"repo1-cipher-type is not set there"},
		},
		"a resource that the operator has not seen": {
			change: func(w *runtest.World) { w.BackupDigest = "backup-2" }, code: ExitGaveUp,
			want: []string{"the operator has not yet seen the current spec.backup of postgresql shop/orders"},
		},
		"a directory of the volume": {world: runtest.NewWithRepoHost, change: global("repo1-path", "/data/pgbackrest/repo1/orders/")},
		"a directory outside of the volume": {
			world: runtest.NewWithRepoHost, change: global("repo1-path", "/data/pgbackrest/repo11"), code: ExitStop,
			want: []string{"spec.backup.pgbackrest.global sets repo1-path to a directory outside of the volume, /data/pgbackrest/repo1, and CPO's repo host would write there"},
		},
		"a volume that CPO gives another number": {
			world: runtest.NewWithRepoHost, change: func(w *runtest.World) {
				repos := w.Cluster.PgBackRest.Repos
				w.Cluster.PgBackRest.Repos = []cpo.Repo{{Name: "repo2", Storage: cpo.StoragePVC}, repos[0]}
			}, code: ExitStop,
			want: []string{"CPO numbers the repos of storage pvc by their position in spec.backup.pgbackrest.repos, so that repo1 is repo2 there"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := makeWorld(t, tc.world, (*runtest.World).BesideCPO)
			tc.change(w)
			p := newPod(w)
			p.mustRun("begin")
			code := p.run("precheck")
			if len(w.Issued("sha256sum")) > 0 {
				t.Error("the whole file was compared")
			}
			if tc.code == 0 {
				if code != 0 {
					t.Errorf("exit code %d\n%s", code, p.log)
				}
				return
			}
			p.wantFailure(code, tc.code, "precheck", stanzaflowv1alpha1.RunFailed, tc.want...)
		})
	}
}

// twoRepos is a world with repo1 on CPO's repo host and repo2 in a bucket, of which
// that host has a path and no type.
func twoRepos(t *testing.T) *runtest.World {
	t.Helper()
	w := runtest.NewWithRepoHost(t)
	w.Cluster.PgBackRest.Repos = append(w.Cluster.PgBackRest.Repos, cpo.Repo{
		Name: "repo2", Storage: cpo.StorageS3, Resource: "backups", Endpoint: "s3.example.org", Region: "eu",
	})
	w.Cluster.PgBackRest.Global["repo2-path"] = "/orders"
	w.Others[2] = runtest.MissingStanza
	w.BesideCPO()
	return w
}

// TestRunBesideCPOWithTwoRepos: CPO makes no stanza in a bucket beside a volume. We do,
// in the primary: to the repo host repo2 is a directory of its container.
func TestRunBesideCPOWithTwoRepos(t *testing.T) {
	w := twoRepos(t)
	p := newPod(w)
	p.mustRun(backupSteps...)
	if w.Others[2].Code != pgbackrest.StatusNoBackups || len(w.Issued("stanza-create")) != 1 {
		t.Errorf("repo2 has no stanza: %+v", w.Others[2])
	}
	for _, c := range w.Calls {
		if c.At.Container != cpo.ContainerRepoHost {
			continue
		}
		if name := c.Name(); c.Argv[0] == "pgbackrest" && name != "version" && !slices.Contains(c.Argv, "--repo=1") {
			t.Errorf("on the repo host: %q", c.Argv)
		}
	}
}

// TestPrecheckCertificate: CPO never renews the certificate of its repo host.
func TestPrecheckCertificate(t *testing.T) {
	expired := runtest.Start.Add(-time.Hour)
	for name, tc := range map[string]struct {
		world  func(*testing.T) *runtest.World
		change func(*runtest.World)
		code   int
		// want is in the report, zero if it says nothing.
		want time.Time
		text string
	}{
		"a year left": {runtest.NewWithRepoHost, func(*runtest.World) {}, 0, runtest.Start.AddDate(1, 0, 0), ""},
		"expired": {
			runtest.NewWithRepoHost, func(w *runtest.World) { w.CertificateTime = expired }, ExitStop, expired,
			"the certificate of " + onRepoHost + " expired on 2026-03-01, and CPO does not renew it: delete Secret shop/orders-pgbackrest-cert while CPO runs",
		},
		"a later check fails": {runtest.NewWithRepoHost, func(w *runtest.World) { w.BackupDigest = "backup-2" }, ExitGaveUp, runtest.Start.AddDate(1, 0, 0), ""},
		"a closed network":    {runtest.NewWithRepoHost, func(w *runtest.World) { w.CertificateError = errors.New("i/o timeout") }, 0, time.Time{}, ""},
		"no repo host":        {runtest.New, func(w *runtest.World) { w.CertificateTime = expired }, 0, time.Time{}, ""},
		"one that we renew": {
			runtest.NewWithRepoHost, func(w *runtest.World) { w.WithoutCPO(); w.CertificateTime = expired }, 0, time.Time{}, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := makeWorld(t, tc.world, (*runtest.World).BesideCPO)
			tc.change(w)
			p := newPod(w)
			p.mustRun("begin")
			if code := p.run("precheck"); code != tc.code {
				t.Errorf("exit code %d, want %d:\n%s", code, tc.code, p.log)
			}
			r := p.report()
			if got := r.CertificateEnd; tc.want.IsZero() != (got == nil) || got != nil && !got.Equal(tc.want) {
				t.Errorf("the report says %v, want %s", got, tc.want)
			}
			if !strings.Contains(r.Message, tc.text) {
				t.Errorf("message %q, want %q", r.Message, tc.text)
			}
			if w.CertificateError != nil && !strings.Contains(p.log.String(), "cannot see when the certificate of "+onRepoHost+" expires: i/o timeout") {
				t.Errorf("the log does not say that it is not known:\n%s", p.log)
			}
		})
	}
}
