// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"testing"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/credential"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
)

// version is an image with PostgreSQL and pgBackRest.
type version struct{ image, pgBackRest string }

var (
	newest   = version{image: "17-pgbackrest-2.55", pgBackRest: "2.55.1"}
	previous = version{image: "15-pgbackrest-2.45", pgBackRest: "2.45"}
)

// store is one kind of storage.
type store struct {
	storage string
	// credentials of the server and of the cluster, as Secrets.
	credentials func(*credential.Set, testing.TB)
	// rotate replaces the credentials of repo1, nil if it has none.
	rotate func(*credential.Set, testing.TB)
}

var stores = []store{
	{storage: cpo.StoragePVC, credentials: (*credential.Set).PVC},
	{storage: cpo.StorageS3, credentials: (*credential.Set).S3, rotate: (*credential.Set).RotateS3},
	{storage: cpo.StorageAzure, credentials: (*credential.Set).Azure, rotate: (*credential.Set).RotateAzure},
	{storage: cpo.StorageGCS, credentials: (*credential.Set).GCS, rotate: (*credential.Set).RotateGCS},
}

// testStore proves and restores backups on one kind of storage, with a real server of
// its kind and a database that is written to all the time: a plain and an encrypted
// repo, to a moment, and to the end after the resource has been deleted. The restored
// data are compared.
func testStore(t *testing.T, s store) {
	if s.storage == cpo.StoragePVC {
		// The repo host may be ready later than the primary.
		testStoreInitial(t, s)
		return
	}
	c := newStoreCluster(t, s, newest, 10_000)
	c.backUp(t, "repo1", "incr", "full")
	c.backUp(t, "repo1", "incr", "incr")
	c.restore(t, "full")
}

// testStoreInitial does the same where the operator makes the first backup of each repo.
func testStoreInitial(t *testing.T, s store) {
	t.Helper()
	c := newStoreCluster(t, s, newest, 10_000, withInitialBackup)
	awaitReady(t, c.kit, "repo1", "repo2")
	for _, repo := range []string{"repo1", "repo2"} {
		checkFirstBackup(t, c.kit, repo, c.pod())
	}
	c.backUp(t, "repo1", "incr", "incr")
	c.restore(t, "incr")
}

// testStorePrevious does the same with an older pgBackRest, and also with a chain in
// the encrypted repo.
func testStorePrevious(t *testing.T, s store) {
	c := newStoreCluster(t, s, previous, 10_000)
	c.backUp(t, "repo1", "incr", "full")
	c.backUp(t, "repo1", "incr", "incr")
	c.restore(t, "full", "incr")
}

// testStoreEveryType proves backups of every type, with 200 MB. Retention keeps them as
// long as asked and no longer. Credentials are replaced between them.
func testStoreEveryType(t *testing.T, s store) {
	c := newStoreCluster(t, s, newest, 190_000)
	if size := c.kit.PSQL(t, kit.Primary, "SELECT sum(pg_database_size(oid)) >= 200e6 FROM pg_database"); size != "t" {
		t.Fatal("the test is wrong: the database is smaller than 200 MB")
	}
	c.backUpEveryType(t)
	c.restore(t, "full", "incr")
}
