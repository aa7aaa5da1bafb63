// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

func TestHeld(t *testing.T) {
	set := func(value any, path ...string) func(*Pass) {
		return func(p *Pass) {
			if err := unstructured.SetNestedField(p.State.Postgresql.Object, value, path...); err != nil {
				panic(err)
			}
		}
	}
	const restoring = "the cluster is being restored: spec.backup.pgbackrest.restore.id is not yet in status.RestoreID"
	restore := func(p *Pass) {
		set("restore-1", "spec", "backup", "pgbackrest", "restore", "id")(p)
		set("Updating", "status", "PostgresClusterStatus")(p)
	}
	suspend := func(p *Pass) { p.State.Stanza.Spec.Suspend = true }
	inArgo := func(p *Pass) {
		p.InForce[0] = object.AsSuspended(p.InForce[0])
		p.InForce[0].SetManagedFields([]metav1.ManagedFieldsEntry{
			{Manager: vocab.FieldManager, FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:schedules":{}}}`)},
			{Manager: "workflow-controller", FieldsV1: metav1.NewFieldsV1(`{"f:status":{}}`)},
			{Manager: "argo-server", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:suspend":{}}}`)},
		})
	}
	held := ran("full-1", cpo.Full, stanzaflowv1alpha1.RunHeld, "2026-11-22T02:30:00Z")
	for name, tc := range map[string]struct {
		changes []func(*Pass)
		// wantFull and wantIncr are what holds these two schedules.
		wantFull, wantIncr string
	}{
		"nothing":   {},
		"suspended": {changes: []func(*Pass){suspend}, wantFull: SuspendedByUser, wantIncr: SuspendedByUser},
		"suspended in Argo": {
			changes:  []func(*Pass){inArgo},
			wantFull: "suspended by hand in Argo: CronWorkflow pgbackrest-shop-repo1-full, which the operator could not resume",
		},
		"suspended by the Stanza, and in Argo": {changes: []func(*Pass){suspend, inArgo}, wantFull: SuspendedByUser, wantIncr: SuspendedByUser},
		"scaled to zero": {
			changes:  []func(*Pass){set(int64(0), "spec", "numberOfInstances")},
			wantFull: "spec.numberOfInstances is 0: there is nothing to back up", wantIncr: "spec.numberOfInstances is 0: there is nothing to back up",
		},
		"restoring": {
			changes:  []func(*Pass){restore},
			wantFull: restoring, wantIncr: restoring,
		},
		"suspended while it is restored": {
			changes:  []func(*Pass){suspend, restore},
			wantFull: SuspendedByUser, wantIncr: SuspendedByUser,
		},
		"a run of one schedule was held": {
			changes: []func(*Pass){held}, wantFull: "the last run was held: disk full; free some space",
		},
		"a run was held, and the next is running": {
			changes:  []func(*Pass){held, ran("full-2", cpo.Full, stanzaflowv1alpha1.RunRunning, "2026-11-22T12:06:00Z")},
			wantFull: "the last run was held: disk full; free some space",
		},
		"a run was held, and the next failed": {
			changes: []func(*Pass){held, ran("full-2", cpo.Full, stanzaflowv1alpha1.RunFailed, "2026-11-22T12:06:00Z")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			entries, _ := Entries(nil, makePass(t, func(p *Pass) {
				for _, change := range tc.changes {
					change(p)
				}
			}))
			if full, incr := entries[0].Held, entries[1].Held; full != tc.wantFull || incr != tc.wantIncr {
				t.Errorf("full is held by %q, want %q; incr by %q, want %q", full, tc.wantFull, incr, tc.wantIncr)
			}
		})
	}
}
