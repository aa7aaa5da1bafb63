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
)

// testCertificate: certificates that live for two minutes, and their CA, are
// replaced again and again while WAL is archived all the time and backups are
// under way, and nothing notices.
func testCertificate(t *testing.T) {
	t.Helper()
	k := newKit(t, "e2e-certificate")
	k.apply(t, "certificate")
	k.podReady(t, primary)
	k.podReady(t, repoHost)
	k.psql(t, primary, "postgres", `CREATE TABLE ledger (id bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp(), note text);
CREATE TABLE document AS SELECT i AS id, md5(i::text) || md5((i * 3)::text) || md5((i * 7)::text) || md5((i * 11)::text) || md5((i * 13)::text) AS body
FROM generate_series(1, 1200000) i`)
	// The first run makes the stanza: until then nothing can be archived.
	k.succeeded(t, k.submit(t, "cluster=cluster", "repo=repo1", "type=full"))
	k.archived(t)

	failed, firstCA := k.archiver(t).lastFailed, k.read(t, cpo.CertSecretName("cluster"), cpo.FileCARoots)
	k.backupAcrossRenewal(t)
	eventually(t, 12*minute, "the first CA is no longer trusted", func() (bool, string) {
		k.psql(t, primary, "postgres", "INSERT INTO ledger (note) VALUES ('tick'); SELECT pg_switch_wal()")
		time.Sleep(2 * time.Second)
		now := k.read(t, cpo.CertSecretName("cluster"), cpo.FileCARoots)
		return !strings.Contains(now, strings.TrimSpace(firstCA)), fmt.Sprintf("%d certificates in the bundle", strings.Count(now, "BEGIN"))
	})
	k.archived(t)
	if now := k.archiver(t); now.lastFailed != failed {
		t.Errorf("archiving failed while certificates were replaced: %+v, before: %q", now, failed)
	}
	k.servesNewCertificate(t)
	k.succeeded(t, k.submit(t, "cluster=cluster", "repo=repo1", "type=incr"))
	want := k.checksums(t, primary)
	k.archived(t)
	k.restore(t, "restored", "--repo=1")
	sameData(t, want, k.checksums(t, "restored"))
}

// backupAcrossRenewal starts backups shortly before a renewal until one was under
// way when it came.
func (k *kit) backupAcrossRenewal(t testing.TB) {
	t.Helper()
	for range 6 {
		due := k.stanza(t, "cluster").Status.Certificate
		if due == nil {
			t.Fatal("the Stanza does not tell of the certificate")
		}
		if wait := time.Until(due.RenewalTime.Time) - 12*time.Second; wait > 0 {
			time.Sleep(wait)
		}
		workflow := k.finished(t, k.submit(t, "cluster=cluster", "repo=repo1", "type=full"))
		if workflow.Status.Phase != "Succeeded" {
			t.Fatalf("the backup is %s: %s", workflow.Status.Phase, describe(workflow))
		}
		b := k.proven(t, workflow, repoHost)
		renewed := due.RenewalTime.Unix()
		if now := k.stanza(t, "cluster").Status.Certificate; now.NotAfter.Equal(&due.NotAfter) {
			t.Errorf("the certificate that was due at %s is still in use: %+v", due.RenewalTime, now)
		}
		if b.Timestamp.Start < renewed && renewed+5 < b.Timestamp.Stop {
			t.Logf("backup %s was under way from %d s before to %d s after a renewal", b.Label, renewed-b.Timestamp.Start, b.Timestamp.Stop-renewed)
			return
		}
	}
	t.Fatal("no backup was under way when a certificate was renewed")
}

// servesNewCertificate: both servers show what the Secret holds now.
func (k *kit) servesNewCertificate(t testing.TB) {
	t.Helper()
	for server, file := range map[string]string{
		repoHost + ".cluster-clusterpods": cpo.FileRepoHostCert,
		"cluster-pgbackrest-primary":      cpo.FileClientCert,
	} {
		eventually(t, minute, server+" shows the newest certificate", func() (bool, string) {
			got, err := k.try(t, primary, "bash", "-c", `openssl s_client -connect "$1" </dev/null 2>/dev/null | openssl x509`, "-", server+"."+k.namespace+".svc:8432")
			want := k.read(t, cpo.CertSecretName("cluster"), file)
			return err == nil && strings.TrimSpace(got) == strings.TrimSpace(want), fmt.Sprintf("%v\n%s\nwant\n%s", err, got, want)
		})
	}
}
