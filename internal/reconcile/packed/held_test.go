// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package packed

import (
	"fmt"
	"runtime"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	toolscache "k8s.io/client-go/tools/cache"
)

// runOf is a run that has ended, as the transform of the cache leaves it: run n of cluster c.
func runOf(c, n int) *unstructured.Unstructured {
	began, uid := 1764500000+600*n, fmt.Sprintf("6f0d3c1e-%04x-4b1c-9d2e-%012x", n, c*7919+n)
	name := fmt.Sprintf("pgbackrest-db-%d-repo1-incr-%d", c, began)
	report := fmt.Sprintf(`{"kind":"backup","result":"Succeeded","run":%q,"cluster":"db-%d","repo":"repo1","backup":{"label":"20261130-%06dF","databaseBytes":%d,"walStart":"0000000100000000%08X"}}`, uid, c, began%1000000, began*13, began%65536)
	outputs := map[string]any{"parameters": []any{map[string]any{"name": "report", "value": report}}}
	nodes := map[string]any{}
	for _, step := range []string{"begin", "precheck", "backup", "expire", "main"} {
		nodes[name+"-"+step] = map[string]any{"id": name + "-" + step, "name": name + "." + step, "displayName": step, "type": "Container", "phase": "Succeeded", "outputs": outputs}
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow",
		"metadata": map[string]any{
			"name": name, "namespace": fmt.Sprintf("fleet-%d", c/100), "uid": uid, "resourceVersion": fmt.Sprint(began), "creationTimestamp": "2026-11-30T02:30:00Z",
			"labels": map[string]any{
				"app.kubernetes.io/managed-by": "stanzaflow", "stanzaflow.dev/cluster": fmt.Sprintf("db-%d", c), "stanzaflow.dev/kind": "backup",
				"stanzaflow.dev/repo": "repo1", "stanzaflow.dev/type": "incr", "stanzaflow.dev/trigger": "schedule", "stanzaflow.dev/result": "Proven",
				"workflows.argoproj.io/completed": "true", "workflows.argoproj.io/phase": "Succeeded",
				"workflows.argoproj.io/cron-workflow": fmt.Sprintf("pgbackrest-db-%d-repo1-incr", c), "workflows.argoproj.io/workflow-template": "pgbackrest-backup",
			},
		},
		"status": map[string]any{"phase": "Succeeded", "startedAt": "2026-11-30T02:30:00Z", "finishedAt": "2026-11-30T02:30:30Z", "outputs": outputs, "nodes": nodes},
	}}
}

// BenchmarkHeld measures the memory of a Workflow that Argo keeps, 30 for each of 300
// clusters, in the store of an informer. docs/scale.md has the figure.
func BenchmarkHeld(b *testing.B) {
	const clusters, runs = 300, 30
	for b.Loop() {
		c := &Cache{sets: newLabelSets(), kinds: map[of]*kind{}}
		pack := c.packing(nil)
		store := toolscache.NewIndexer(toolscache.MetaNamespaceKeyFunc, toolscache.Indexers{labelIndex("stanzaflow.dev/cluster"): byLabel("stanzaflow.dev/cluster")})
		before := held()
		for i := range clusters * runs {
			packed, err := pack(runOf(i/runs, i%runs))
			if err != nil {
				b.Fatal(err)
			}
			if err := store.Add(packed); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric((held()-before)/(clusters*runs), "held-B/Workflow")
		runtime.KeepAlive(store)
	}
	b.ReportMetric(0, "ns/op")
}

func held() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
