// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package packed

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache/informertest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// TestEach visits the objects of every informer of a kind, and of no other kind.
func TestEach(t *testing.T) {
	t.Parallel()
	c := newCache(t)
	c.Cache, c.stores = &informertest.FakeInformers{Scheme: c.scheme}, map[of][]toolscache.Indexer{}
	kept, _ := c.of(&batchv1.CronJob{})
	transform := c.packing(nil)
	for _, namespace := range []string{"crm", "shop"} {
		store := toolscache.NewIndexer(toolscache.MetaNamespaceKeyFunc, toolscache.Indexers{})
		for _, name := range []string{"a", "b"} {
			held, err := transform(&batchv1.CronJob{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: batchv1.CronJobSpec{Schedule: "0 1 * * *"}})
			if err != nil {
				t.Fatal(err)
			}
			if err := store.Add(held); err != nil {
				t.Fatal(err)
			}
		}
		c.stores[kept] = append(c.stores[kept], store)
	}
	var visited []client.Object
	visit := func(o client.Object) error { visited = append(visited, o); return nil }
	if err := c.Each(t.Context(), &batchv1.CronJob{}, visit); err != nil {
		t.Fatal(err)
	}
	var names []string // Those that were visited first have not changed since.
	for _, o := range visited {
		names = append(names, client.ObjectKeyFromObject(o).String()+" "+o.(*batchv1.CronJob).Spec.Schedule)
	}
	slices.Sort(names)
	if diff := cmp.Diff([]string{"crm/a 0 1 * * *", "crm/b 0 1 * * *", "shop/a 0 1 * * *", "shop/b 0 1 * * *"}, names); diff != "" {
		t.Errorf("-want +visited:\n%s", diff)
	}
	visited = nil
	if err := c.Each(t.Context(), &batchv1.Job{}, visit); err != nil || len(visited) > 0 {
		t.Errorf("of another kind it visits %v: %v", visited, err)
	}
	enough, visits := errors.New("enough"), 0
	if err := c.Each(t.Context(), &batchv1.CronJob{}, func(client.Object) error { visits++; return enough }); !errors.Is(err, enough) || visits != 1 {
		t.Errorf("after %d visits: %v", visits, err)
	}
	if err := c.Each(t.Context(), &metav1.PartialObjectMetadata{}, visit); err == nil {
		t.Error("objects that are not packed look as if there were none")
	}
	for _, store := range c.stores[kept] {
		for _, held := range store.List() {
			held.(*Object).data = held.(*Object).data[:3]
		}
	}
	if err := c.Each(t.Context(), &batchv1.CronJob{}, visit); err == nil {
		t.Error("an object that cannot be unpacked is left out")
	}
}
