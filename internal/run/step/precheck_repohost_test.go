// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/run/precheck"
	"github.com/stanzaflow/stanzaflow/internal/run/runtest"
	"github.com/stanzaflow/stanzaflow/internal/translate/storage"
)

// The two places of a cluster with a repo host, as messages name them.
const (
	onPrimary  = "shop/orders-0 (postgres)"
	onRepoHost = "shop/" + runtest.RepoHostPod + " (pgbackrest)"
)

// TestRunOnARepoHost: what is asked where. World refuses what is out of place.
func TestRunOnARepoHost(t *testing.T) {
	w := runtest.NewWithRepoHost(t)
	w.StanzaExists = false
	p := newPod(w)
	p.mustRun(backupSteps...)

	places := map[string][]string{}
	for _, c := range w.Calls {
		name := c.Name()
		for _, a := range c.Argv {
			if strings.HasPrefix(a, "--repo=") {
				name += " " + a
			}
		}
		places[name] = append(places[name], c.At.Container)
	}
	const primary, host = cpo.ContainerPostgreSQL, cpo.ContainerRepoHost
	want := map[string][]string{
		"psql":    {primary, primary}, // the facts, then the sessions
		"version": {primary, host}, "sha256sum": {primary, host}, "grep": {primary, host},
		"info": {primary}, "stanza-create": {primary}, "heartbeat": {primary}, "check": {primary},
		"info --repo=1": {host, host, host, host},                                                                                                  // precheck, backup twice, verify
		"pkill workers": {host}, "backup --repo=1": {host}, "expire --repo=1": {host}, "repo-ls --repo=1": {host, host}, "verify --repo=1": {host}, // the WAL, the files
	}
	if diff := cmp.Diff(want, places); diff != "" {
		t.Errorf("places (-want +got):\n%s", diff)
	}
	order := []string{}
	for _, c := range w.Calls[:13] {
		order = append(order, c.Name())
	}
	wantOrder := []string{
		"psql", "version", "sha256sum", "grep", "info", // in one exec, in the primary
		"version", "sha256sum", "grep", "stanza-create", "info", "heartbeat", "check", "psql",
	}
	if diff := cmp.Diff(wantOrder, order); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}

	b := p.report().Backup
	if b.Storage != "pvc" || b.Location != "pvc://repo1-orders-pgbackrest-repo-host-0" || b.Cipher != "aes-256-cbc" {
		t.Errorf("storage %q, location %q, cipher %q", b.Storage, b.Location, b.Cipher)
	}
	var got precheck.Result
	if err := json.Unmarshal([]byte(p.file(filePrecheck)), &got); err != nil {
		t.Fatal(err)
	}
	wantHost := storage.Container{Role: "repo host", Selector: cpo.DefaultLabels().RepoHost(runtest.Cluster), Name: host}
	if diff := cmp.Diff(wantHost, got.Host); diff != "" || got.Primary.Name != primary {
		t.Errorf("primary %+v, host (-want +got):\n%s", got.Primary, diff)
	}
	if got.Facts.Postgres.Pod != runtest.PrimaryPod || got.Facts.Repo.Location != b.Location || !got.Facts.PgBackRest.StanzaCreated {
		t.Errorf("facts %+v", got.Facts)
	}
}

func TestPrecheckFailsOnARepoHost(t *testing.T) {
	const failed = stanzaflowv1alpha1.RunFailed
	for name, tc := range map[string]struct {
		change func(*runtest.World)
		code   int
		want   []string
	}{
		"no repo host": {
			change: func(w *runtest.World) { w.PodObjects = w.PodObjects[:1] },
			code:   ExitGaveUp,
			want: []string{
				"no pod of postgresql shop/orders has the labels", cpo.LabelMemberType + "=" + cpo.MemberRepoHost,
				"repo host; look at StatefulSet orders-pgbackrest-repo-host", "(3 attempts)",
			},
		},
		"repo host is restarting": {
			change: func(w *runtest.World) { w.PodObjects[1].Status.ContainerStatuses[0].Ready = false },
			code:   ExitGaveUp,
			want:   []string{"container pgbackrest of pod shop/" + runtest.RepoHostPod + " is not ready", "(3 attempts)"},
		},
		"repo host is terminating": {
			change: func(w *runtest.World) { w.PodObjects[1].DeletionTimestamp = &metav1.Time{Time: runtest.Start} },
			code:   ExitGaveUp, want: []string{"no pod of postgresql shop/orders", "repo host"},
		},
		"two repo hosts": {
			change: func(w *runtest.World) { w.PodObjects = append(w.PodObjects, runtest.RepoHost("other-0")) },
			code:   ExitGaveUp,
			want: []string{
				"2 pods of postgresql shop/orders claim to be its repo host (" + "orders-pgbackrest-repo-host-0, other-0)",
				"only that of StatefulSet orders-pgbackrest-repo-host may carry " + cpo.LabelMemberType,
			},
		},
		"no container": {
			change: func(w *runtest.World) { w.PodObjects[1].Spec.Containers[0].Name = "server" },
			code:   ExitStop, want: []string{"pod shop/" + runtest.RepoHostPod + " has no container pgbackrest"},
		},
		"another version of pgBackRest": {
			change: func(w *runtest.World) { w.Versions[cpo.ContainerRepoHost] = "2.45" },
			code:   ExitStop,
			want: []string{
				"pgBackRest is 2.55.1 in " + onPrimary + " and 2.45 in " + onRepoHost, "set spec.backup.pgbackrest.image",
			},
		},
		"no pgBackRest on the repo host": {
			change: func(w *runtest.World) {
				w.On("version", runtest.Does(func() {}), runtest.Fails(127, "pgbackrest: not found"))
			},
			code: ExitStop, want: []string{"pgbackrest version failed in " + onRepoHost + ": [127] not-started"},
		},
		"no configuration on the repo host": {
			change: func(w *runtest.World) { delete(w.Files[cpo.ContainerRepoHost], cpo.ConfigFileName) },
			code:   ExitGaveUp,
			want: []string{
				"there is no /etc/pgbackrest/conf.d/pgbackrest_instance.conf in " + onRepoHost, "ConfigMap " + cpo.RepoHostConfigMapName(runtest.Cluster),
			},
		},
		"configuration of another day on the repo host": {
			change: func(w *runtest.World) { w.Files[cpo.ContainerRepoHost][cpo.ConfigFileName] += "\n" },
			code:   ExitGaveUp,
			want: []string{
				"in " + onRepoHost + " is not yet what the operator has written for the postgresql resource", "ConfigMap " + cpo.RepoHostConfigMapName(runtest.Cluster), "(3 attempts)",
			},
		},
		"configuration of the primary on the repo host": {
			change: func(w *runtest.World) {
				w.Files[cpo.ContainerRepoHost][cpo.ConfigFileName] = w.Files[cpo.ContainerPostgreSQL][cpo.ConfigFileName]
			},
			code: ExitGaveUp, want: []string{"in " + onRepoHost + " is not yet"},
		},
		"configuration of another day in the primary": {
			change: func(w *runtest.World) { w.Files[cpo.ContainerPostgreSQL][cpo.ConfigFileName] += "\n" },
			code:   ExitGaveUp, want: []string{"in " + onPrimary + " is not yet", "ConfigMap orders-pgbackrest-config"},
		},
		"no pass phrase on the repo host": {
			change: func(w *runtest.World) { delete(w.Files[cpo.ContainerRepoHost], runtest.SecretFile) },
			code:   ExitStop, want: []string{"repo1-cipher-type is set in pgbackrest_instance.conf in " + onRepoHost, "repo1-cipher-pass is in no file", "Secret orders-s3"},
		},
		"primary does not reach the repo host": {
			change: func(w *runtest.World) {
				w.RepoStatus = &pgbackrest.Status{
					Code:    pgbackrest.StatusOther,
					Message: "[HostConnectError] unable to connect to 'orders-pgbackrest-repo-host-0.orders-clusterpods.shop.svc:8432': [111] Connection refused",
				}
				w.HostStatus = &pgbackrest.Status{Message: "ok"}
			},
			code: ExitGaveUp, want: []string{"pgBackRest in " + onPrimary + " cannot use repo1: [049]"},
		},
		"repo host cannot read its volume": {
			change: func(w *runtest.World) {
				w.HostStatus = &pgbackrest.Status{Code: pgbackrest.StatusOther, Message: "[FileOpenError] unable to list file info for path '/data/pgbackrest/repo1/backup/db': [13] Permission denied"}
			},
			code: ExitStop, want: []string{"pgBackRest in " + onRepoHost + " cannot use repo1: [041]"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := runtest.NewWithRepoHost(t)
			tc.change(w)
			p := newPod(w)
			p.wantFailure(p.run(backupSteps...), tc.code, "precheck", failed, tc.want...)
			if n := len(w.Issued("backup")) + len(w.Issued("expire")) + len(w.Issued("check")); n > 0 {
				t.Errorf("%d commands ran after precheck failed", n)
			}
		})
	}
}

// TestPrecheckWaitsForTheRepoHost: one that restarts is back at the next attempt.
func TestPrecheckWaitsForTheRepoHost(t *testing.T) {
	w := runtest.NewWithRepoHost(t)
	w.PodObjects[1].Status.ContainerStatuses[0].Ready = false
	w.On("psql", runtest.Does(func() {}), runtest.Does(func() { w.PodObjects[1].Status.ContainerStatuses[0].Ready = true }))
	p := newPod(w)
	p.mustRun(backupSteps...)
	if n := p.report().Steps[1].Attempts; n != 2 {
		t.Errorf("%d attempts, want 2", n)
	}
}

func TestBackupOnARepoHost(t *testing.T) {
	for name, tc := range map[string]struct {
		change   func(*runtest.World)
		commands int
	}{
		// It has a session on the primary, wherever it runs, and its lock there.
		"its stream is lost": {func(w *runtest.World) { w.On("backup", runtest.OutlivesStream(w, 5)) }, 1},
		"a foreign backup has a session on the primary": {func(w *runtest.World) {
			w.On("psql", runtest.Does(func() { w.Sessions = 1 }), runtest.Does(func() {}), runtest.Does(func() { w.Sessions = 0 }))
		}, 1},
		"the repo host is replaced while it waits": {func(w *runtest.World) {
			w.Lock = true
			w.AtInfo(3, func() {
				w.Lock, w.PodObjects = false, []corev1.Pod{w.PodObjects[0], runtest.RepoHost("orders-pgbackrest-repo-host-1")}
			})
		}, 1},
		"the primary is another one afterwards": {func(w *runtest.World) {
			w.On("backup", func(ctx context.Context, c runtest.Call) error {
				w.PodObjects = []corev1.Pod{runtest.Primary("orders-1"), w.PodObjects[1]}
				return runtest.Fails(137, "")(ctx, c)
			})
		}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			w := runtest.NewWithRepoHost(t)
			p := newPod(w)
			p.mustRun("begin", "precheck")
			tc.change(w)
			p.mustRun("backup", "expire", "verify")
			if n := len(w.Issued("backup")); n != tc.commands || len(w.Backups) != 1 {
				t.Errorf("%d backup commands, %d backups, want %d and 1\n%s", n, len(w.Backups), tc.commands, p.log)
			}
		})
	}
}

// TestLostRepo: a repo that held backups does not start again by itself.
func TestLostRepo(t *testing.T) {
	const location = "pvc://repo1-orders-pgbackrest-repo-host-0"
	for name, tc := range map[string]struct {
		known stanzaflowv1alpha1.RepoStatus
		lost  bool
	}{
		"it held backups":        {stanzaflowv1alpha1.RepoStatus{Name: "repo1", Location: location, Backups: 3}, true},
		"it never held one":      {stanzaflowv1alpha1.RepoStatus{Name: "repo1", Location: location}, false},
		"those were elsewhere":   {stanzaflowv1alpha1.RepoStatus{Name: "repo1", Location: "s3://bucket/orders", Backups: 3}, false},
		"another repo held them": {stanzaflowv1alpha1.RepoStatus{Name: "repo2", Location: location, Backups: 3}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := runtest.NewWithRepoHost(t)
			w.StanzaExists = false
			w.StanzaObject.Status.Repos = []stanzaflowv1alpha1.RepoStatus{tc.known}
			p := newPod(w)
			if !tc.lost {
				p.mustRun("begin", "precheck")
				return
			}
			p.wantFailure(p.run("begin", "precheck"), ExitStop, "precheck", stanzaflowv1alpha1.RunFailed,
				"repo1 held 3 backups at "+location+" and has no stanza db now", "run pgbackrest stanza-create --stanza=db in "+onPrimary)
			if n := len(w.Issued("stanza-create")); n != 0 {
				t.Errorf("stanza-create was run %d times", n)
			}
		})
	}
}
