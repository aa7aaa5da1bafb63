// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"fmt"
	"strings"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// version is an image with PostgreSQL and pgBackRest.
type version struct{ image, pgBackRest, archiveID string }

var (
	newest   = version{image: "17-pgbackrest-2.55", pgBackRest: "2.55.1", archiveID: "17-1"}
	previous = version{image: "15-pgbackrest-2.45", pgBackRest: "2.45", archiveID: "15-1"}
)

// store is one kind of storage. Every cluster has two repos in it: repo1 plain,
// repo2 encrypted.
type store struct {
	storage string
	// credentials of the server and of the cluster, as Secrets.
	credentials func(*kit, testing.TB)
	// rotate replaces the credentials of repo1, nil where there are none.
	rotate func(*kit, testing.TB)
}

var stores = []store{
	{storage: cpo.StoragePVC, credentials: (*kit).pvcCredentials},
	{storage: cpo.StorageS3, credentials: (*kit).s3Credentials, rotate: (*kit).rotateS3},
	{storage: cpo.StorageAzure, credentials: (*kit).azureCredentials, rotate: (*kit).rotateAzure},
	{storage: cpo.StorageGCS, credentials: (*kit).gcsCredentials, rotate: (*kit).rotateGCS},
}

// at is where the backups of a store are made and looked at.
func (s store) at() string {
	if s.storage == cpo.StoragePVC {
		return repoHost
	}
	return primary
}

// storeEveryDay: on each kind of storage, with a real server of its kind and a
// database that is written to all the time, backups to a plain and to an
// encrypted repo are proven and restored with the same data: to a moment, and to
// the end, after the resource has been deleted.
func storeEveryDay(t *testing.T, s store) {
	t.Helper()
	k := newStore(t, s, newest, 10_000)
	k.backUp(t, s, "repo1", "incr", "full")
	k.backUp(t, s, "repo1", "incr", "incr")
	k.restoredAfterDeletion(t, s, newest, "full")
}

// storePrevious is the same with an older pgBackRest, and a chain in the encrypted
// repo, too.
func storePrevious(t *testing.T, s store) {
	t.Helper()
	k := newStore(t, s, previous, 10_000)
	k.backUp(t, s, "repo1", "incr", "full")
	k.backUp(t, s, "repo1", "incr", "incr")
	k.restoredAfterDeletion(t, s, previous, "full", "incr")
}

// storeEveryType: with 200 MB, backups of every type are proven, and kept as long
// as asked and not longer; credentials are replaced between them.
func storeEveryType(t *testing.T, s store) {
	t.Helper()
	k := newStore(t, s, newest, 190_000)
	if size := k.psql(t, primary, "postgres", "SELECT sum(pg_database_size(oid)) >= 200e6 FROM pg_database"); size != "t" {
		t.Fatal("the test is wrong: the database is smaller than 200 MB")
	}
	k.everyType(t, s)
	k.restoredAfterDeletion(t, s, newest, "full", "incr")
}

// newStore makes the cluster and 8 tables with that many rows each; 10,000 are
// about 10 MB in all.
func newStore(t *testing.T, s store, v version, rows int) *kit {
	t.Helper()
	k := newKit(t, strings.ReplaceAll("e2e-"+strings.TrimPrefix(t.Name(), "TestStories/"), "/", "-"))
	k.createNamespace(t)
	s.credentials(k, t)
	k.apply(t, s.storage, newest.image, v.image)
	k.podReady(t, primary)
	if s.storage == cpo.StoragePVC {
		k.podReady(t, repoHost)
	}
	if got := k.run(t, primary, "pgbackrest", "version"); !strings.HasSuffix(strings.TrimSpace(got), " "+v.pgBackRest) {
		t.Fatalf("the test is wrong: the image has %s", got)
	}
	k.psql(t, primary, "postgres", fmt.Sprintf(`CREATE TABLE ledger (id bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp(), note text);
DO $$ BEGIN FOR n IN 1..8 LOOP EXECUTE format(
	'CREATE TABLE document_%%s AS SELECT i AS id, md5(i::text) || md5((i * 7)::text) || md5((i * %%s)::text) AS body FROM generate_series(1, %d) i', n, n);
END LOOP; END $$`, rows))
	return k
}

// everyType makes the chain full, diff, incr in the plain repo, then a full that
// lets retention remove that chain, then an incr; and a full and an incr in the
// encrypted one.
func (k *kit) everyType(t *testing.T, s store) {
	t.Helper()
	first := k.backUp(t, s, "repo1", "full", "full")
	if s.rotate != nil {
		s.rotate(k, t)
		k.archived(t)
	}
	k.backUp(t, s, "repo1", "diff", "diff")
	k.backUp(t, s, "repo1", "incr", "incr")
	k.backUp(t, s, "repo1", "full", "full")
	for _, b := range k.info(t, s.at()) {
		if b.Database.RepoKey == 1 && strings.HasPrefix(b.Label, first.Label) {
			t.Errorf("repo1-retention-full is 1, and backup %s of the first chain is still there", b.Label)
		}
	}
	k.backUp(t, s, "repo1", "incr", "incr")
}

// backUp makes a backup while rows are written, and finds it proven.
func (k *kit) backUp(t *testing.T, s store, repo, backupType, want string) listedBackup {
	t.Helper()
	stop := k.write(t)
	workflow := k.finished(t, k.submit(t, "cluster=cluster", "repo="+repo, "type="+backupType))
	stop()
	if workflow.Status.Phase != wfv1.WorkflowSucceeded {
		t.Fatalf("the %s backup to %s is %s: %s", backupType, repo, workflow.Status.Phase, describe(workflow))
	}
	// Argo removes the pod of a good run after a minute.
	k.cleanLogs(t, k.podOf(t, workflow.Name))
	b := k.proven(t, workflow, s.at())
	if b.Type != want {
		t.Errorf("backup %s is of type %s, want %s", b.Label, b.Type, want)
	}
	r := reportOf(t, workflow)
	cipher := map[string]string{"repo1": "none", "repo2": "aes-256-cbc"}[repo]
	if r.Backup.Cipher != cipher || r.Backup.Storage != s.storage || !strings.HasPrefix(r.Backup.Location, s.storage+"://") {
		t.Errorf("the report of %s says storage %s, location %s, cipher %s; want %s and cipher %s",
			b.Label, r.Backup.Storage, r.Backup.Location, r.Backup.Cipher, s.storage, cipher)
	}
	rows := k.psql(t, primary, "postgres", fmt.Sprintf("SELECT count(*) FROM ledger WHERE at BETWEEN to_timestamp(%d) AND to_timestamp(%d)", b.Timestamp.Start, b.Timestamp.Stop))
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

// write goes on until the returned function is called: some rows, again and
// again, each lot a transaction.
func (k *kit) write(t *testing.T) (stop func()) {
	t.Helper()
	const writer = `DO $$ BEGIN LOOP
INSERT INTO ledger (note) SELECT md5(random()::text) FROM generate_series(1, 20);
UPDATE ledger SET note = note || 'x' WHERE id = (SELECT max(id) - floor(random() * 50) FROM ledger);
COMMIT; PERFORM pg_sleep(0.1); END LOOP; END $$`
	ended := make(chan string, 1)
	go func() {
		out, err := k.try(t, primary, "psql", "-X", "-q", "-h", "/var/run/postgresql", "-U", "postgres", "-d", "postgres",
			"-c", "SET application_name = 'writer'", "-c", writer)
		ended <- fmt.Sprintf("%v %s", err, out)
	}()
	sessions := func() string {
		return k.psql(t, primary, "postgres", "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'writer'")
	}
	eventually(t, minute, "the writer writes", func() (bool, string) {
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
		k.psql(t, primary, "postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'writer'")
		<-ended
	}
}

// archived waits until all that was written is in the archive of every repo.
func (k *kit) archived(t testing.TB) {
	t.Helper()
	// A segment that nobody has written in is not switched.
	k.psql(t, primary, "postgres", "SELECT pg_create_restore_point('archived')")
	segment := k.psql(t, primary, "postgres", "SELECT pg_walfile_name(pg_switch_wal())")
	eventually(t, 4*minute, "WAL segment "+segment+" is archived", func() (bool, string) {
		last := k.psql(t, primary, "postgres", "SELECT last_archived_wal FROM pg_stat_archiver")
		return last >= segment, fmt.Sprintf("%s, %+v", last, k.archiver(t))
	})
}

// restoredAfterDeletion restores the plain repo to a moment and, after the
// resource has been deleted, the encrypted one to the end. That has backups of the
// given types.
func (k *kit) restoredAfterDeletion(t *testing.T, s store, v version, encrypted ...string) {
	t.Helper()
	moment := k.psql(t, primary, "postgres", "SELECT clock_timestamp()")
	want := k.checksums(t, primary)
	k.psql(t, primary, "postgres", "SELECT pg_sleep(1); DELETE FROM ledger WHERE id % 2 = 0; CREATE TABLE later AS SELECT 1 AS id")
	for _, backupType := range encrypted {
		k.backUp(t, s, "repo2", backupType, backupType)
	}
	k.encrypted(t, s)
	k.infoAtBothEnds(t, s)
	for _, repo := range []string{"1", "2"} {
		if out := k.run(t, s.at(), "pgbackrest", "verify", "--stanza=db", "--repo="+repo, "--output=text", "--verbose"); !strings.Contains(out, "status: ok") {
			t.Errorf("pgbackrest verify of repo%s:\n%s", repo, out)
		}
	}

	k.archived(t)
	took := k.restore(t, "moment", "--repo=1", "--type=time", "--target="+moment, "--target-action=promote")
	sameData(t, want, k.checksums(t, "moment"))
	k.removePod(t, "moment")

	k.removeCluster(t)
	want = k.checksums(t, primary)
	k.archived(t)
	tookEncrypted := k.restore(t, "end", "--repo=2")
	sameData(t, want, k.checksums(t, "end"))
	t.Logf("RESTORED %s, pgBackRest %s: to a moment, plain, %.1f s; to the end, encrypted, after the resource was deleted, %.1f s",
		s.storage, v.pgBackRest, took.Seconds(), tookEncrypted.Seconds())
	k.noCredentials(t)
	// The curl beside the older one cannot sign a request with a query.
	if s.storage == cpo.StorageS3 && v == newest {
		k.cleanArtifacts(t)
	}
}

// encrypted looks at the first bytes of a file as the store has it: OpenSSL
// marks what it encrypts, and pgBackRest uses its format.
func (k *kit) encrypted(t testing.TB, s store) {
	t.Helper()
	for repo, want := range map[string]bool{"1": false, "2": true} {
		raw := k.run(t, s.at(), "pgbackrest", "repo-get", "--repo="+repo, "--raw", "backup/db/backup.info")
		if got := strings.HasPrefix(raw, "Salted__"); got != want {
			t.Errorf("backup.info of repo%s is encrypted: %v, want %v", repo, got, want)
		}
	}
}

// infoAtBothEnds: pgbackrest info tells the same wherever it is asked.
func (k *kit) infoAtBothEnds(t testing.TB, s store) {
	t.Helper()
	if s.at() == primary {
		return
	}
	for _, output := range []string{"text", "json"} {
		argv := []string{"pgbackrest", "info", "--output=" + output}
		if diff := cmp.Diff(k.run(t, primary, argv...), k.run(t, repoHost, argv...)); diff != "" {
			t.Errorf("pgbackrest info in %s differs between PostgreSQL's pod and the repo host (-+):\n%s", output, diff)
		}
	}
}

// removeCluster deletes the resource and waits until its schedules are gone.
func (k *kit) removeCluster(t testing.TB) {
	t.Helper()
	before := labels(k.info(t, primary), "")
	kubectl(t, nil, "delete", "postgresql", "-n", k.namespace, "cluster")
	eventually(t, 3*minute, "the CronWorkflows are gone", func() (bool, string) {
		crons := k.cronWorkflows(t)
		return len(crons) == 0, cronText(crons)
	})
	eventually(t, minute, "the operator has done what there is to do", func() (bool, string) {
		var stanza stanzaflowv1alpha1.Stanza
		err := k.Get(t.Context(), client.ObjectKey{Namespace: k.namespace, Name: "cluster"}, &stanza)
		accepted := meta.FindStatusCondition(stanza.Status.Conditions, vocab.ConditionAccepted)
		return apierrors.IsNotFound(err) || accepted != nil && accepted.Reason == vocab.ReasonClusterNotFound, fmt.Sprintf("%v %+v", err, stanza.Status.Conditions)
	})
	if diff := cmp.Diff(before, labels(k.info(t, primary), "")); diff != "" {
		t.Errorf("deleting the resource changed the backups (-before +after):\n%s", diff)
	}
}
