// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// documented maps the examples of the documentation to the pod that makes their
// backups.
var documented = map[string]string{"pvc": kit.RepoHost, "s3": kit.Primary, "encryption": kit.Primary}

// testDocumented applies the manifests of the documentation; it changes only the
// endpoint and the size. They give a proven backup that restores after the resource
// has been deleted.
func testDocumented(t *testing.T, name string) {
	k, pod := kit.New(t, "e2e-documented-"+name), documented[name]
	k.Apply(t, "documented/"+name)
	k.CreateAccounts(t)
	workflow, _ := k.AwaitSuccess(t, k.Submit(t, "cluster=cluster", "repo=repo1", "type=full"))
	k.ProvenBackup(t, workflow, pod)
	k.CheckEncrypted(t, pod, "1", name == "encryption")
	if name == "s3" {
		rebuildReplica(t, k)
	}
	k.DeleteCluster(t)
	k.PSQL(t, kit.Primary, "UPDATE account SET balance = balance * 2 WHERE id % 5 = 0")
	want := k.Checksums(t, kit.Primary)
	k.AwaitArchived(t)
	k.RestoreAndCompare(t, want, "restored", "--repo=1")
}

// rebuildReplica restores a replica from the repo. It follows the primary by the
// archive.
func rebuildReplica(t testing.TB, k *kit.Kit) {
	t.Helper()
	k.CreateEmptyPod(t, "replica")
	k.Exec(t, "replica", "pgbackrest", "restore", "--stanza=db", "--type=standby")
	k.StartPostgres(t, "replica")
	k.PSQL(t, kit.Primary, "UPDATE account SET owner = 'somebody else' WHERE id % 3 = 0")
	want := k.Checksums(t, kit.Primary)
	k.AwaitArchived(t)
	wait.Until(t, 2*time.Minute, "the replica has what the primary has", func() (bool, string) {
		out, err := k.TryPSQL(t.Context(), "replica", "SELECT pg_is_in_recovery(), count(*) FROM account WHERE owner = 'somebody else'")
		return err == nil && out == "t|6666", fmt.Sprintf("%v %s", err, out)
	})
	kit.CheckSameData(t, want, k.Checksums(t, "replica"))
	k.DeletePod(t, "replica")
}
