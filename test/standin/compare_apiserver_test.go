//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stanzaflow/stanzaflow/internal/apiservertest"
	"github.com/stanzaflow/stanzaflow/internal/cpo/cpotest"
)

// testMakesWhatCPOMakes applies the manifest of each case, and compares every object
// with what the real CPO made of it.
func testMakesWhatCPOMakes(t *testing.T, s *server) {
	for _, name := range []string{"pvc", "s3", "encrypted", "azure", "gcs", "tworepos", "twopvc", "monitor"} {
		t.Run(name, func(t *testing.T) {
			w := s.world(t, name, Options{})
			w.applySample(name)
			w.awaitStatus("cluster", statusRunning)
			for _, file := range comparedFiles(t, name) {
				w.compare(path.Join(name, file))
			}
			w.compareNames(name, "CronJob", "batch/v1", "")
			w.compareNames(name, "ConfigMap", "v1", "kube-root-ca.crt")
		})
	}
}

// comparedFiles are the samples of what a stand-in makes, see objects.go.
func comparedFiles(t *testing.T, folder string) []string {
	t.Helper()
	files, err := fs.ReadDir(cpotest.Samples(), folder)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range files {
		n := file.Name()
		if strings.HasPrefix(n, "cronjob-") || strings.HasPrefix(n, "configmap-") || strings.HasSuffix(n, "-repo-host.yaml") && strings.HasPrefix(n, "statefulset-") ||
			strings.HasSuffix(n, "-pgbackrest-cert.yaml") || strings.HasSuffix(n, "-clusterpods.yaml") {
			names = append(names, n)
		}
	}
	if len(names) == 0 {
		t.Fatalf("no sample in %s", folder)
	}
	return names
}

// compare compares an object with a sample of it.
func (w *world) compare(file string) {
	w.Helper()
	want := &unstructured.Unstructured{}
	cpotest.Decode(w.T, file, want)
	got := want.DeepCopy()
	got.SetNamespace(w.namespace)
	err := apiservertest.Poll(func() error { return w.client.Get(w.Context(), client.ObjectKeyFromObject(got), got) })
	if err != nil {
		w.Errorf("%s: %v", file, err)
		return
	}
	got.SetNamespace(want.GetNamespace())
	if diff := cmp.Diff(essence(want), essence(got)); diff != "" {
		w.Errorf("%s (-CPO +stand-in):\n%s", file, diff)
	}
}

// essence leaves out what differs between two creations of one object, and puts
// the lines of a configuration in order: CPO's differs from sync to sync.
func essence(o *unstructured.Unstructured) map[string]any {
	o = o.DeepCopy()
	for _, field := range []string{"uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"} {
		unstructured.RemoveNestedField(o.Object, "metadata", field)
	}
	delete(o.Object, "status")
	owners := o.GetOwnerReferences()
	for i := range owners {
		owners[i].UID = ""
	}
	if len(owners) > 0 {
		o.SetOwnerReferences(owners)
	}
	if text, found, _ := unstructured.NestedString(o.Object, "data", configFile); found {
		lines := strings.Split(text, "\n")
		slices.Sort(lines)
		_ = unstructured.SetNestedField(o.Object, strings.Join(lines, "\n"), "data", configFile)
	}
	return numbersAsFloats(o.Object).(map[string]any)
}

// numbersAsFloats: YAML and the API server give numbers of different types.
func numbersAsFloats(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key := range v {
			v[key] = numbersAsFloats(v[key])
		}
	case []any:
		for i := range v {
			v[i] = numbersAsFloats(v[i])
		}
	case int64:
		return float64(v)
	}
	return value
}

// compareNames compares which objects of a kind there are.
func (w *world) compareNames(folder, kind, version, other string) {
	w.Helper()
	var want, got []string
	for _, file := range comparedFiles(w.T, folder) {
		if name, is := strings.CutPrefix(strings.TrimSuffix(file, ".yaml"), strings.ToLower(kind)+"-"); is {
			want = append(want, name)
		}
	}
	list := &unstructured.UnstructuredList{}
	list.SetAPIVersion(version)
	list.SetKind(kind + "List")
	if err := w.client.List(w.Context(), list, client.InNamespace(w.namespace)); err != nil {
		w.Fatal(err)
	}
	for _, o := range list.Items {
		if o.GetName() != other {
			got = append(got, o.GetName())
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		w.Errorf("%ss (-CPO +stand-in):\n%s", kind, diff)
	}
}

// testKeepsTheOrderOfLines checks the order of the lines that are not of
// spec.backup.pgbackrest.global.
func testKeepsTheOrderOfLines(t *testing.T, s *server) {
	w := s.world(t, "order", Options{})
	w.applySample("tworepos")
	w.awaitStatus("cluster", statusRunning)
	for _, name := range []string{"cluster-pgbackrest-config", "cluster-pgbackrest-repohost-config"} {
		want := &unstructured.Unstructured{}
		cpotest.Decode(t, "tworepos/configmap-"+name+".yaml", want)
		got := w.get("v1", "ConfigMap", name)
		if diff := cmp.Diff(fixedLines(want, "tworepos"), fixedLines(got, w.namespace)); diff != "" {
			t.Errorf("%s (-CPO +stand-in):\n%s", name, diff)
		}
	}
}

// fixedLines are those whose order does not change.
func fixedLines(o *unstructured.Unstructured, namespace string) []string {
	text, _, _ := unstructured.NestedString(o.Object, "data", configFile)
	text = strings.ReplaceAll(text, "."+namespace+".svc", ".NAMESPACE.svc")
	return slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool {
		return strings.Contains(line, "retention") || strings.Contains(line, "repo2-path")
	})
}
