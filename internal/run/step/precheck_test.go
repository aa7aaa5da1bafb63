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
	"github.com/stanzaflow/stanzaflow/internal/translate"
)

func TestPrecheckFails(t *testing.T) {
	const failed = stanzaflowv1alpha1.RunFailed
	for name, tc := range map[string]struct {
		change  func(*world)
		options func(*Options)
		code    int
		result  stanzaflowv1alpha1.RunResult
		want    []string
	}{
		"no postgresql": {
			change: func(w *world) { w.cluster.Name = "invoices" },
			code:   ExitStop, result: failed, want: []string{"there is no postgresql shop/orders"},
		},
		"no pgbackrest in it": {
			change: func(w *world) { w.cluster.PgBackRest = nil },
			code:   ExitStop, result: failed, want: []string{"postgresql shop/orders has no spec.backup.pgbackrest"},
		},
		"repo not in it": {
			options: func(o *Options) { o.Repo = "repo2" },
			code:    ExitStop, result: failed, want: []string{"postgresql shop/orders has no repo2 in spec.backup.pgbackrest.repos"},
		},
		"no pod": {
			change: func(w *world) { w.pods = nil },
			code:   ExitGaveUp, result: failed,
			want: []string{"no pod of postgresql shop/orders has the labels", cpo.LabelRole + "=" + cpo.RolePrimary, "(3 attempts)"},
		},
		"no pod with the label of a primary": {
			change: func(w *world) { w.pods[0].Labels[cpo.LabelRole] = "replica" },
			code:   ExitGaveUp, result: failed, want: []string{"no pod of postgresql shop/orders"},
		},
		"two primaries": {
			change: func(w *world) { w.pods = []corev1.Pod{primary("orders-1"), primary("orders-0")} },
			code:   ExitGaveUp, result: failed,
			want: []string{"2 pods of postgresql shop/orders claim to be its primary (orders-0, orders-1)", "(3 attempts)"},
		},
		"pod not ready": {
			change: func(w *world) { w.pods[0].Status.ContainerStatuses[0].Ready = false },
			code:   ExitGaveUp, result: failed,
			want: []string{"container postgres of pod shop/orders-0 is not ready", "kubectl describe pod -n shop orders-0"},
		},
		"pod is terminating": {
			change: func(w *world) { w.pods[0].DeletionTimestamp = &metav1.Time{Time: testStart} },
			code:   ExitGaveUp, result: failed, want: []string{"no pod of postgresql shop/orders"},
		},
		"no such container": {
			change: func(w *world) { w.pods[0].Spec.Containers[0].Name = "database" },
			code:   ExitStop, result: failed, want: []string{"pod shop/orders-0 has no container postgres"},
		},
		"no pgBackRest": {
			change: func(w *world) { w.on("version", fails(127, "pgbackrest: not found")) },
			code:   ExitStop, result: failed,
			want: []string{"pgbackrest version failed in shop/orders-0 (postgres): [127] not-started: pgbackrest: not found"},
		},
		"the container is killed meanwhile": {
			change: func(w *world) { killed := fails(137, ""); w.on("version", killed, killed, killed) },
			code:   ExitGaveUp, result: failed,
			want: []string{"pgbackrest version failed in shop/orders-0 (postgres): [137]"},
		},
		"PostgreSQL is down": {
			change: func(w *world) {
				down := fails(2, "psql: error: connection to server on socket failed:\n\tIs the server running locally?")
				w.on("psql", down, down, down)
			},
			code: ExitGaveUp, result: failed,
			want: []string{"cannot query PostgreSQL in shop/orders-0 (postgres): psql exit code 2: psql: error: connection to server on socket failed: Is the server"},
		},
		"archive_mode off": {
			change: func(w *world) { w.postgres["archiveMode"] = "off" },
			code:   ExitStop, result: failed, want: []string{"archive_mode is off in shop/orders-0 (postgres), must be on"},
		},
		"archive_mode always": {
			change: func(w *world) { w.postgres["archiveMode"] = "always" },
			code:   ExitStop, result: failed, want: []string{"archive_mode is always"},
		},
		"archive_command of another program": {
			change: func(w *world) { w.postgres["archiveCommand"] = false },
			code:   ExitStop, result: failed,
			want: []string{"archive_command in shop/orders-0 (postgres) does not run pgbackrest", `pgbackrest --stanza=db archive-push "%p"`},
		},
		"configuration not in the pod": {
			change: func(w *world) { delete(w.files[cpo.ContainerPostgreSQL], cpo.ConfigFileName) },
			code:   ExitGaveUp, result: failed,
			want: []string{"there is no /etc/pgbackrest/conf.d/pgbackrest_instance.conf in shop/orders-0 (postgres)", "ConfigMap orders-pgbackrest-config"},
		},
		"configuration of another day in the pod": {
			change: func(w *world) { w.files[cpo.ContainerPostgreSQL][cpo.ConfigFileName] = "[global]\n" },
			code:   ExitGaveUp, result: failed,
			want: []string{"in shop/orders-0 (postgres) is not yet what the postgresql resource asks for", "ConfigMap orders-pgbackrest-config", "(3 attempts)"},
		},
		"stanza belongs to another cluster": {
			change: func(w *world) { w.stanzaExists = false; w.on("stanza-create", failsAs(w.t, "mismatch: stanza-create")) },
			code:   ExitStop, result: failed, want: []string{"pgbackrest stanza-create failed in shop/orders-0 (postgres): [028]"},
		},
		"store refuses access": {
			change: func(w *world) {
				w.repoStatus = &pgbackrest.Status{Code: pgbackrest.StatusOther, Message: "[ProtocolError] HTTP request failed with 403 (Forbidden):"}
			},
			code: ExitGaveUp, result: failed, want: []string{"pgBackRest in shop/orders-0 (postgres) cannot use repo1", "403", "check the key", "(3 attempts)"},
		},
		"store is not reached": {
			change: func(w *world) {
				w.repoStatus = &pgbackrest.Status{Code: pgbackrest.StatusOther, Message: "[HostConnectError] unable to connect to 's3.example.org:443': [111] Connection refused"}
			},
			code: ExitGaveUp, result: failed, want: []string{"cannot use repo1", "[049]", "Connection refused", "(3 attempts)"},
		},
		"repo unknown to pgBackRest": {
			change: func(w *world) { w.noRepo = true },
			code:   ExitStop, result: failed, want: []string{"pgBackRest in shop/orders-0 (postgres) does not know repo1"},
		},
		"gate is false": {
			change: func(w *world) { w.stanza.Spec.Gate = "lastFull != nil" },
			code:   ExitStop, result: stanzaflowv1alpha1.RunHeld,
			want: []string{"the gate of stanza shop/orders is false, no backup is made: lastFull != nil"},
		},
		"gate does not compile": {
			change: func(w *world) { w.stanza.Spec.Gate = "lastFul != nil" },
			code:   ExitStop, result: failed, want: []string{"the gate of stanza shop/orders does not compile", "lastFul", "correct spec.gate"},
		},
		"gate cannot be evaluated": {
			change: func(w *world) { w.stanza.Spec.Gate = "lastFull.age > duration('1h')" },
			code:   ExitStop, result: failed, want: []string{"the gate of stanza shop/orders cannot be evaluated"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			p := newPod(w)
			if tc.change != nil {
				tc.change(w)
			}
			if tc.options != nil {
				tc.options(&p.options)
			}
			p.wantFailure(p.run(Names...), tc.code, "precheck", tc.result, tc.want...)
			if n := len(w.issued("backup")) + len(w.issued("expire")); n > 0 {
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
	upgrading := func(w *world) { w.pods[0].Labels[cpo.LabelCriticalOperation] = "true" }
	for name, tc := range map[string]struct {
		change   func(*world)
		attempts int
		want     []string
	}{
		"a standby cluster": {
			change: func(w *world) { w.cluster.Operation.Standby = true }, attempts: 1,
			want: []string{"postgresql shop/orders cannot be backed up now, no backup is made: spec.standby is set", "back up the cluster that it follows"},
		},
		"no instances, and so no pods": {
			change: func(w *world) { w.cluster.Operation.ScaledToZero, w.pods = true, nil }, attempts: 1,
			want: []string{"postgresql shop/orders cannot be backed up now, no backup is made: spec.numberOfInstances is 0"},
		},
		"a restore, in which the pods come and go": {
			change: func(w *world) { w.cluster.Operation.Restoring, w.pods = true, nil }, attempts: 1,
			want: []string{"postgresql shop/orders cannot be backed up now, no backup is made: the cluster is being restored"},
		},
		"an upgrade": {
			change: upgrading, attempts: 1,
			want: []string{"postgresql shop/orders is being upgraded, no backup is made: pod orders-0 has the label critical-operation=true"},
		},
		"an upgrade that has stopped PostgreSQL": {
			change: func(w *world) { upgrading(w); w.pods[0] = unready(w.pods[0]) }, attempts: 1, want: []string{"is being upgraded"},
		},
		"in recovery for long": {
			change: func(w *world) { w.postgres["inRecovery"] = true }, attempts: 3,
			want: []string{"PostgreSQL in shop/orders-0 (postgres) is in recovery although its pod has the label", "no backup is made", "it is a standby or is being restored", "(3 attempts)"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			tc.change(w)
			p := newPod(w)
			p.wantFailure(p.run(Names...), ExitStop, "precheck", stanzaflowv1alpha1.RunHeld, tc.want...)
			if r := p.report(); r.Steps[1].Attempts != tc.attempts {
				t.Errorf("%d attempts, want %d", r.Steps[1].Attempts, tc.attempts)
			}
			if n := len(w.issued("backup")) + len(w.issued("stanza-create")); n > 0 {
				t.Errorf("%d commands ran in a cluster that is held", n)
			}
		})
	}
	t.Run("not in recovery during a failover", func(t *testing.T) {
		w := newWorld(t)
		w.postgres["inRecovery"] = true
		w.on("psql", does(func() {}), does(func() { w.postgres["inRecovery"] = false }))
		newPod(w).mustRun(Names...)
	})
}

func TestPrecheckPasses(t *testing.T) {
	const older = "[global]\nrepo1-cipher-type=aes-256-cbc\n"
	for name, change := range map[string]func(*world){
		"beside a primary that is terminating": func(w *world) {
			old := primary("orders-1")
			old.DeletionTimestamp = &metav1.Time{Time: testStart}
			w.pods = append(w.pods, old)
		},
		"beside pods of others": func(w *world) {
			other := primary("invoices-0")
			other.Labels[cpo.LabelCluster] = "invoices"
			elsewhere := primary("orders-0")
			elsewhere.Namespace = "test"
			w.pods = append(w.pods, other, elsewhere)
		},
		"an older configuration is kept": func(w *world) {
			w.files[cpo.ContainerPostgreSQL][cpo.ConfigFileName] = older
			w.cluster.PgBackRest.Global["repo1-s3-key"] = "a credential in the wrong place"
		},
		"an unreadable option keeps the older configuration": func(w *world) {
			w.files[cpo.ContainerPostgreSQL][cpo.ConfigFileName] = older
			w.fieldErrors = []cpo.FieldError{{Field: "spec.backup.pgbackrest.global.repo1-retention-full", Message: "must be a string"}}
		},
		"the store is back at the second attempt": func(w *world) {
			w.repoStatus = &pgbackrest.Status{Code: pgbackrest.StatusOther, Message: "[HostConnectError] unable to connect to 's3.example.org:443': [111] Connection refused"}
			w.on("version", does(func() {}), does(func() { w.repoStatus = nil }))
		},
		"the configuration arrives at the second attempt": func(w *world) {
			newer := w.files[cpo.ContainerPostgreSQL][cpo.ConfigFileName]
			w.files[cpo.ContainerPostgreSQL][cpo.ConfigFileName] = older
			w.on("version", does(func() {}), does(func() { w.files[cpo.ContainerPostgreSQL][cpo.ConfigFileName] = newer }))
		},
		"the primary is found at the second attempt": func(w *world) {
			w.postgres["inRecovery"] = true
			w.on("psql", does(func() {}), does(func() { w.postgres["inRecovery"] = false }))
		},
		"the gate is true": func(w *world) {
			w.stanza.Spec.Gate = "lastFull == nil && archive.failedSince == nil && run.type == 'full'"
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			change(w)
			p := newPod(w)
			p.mustRun(Names...)
			if backups := w.issued("backup"); len(backups) != 1 || backups[0].at.Pod != testPod {
				t.Errorf("backups %v, want one in %s", backups, testPod)
			}
		})
	}
}

func TestPrecheckCreatesTheStanza(t *testing.T) {
	for name, change := range map[string]func(*world){
		"missing": func(*world) {},
		// No repo has it: info gives no repo at all.
		"missing in every repo": func(w *world) {
			w.on("info", func(_ context.Context, c call) error { return c.print("[]") })
		},
		"without data": func(w *world) {
			w.repoStatus = &pgbackrest.Status{Code: pgbackrest.StatusMissingStanzaData, Message: "missing stanza data"}
			w.on("stanza-create", does(func() { w.repoStatus = nil }))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.stanzaExists = false
			change(w)
			p := newPod(w)
			p.mustRun(Names...)
			if n := len(w.issued("stanza-create")); n != 1 {
				t.Errorf("%d stanza-create commands, want 1", n)
			}
			if !strings.Contains(p.file(filePrecheck), `"stanzaCreated": true`) {
				t.Errorf("the facts do not say that the stanza was created:\n%s", p.file(filePrecheck))
			}
		})
	}
	t.Run("but is not there", func(t *testing.T) {
		w := newWorld(t)
		w.stanzaExists = false
		for range 3 {
			w.on("stanza-create", func(context.Context, call) error { return nil })
		}
		p := newPod(w)
		p.wantFailure(p.run("begin", "precheck"), ExitStop, "precheck", stanzaflowv1alpha1.RunFailed, "cannot use repo1", "missing stanza path")
	})
	t.Run("of another process", func(t *testing.T) {
		w := newWorld(t)
		w.stanzaExists = false
		w.on("stanza-create", func(ctx context.Context, c call) error {
			w.stanzaExists = true
			return failsAs(t, "lock: stanza-create during backup")(ctx, c)
		})
		p := newPod(w)
		p.mustRun("begin", "precheck")
		if n := len(w.issued("stanza-create")); n != 1 || !w.stanzaExists {
			t.Errorf("%d commands stanza-create, want that of the other process waited for", n)
		}
	})
}

// TestPrecheckInAnotherPod: the gate of a run whose backup is made already, by
// a pod that was lost, was open. What it says now is about that backup.
func TestPrecheckInAnotherPod(t *testing.T) {
	w := newWorld(t)
	w.stanza.Spec.Gate = "lastFull == nil"
	lost := newPod(w)
	lost.mustRun("begin", "precheck", "backup")
	p := newPod(w)
	p.mustRun(Names...)
	if n := len(w.issued("backup")); n != 1 {
		t.Errorf("%d backup commands, want 1", n)
	}
	next := newPod(w)
	next.options.Run = "another"
	next.wantFailure(next.run(Names...), ExitStop, "precheck", stanzaflowv1alpha1.RunHeld, "is false")
}

func TestPrecheckGathersFacts(t *testing.T) {
	w := newWorld(t)
	w.list(backup{Type: cpo.Full, RepoKey: 1, Stop: testStart.Add(-48 * time.Hour)})
	w.list(backup{Type: cpo.Diff, RepoKey: 1, Stop: testStart.Add(-24 * time.Hour)})
	w.list(backup{Type: cpo.Incr, RepoKey: 1, Stop: testStart.Add(-2 * time.Hour)})
	w.list(backup{Type: cpo.Full, RepoKey: 1, Stop: testStart.Add(-time.Hour), Error: true})
	w.list(backup{Type: cpo.Full, RepoKey: 2, Stop: testStart})
	w.postgres["lastFailed"] = "2026-03-01T00:55:00+00:00"
	p := newPod(w)
	p.mustRun("begin", "precheck")

	archived := time.Date(2026, 3, 1, 0, 50, 0, 123456000, time.UTC)
	failed := time.Date(2026, 3, 1, 0, 55, 0, 0, time.UTC)
	known := func(label, typ string, age time.Duration) *gate.Backup {
		return &gate.Backup{Label: label, Type: typ, Stop: testStart.Add(-age), Age: age, DatabaseBytes: 22992758, RepoBytes: 4534133}
	}
	incr := known("20260227-010000F_20260228-230000I", cpo.Incr, 2*time.Hour)
	want := plan{
		Primary: translate.Container{Role: "primary", Selector: cpo.PrimarySelector(testCluster), Name: cpo.ContainerPostgreSQL},
		Host:    translate.Container{Role: "primary", Selector: cpo.PrimarySelector(testCluster), Name: cpo.ContainerPostgreSQL},
		Repo:    1, StartFast: true, Cipher: "aes-256-cbc",
		Facts: gate.Facts{
			Run:        gate.Run{Namespace: testNamespace, Cluster: testCluster, Repo: "repo1", Type: cpo.Full, Trigger: "schedule"},
			Postgres:   gate.Postgres{Pod: testPod, Version: 160009, SystemID: "7710987021816380561", DatabaseBytes: 22992758, WALSegmentBytes: 16 << 20},
			PgBackRest: gate.PgBackRest{Version: "2.55.1"},
			Archive:    gate.Archive{Mode: "on", LastArchived: &archived, FailedSince: &failed},
			Repo:       gate.Repo{Number: 1, Storage: "s3", Location: "s3://backups/orders", Cipher: "aes-256-cbc", Backups: 4},
			LastBackup: incr, LastIncr: incr,
			LastFull: known("20260227-010000F", cpo.Full, 48*time.Hour),
			LastDiff: known("20260227-010000F_20260228-010000D", cpo.Diff, 24*time.Hour),
		},
	}
	var got plan
	if err := json.Unmarshal([]byte(p.file(filePrecheck)), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
}

func TestFailedSince(t *testing.T) {
	early, late := testStart, testStart.Add(time.Second)
	for name, tc := range map[string]struct{ archived, failed, want *time.Time }{
		"nothing was archived":      {nil, nil, nil},
		"all went well":             {&early, nil, nil},
		"failed and never archived": {nil, &early, &early},
		"failed after":              {&early, &late, &late},
		"failed before":             {&late, &early, nil},
	} {
		if got := (answer{LastArchived: tc.archived, LastFailed: tc.failed}).failedSince(); got != tc.want {
			t.Errorf("%s: got %v, want %v", name, got, tc.want)
		}
	}
}

func TestQuery(t *testing.T) {
	w := newWorld(t)
	p := newPod(w)
	p.mustRun("begin", "precheck")
	asked := w.issued("psql")
	if len(asked) != 1 {
		t.Fatalf("%d queries, want 1", len(asked))
	}
	argv := asked[0].argv
	for _, want := range []string{"--no-psqlrc", "--no-password", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "--host=" + cpo.PGSocketPath} {
		if !strings.Contains(strings.Join(argv, " "), want) {
			t.Errorf("command line lacks %s: %q", want, argv)
		}
	}
	statement := argv[len(argv)-1]
	for _, key := range []string{"inRecovery", "version", "systemId", "databaseBytes", "walSegmentBytes", "archiveMode", "archiveCommand", "archiveStanza", "lastArchived", "lastFailed", "lastFailedWal"} {
		if strings.Count(statement, "'"+key+"', ") != 1 {
			t.Errorf("query does not ask for %s", key)
		}
	}
}
