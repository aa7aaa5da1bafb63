//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// result is what was measured at one size.
type result struct {
	clusters int
	limit    int64 // in bytes, 0 for none
	// looped: the operator was killed again and again, so nothing below was measured.
	looped bool

	syncSeconds, syncBusy float64
	sync                  requests
	syncPeak              memory

	idle             requests
	steady           memory
	heap, goroutines float64

	restartSeconds, restartBusy float64
	restart                     requests
	restartPeak                 memory
	restartSteady               memory
	restartHeap                 float64

	changes []time.Duration
	plain   time.Duration
	kills   int
}

const heapInUse = "go_memstats_heap_inuse_bytes"

// firstSync starts the operator where it has never been, until every cluster has its
// CronWorkflows and its status.
func (f *fleet) firstSync(b *testing.B, o *operator, r *result) bool {
	b.Helper()
	say("%d clusters: first sync", f.clusters)
	before, start := f.requests(b), time.Now()
	o.start(b)
	if !f.awaitSynced(b, o) {
		return false
	}
	r.syncSeconds = time.Since(start).Seconds()
	r.syncBusy = o.busySeconds()
	if _, alive := f.awaitQuiet(b, o, "first sync"); !alive {
		return false
	}
	r.syncPeak, r.sync = o.memory(), f.requests(b).since(before).withoutElection()
	fmt.Printf("MEASURED %d clusters, first sync: %.1f s, %.1f s of a processor, %.2f requests a cluster, %.0f conflicts, %s\n%s",
		f.clusters, r.syncSeconds, r.syncBusy, r.sync.all()/float64(f.clusters), r.sync.conflicts(), r.syncPeak, r.sync.each(f.clusters))
	return true
}

// awaitSynced waits until every cluster has its CronWorkflows and its status. It counts the
// CronWorkflows, and lists only when that is enough: a list takes processor time from what is
// measured.
func (f *fleet) awaitSynced(b *testing.B, o *operator) bool {
	b.Helper()
	printed := time.Now()
	for all := int64(schedulesOfCluster * f.clusters); ; {
		count := f.countCronWorkflows(b)
		if count >= all {
			break
		}
		pause(f.ctx, b, 500*time.Millisecond)
		if !o.revive(b) {
			return false
		}
		if time.Since(printed) > 20*time.Second {
			printed = time.Now()
			say("%d of %d CronWorkflows exist, %s", count, all, o.memory())
		}
	}
	for n := range f.namespaces() {
		for !f.isSynced(b, n) {
			pause(f.ctx, b, 200*time.Millisecond)
			if !o.revive(b) {
				return false
			}
		}
	}
	return true
}

func (f *fleet) isSynced(b *testing.B, n int) bool {
	b.Helper()
	crons := newCronWorkflowList()
	f.list(b, crons, "cronworkflows", n)
	ours := 0
	for i := range crons.Items {
		if crons.Items[i].Labels[vocab.LabelCluster] != "" {
			ours++
		}
	}
	if ours < schedulesOfCluster*f.inNamespace(n) {
		return false
	}
	stanzas := &stanzaflowv1alpha1.StanzaList{}
	f.list(b, stanzas, "stanzas", n)
	written := 0
	for i := range stanzas.Items {
		if len(stanzas.Items[i].Status.Conditions) > 0 {
			written++
		}
	}
	return written == f.inNamespace(n)
}

// countCronWorkflows asks for one of them, and how many follow.
func (f *fleet) countCronWorkflows(b *testing.B) int64 {
	b.Helper()
	one := newCronWorkflowList()
	f.lists["cronworkflows"]++
	if err := f.client.List(f.ctx, one, client.Limit(1)); err != nil {
		b.Fatalf("cannot count the CronWorkflows: %v", err)
	}
	count := int64(len(one.Items))
	if more := one.RemainingItemCount; more != nil {
		count += *more
	}
	return count
}

// newCronWorkflowList is for their metadata.
func newCronWorkflowList() *metav1.PartialObjectMetadataList {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(object.CronWorkflow.GroupVersion().WithKind("CronWorkflowList"))
	return list
}

// list lists what a namespace has. The request does not count.
func (f *fleet) list(b *testing.B, list client.ObjectList, resource string, n int) {
	b.Helper()
	f.lists[resource]++
	if err := f.client.List(f.ctx, list, client.InNamespace(namespaceName(n))); err != nil {
		b.Fatalf("cannot list %s: %v", resource, err)
	}
}

// pauseAlive waits, and keeps the operator alive. It is false if that cannot live.
func (f *fleet) pauseAlive(b *testing.B, o *operator, d time.Duration) bool {
	b.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); {
		pause(f.ctx, b, min(time.Second, d))
		if !o.revive(b) {
			return false
		}
	}
	return true
}

// rest waits while nothing happens. Go gives memory back to the kernel in that time.
func (f *fleet) rest(b *testing.B, o *operator, r *result) bool {
	b.Helper()
	say("%d clusters: idle for %s", f.clusters, *idle)
	before := f.requests(b)
	if !f.pauseAlive(b, o, *idle) {
		return false
	}
	r.idle, r.steady = f.requests(b).since(before), o.memory()
	r.heap, r.goroutines = o.mustRead(b, heapInUse), o.mustRead(b, "go_goroutines")
	fmt.Printf("MEASURED %d clusters, idle for %s: %.0f writes, %s, heap in use %s, %.0f goroutines\n%s",
		f.clusters, *idle, r.idle.writes(), r.steady, mebibytes(int64(r.heap)), r.goroutines, r.idle.each(f.clusters))
	f.writeProfile(b, o, "idle")
	return true
}

// restart ends the operator as a rollout does, and starts it where everything is in place.
func (f *fleet) restart(b *testing.B, o *operator, r *result) bool {
	b.Helper()
	say("%d clusters: restart", f.clusters)
	o.stop()
	before, start := f.requests(b), time.Now()
	o.start(b)
	since, alive := f.awaitQuiet(b, o, "restart")
	if !alive {
		return false
	}
	r.restartSeconds, r.restartBusy = since.Sub(start).Seconds(), o.busySeconds()
	r.restartPeak, r.restart = o.memory(), f.requests(b).since(before).withoutElection()
	if !f.pauseAlive(b, o, *idle) {
		return false
	}
	r.restartSteady, r.restartHeap = o.memory(), o.mustRead(b, heapInUse)
	fmt.Printf("MEASURED %d clusters, restart: %.1f s, %.1f s of a processor, %.2f requests a cluster, %.0f writes; %s; after %s %s, heap in use %s\n%s",
		f.clusters, r.restartSeconds, r.restartBusy, r.restart.all()/float64(f.clusters), r.restart.writes(), r.restartPeak,
		*idle, mebibytes(r.restartSteady.resident), mebibytes(int64(r.restartHeap)), r.restart.each(f.clusters))
	f.writeProfile(b, o, "restart")
	return true
}

// read reads a metric of the operator.
func (o *operator) read(metric string) (sum float64, err error) {
	samples, err := scrape(http.DefaultClient, "http://"+o.metrics+"/metrics", metric)
	for _, m := range samples {
		sum += m.value
	}
	return sum, err
}

// mustRead reads one that must be there.
func (o *operator) mustRead(b *testing.B, metric string) float64 {
	b.Helper()
	n, err := o.read(metric)
	if err != nil {
		b.Fatalf("cannot read the metrics of the operator: %v", err)
	}
	return n
}
