// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package packed

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func newCache(t *testing.T) *Cache {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := batchv1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	return &Cache{scheme: scheme, sets: newLabelSets(), kinds: map[of]*kind{}}
}

// cronWorkflow is one object of a fleet, which is like the others.
func cronWorkflow(n int) *unstructured.Unstructured {
	name := fmt.Sprintf("pgbackrest-db-%d-repo1-full", n)
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "argoproj.io/v1alpha1", "kind": "CronWorkflow",
		"metadata": map[string]any{
			"name": name, "namespace": "shop", "uid": fmt.Sprintf("00000000-0000-0000-0000-%012d", n), "resourceVersion": fmt.Sprint(n), "generation": int64(n),
			"creationTimestamp": "2026-11-22T12:00:00Z",
			"labels":            map[string]any{"stanzaflow.dev/cluster": fmt.Sprintf("db-%d", n), "stanzaflow.dev/repo": "repo1"},
			"annotations":       map[string]any{"workflows.argoproj.io/description": strings.Repeat("a backup of each day. ", 40) + name},
		},
		"spec": map[string]any{"schedules": []any{"30 2 * * *"}, "suspend": false, "priority": int64(20), "ratio": 0.5, "nothing": nil, "empty": map[string]any{}},
	}}
}

// TestPack packs objects of several kinds, in an order in which the dictionary is not like
// the others, and expects each back unchanged.
func TestPack(t *testing.T) {
	t.Parallel()
	c, zone := newCache(t), "Europe/Vienna"
	small := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "a"}}}
	large := small.DeepCopy()
	large.Object["data"] = map[string]any{"pgbackrest.conf": strings.Repeat("repo1-retention-full=2\n", 10_000)}
	job := func(name string) *batchv1.CronJob {
		return &batchv1.CronJob{
			TypeMeta:   metav1.TypeMeta{APIVersion: "batch/v1", Kind: "CronJob"},
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "shop", Labels: map[string]string{"a": "b"}},
			Spec:       batchv1.CronJobSpec{Schedule: "30 2 * * *", TimeZone: &zone},
		}
	}
	transform := c.packing(func(o any) (any, error) { return o, nil })
	for i, o := range []client.Object{cronWorkflow(1), cronWorkflow(2), small, large, small, large, job("first"), job("second")} {
		held, err := transform(o.DeepCopyObject())
		if err != nil {
			t.Fatal(err)
		}
		packed, ok := held.(*Object)
		if !ok {
			t.Fatalf("object %d is held as %T", i, held)
		}
		if again, err := transform(packed); err != nil || again != any(packed) {
			t.Errorf("object %d is packed twice: %T, %v", i, again, err)
		}
		if diff := cmp.Diff(o, Open(packed)); diff != "" {
			t.Errorf("object %d comes back changed (-is +comes back):\n%s", i, diff)
		}
		if diff := cmp.Diff(o, Open(packed.DeepCopyObject().(client.Object))); diff != "" {
			t.Errorf("the copy of object %d is another (-is +copy):\n%s", i, diff)
		}
		for name, pair := range map[string][2]any{
			"name": {o.GetName(), packed.GetName()}, "namespace": {o.GetNamespace(), packed.GetNamespace()}, "UID": {o.GetUID(), packed.GetUID()},
			"resource version": {o.GetResourceVersion(), packed.GetResourceVersion()}, "generation": {o.GetGeneration(), packed.GetGeneration()},
			"kind": {o.GetObjectKind().GroupVersionKind(), packed.GetObjectKind().GroupVersionKind()},
		} {
			if pair[0] != pair[1] {
				t.Errorf("the %s of object %d is %v, held is %v", name, i, pair[0], pair[1])
			}
		}
		if diff := cmp.Diff(o.GetLabels(), packed.GetLabels()); diff != "" {
			t.Errorf("labels of object %d (-is +held): %s", i, diff)
		}
		if cap(packed.data) != len(packed.data) {
			t.Errorf("object %d holds %d bytes for %d", i, cap(packed.data), len(packed.data))
		}
	}
	// What the caller has used before does not shine through.
	first, err := transform(job("first"))
	if err != nil {
		t.Fatal(err)
	}
	used := job("used")
	used.Labels["c"], used.Annotations = "d", map[string]string{"e": "f"}
	if err := first.(*Object).into(used); err != nil || cmp.Diff(job("first"), used) != "" {
		t.Errorf("%v, -is +unpacked: %s", err, cmp.Diff(job("first"), used))
	}
	// One of a fleet is little more than what is its own.
	held, err := transform(cronWorkflow(12345))
	if err != nil {
		t.Fatal(err)
	}
	if size := len(held.(*Object).data); size > 200 {
		t.Errorf("a CronWorkflow like another one takes %d bytes", size)
	}
}

// TestOpenLeavesOthers: handlers are also called with objects of tests and of other caches.
func TestOpenLeavesOthers(t *testing.T) {
	t.Parallel()
	plain := cronWorkflow(1)
	if Open(plain) != client.Object(plain) {
		t.Error("an object that is not packed is another one afterwards")
	}
	c := newCache(t)
	names := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "a"}}
	if held, err := c.packing(nil)(names); err != nil || held != any(names) {
		t.Errorf("metadata are held as %T, %v", held, err)
	}
	packed, err := c.packing(nil)(cronWorkflow(2))
	if err != nil {
		t.Fatal(err)
	}
	broken := packed.(*Object)
	broken.data = broken.data[:len(broken.data)/2]
	if err := broken.into(&unstructured.Unstructured{}); err == nil || !strings.Contains(err.Error(), "cannot unpack CronWorkflow shop/pgbackrest-db-2-repo1-full") {
		t.Errorf("half of an object is unpacked: %v", err)
	}
}
