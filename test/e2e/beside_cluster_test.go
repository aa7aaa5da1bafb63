// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/beside"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
	"github.com/stanzaflow/stanzaflow/test/standin"
)

// madeByCPO is a cluster in testdata/beside.
type madeByCPO struct {
	folder string
	// cronJobs that CPO makes.
	cronJobs int
	// pod makes the backups of repo1.
	pod string
}

var (
	withBucket = madeByCPO{folder: "s3", cronJobs: 2, pod: kit.Primary}
	// withVolume has a bucket, too.
	withVolume = madeByCPO{folder: "pvc", cronJobs: 3, pod: kit.RepoHost}
)

// besideCPO is a cluster that CPO made, with a real PostgreSQL.
type besideCPO struct {
	madeByCPO

	kit      *kit.Kit
	cpo      *beside.CPO
	checkout *beside.Checkout
	// before is everything of CPO's, before the operator has come.
	before beside.Objects
}

const (
	pageOfCPO = "docs/cpo.md"
	// often is the schedule that is due every minute.
	often = "pgbackrest-cluster-repo1-incr"
)

// newBesideCPO has a cluster of CPO in which the operator has never been.
func newBesideCPO(t *testing.T, name string, m madeByCPO) *besideCPO {
	t.Helper()
	c := &besideCPO{madeByCPO: m, kit: kit.New(t, "e2e-"+name)}
	c.kit.InitialBackup = true // Stanzaflow, and so its kind Stanza, is not installed yet.
	t.Cleanup(func() { leaveCPO(t, c.kit) })
	program.Kubectl(t, "delete", "-k", program.Checkout+"/deploy/overlays/standalone", "-l", withoutCRDs, "--ignore-not-found")
	// In such a cluster nobody knows the kind.
	program.Kubectl(t, "delete", "crd", "stanzas.stanzaflow.dev", "--ignore-not-found")
	c.checkout = beside.NewCheckout(t, c.kit)
	c.cpo = beside.NewCPO(t, c.kit)
	c.cpo.CreateCluster(t, c.folder, c.cronJobs)
	c.kit.AwaitPod(t, c.pod)
	// CPO's image does it when the pod starts, in the repo host if there is one. That
	// takes the bucket for a folder, in which a test has nothing to do.
	create := []string{"pgbackrest", "--stanza=db", "stanza-create"}
	if c.pod == kit.RepoHost {
		create = append(create, "--repo2-path=/tmp/repo2")
	}
	c.kit.Exec(t, c.pod, create...)
	if c.pod == kit.Primary {
		// Then it makes the first full. Beside a volume it cannot: nothing is archived while
		// the bucket has no stanza.
		c.kit.Exec(t, c.pod, "pgbackrest", "--stanza=db", "--type=full", "--start-fast", "backup")
	}
	c.kit.CreateAccounts(t)
	c.before = beside.ReadObjects(t, c.kit)
	return c
}

// readme installs as the first screen of README.md says.
func (c *besideCPO) readme(t testing.TB) {
	t.Helper()
	page := c.checkout.Page(t, "README.md", "## You run CPO")
	if out := page.Run(t, "bin/operator render"); !strings.Contains(out, "* * * * *") {
		t.Errorf("the summary does not have the schedules:\n%s", out)
	}
	page.Run(t, "dist/install-alongside.yaml")
	awaitOperator(t)
}

// install installs as the page says.
func (c *besideCPO) install(t testing.TB) {
	t.Helper()
	page := c.checkout.Page(t, pageOfCPO, "## Install")
	page.Run(t, "bin/operator render")
	page.Run(t, "dist/install-alongside.yaml")
}

// backUpByHand makes the first backup.
func (c *besideCPO) backUpByHand(t testing.TB) {
	t.Helper()
	if out := c.checkout.Page(t, pageOfCPO, "## Install").Run(t, "argo submit"); !strings.Contains(out, "Succeeded") {
		t.Errorf("the first backup did not succeed:\n%s", out)
	}
}

// awaitOwner waits until all CronJobs have this owner.
func (c *besideCPO) awaitOwner(t testing.TB, owner stanzaflowv1alpha1.CronJobOwner) {
	t.Helper()
	wait.Until(t, 4*time.Minute, fmt.Sprintf("%d CronJobs have owner %s", c.cronJobs, owner), func() (bool, string) {
		var stanza stanzaflowv1alpha1.Stanza
		if err := c.kit.TryGet(t.Context(), "cluster", &stanza); err != nil {
			return false, err.Error()
		}
		n := 0
		for _, job := range stanza.Status.CronJobs {
			if job.Owner == owner {
				n++
			}
		}
		return n == c.cronJobs && len(stanza.Status.CronJobs) == c.cronJobs, fmt.Sprintf("%+v %+v", stanza.Status.CronJobs, stanza.Status.Conditions)
	})
}

// awaitGivenBack waits until CPO makes all backups, and nobody else.
func (c *besideCPO) awaitGivenBack(t testing.TB) {
	t.Helper()
	wait.Until(t, time.Minute, fmt.Sprintf("CPO has all of %d schedules", c.cronJobs), func() (bool, string) {
		var list batchv1.CronJobList
		c.kit.List(t, &list)
		active := 0
		for _, job := range list.Items {
			if !*job.Spec.Suspend {
				active++
			}
		}
		crons := c.kit.CronWorkflows(t)
		return active == c.cronJobs && len(list.Items) == c.cronJobs && len(crons) == 0,
			fmt.Sprintf("%d of %d CronJobs are active; CronWorkflows: %s", active, len(list.Items), kit.DescribeCrons(crons))
	})
}

// awaitJob waits until Kubernetes has started a Job of CPO.
func (c *besideCPO) awaitJob(t testing.TB, since time.Time) {
	t.Helper()
	wait.Until(t, 3*time.Minute, "CPO has run a slot", func() (bool, string) {
		var job batchv1.CronJob
		err := c.kit.TryGet(t.Context(), often, &job)
		last := job.Status.LastScheduleTime
		return err == nil && last != nil && last.After(since), fmt.Sprintf("%v, last slot %s", err, last)
	})
}

// leaveCPO makes the cluster one without CPO again.
func leaveCPO(t testing.TB, k *kit.Kit) {
	t.Helper()
	program.Run(t, "", nil, "kubectl", "delete", "crd", standin.ConfigurationCRD, "--ignore-not-found")
	program.Run(t, "", nil, "kubectl", "delete", "-k", program.Checkout+"/deploy/modes/alongside", "--ignore-not-found")
	installOperator(t, program.Checkout, k.Image)
}
