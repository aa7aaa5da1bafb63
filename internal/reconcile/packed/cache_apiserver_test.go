//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package packed_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stanzaflow/stanzaflow/internal/apiservertest"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/packed"
)

const label = "cluster"

// TestCacheAnswersAsThatOfControllerRuntime asks both caches the same, about all namespaces
// and about two of three.
func TestCacheAnswersAsThatOfControllerRuntime(t *testing.T) {
	config := apiservertest.Start(t)
	direct, err := client.New(config, client.Options{Scheme: scheme.Scheme})
	if err != nil {
		t.Fatal(err)
	}
	for _, namespace := range []string{"a", "b", "c"} {
		create(t, direct, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})
		for n := range 4 {
			meta := metav1.ObjectMeta{Namespace: namespace, Name: fmt.Sprintf("o-%d", n), Labels: map[string]string{label: fmt.Sprintf("db-%d", n%2), "n": fmt.Sprint(n)}}
			create(t, direct, &corev1.ConfigMap{ObjectMeta: meta, Data: map[string]string{"value": fmt.Sprint(n % 3)}})
			create(t, direct, &batchv1.CronJob{ObjectMeta: meta, Spec: batchv1.CronJobSpec{Schedule: "30 2 * * *", JobTemplate: job()}})
		}
	}
	for name, namespaces := range map[string]map[string]cache.Config{"all namespaces": nil, "two namespaces": {"a": {}, "b": {}}} {
		t.Run(name, func(t *testing.T) {
			options := cache.Options{
				Scheme: scheme.Scheme, DefaultTransform: cache.TransformStripManagedFields(), DefaultNamespaces: namespaces,
				ByObject: map[client.Object]cache.ByObject{configMap(): {Transform: cache.TransformStripManagedFields()}},
			}
			plain, ours := start(t, config, cache.New, options), start(t, config, packed.NewCache(label), options)
			for question, asked := range map[string][]client.ListOption{
				"all":                      nil,
				"namespace":                {client.InNamespace("a")},
				"label":                    {client.MatchingLabels{label: "db-1"}},
				"namespace and label":      {client.InNamespace("b"), client.MatchingLabels{label: "db-1"}},
				"two labels":               {client.InNamespace("b"), client.MatchingLabels{label: "db-1", "n": "3"}},
				"a label without an index": {client.InNamespace("b"), client.MatchingLabels{"n": "2"}},
				"has a label":              {client.HasLabels{label}},
				"nothing":                  {client.InNamespace("a"), client.MatchingLabels{label: "db-9"}},
				"field":                    {client.MatchingFields{"value": "1"}},
				"field in a namespace":     {client.InNamespace("a"), client.MatchingFields{"value": "0"}},
			} {
				want, got := list(t, plain, configMaps(), asked...), list(t, ours, configMaps(), asked...)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s: -cache of controller-runtime +ours:\n%s", question, diff)
				}
				if strings.HasPrefix(question, "field") {
					continue // They have no such index.
				}
				if diff := cmp.Diff(list(t, plain, &batchv1.CronJobList{}, asked...), list(t, ours, &batchv1.CronJobList{}, asked...)); diff != "" {
					t.Errorf("%s of typed objects: -cache of controller-runtime +ours:\n%s", question, diff)
				}
			}
			for _, key := range []client.ObjectKey{{Namespace: "a", Name: "o-1"}, {Namespace: "b", Name: "o-9"}} {
				want, got := configMap(), configMap()
				wantErr, gotErr := plain.Get(t.Context(), key, want), ours.Get(t.Context(), key, got)
				if apierrors.IsNotFound(wantErr) != apierrors.IsNotFound(gotErr) || wantErr == nil && cmp.Diff(want, got) != "" {
					t.Errorf("%s: the cache of controller-runtime gives %v and %v, ours %v and %v", key, want, wantErr, got, gotErr)
				}
			}
			if diff := cmp.Diff(list(t, plain, configMaps()), each(t, ours, configMap())); diff != "" {
				t.Errorf("one by one: -cache of controller-runtime +ours:\n%s", diff)
			}
			names := &metav1.PartialObjectMetadataList{}
			names.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("ConfigMapList"))
			if found := list(t, ours, names, client.InNamespace("a"), client.MatchingLabels{label: "db-0"}); len(found) != 2 {
				t.Errorf("names are %v", found)
			}
		})
	}
}

// TestCacheThatHasNotStarted: what is not known is not missing.
func TestCacheThatHasNotStarted(t *testing.T) {
	config := apiservertest.Start(t)
	ours, err := packed.NewCache(label)(config, cache.Options{Scheme: scheme.Scheme})
	if err != nil {
		t.Fatal(err)
	}
	if err := ours.Get(t.Context(), client.ObjectKey{Namespace: "a", Name: "a"}, configMap()); err == nil || apierrors.IsNotFound(err) {
		t.Errorf("an object of a cache that has not started: %v", err)
	}
	if err := ours.List(t.Context(), configMaps()); err == nil {
		t.Error("a cache that has not started lists nothing")
	}
	if err := ours.(*packed.Cache).Each(t.Context(), configMap(), func(client.Object) error { return nil }); err == nil {
		t.Error("a cache that has not started visits nothing")
	}
}

func start(t *testing.T, config *rest.Config, newCache cache.NewCacheFunc, options cache.Options) cache.Cache {
	t.Helper()
	c, err := newCache(config, options)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.IndexField(t.Context(), configMap(), "value", func(o client.Object) []string {
		value, _, _ := unstructured.NestedString(o.(*unstructured.Unstructured).Object, "data", "value")
		return []string{value}
	}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	if !c.WaitForCacheSync(ctx) {
		t.Fatal("the cache has no objects")
	}
	return c
}

func configMap() *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	o.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("ConfigMap"))
	return o
}

func configMaps() *unstructured.UnstructuredList {
	l := &unstructured.UnstructuredList{}
	l.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("ConfigMapList"))
	return l
}

func job() batchv1.JobTemplateSpec {
	pod := corev1.PodSpec{RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{{Name: "a", Image: "a"}}}
	return batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: pod}}}
}

func create(t *testing.T, c client.Client, o client.Object) {
	t.Helper()
	if err := c.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
}

// list returns the objects of a list, sorted by namespace and name, without those of
// Kubernetes itself.
func list(t *testing.T, reader client.Reader, l client.ObjectList, options ...client.ListOption) []runtime.Object {
	t.Helper()
	if err := reader.List(t.Context(), l, options...); err != nil {
		t.Fatal(err)
	}
	objects, err := meta.ExtractList(l)
	if err != nil {
		t.Fatal(err)
	}
	return sorted(objects)
}

// each returns the same objects by visiting them.
func each(t *testing.T, from cache.Cache, example client.Object) []runtime.Object {
	t.Helper()
	var objects []runtime.Object
	if err := from.(*packed.Cache).Each(t.Context(), example, func(o client.Object) error {
		objects = append(objects, o)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return sorted(objects)
}

func sorted(objects []runtime.Object) []runtime.Object {
	objects = slices.DeleteFunc(objects, func(o runtime.Object) bool { return o.(client.Object).GetName() == "kube-root-ca.crt" })
	slices.SortFunc(objects, func(a, b runtime.Object) int {
		return strings.Compare(client.ObjectKeyFromObject(a.(client.Object)).String(), client.ObjectKeyFromObject(b.(client.Object)).String())
	})
	return objects
}
