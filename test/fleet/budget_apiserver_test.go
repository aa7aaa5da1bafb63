//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
)

// budget measures what an object of each kind takes in the cache of the operator, which this
// process makes for it: the growth of its own heap, after garbage is collected.
func (f *fleet) budget(b *testing.B, _ *operator, r *result) bool {
	b.Helper()
	for _, kind := range []struct {
		name      string
		of        client.Object
		transform toolscache.TransformFunc
	}{
		{"postgresql", object.New(cpo.GroupVersionKind), cache.TransformStripManagedFields()},
		{"Stanza", &stanzaflowv1alpha1.Stanza{}, cache.TransformStripManagedFields()},
		{"CronWorkflow", object.New(object.CronWorkflow), nil},
		{"ConfigMap", object.New(object.ConfigMap), cache.TransformStripManagedFields()},
		{"Workflow", object.New(object.Workflow), object.TrimWorkflow},
	} {
		bytes, count := f.held(b, kind.of, kind.transform)
		if count > 0 {
			fmt.Printf("MEASURED %d clusters: %d of kind %s are held in %.0f bytes each\n", r.clusters, count, kind.name, bytes)
		}
	}
	return true
}

// held fills a cache with all objects of a kind.
func (f *fleet) held(b *testing.B, of client.Object, transform toolscache.TransformFunc) (bytes float64, count int) {
	b.Helper()
	if transform == nil {
		transform = func(o any) (any, error) { return o, nil }
	}
	before := heap()
	held, err := reconcile.NewCache(f.config, cache.Options{Scheme: f.client.Scheme(), ByObject: map[client.Object]cache.ByObject{of: {Transform: transform}}})
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(f.ctx)
	done := make(chan error, 1)
	go func() { done <- held.Start(ctx) }()
	defer func() {
		stop()
		if err := <-done; err != nil {
			b.Error(err)
		}
	}()
	informer, err := held.GetInformer(ctx, of)
	if err != nil {
		b.Fatal(err)
	}
	// Without this the answer is there before the objects, if the cache has not begun yet.
	if !held.WaitForCacheSync(ctx) {
		b.Fatal("the cache is not filled")
	}
	count = len(informer.(toolscache.SharedIndexInformer).GetStore().ListKeys())
	bytes = (heap() - before) / float64(max(count, 1))
	runtime.KeepAlive(held)
	return bytes, count
}

// heap is what lives in the heap of this process, in bytes.
func heap() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
