// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/slots"
)

// testBesideCPO lives through the life of Stanzaflow beside CPO, by the lines of the
// documents: install, the first backup by hand, schedules taken over, a scheduled backup
// and its restore, one cluster given back and taken over again, uninstall. Nothing of
// CPO's has changed, and no slot ran twice.
func testBesideCPO(t *testing.T, m madeByCPO) {
	c := newBesideCPO(t, "beside-"+m.folder, m)
	k := c.kit
	log := watchSlots(t, k)

	if c.madeByCPO == withVolume {
		c.install(t)
	} else {
		c.readme(t)
	}
	c.backUpByHand(t)
	c.awaitOwner(t, stanzaflowv1alpha1.OwnerStanzaflow)
	if out := c.checkout.Page(t, "README.md", "## You run CPO").Run(t, "get stanza"); strings.Count(out, "Stanzaflow") != c.cronJobs {
		t.Errorf("not every CronJob has the owner Stanzaflow:\n%s", out)
	}
	c.checkProvisioner(t)
	c.restoreScheduled(t)
	if c.madeByCPO == withVolume {
		c.proveSecondRepo(t)
	}
	c.before.Check(t, k, "suspend")

	c.giveBack(t)
	c.uninstall(t)
	c.checkSlots(t, log)
	c.before.Check(t, k, "suspend", "startingDeadlineSeconds")
	checkConflicts(t, c.cpo.Record)
}

// checkProvisioner checks that the Stanza says whose the configuration is, so that runs
// compare its options and no digest.
func (c *besideCPO) checkProvisioner(t testing.TB) {
	t.Helper()
	if got := c.kit.Stanza(t).Status.Configuration; got == nil || got.Provisioner != string(vocab.ProvisionedByCPO) || got.Primary != "" {
		t.Errorf("status.configuration of the Stanza is %+v", got)
	}
}

// restoreScheduled proves a scheduled backup, and restores it.
func (c *besideCPO) restoreScheduled(t testing.TB) {
	t.Helper()
	k := c.kit
	k.PSQL(t, kit.Primary, "UPDATE account SET balance = balance + 1 WHERE id % 3 = 0")
	want := k.Checksums(t, kit.Primary)
	changed := time.Now()
	run := k.AwaitScheduledRunSince(t, often, changed)
	backup := k.ProvenBackup(t, run, c.pod)
	k.PSQL(t, kit.Primary, "DELETE FROM account WHERE id % 2 = 0")
	took := k.RestoreAndCompare(t, want, "restored", append(kit.ExactlyBackup(backup.Label), "--repo=1")...)
	t.Logf("RESTORED scheduled backup %s beside CPO, %.1f s", backup.Label, took.Seconds())
}

// proveSecondRepo proves a backup in the bucket beside a volume: CPO makes no stanza
// there, our run does.
func (c *besideCPO) proveSecondRepo(t testing.TB) {
	t.Helper()
	run, _ := c.kit.AwaitSuccess(t, c.kit.Submit(t, "cluster=cluster", "repo=repo2", "type=full"))
	c.kit.ProvenBackup(t, run, kit.Primary)
}

// giveBack gives the cluster back by its Stanza, sees CPO run a slot, and takes it over
// again.
func (c *besideCPO) giveBack(t testing.TB) {
	t.Helper()
	given := time.Now()
	c.checkout.Page(t, pageOfCPO, "## Giving back").Run(t, `"managed": false`)
	c.awaitGivenBack(t)
	c.awaitJob(t, given)
	c.kit.PatchStanza(t, `{"spec": {"managed": true}}`)
	c.awaitOwner(t, stanzaflowv1alpha1.OwnerStanzaflow)
}

// uninstall gives everything back and removes the operator. While the operator runs,
// nothing is given back.
func (c *besideCPO) uninstall(t testing.TB) {
	t.Helper()
	out, err := program.TryRun(t.Context(), program.Checkout, nil, "bin/operator", "release", "--all", "--namespace", kit.System, "--lease-timeout", "5s")
	if err == nil || !strings.Contains(out, "the operator runs in namespace "+kit.System) {
		t.Errorf("release --all does not refuse while the operator runs: %v\n%s", err, out)
	}
	c.awaitOwner(t, stanzaflowv1alpha1.OwnerStanzaflow)

	removed := time.Now()
	page := c.checkout.Page(t, pageOfCPO, "## Uninstall")
	page.Run(t, "release-alongside.yaml")
	c.awaitGivenBack(t)
	out = page.Run(t, "get cronjobs -A")
	ours := 0
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, c.kit.Namespace+" ") {
			continue // That of a story that has failed.
		}
		ours++
		if strings.Contains(line, "True") {
			t.Errorf("this CronJob was not given back: %s", line)
		}
	}
	if ours != c.cronJobs {
		t.Errorf("kubectl get cronjobs says:\n%s", out)
	}
	if left := program.Kubectl(t, "get", "-n", kit.System, "deployment,job,validatingadmissionpolicy,validatingadmissionpolicybinding,clusterrole,clusterrolebinding",
		"-l", "app.kubernetes.io/part-of=stanzaflow", "-o", "name"); left != "" {
		t.Errorf("these are left of the operator:\n%s", left)
	}
	c.awaitJob(t, removed)
}

// checkSlots checks that no slot ran twice, and none was missed.
func (c *besideCPO) checkSlots(t testing.TB, log *slots.Log) {
	t.Helper()
	entries, errs := log.Entries()
	for _, err := range errs {
		t.Error(err)
	}
	if len(entries) == 0 {
		t.Fatal("the log of Jobs and Workflows is empty")
	}
	first := slices.MinFunc(entries, func(a, b slots.Entry) int { return a.Slot.Compare(b.Slot) }).Slot
	last := slices.MaxFunc(entries, func(a, b slots.Entry) int { return a.Slot.Compare(b.Slot) }).Slot
	verdict, err := slots.Judge(entries, []slots.Period{{
		Backup: slots.Backup{Cluster: "cluster", Repo: "repo1", Type: "incr"}, Expression: "* * * * *", From: first, To: last,
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(verdict)
	for _, problem := range verdict.Problems {
		t.Error(problem)
	}
	if verdict.CPO == 0 || verdict.Ours == 0 {
		t.Errorf("the test is wrong: both must run slots: %s", verdict)
	}
}
