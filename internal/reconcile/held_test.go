// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

func TestHeld(t *testing.T) {
	set := func(value any, path ...string) func(*pass) {
		return func(p *pass) {
			if err := unstructured.SetNestedField(p.State.Postgresql.Object, value, path...); err != nil {
				panic(err)
			}
		}
	}
	suspend := func(p *pass) { p.State.Stanza.Spec.Suspend = true }
	held := ran("full-1", cpo.Full, stanzaflowv1alpha1.RunHeld, "2026-11-22T02:30:00Z")
	for name, tc := range map[string]struct {
		changes []func(*pass)
		// wantFull and wantIncr are what holds these two schedules.
		wantFull, wantIncr string
	}{
		"nothing":   {},
		"suspended": {changes: []func(*pass){suspend}, wantFull: suspendedByUser, wantIncr: suspendedByUser},
		"scaled to zero": {
			changes:  []func(*pass){set(int64(0), "spec", "numberOfInstances")},
			wantFull: "spec.numberOfInstances is 0: there is nothing to back up", wantIncr: "spec.numberOfInstances is 0: there is nothing to back up",
		},
		"restoring": {
			changes:  []func(*pass){set("Restoring", "status", "PostgresClusterStatus")},
			wantFull: "the cluster is being restored", wantIncr: "the cluster is being restored",
		},
		"suspended while it is restored": {
			changes:  []func(*pass){suspend, set("Restoring", "status", "PostgresClusterStatus")},
			wantFull: suspendedByUser, wantIncr: suspendedByUser,
		},
		"a run of one schedule was held": {
			changes: []func(*pass){held}, wantFull: "the last run was held: disk full; free some space",
		},
		"a run was held, and the next goes on": {
			changes:  []func(*pass){held, ran("full-2", cpo.Full, stanzaflowv1alpha1.RunRunning, "2026-11-22T12:06:00Z")},
			wantFull: "the last run was held: disk full; free some space",
		},
		"a run was held, and the next failed": {
			changes: []func(*pass){held, ran("full-2", cpo.Full, stanzaflowv1alpha1.RunFailed, "2026-11-22T12:06:00Z")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, _ := statusFor(stanzaflowv1alpha1.StanzaStatus{}, 1, makePass(t, func(p *pass) {
				for _, change := range tc.changes {
					change(p)
				}
			}))
			if full, incr := status.Schedules[0].Held, status.Schedules[1].Held; full != tc.wantFull || incr != tc.wantIncr {
				t.Errorf("full is held by %q, want %q; incr by %q, want %q", full, tc.wantFull, incr, tc.wantIncr)
			}
		})
	}
}
