// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/beside"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
	"github.com/stanzaflow/stanzaflow/test/standin"
)

// testBesideStandalone removes CPO and keeps its cluster, by the lines of the document.
// Every backup from before is still there, and so is all WAL: a restore of the first
// backup replays it to the end.
func testBesideStandalone(t *testing.T, m madeByCPO) {
	c := newBesideCPO(t, "beside-standalone-"+m.folder, m)
	repoHost := m == withVolume
	k := c.kit
	c.install(t)
	c.backUpByHand(t)
	if repoHost {
		c.proveSecondRepo(t)
	}
	c.awaitOwner(t, stanzaflowv1alpha1.OwnerStanzaflow)
	first := kit.Labels(k.Backups(t, c.pod), "full")[0]
	k.AwaitArchived(t)
	archiver := k.Archiver(t)

	page := c.checkout.Page(t, pageOfCPO, "## From CPO to standalone")
	page.Run(t, "mine/standalone")
	awaitOperator(t)
	awaitProgrammed(t, k, metav1.ConditionFalse, vocab.ReasonManagedByCPO)
	c.before.Check(t, k, "suspend")
	run, _ := k.AwaitSuccess(t, k.Submit(t, "cluster=cluster", "repo=repo1", "type=full"))
	k.ProvenBackup(t, run, c.pod)
	before := kit.Labels(k.Backups(t, c.pod), "")

	c.handOver(t, page, repoHost)
	awaitProgrammed(t, k, metav1.ConditionTrue, "")
	k.PSQL(t, kit.Primary, "UPDATE account SET balance = balance + 1 WHERE id % 5 = 0")
	k.AwaitArchived(t)
	k.Exec(t, kit.Primary, "pgbackrest", "check", "--stanza=db")
	if now := k.Archiver(t); !repoHost && now.LastFailed != archiver.LastFailed {
		t.Errorf("archiving has failed: %+v, was %+v", now, archiver)
	}

	c.cpo.Remove()
	program.Kubectl(t, "delete", "crd", standin.ConfigurationCRD)
	run, _ = k.AwaitSuccess(t, k.Submit(t, "cluster=cluster", "repo=repo1", "type=full"))
	k.ProvenBackup(t, run, c.pod)
	k.ProvenBackup(t, k.AwaitScheduledRunSince(t, often, time.Now()), c.pod)
	after := kit.Labels(k.Backups(t, c.pod), "")
	for _, label := range before {
		if !slices.Contains(after, label) {
			t.Errorf("backup %s is gone, there are %v", label, after)
		}
	}
	want := k.Checksums(t, kit.Primary)
	k.AwaitArchived(t)
	took := k.RestoreAndCompare(t, want, "restored", "--repo=1", "--set="+first)
	t.Logf("RESTORED backup %s from before, with all WAL since, %.1f s", first, took.Seconds())
}

// handOver hands the cluster over while rows are written.
func (c *besideCPO) handOver(t *testing.T, page *beside.Page, repoHost bool) {
	t.Helper()
	c.kit.PSQL(t, kit.Primary, "CREATE TABLE ledger (id bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp(), note text)")
	stop := startWriter(t, c.kit)
	page.Run(t, "annotate postgresql")
	if repoHost {
		page.Run(t, "delete statefulset")
	}
	stop()
	if repoHost {
		page.Run(t, "rollout status")
		c.kit.AwaitPod(t, kit.Primary)
	}
}

// awaitProgrammed waits for the condition of the Stanza. An empty reason is any.
func awaitProgrammed(t testing.TB, k *kit.Kit, status metav1.ConditionStatus, reason vocab.Reason) {
	t.Helper()
	wait.Until(t, 2*time.Minute, fmt.Sprintf("Programmed is %s, %s", status, reason), func() (bool, string) {
		conditions := k.Stanza(t).Status.Conditions
		c := meta.FindStatusCondition(conditions, vocab.ConditionProgrammed)
		return c != nil && c.Status == status && (reason == "" || c.Reason == string(reason)), fmt.Sprintf("%+v", conditions)
	})
}
