// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// testCertificate gives certificates and their CA a life of two minutes, so that they
// are replaced again and again. Archiving and backups continue without a failure.
func testCertificate(t *testing.T) {
	k := kit.Start(t, "certificate")
	k.AwaitPod(t, kit.RepoHost)
	k.PSQL(t, kit.Primary, `CREATE TABLE ledger (id bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp(), note text);
CREATE TABLE document AS SELECT i AS id, md5(i::text) || md5((i * 3)::text) || md5((i * 7)::text) || md5((i * 11)::text) || md5((i * 13)::text) AS body
FROM generate_series(1, 1200000) i`)
	// The first run makes the stanza: until then nothing can be archived.
	k.AwaitSuccess(t, k.Submit(t, "cluster=cluster", "repo=repo1", "type=full"))
	k.AwaitArchived(t)

	failed, firstCA := k.Archiver(t).LastFailed, k.ReadSecret(t, cpo.CertSecretName("cluster"), cpo.FileCARoots)
	backupAcrossRenewal(t, k)
	wait.Until(t, 12*time.Minute, "the first CA is no longer trusted", func() (bool, string) {
		k.PSQL(t, kit.Primary, "INSERT INTO ledger (note) VALUES ('tick'); SELECT pg_switch_wal()")
		time.Sleep(2 * time.Second)
		now := k.ReadSecret(t, cpo.CertSecretName("cluster"), cpo.FileCARoots)
		return !strings.Contains(now, strings.TrimSpace(firstCA)), fmt.Sprintf("%d certificates in the bundle", strings.Count(now, "BEGIN"))
	})
	k.AwaitArchived(t)
	if now := k.Archiver(t); now.LastFailed != failed {
		t.Errorf("archiving failed while certificates were replaced: %+v, before: %q", now, failed)
	}
	checkServedCertificates(t, k)
	k.AwaitSuccess(t, k.Submit(t, "cluster=cluster", "repo=repo1", "type=incr"))
	want := k.Checksums(t, kit.Primary)
	k.AwaitArchived(t)
	k.RestoreAndCompare(t, want, "restored", "--repo=1")
}

// backupAcrossRenewal starts backups shortly before a renewal until one was running
// when it came.
func backupAcrossRenewal(t testing.TB, k *kit.Kit) {
	t.Helper()
	for range 6 {
		due := k.Stanza(t).Status.Certificate
		if due == nil {
			t.Fatal("the Stanza does not report the certificate")
		}
		wait.Until(t, time.Until(due.RenewalTime.Time)+time.Minute, "the renewal is 12 s away", func() (bool, string) {
			left := time.Until(due.RenewalTime.Time)
			return left <= 12*time.Second, fmt.Sprintf("%s left", left)
		})
		workflow, _ := k.AwaitSuccess(t, k.Submit(t, "cluster=cluster", "repo=repo1", "type=full"))
		b := k.ProvenBackup(t, workflow, kit.RepoHost)
		renewed := due.RenewalTime.Unix()
		if now := k.Stanza(t).Status.Certificate; now.NotAfter.Equal(&due.NotAfter) {
			t.Errorf("the certificate that was due at %s is still in use: %+v", due.RenewalTime, now)
		}
		if b.Timestamp.Start < renewed && renewed+5 < b.Timestamp.Stop {
			t.Logf("backup %s ran from %d s before to %d s after a renewal", b.Label, renewed-b.Timestamp.Start, b.Timestamp.Stop-renewed)
			return
		}
	}
	t.Fatal("no backup was running when a certificate was renewed")
}

// checkServedCertificates checks that both servers serve what the Secret holds now.
func checkServedCertificates(t testing.TB, k *kit.Kit) {
	t.Helper()
	for server, file := range map[string]string{
		kit.RepoHost + ".cluster-clusterpods": cpo.FileRepoHostCert,
		"cluster-pgbackrest-primary":          cpo.FileClientCert,
	} {
		wait.Until(t, time.Minute, server+" serves the newest certificate", func() (bool, string) {
			got, err := k.TryExec(t.Context(), kit.Primary, "bash", "-c", `openssl s_client -connect "$1" </dev/null 2>/dev/null | openssl x509`, "-", server+"."+k.Namespace+".svc:8432")
			want := k.ReadSecret(t, cpo.CertSecretName("cluster"), file)
			return err == nil && strings.TrimSpace(got) == strings.TrimSpace(want), fmt.Sprintf("%v\n%s\nwant\n%s", err, got, want)
		})
	}
}
