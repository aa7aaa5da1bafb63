// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// documented maps the examples of the documentation to the pod where their
// backups are looked at.
var documented = map[string]string{"pvc": repoHost, "s3": primary, "encryption": primary}

// testDocumented: the manifests of the documentation, changed in nothing but
// endpoint and size, give a proven backup that restores after the
// resource has been deleted.
func testDocumented(t *testing.T, name string) {
	t.Helper()
	k, pod := newKit(t, "e2e-documented-"+name), documented[name]
	k.apply(t, "documented/"+name)
	k.podReady(t, primary)
	k.accounts(t)
	workflow := k.finished(t, k.submit(t, "cluster=cluster", "repo=repo1", "type=full"))
	if workflow.Status.Phase != "Succeeded" {
		t.Fatalf("the backup is %s: %s", workflow.Status.Phase, describe(workflow))
	}
	k.proven(t, workflow, pod)
	raw := k.run(t, pod, "pgbackrest", "repo-get", "--repo=1", "--raw", "backup/db/backup.info")
	if got := strings.HasPrefix(raw, "Salted__"); got != (name == "encryption") {
		t.Errorf("backup.info in the repo is encrypted: %v", got)
	}
	if name == "s3" {
		k.replica(t)
	}
	k.removeCluster(t)
	k.psql(t, primary, "postgres", "UPDATE account SET balance = balance * 2 WHERE id % 5 = 0")
	want := k.checksums(t, primary)
	k.archived(t)
	k.restore(t, "restored", "--repo=1")
	sameData(t, want, k.checksums(t, "restored"))
}

// accounts are some rows.
func (k *kit) accounts(t testing.TB) {
	t.Helper()
	k.psql(t, primary, "postgres", `CREATE TABLE account (id int PRIMARY KEY, owner text, balance numeric);
INSERT INTO account SELECT i, 'owner ' || i, i * 1.5 FROM generate_series(1, 20000) i`)
}

// replica is rebuilt from the repo, and follows by the archive.
func (k *kit) replica(t testing.TB) {
	t.Helper()
	k.emptyPod(t, "replica")
	k.run(t, "replica", "pgbackrest", "restore", "--stanza=db", "--type=standby")
	k.startPostgres(t, "replica")
	k.psql(t, primary, "postgres", "UPDATE account SET owner = 'somebody else' WHERE id % 3 = 0")
	want := k.checksums(t, primary)
	k.archived(t)
	eventually(t, 2*minute, "the replica has what the primary has", func() (bool, string) {
		out, err := k.try(t, "replica", "psql", "-X", "-A", "-t", "-h", "/var/run/postgresql", "-U", "postgres", "-c",
			"SELECT pg_is_in_recovery(), count(*) FROM account WHERE owner = 'somebody else'")
		return err == nil && strings.TrimSpace(out) == "t|6666", fmt.Sprintf("%v %s", err, out)
	})
	sameData(t, want, k.checksums(t, "replica"))
	k.removePod(t, "replica")
}
