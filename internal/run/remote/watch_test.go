// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

// TestPosition: right after a switch, WAL that is all archived must not look as if some
// were not. PostgreSQL 15 said 0/2000028 after pg_switch_wal.
func TestPosition(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	for name, test := range map[string]struct {
		lsn     string
		segment int64
		want    string
	}{
		"in a segment":                    {"0/15007C8", 16 * mib, "0/15007C8"},
		"after a switch":                  {"0/2000028", 16 * mib, "0/2000000"},
		"after a switch, larger segments": {"A/40000028", 64 * mib, "A/40000000"},
		"in a larger segment":             {"A/41000028", 64 * mib, "A/41000028"},
		"the end of a segment":            {"0/2000000", 16 * mib, "0/2000000"},
		"segments of an unknown size":     {"0/2000028", 0, "0/2000028"},
	} {
		if got, err := (Archiving{LSN: test.lsn, SegmentBytes: test.segment}).Position(); got != test.want || err != nil {
			t.Errorf("%s: %q, %v; want %q", name, got, err, test.want)
		}
	}
	for _, lsn := range []string{"", "0", "x/y", "0/"} {
		if got, err := (Archiving{LSN: lsn}).Position(); err == nil {
			t.Errorf("%q is position %q", lsn, got)
		}
	}
}

func TestTimelineOfTheWAL(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]int32{"000000010000000000000003": 1, "0000000A0000000000000003": 10, "": 0, "x": 0, "ZZZZZZZZ0000000000000003": 0, "FFFFFFFF0000000000000003": 0} {
		if got, err := (Archiving{WALFile: file}).Timeline(); got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: timeline %d, %v; want %d", file, got, err, want)
		}
	}
}

func TestParseDiskFree(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][3]int64{
		"   1B-blocks       Avail\n270553174016 32331571200\n": {270553174016, 32331571200, 1},
		"1B-blocks Avail\n10 0":                                {10, 0, 1},
		"":                                                     {},
		"1B-blocks Avail\n":                                    {},
		"1B-blocks Avail\n- -\n":                               {},
		"1B-blocks Avail\n0 0\n":                               {},
		"1B-blocks Avail\n10 20\n":                             {},
		"1B-blocks Avail\n10 5\n10 5\n":                        {},
		"1B-blocks Used Avail\n10 5 5\n":                       {},
	} {
		size, free, known := parseDiskFree(text)
		if size != want[0] || free != want[1] || known != (want[2] == 1) {
			t.Errorf("%q: %d, %d, %t; want %v", text, size, free, known, want)
		}
	}
}

// TestLists: what the watch reads of a namespace, and nothing of another one.
func TestLists(t *testing.T) {
	t.Parallel()
	object := func(kind, group, version, in, name string, spec map[string]any) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": group + "/" + version, "kind": kind, "metadata": map[string]any{"name": name, "namespace": in}, "spec": spec,
		}}
	}
	repos := map[string]any{"backup": map[string]any{"pgbackrest": map[string]any{"repos": []any{map[string]any{"name": "repo1", "storage": "s3"}}}}}
	kinds := map[schema.GroupVersionResource]string{
		cpo.GroupVersionResource: "postgresqlList", {Group: "stanzaflow.dev", Version: "v1alpha1", Resource: "stanzas"}: "StanzaList",
	}
	gone := metav1.NewTime(time.Date(2026, 3, 1, 1, 0, 0, 0, time.UTC))
	pod := func(in string, labels map[string]string) *corev1.Pod {
		return &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: "orders-0", Namespace: in, Labels: labels, DeletionTimestamp: &gone, Finalizers: []string{"x"}, Annotations: map[string]string{"a": "b"}},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "postgres", Image: "x", Env: []corev1.EnvVar{{Name: "PGPASSWORD", Value: "hunter2"}}}}},
			Status:     corev1.PodStatus{PodIP: "10.0.0.1", ContainerStatuses: []corev1.ContainerStatus{{Name: "postgres", Ready: true, Image: "x"}}},
		}
	}
	labels := map[string]string{"application": "cpo", "x": "y"}
	other := pod(namespace, map[string]string{"application": "shop"})
	other.Name = "shop-0"
	c := &Client{
		dynamic: dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), kinds,
			object("postgresql", "cpo.opensource.cybertec.at", "v1", namespace, "orders", repos), object("postgresql", "cpo.opensource.cybertec.at", "v1", "other", "crm", repos),
			object("Stanza", "stanzaflow.dev", "v1alpha1", namespace, "orders", map[string]any{"managed": false}), object("Stanza", "stanzaflow.dev", "v1alpha1", "other", "crm", nil)),
		core: fake.NewClientset(pod(namespace, labels), pod("other", labels), other),
	}
	postgresqls, err := c.Postgresqls(t.Context(), namespace)
	if err != nil || len(postgresqls) != 1 || postgresqls[0].Name != "orders" || postgresqls[0].PgBackRest.Repos[0].Name != "repo1" {
		t.Errorf("postgresqls %+v, %v", postgresqls, err)
	}
	stanzas, err := c.Stanzas(t.Context(), namespace)
	if err != nil || len(stanzas) != 1 || *stanzas["orders"].Spec.Managed {
		t.Errorf("stanzas %+v, %v", stanzas, err)
	}
	pods, err := c.PodsInBrief(t.Context(), namespace, map[string]string{"application": "cpo"})
	if err != nil {
		t.Fatal(err)
	}
	// Nothing that Find does not look at, and so no environment either.
	want := []corev1.Pod{{
		ObjectMeta: metav1.ObjectMeta{Name: "orders-0", Namespace: namespace, Labels: labels, DeletionTimestamp: &gone},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "postgres"}}},
		Status:     corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: "postgres", Ready: true}}},
	}}
	if diff := cmp.Diff(want, pods); diff != "" {
		t.Errorf("pods (-want +got):\n%s", diff)
	}
}
