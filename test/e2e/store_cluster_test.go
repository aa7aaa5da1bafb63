// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/credential"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// storeCluster is a cluster with two repos in one kind of storage: repo1 is plain,
// repo2 encrypted.
type storeCluster struct {
	store       store
	version     version
	kit         *kit.Kit
	credentials *credential.Set
}

// withInitialBackup lets the operator make the first backups.
func withInitialBackup(k *kit.Kit) { k.InitialBackup = true }

// newStoreCluster creates the cluster and 8 tables with that many rows each; 10,000
// are about 10 MB in all.
func newStoreCluster(t *testing.T, s store, v version, rows int, options ...func(*kit.Kit)) *storeCluster {
	t.Helper()
	k := kit.New(t, strings.ReplaceAll("e2e-"+strings.TrimPrefix(t.Name(), "TestStories/"), "/", "-"))
	for _, option := range options {
		option(k)
	}
	c := &storeCluster{store: s, version: v, kit: k, credentials: credential.New(k)}
	k.CreateNamespace(t)
	s.credentials(c.credentials, t)
	k.Apply(t, s.storage, newest.image, v.image, "AZURE-KEY", c.credentials.Inline)
	if s.storage == cpo.StoragePVC {
		k.AwaitPod(t, kit.RepoHost)
	}
	if got := k.Exec(t, kit.Primary, "pgbackrest", "version"); !strings.HasSuffix(strings.TrimSpace(got), " "+v.pgBackRest) {
		t.Fatalf("the test is wrong: the image has %s", got)
	}
	k.PSQL(t, kit.Primary, fmt.Sprintf(`CREATE TABLE ledger (id bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp(), note text);
DO $$ BEGIN FOR n IN 1..8 LOOP EXECUTE format(
	'CREATE TABLE document_%%s AS SELECT i AS id, md5(i::text) || md5((i * 7)::text) || md5((i * %%s)::text) AS body FROM generate_series(1, %d) i', n, n);
END LOOP; END $$`, rows))
	return c
}

// pod is the pod that makes the backups.
func (c *storeCluster) pod() string {
	if c.store.storage == cpo.StoragePVC {
		return kit.RepoHost
	}
	return kit.Primary
}

// backUpEveryType makes the chain full, diff, incr in the plain repo, then a full that
// lets retention remove that chain, then an incr.
func (c *storeCluster) backUpEveryType(t *testing.T) {
	t.Helper()
	first := c.backUp(t, "repo1", "full", "full")
	if c.store.rotate != nil {
		c.store.rotate(c.credentials, t)
		c.kit.AwaitArchived(t)
	}
	c.backUp(t, "repo1", "diff", "diff")
	c.backUp(t, "repo1", "incr", "incr")
	c.backUp(t, "repo1", "full", "full")
	for _, b := range c.kit.Backups(t, c.pod()) {
		if b.Database.RepoKey == 1 && strings.HasPrefix(b.Label, first.Label) {
			t.Errorf("repo1-retention-full is 1, and backup %s of the first chain is still there", b.Label)
		}
	}
	c.backUp(t, "repo1", "incr", "incr")
}

// backUp makes a backup while rows are written, and checks that it is proven.
func (c *storeCluster) backUp(t *testing.T, repo, backupType, want string) kit.Backup {
	t.Helper()
	k, storage := c.kit, c.store.storage
	stop := startWriter(t, k)
	workflow := k.AwaitRun(t, k.Submit(t, "cluster=cluster", "repo="+repo, "type="+backupType))
	stop()
	if workflow.Status.Phase != wfv1.WorkflowSucceeded {
		t.Fatalf("the %s backup to %s is %s: %s", backupType, repo, workflow.Status.Phase, kit.DescribeRun(workflow))
	}
	// Argo removes the pod of a good run after a minute.
	c.credentials.CheckLogs(t, k.PodOfRun(t, workflow.Name))
	b := k.ProvenBackup(t, workflow, c.pod())
	if b.Type != want {
		t.Errorf("backup %s is of type %s, want %s", b.Label, b.Type, want)
	}
	r := kit.Report(t, workflow)
	cipher := map[string]string{"repo1": "none", "repo2": "aes-256-cbc"}[repo]
	if r.Backup.Cipher != cipher || r.Backup.Storage != storage || !strings.HasPrefix(r.Backup.Location, storage+"://") {
		t.Errorf("the report of %s says storage %s, location %s, cipher %s; want %s and cipher %s",
			b.Label, r.Backup.Storage, r.Backup.Location, r.Backup.Cipher, storage, cipher)
	}
	rows := k.PSQL(t, kit.Primary, fmt.Sprintf("SELECT count(*) FROM ledger WHERE at BETWEEN to_timestamp(%d) AND to_timestamp(%d)", b.Timestamp.Start, b.Timestamp.Stop))
	if rows == "0" {
		t.Errorf("nothing was written while backup %s was made", b.Label)
	}
	t.Logf("%s backup %s to %s: %s rows written meanwhile, pgBackRest took %d s, steps %s", b.Type, b.Label, repo, rows, b.Timestamp.Stop-b.Timestamp.Start, stepTimes(r))
	return b
}

func stepTimes(r report.Report) string {
	var texts []string
	for _, step := range r.Steps {
		texts = append(texts, fmt.Sprintf("%s %.1f s", step.Name, step.Seconds))
	}
	return strings.Join(texts, ", ")
}

// startWriter writes some rows in a transaction, again and again, until stop is called.
func startWriter(t *testing.T, k *kit.Kit) (stop func()) {
	t.Helper()
	const writer = `DO $$ BEGIN LOOP
INSERT INTO ledger (note) SELECT md5(random()::text) FROM generate_series(1, 20);
UPDATE ledger SET note = note || 'x' WHERE id = (SELECT max(id) - floor(random() * 50) FROM ledger);
COMMIT; PERFORM pg_sleep(0.1); END LOOP; END $$`
	ended := make(chan string, 1)
	go func() {
		out, err := k.TryExec(t.Context(), kit.Primary, "psql", "-X", "-q", "-h", "/var/run/postgresql", "-U", "postgres", "-d", "postgres",
			"-c", "SET application_name = 'writer'", "-c", writer)
		ended <- fmt.Sprintf("%v %s", err, out)
	}()
	sessions := func() string {
		return k.PSQL(t, kit.Primary, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'writer'")
	}
	wait.Until(t, time.Minute, "the writer writes", func() (bool, string) {
		select {
		case end := <-ended:
			t.Fatalf("the writer has ended: %s", end)
		default:
		}
		n := sessions()
		return n == "1", n + " sessions"
	})
	return func() {
		if n := sessions(); n != "1" {
			t.Errorf("the writer has not lived as long as the backup: %s", <-ended)
			return
		}
		k.PSQL(t, kit.Primary, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'writer'")
		<-ended
	}
}

// restore restores the plain repo to a moment. Then it deletes the resource, and
// restores the encrypted repo to the end. Before that, it makes backups of the given
// types to the encrypted repo.
func (c *storeCluster) restore(t *testing.T, encrypted ...string) {
	t.Helper()
	k := c.kit
	moment := k.PSQL(t, kit.Primary, "SELECT clock_timestamp()")
	want := k.Checksums(t, kit.Primary)
	k.PSQL(t, kit.Primary, "SELECT pg_sleep(1); DELETE FROM ledger WHERE id % 2 = 0; CREATE TABLE later AS SELECT 1 AS id")
	for _, backupType := range encrypted {
		c.backUp(t, "repo2", backupType, backupType)
	}
	k.CheckEncrypted(t, c.pod(), "1", false)
	k.CheckEncrypted(t, c.pod(), "2", true)
	c.checkInfo(t)
	for _, repo := range []string{"1", "2"} {
		if out := k.Exec(t, c.pod(), "pgbackrest", "verify", "--stanza=db", "--repo="+repo, "--output=text", "--verbose"); !strings.Contains(out, "status: ok") {
			t.Errorf("pgbackrest verify of repo%s:\n%s", repo, out)
		}
	}

	k.AwaitArchived(t)
	took := k.RestoreAndCompare(t, want, "moment", "--repo=1", "--type=time", "--target="+moment, "--target-action=promote")

	k.DeleteCluster(t)
	want = k.Checksums(t, kit.Primary)
	k.AwaitArchived(t)
	tookEncrypted := k.Restore(t, "end", "--repo=2")
	kit.CheckSameData(t, want, k.Checksums(t, "end"))
	t.Logf("RESTORED %s, pgBackRest %s: to a moment, plain, %.1f s; to the end, encrypted, after the resource was deleted, %.1f s",
		c.store.storage, c.version.pgBackRest, took.Seconds(), tookEncrypted.Seconds())
	c.credentials.CheckNamespace(t)
	// The curl beside the older pgBackRest cannot sign a request with a query.
	if c.store.storage == cpo.StorageS3 && c.version == newest {
		c.credentials.CheckArtifacts(t)
	}
}

// checkInfo checks that pgbackrest info says the same in every pod.
func (c *storeCluster) checkInfo(t testing.TB) {
	t.Helper()
	if c.pod() == kit.Primary {
		return
	}
	for _, output := range []string{"text", "json"} {
		argv := []string{"pgbackrest", "info", "--output=" + output}
		if diff := cmp.Diff(c.kit.Exec(t, kit.Primary, argv...), c.kit.Exec(t, kit.RepoHost, argv...)); diff != "" {
			t.Errorf("pgbackrest info in %s differs between PostgreSQL's pod and the repo host (-+):\n%s", output, diff)
		}
	}
}
