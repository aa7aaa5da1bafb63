//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
)

// change changes schedules one after the other, and times each until its CronWorkflow has
// it.
func (f *fleet) change(b *testing.B, o *operator, r *result) bool {
	b.Helper()
	say("%d clusters: %d changes", f.clusters, *changes)
	for n := range *changes {
		i := n * f.clusters / *changes
		r.changes = append(r.changes, f.timeChange(b, i, fmt.Sprintf("%d 0 29 2 *", n)))
	}
	fmt.Printf("MEASURED %d clusters, change of a schedule until its CronWorkflow has it: median %s, longest %s\n", f.clusters, median(r.changes), slices.Max(r.changes))
	_, alive := f.awaitQuiet(b, o, "changes")
	return alive
}

// timeChange changes the schedule incr of a cluster.
func (f *fleet) timeChange(b *testing.B, i int, expression string) time.Duration {
	b.Helper()
	crons := object.NewList(object.CronWorkflow)
	seen, err := f.client.Watch(f.ctx, crons, client.InNamespace(namespaceOf(i)), client.MatchingFields{"metadata.name": cronName(i, "incr")})
	if err != nil {
		b.Fatalf("cannot watch a CronWorkflow: %v", err)
	}
	defer seen.Stop()
	start := time.Now()
	if err := f.setIncr(i, expression); err != nil {
		b.Fatalf("cannot change %s: %v", clusterName(i), err)
	}
	for {
		select {
		case <-f.ctx.Done():
			b.Fatal("interrupted")
		case e, ok := <-seen.ResultChan():
			if !ok {
				b.Fatalf("the watch of %s has ended", cronName(i, "incr"))
			}
			if u, is := e.Object.(*unstructured.Unstructured); is && hasSchedule(u, expression) {
				return time.Since(start)
			}
		}
	}
}

func cronName(i int, backupType string) string {
	return "pgbackrest-" + clusterName(i) + "-repo1-" + backupType
}

// setIncr changes the schedule incr of a cluster, as a user does.
func (f *fleet) setIncr(i int, expression string) error {
	patch, err := json.Marshal([]map[string]any{{"op": "replace", "path": "/spec/backup/pgbackrest/repos/0/schedule/incr", "value": expression}})
	if err != nil {
		return err
	}
	o := object.New(cpo.GroupVersionKind)
	o.SetNamespace(namespaceOf(i))
	o.SetName(clusterName(i))
	return f.client.Patch(f.ctx, o, client.RawPatch(types.JSONPatchType, patch))
}

// hasSchedule says whether a CronWorkflow has exactly this schedule.
func hasSchedule(cron *unstructured.Unstructured, expression string) bool {
	schedules, _, _ := unstructured.NestedStringSlice(cron.Object, "spec", "schedules")
	return slices.Equal(schedules, []string{expression})
}

func median[T time.Duration | float64](of []T) T {
	sorted := slices.Sorted(slices.Values(of))
	return sorted[len(sorted)/2]
}
