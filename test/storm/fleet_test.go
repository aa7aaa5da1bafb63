// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package storm_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

const (
	buckets    = 20
	namespaces = 200
	window     = 90 * time.Minute
)

// start is a Saturday at noon, so that a week has the fulls of one Sunday.
var start = time.Date(2027, time.March, 6, 12, 0, 0, 0, time.UTC)

// schedule is one schedule of a cluster, as its user has written it.
type schedule struct {
	cluster, bucket  int
	backupType       string
	expression, name string
	// offset is what the window adds, as the CronWorkflow says.
	offset time.Duration
}

var asked = map[string]string{cpo.Full: "30 2 * * 0", cpo.Diff: "30 2 * * 1-6", cpo.Incr: "*/30 * * * *"}

// length is how long a backup of the type takes, with its pod and its proof.
func (s schedule) length(random *rand.Rand) time.Duration {
	least, more := 20*time.Second, 20*time.Second
	switch s.backupType {
	case cpo.Full:
		least, more = 10*time.Minute, 20*time.Minute
	case cpo.Diff:
		least, more = 2*time.Minute, 4*time.Minute
	}
	return least + time.Duration(random.Int64N(int64(more)))
}

// newFleet makes the clusters, and has the real translation make their CronWorkflows. The
// caps grow with the fleet: at most a twentieth of the clusters at once, and in each bucket
// twice its share.
func newFleet(t *testing.T, clusters int, spread time.Duration) *argo {
	t.Helper()
	a := &argo{loop: &loop{now: start}, random: rand.New(rand.NewPCG(17, uint64(clusters))), up: true, since: start}
	a.judge = newJudge(t, a.loop)
	all := newLock(max(clusters/20, 1))
	a.judge.know(all, widths[2])
	inBucket := make([]*lock, buckets)
	for i := range inBucket {
		inBucket[i] = newLock(max(2*all.limit/buckets, 1))
		a.judge.know(inBucket[i], widths[1])
	}
	for i := range clusters {
		own := newLock(1)
		a.judge.know(own, widths[0])
		a.add(t, i, spread, []*lock{own, inBucket[i%buckets], all})
	}
	slices.SortFunc(a.crons, func(x, y *cronWorkflow) int { return strings.Compare(x.of.name, y.of.name) })
	for _, c := range a.crons {
		a.judge.expect(c)
		a.arm(c)
	}
	return a
}

// add adds the schedules of one cluster.
func (a *argo) add(t *testing.T, number int, spread time.Duration, locks []*lock) {
	t.Helper()
	in := translate.Input{Provisioner: vocab.ProvisionedByUs, Stanza: stanzaflowv1alpha1.StanzaSpec{Window: &metav1.Duration{Duration: spread}}}
	in.Cluster = cpo.Postgresql{Namespace: fmt.Sprintf("team-%03d", number%namespaces), Name: fmt.Sprintf("pg-%05d", number)}
	in.Cluster.PgBackRest = &cpo.PgBackRest{
		Global: map[string]string{"repo1-path": "/" + in.Cluster.Name, "repo1-retention-full": "4"}, Secret: "credential",
		Repos: []cpo.Repo{{
			Name: "repo1", Storage: cpo.StorageS3, Resource: fmt.Sprintf("bucket-%d", number%buckets), Endpoint: "https://s3.example.com:443", Region: "zurich", Schedule: asked,
		}},
	}
	plan := translate.Translate(in)
	if len(plan.Schedules) != len(asked) || len(plan.Problems) > 0 {
		t.Fatalf("cluster %d has %d CronWorkflows and %v", number, len(plan.Schedules), plan.Problems)
	}
	for i := range plan.Schedules {
		planned := &plan.Schedules[i]
		backupType := planned.Labels[vocab.LabelType]
		of := schedule{
			cluster: number, bucket: number % buckets, backupType: backupType, expression: asked[backupType], name: planned.Namespace + "/" + planned.Name,
		}
		if text := planned.Annotations[vocab.AnnotationOffset]; text != "" {
			var err error
			if of.offset, err = time.ParseDuration(text); err != nil {
				t.Fatal(err)
			}
		}
		c, ok := read(of, planned, start, locks)
		if !ok {
			t.Fatalf("the model does not know what Argo makes of %s: %+v", of.name, planned.Spec)
		}
		a.crons = append(a.crons, c)
	}
}
