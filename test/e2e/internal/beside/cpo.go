// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package beside

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/stanzaflow/stanzaflow/internal/certificate"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/credential"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
	"github.com/stanzaflow/stanzaflow/test/standin"
)

// CPO is the stand-in in this process. It works until Remove, or the end of the test.
type CPO struct {
	Record *standin.Record

	kit      *kit.Kit
	operator *standin.Operator
	ended    sync.WaitGroup
	end      context.CancelFunc
}

// NewCPO registers the schemas of CPO and starts it.
func NewCPO(t *testing.T, k *kit.Kit) *CPO {
	t.Helper()
	c := &CPO{Record: &standin.Record{}, kit: k}
	operator, err := standin.New(k.Config, standin.Options{
		Namespace: k.Namespace, Record: c.Record, Logf: t.Logf, PodTimeout: 3 * time.Minute,
		AdjustPod: func(template *corev1.PodTemplateSpec) { adjust(template, k.Image) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := operator.Register(t.Context()); err != nil {
		t.Fatal(err)
	}
	var ctx context.Context
	ctx, c.end = context.WithCancel(t.Context())
	c.operator = operator
	c.ended.Go(func() {
		if err := operator.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(c.Remove)
	return c
}

// Remove ends it, as deleting its Deployment does. Everything that it made stays.
func (c *CPO) Remove() {
	c.end()
	c.ended.Wait()
}

// Sync syncs every cluster now.
func (c *CPO) Sync() { c.operator.SyncAll() }

// CreateCluster creates the cluster of a folder of testdata/beside, and waits until CPO
// has made everything, the CronJobs last.
func (c *CPO) CreateCluster(t testing.TB, folder string, cronJobs int) {
	t.Helper()
	c.kit.CreateNamespace(t)
	credential.New(c.kit).S3(t)
	c.writeCertificate(t)
	for _, manifests := range []string{"base", folder} {
		if err := c.kit.TryApply(t.Context(), "beside/"+manifests); err != nil {
			t.Fatal(err)
		}
	}
	c.kit.AwaitPod(t, kit.Primary)
	wait.Until(t, 2*time.Minute, fmt.Sprintf("CPO has made %d CronJobs", cronJobs), func() (bool, string) {
		var list batchv1.CronJobList
		err := c.kit.TryList(t.Context(), &list)
		return len(list.Items) == cronJobs, fmt.Sprintf("%v %d CronJobs", err, len(list.Items))
	})
	wait.Until(t, time.Minute, "CPO says that the cluster runs", func() (bool, string) {
		status := program.Kubectl(t, "get", "-n", c.kit.Namespace, "postgresql", "cluster", "-o", "jsonpath={.status.PostgresClusterStatus}")
		return status == "Running", status
	})
}

// writeCertificate writes CPO's Secret. The stand-in makes no certificates, and uses a
// Secret that is there.
func (c *CPO) writeCertificate(t testing.TB) {
	t.Helper()
	state, _, err := certificate.Renew(certificate.State{}, certificate.Names{
		CommonName: "cluster", DNSNames: []string{"*.cluster-clusterpods." + c.kit.Namespace + ".svc.cluster.local"},
	}, 365*24*time.Hour, time.Now(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	data, err := state.Secret()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for file, content := range data {
		files[file] = string(content)
	}
	c.kit.WriteSecret(t, "cluster-pgbackrest-cert", files)
}
