// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/credential"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// testMajorUpgrade upgrades PostgreSQL 15 to 17 by dump and restore: no image has the
// programs of both, which pg_upgrade needs. pgBackRest sees the same either way: in the
// repo another system identifier with a newer version. Without a person the stanza is
// upgraded, and there is a proven full of the new version.
func testMajorUpgrade(t *testing.T) {
	k := kit.New(t, "e2e-events-major-upgrade")
	k.InitialBackup = true
	k.CreateNamespace(t)
	credential.New(k).S3(t)
	k.Apply(t, "events", newest.image, previous.image, "postgresql/17", "postgresql/15", `version: "17"`, `version: "15"`)
	k.PSQL(t, kit.Primary, "CREATE TABLE account AS SELECT i AS id, 'owner ' || i AS owner FROM generate_series(1, 500) i")
	awaitReady(t, k, "repo1")
	checkDatabases(t, k, "15")
	before := kit.Labels(k.Backups(t, kit.Primary), "")

	dump := k.Exec(t, kit.Primary, "pg_dump", "-h", "/var/run/postgresql", "-U", "postgres", "--inserts", "--rows-per-insert=500", "postgres")
	want := k.Checksums(t, kit.Primary)
	program.Kubectl(t, "delete", "-n", k.Namespace, "statefulset/cluster", "pvc/pgdata-cluster-0")
	upgraded := time.Now()
	k.Apply(t, "events")
	k.PSQL(t, kit.Primary, withoutMetaCommands(dump))
	kit.CheckSameData(t, want, k.Checksums(t, kit.Primary))

	run := awaitFullSince(t, k, upgraded)
	t.Logf("MEASURED: from primary ready after the upgrade to a proven full: %.0f s", run.Status.FinishedAt.Sub(readySince(t, k, kit.Primary)).Seconds())
	b := k.ProvenBackup(t, run, kit.Primary)
	if b.Type != cpo.Full {
		t.Errorf("the first backup after the upgrade is %s", b.Type)
	}
	checkDatabases(t, k, "15", "17")
	after := kit.Labels(k.Backups(t, kit.Primary), "")
	if len(after) != len(before)+1 || after[0] != before[0] {
		t.Errorf("the upgrade should add one backup to %v, there are %v", before, after)
	}
	awaitReady(t, k, "repo1")
	k.PSQL(t, kit.Primary, "DELETE FROM account WHERE id % 3 = 0")
	want = k.Checksums(t, kit.Primary)
	k.AwaitArchived(t)
	k.RestoreAndCompare(t, want, "restored", "--repo=1")
}

// withoutMetaCommands returns the SQL of a dump: \restrict is only for psql's own input.
func withoutMetaCommands(dump string) string {
	var sql strings.Builder
	for line := range strings.Lines(dump) {
		if !strings.HasPrefix(line, `\`) {
			sql.WriteString(line)
		}
	}
	return sql.String()
}

// awaitFullSince waits until the operator has started another first backup after a
// moment, and it has succeeded. Until then the Stanza is not Ready.
func awaitFullSince(t *testing.T, k *kit.Kit, since time.Time) *wfv1.Workflow {
	t.Helper()
	var found *wfv1.Workflow
	wait.Until(t, 4*time.Minute, "there is a full after the upgrade", func() (bool, string) {
		var runs wfv1.WorkflowList
		k.List(t, &runs, client.MatchingLabels{vocab.LabelTrigger: vocab.TriggerInitial})
		var seen []string
		for i := range runs.Items {
			w := &runs.Items[i]
			seen = append(seen, w.Name+" "+kit.DescribeRun(w))
			if w.CreationTimestamp.After(since) && w.Status.Phase == wfv1.WorkflowSucceeded {
				found = w
				return true, ""
			}
		}
		stanza := k.Stanza(t)
		if triggerStatus(stanza, "initial-repo1").Pending != nil && meta.IsStatusConditionTrue(stanza.Status.Conditions, vocab.ConditionReady) {
			t.Errorf("the Stanza is Ready, and no backup of the new version is proven: %+v", stanza.Status)
		}
		return false, fmt.Sprintf("%s\n%+v", strings.Join(seen, "\n"), stanza.Status.Triggers)
	})
	return found
}

// checkDatabases checks which versions of PostgreSQL the repo knows, the current one last.
func checkDatabases(t testing.TB, k *kit.Kit, versions ...string) {
	t.Helper()
	var stanzas []struct {
		DB []struct {
			Version string `json:"version"`
		} `json:"db"`
	}
	out := k.Exec(t, kit.Primary, "pgbackrest", "info", "--stanza=db", "--output=json")
	if err := json.Unmarshal([]byte(out), &stanzas); err != nil || len(stanzas) != 1 {
		t.Fatalf("pgbackrest info: %v\n%s", err, out)
	}
	var got []string
	for _, db := range stanzas[0].DB {
		got = append(got, db.Version)
	}
	if fmt.Sprint(got) != fmt.Sprint(versions) {
		t.Errorf("the stanza has the versions %v, want %v", got, versions)
	}
}
