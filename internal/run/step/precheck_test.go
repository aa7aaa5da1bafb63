// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/gate"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/run/precheck"
	"github.com/stanzaflow/stanzaflow/internal/run/runtest"
	"github.com/stanzaflow/stanzaflow/internal/translate/storage"
)

func TestPrecheckFails(t *testing.T) {
	const failed = stanzaflowv1alpha1.RunFailed
	for name, tc := range map[string]struct {
		change  func(*runtest.World)
		options func(*Parameters)
		code    int
		result  stanzaflowv1alpha1.RunResult
		want    []string
	}{
		"no postgresql": {
			change: func(w *runtest.World) { w.Cluster.Name = "invoices" },
			code:   ExitStop, result: failed, want: []string{"there is no postgresql shop/orders"},
		},
		"no pgbackrest in it": {
			change: func(w *runtest.World) { w.Cluster.PgBackRest = nil },
			code:   ExitStop, result: failed, want: []string{"postgresql shop/orders has no spec.backup.pgbackrest"},
		},
		"repo not in it": {
			options: func(o *Parameters) { o.Repo = "repo2" },
			code:    ExitStop, result: failed, want: []string{"postgresql shop/orders has no repo2 in spec.backup.pgbackrest.repos"},
		},
		"no pod": {
			change: func(w *runtest.World) { w.PodObjects = nil },
			code:   ExitGaveUp, result: failed,
			want: []string{"no pod of postgresql shop/orders has the labels", cpo.LabelRole + "=" + cpo.RolePrimary, "(3 attempts)"},
		},
		"no pod with the label of a primary": {
			change: func(w *runtest.World) { w.PodObjects[0].Labels[cpo.LabelRole] = "replica" },
			code:   ExitGaveUp, result: failed, want: []string{"no pod of postgresql shop/orders"},
		},
		"two primaries": {
			change: func(w *runtest.World) {
				w.PodObjects = []corev1.Pod{runtest.Primary("orders-1"), runtest.Primary("orders-0")}
			},
			code: ExitGaveUp, result: failed,
			want: []string{"2 pods of postgresql shop/orders claim to be its primary (orders-0, orders-1)", "(3 attempts)"},
		},
		"pod not ready": {
			change: func(w *runtest.World) { w.PodObjects[0].Status.ContainerStatuses[0].Ready = false },
			code:   ExitGaveUp, result: failed,
			want: []string{"container postgres of pod shop/orders-0 is not ready", "kubectl describe pod -n shop orders-0"},
		},
		"pod is terminating": {
			change: func(w *runtest.World) { w.PodObjects[0].DeletionTimestamp = &metav1.Time{Time: runtest.Start} },
			code:   ExitGaveUp, result: failed, want: []string{"no pod of postgresql shop/orders"},
		},
		"no such container": {
			change: func(w *runtest.World) { w.PodObjects[0].Spec.Containers[0].Name = "database" },
			code:   ExitStop, result: failed, want: []string{"pod shop/orders-0 has no container postgres"},
		},
		"no pgBackRest": {
			change: func(w *runtest.World) { w.Always("version", runtest.Fails(127, "pgbackrest: not found")) },
			code:   ExitStop, result: failed,
			want: []string{"pgbackrest version failed in shop/orders-0 (postgres): [127] not-started: pgbackrest: not found"},
		},
		"the container is killed meanwhile": {
			change: func(w *runtest.World) { killed := runtest.Fails(137, ""); w.On("version", killed, killed, killed) },
			code:   ExitGaveUp, result: failed,
			want: []string{"pgbackrest version failed in shop/orders-0 (postgres): [137]"},
		},
		"PostgreSQL is down": {
			change: func(w *runtest.World) {
				down := runtest.Fails(2, "psql: error: connection to server on socket failed:\n\tIs the server running locally?")
				w.On("psql", down, down, down)
			},
			code: ExitGaveUp, result: failed,
			want: []string{"cannot query PostgreSQL in shop/orders-0 (postgres): psql exit code 2: psql: error: connection to server on socket failed: Is the server"},
		},
		"archive_mode off": {
			change: func(w *runtest.World) { w.Postgres["archiveMode"] = "off" },
			code:   ExitStop, result: failed, want: []string{"archive_mode is off in shop/orders-0 (postgres), must be on"},
		},
		"archive_mode always": {
			change: func(w *runtest.World) { w.Postgres["archiveMode"] = "always" },
			code:   ExitStop, result: failed, want: []string{"archive_mode is always"},
		},
		"archive_command of another program": {
			change: func(w *runtest.World) { w.Postgres["archiveCommand"] = false },
			code:   ExitStop, result: failed,
			want: []string{"archive_command in shop/orders-0 (postgres) does not run pgbackrest", `pgbackrest --stanza=db archive-push "%p"`},
		},
		"configuration not in the pod": {
			change: func(w *runtest.World) { delete(w.Files[cpo.ContainerPostgreSQL], cpo.ConfigFileName) },
			code:   ExitGaveUp, result: failed,
			want: []string{"there is no /etc/pgbackrest/conf.d/pgbackrest_instance.conf in shop/orders-0 (postgres)", "ConfigMap orders-pgbackrest-config"},
		},
		"configuration of another day in the pod": {
			change: func(w *runtest.World) { w.Files[cpo.ContainerPostgreSQL][cpo.ConfigFileName] = "[global]\n" },
			code:   ExitGaveUp, result: failed,
			want: []string{"in shop/orders-0 (postgres) is not yet what the operator has written for the postgresql resource", "ConfigMap orders-pgbackrest-config", "(3 attempts)"},
		},
		"the operator has declared no configuration": {
			change: func(w *runtest.World) { w.StanzaObject.Status.Configuration = nil },
			code:   ExitGaveUp, result: failed,
			want: []string{"the operator has not yet written the configuration for the current spec.backup of postgresql shop/orders", "(3 attempts)"},
		},
		"the operator has not seen a change yet": {
			change: func(w *runtest.World) { w.BackupDigest = "backup-2" },
			code:   ExitGaveUp, result: failed,
			want: []string{"the operator has not yet written the configuration for the current spec.backup of postgresql shop/orders", "(3 attempts)"},
		},
		"stanza belongs to another cluster": {
			change: func(w *runtest.World) {
				w.StanzaExists = false
				w.On("stanza-create", runtest.FailsAs(w.T, "mismatch: stanza-create"))
			},
			code: ExitStop, result: failed, want: []string{"pgbackrest stanza-create failed in shop/orders-0 (postgres): [028]"},
		},
		"store refuses access": {
			change: func(w *runtest.World) {
				w.RepoStatus = &pgbackrest.Status{Code: pgbackrest.StatusOther, Message: "[ProtocolError] HTTP request failed with 403 (Forbidden):"}
			},
			code: ExitGaveUp, result: failed, want: []string{"pgBackRest in shop/orders-0 (postgres) cannot use repo1", "403", "check the key", "(3 attempts)"},
		},
		"store is not reached": {
			change: func(w *runtest.World) {
				w.RepoStatus = &pgbackrest.Status{Code: pgbackrest.StatusOther, Message: "[HostConnectError] unable to connect to 's3.example.org:443': [111] Connection refused"}
			},
			code: ExitGaveUp, result: failed, want: []string{"cannot use repo1", "[049]", "Connection refused", "(3 attempts)"},
		},
		"repo unknown to pgBackRest": {
			change: func(w *runtest.World) { w.NoRepo = true },
			code:   ExitStop, result: failed, want: []string{"pgBackRest in shop/orders-0 (postgres) does not know repo1"},
		},
		"gate is false": {
			change: func(w *runtest.World) { w.StanzaObject.Spec.Gate = "lastFull != nil" },
			code:   ExitStop, result: stanzaflowv1alpha1.RunHeld,
			want: []string{"the gate of stanza shop/orders is false, no backup is made: lastFull != nil"},
		},
		"gate does not compile": {
			change: func(w *runtest.World) { w.StanzaObject.Spec.Gate = "lastFul != nil" },
			code:   ExitStop, result: failed, want: []string{"the gate of stanza shop/orders does not compile", "lastFul", "correct spec.gate"},
		},
		"gate cannot be evaluated": {
			change: func(w *runtest.World) { w.StanzaObject.Spec.Gate = "lastFull.age > duration('1h')" },
			code:   ExitStop, result: failed, want: []string{"the gate of stanza shop/orders cannot be evaluated"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := runtest.New(t)
			p := newPod(w)
			if tc.change != nil {
				tc.change(w)
			}
			if tc.options != nil {
				tc.options(&p.parameters)
			}
			p.wantFailure(p.run(backupSteps...), tc.code, "precheck", tc.result, tc.want...)
			if n := len(w.Issued("backup")) + len(w.Issued("expire")); n > 0 {
				t.Errorf("%d commands ran after precheck failed", n)
			}
			if wantAttempts := map[int]int{ExitStop: 1, ExitGaveUp: 3}[tc.code]; p.report().Steps[1].Attempts != wantAttempts {
				t.Errorf("%d attempts, want %d", p.report().Steps[1].Attempts, wantAttempts)
			}
		})
	}
}

// TestPrecheckHolds: no backup can be made now, which nobody has to repair and
// which is no success.
func TestPrecheckHolds(t *testing.T) {
	upgrading := func(w *runtest.World) { w.PodObjects[0].Labels[cpo.LabelCriticalOperation] = "true" }
	for name, tc := range map[string]struct {
		change   func(*runtest.World)
		attempts int
		want     []string
	}{
		"a standby cluster": {
			change: func(w *runtest.World) { w.Cluster.Operation.Standby = true }, attempts: 1,
			want: []string{"postgresql shop/orders cannot be backed up now, no backup is made: spec.standby is set", "back up the cluster that it follows"},
		},
		"no instances, and so no pods": {
			change: func(w *runtest.World) { w.Cluster.Operation.ScaledToZero, w.PodObjects = true, nil }, attempts: 1,
			want: []string{"postgresql shop/orders cannot be backed up now, no backup is made: spec.numberOfInstances is 0"},
		},
		"a restore, in which the pods come and go": {
			change: func(w *runtest.World) { w.Cluster.Operation.Restoring, w.PodObjects = true, nil }, attempts: 1,
			want: []string{"postgresql shop/orders cannot be backed up now, no backup is made: the cluster is being restored"},
		},
		"an upgrade": {
			change: upgrading, attempts: 1,
			want: []string{"postgresql shop/orders is being upgraded, no backup is made: pod orders-0 has the label critical-operation=true"},
		},
		"an upgrade that has stopped PostgreSQL": {
			change: func(w *runtest.World) { upgrading(w); w.PodObjects[0] = runtest.Unready(w.PodObjects[0]) }, attempts: 1, want: []string{"is being upgraded"},
		},
		"in recovery for long": {
			change: func(w *runtest.World) { w.Postgres["inRecovery"] = true }, attempts: 3,
			want: []string{"PostgreSQL in shop/orders-0 (postgres) is in recovery although its pod has the label", "no backup is made", "it is a standby or is being restored", "(3 attempts)"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := runtest.New(t)
			tc.change(w)
			p := newPod(w)
			p.wantFailure(p.run(backupSteps...), ExitStop, "precheck", stanzaflowv1alpha1.RunHeld, tc.want...)
			if r := p.report(); r.Steps[1].Attempts != tc.attempts {
				t.Errorf("%d attempts, want %d", r.Steps[1].Attempts, tc.attempts)
			}
			if n := len(w.Issued("backup")) + len(w.Issued("stanza-create")); n > 0 {
				t.Errorf("%d commands ran in a cluster that is held", n)
			}
		})
	}
	t.Run("not in recovery during a failover", func(t *testing.T) {
		w := runtest.New(t)
		w.Postgres["inRecovery"] = true
		w.On("psql", runtest.Does(func() {}), runtest.Does(func() { w.Postgres["inRecovery"] = false }))
		newPod(w).mustRun(backupSteps...)
	})
}

func TestPrecheckPasses(t *testing.T) {
	const older = "[global]\nrepo1-cipher-type=aes-256-cbc\n"
	for name, change := range map[string]func(*runtest.World){
		"beside a primary that is terminating": func(w *runtest.World) {
			old := runtest.Primary("orders-1")
			old.DeletionTimestamp = &metav1.Time{Time: runtest.Start}
			w.PodObjects = append(w.PodObjects, old)
		},
		"beside pods of others": func(w *runtest.World) {
			other := runtest.Primary("invoices-0")
			other.Labels[cpo.LabelCluster] = "invoices"
			elsewhere := runtest.Primary("orders-0")
			elsewhere.Namespace = "test"
			w.PodObjects = append(w.PodObjects, other, elsewhere)
		},
		"an older configuration is kept": func(w *runtest.World) {
			w.Files[cpo.ContainerPostgreSQL][cpo.ConfigFileName] = older
			w.Cluster.PgBackRest.Global["repo1-s3-key"] = "a credential in the wrong place"
			w.Declare()
		},
		"an unreadable option keeps the older configuration": func(w *runtest.World) {
			w.Files[cpo.ContainerPostgreSQL][cpo.ConfigFileName] = older
			w.FieldErrors = []cpo.FieldError{{Field: "spec.backup.pgbackrest.global.repo1-retention-full", Message: "must be a string"}}
			w.Declare()
		},
		"the store is back at the second attempt": func(w *runtest.World) {
			w.RepoStatus = &pgbackrest.Status{Code: pgbackrest.StatusOther, Message: "[HostConnectError] unable to connect to 's3.example.org:443': [111] Connection refused"}
			w.On("version", runtest.Does(func() {}), runtest.Does(func() { w.RepoStatus = nil }))
		},
		"the configuration arrives at the second attempt": func(w *runtest.World) {
			newer := w.Files[cpo.ContainerPostgreSQL][cpo.ConfigFileName]
			w.Files[cpo.ContainerPostgreSQL][cpo.ConfigFileName] = older
			w.On("version", runtest.Does(func() {}), runtest.Does(func() { w.Files[cpo.ContainerPostgreSQL][cpo.ConfigFileName] = newer }))
		},
		"the operator sees a change before the second attempt": func(w *runtest.World) {
			w.BackupDigest = "backup-2"
			w.On("version", runtest.Does(func() {}), runtest.Does(func() { w.Declare() }))
		},
		"the primary is found at the second attempt": func(w *runtest.World) {
			w.Postgres["inRecovery"] = true
			w.On("psql", runtest.Does(func() {}), runtest.Does(func() { w.Postgres["inRecovery"] = false }))
		},
		"the gate is true": func(w *runtest.World) {
			w.StanzaObject.Spec.Gate = "lastFull == nil && archive.failedSince == nil && run.type == 'full'"
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := runtest.New(t)
			change(w)
			p := newPod(w)
			p.mustRun(backupSteps...)
			if backups := w.Issued("backup"); len(backups) != 1 || backups[0].At.Pod != runtest.PrimaryPod {
				t.Errorf("backups %v, want one in %s", backups, runtest.PrimaryPod)
			}
		})
	}
}

func TestPrecheckCreatesTheStanza(t *testing.T) {
	for name, change := range map[string]func(*runtest.World){
		"missing": func(*runtest.World) {},
		// No repo has it: info gives no repo at all.
		"missing in every repo": func(w *runtest.World) {
			w.On("info", func(_ context.Context, c runtest.Call) error { return c.Print("[]") })
		},
		"without data": func(w *runtest.World) {
			w.RepoStatus = &pgbackrest.Status{Code: pgbackrest.StatusMissingStanzaData, Message: "missing stanza data"}
			w.On("stanza-create", runtest.Does(func() { w.RepoStatus = nil }))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := runtest.New(t)
			w.StanzaExists = false
			change(w)
			p := newPod(w)
			p.mustRun(backupSteps...)
			if n := len(w.Issued("stanza-create")); n != 1 {
				t.Errorf("%d stanza-create commands, want 1", n)
			}
			if !strings.Contains(p.file(filePrecheck), `"stanzaCreated": true`) {
				t.Errorf("the facts do not say that the stanza was created:\n%s", p.file(filePrecheck))
			}
		})
	}
	t.Run("but is not there", func(t *testing.T) {
		w := runtest.New(t)
		w.StanzaExists = false
		for range 3 {
			w.On("stanza-create", func(context.Context, runtest.Call) error { return nil })
		}
		p := newPod(w)
		p.wantFailure(p.run("begin", "precheck"), ExitStop, "precheck", stanzaflowv1alpha1.RunFailed, "cannot use repo1", "missing stanza path")
	})
	t.Run("of another process", func(t *testing.T) {
		w := runtest.New(t)
		w.StanzaExists = false
		w.On("stanza-create", func(ctx context.Context, c runtest.Call) error {
			w.StanzaExists = true
			return runtest.FailsAs(t, "lock: stanza-create during backup")(ctx, c)
		})
		p := newPod(w)
		p.mustRun("begin", "precheck")
		if n := len(w.Issued("stanza-create")); n != 1 || !w.StanzaExists {
			t.Errorf("%d commands stanza-create, want that of the other process waited for", n)
		}
	})
}

// TestPrecheckInAnotherPod: the gate of a run whose backup is made already, by
// a pod that was lost, was open. What it says now is about that backup.
func TestPrecheckInAnotherPod(t *testing.T) {
	w := runtest.New(t)
	w.StanzaObject.Spec.Gate = "lastFull == nil"
	lost := newPod(w)
	lost.mustRun("begin", "precheck", "backup")
	p := newPod(w)
	p.mustRun(backupSteps...)
	if n := len(w.Issued("backup")); n != 1 {
		t.Errorf("%d backup commands, want 1", n)
	}
	next := newPod(w)
	next.parameters.Run = "another"
	next.wantFailure(next.run(backupSteps...), ExitStop, "precheck", stanzaflowv1alpha1.RunHeld, "is false")
}

func TestPrecheckGathersFacts(t *testing.T) {
	w := runtest.New(t)
	w.List(runtest.Backup{Type: cpo.Full, RepoKey: 1, Stop: runtest.Start.Add(-48 * time.Hour)})
	w.List(runtest.Backup{Type: cpo.Diff, RepoKey: 1, Stop: runtest.Start.Add(-24 * time.Hour)})
	w.List(runtest.Backup{Type: cpo.Incr, RepoKey: 1, Stop: runtest.Start.Add(-2 * time.Hour)})
	w.List(runtest.Backup{Type: cpo.Full, RepoKey: 1, Stop: runtest.Start.Add(-time.Hour), Error: true})
	w.List(runtest.Backup{Type: cpo.Full, RepoKey: 2, Stop: runtest.Start})
	w.Postgres["lastFailed"] = "2026-03-01T00:55:00+00:00"
	p := newPod(w)
	p.mustRun("begin", "precheck")

	archived := time.Date(2026, 3, 1, 0, 50, 0, 123456000, time.UTC)
	failed := time.Date(2026, 3, 1, 0, 55, 0, 0, time.UTC)
	known := func(label, typ string, age time.Duration) *gate.Backup {
		return &gate.Backup{Label: label, Type: typ, Stop: runtest.Start.Add(-age), Age: age, DatabaseBytes: 22992758, RepoBytes: 4534133}
	}
	incr := known("20260227-010000F_20260228-230000I", cpo.Incr, 2*time.Hour)
	want := precheck.Result{
		Labels:  cpo.DefaultLabels(),
		Primary: storage.Container{Role: "primary", Selector: cpo.DefaultLabels().Primary(runtest.Cluster), Name: cpo.ContainerPostgreSQL},
		Host:    storage.Container{Role: "primary", Selector: cpo.DefaultLabels().Primary(runtest.Cluster), Name: cpo.ContainerPostgreSQL},
		Repo:    1, StartFast: true, ArchiveTimeout: time.Minute, Cipher: "aes-256-cbc",
		Facts: gate.Facts{
			Run:        gate.Run{Namespace: runtest.Namespace, Cluster: runtest.Cluster, Repo: "repo1", Type: cpo.Full, Trigger: "schedule"},
			Postgres:   gate.Postgres{Pod: runtest.PrimaryPod, Version: 160009, SystemID: "7710987021816380561", DatabaseBytes: 22992758, WALSegmentBytes: 16 << 20},
			PgBackRest: gate.PgBackRest{Version: "2.55.1"},
			Archive:    gate.Archive{Mode: "on", LastArchived: &archived, FailedSince: &failed},
			Repo:       gate.Repo{Number: 1, Storage: "s3", Location: "s3://backups/orders", Cipher: "aes-256-cbc", Backups: 4},
			LastBackup: incr, LastIncr: incr,
			LastFull: known("20260227-010000F", cpo.Full, 48*time.Hour),
			LastDiff: known("20260227-010000F_20260228-010000D", cpo.Diff, 24*time.Hour),
		},
	}
	var got precheck.Result
	if err := json.Unmarshal([]byte(p.file(filePrecheck)), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
}

func TestQuery(t *testing.T) {
	w := runtest.New(t)
	p := newPod(w)
	p.mustRun("begin", "precheck")
	asked := w.Issued("psql")
	if len(asked) != 1 {
		t.Fatalf("%d queries, want 1", len(asked))
	}
	argv := asked[0].Argv
	for _, want := range []string{"--no-psqlrc", "--no-password", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "--host=" + cpo.PGSocketPath} {
		if !strings.Contains(strings.Join(argv, " "), want) {
			t.Errorf("command line lacks %s: %q", want, argv)
		}
	}
	statement := argv[len(argv)-1]
	for _, key := range []string{"inRecovery", "version", "systemId", "databaseBytes", "walSegmentBytes", "archiveMode", "archiveCommand", "archiveStanza", "lastArchived", "lastArchivedWal", "lastFailed", "lastFailedWal"} {
		if strings.Count(statement, "'"+key+"', ") != 1 {
			t.Errorf("query does not ask for %s", key)
		}
	}
}
