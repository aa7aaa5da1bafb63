// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cpo_test

import (
	"encoding/json"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/cpo/cpotest"
)

func TestHeld(t *testing.T) {
	t.Parallel()
	const (
		standby   = "spec.standby is set: a standby cluster has no primary; back up the cluster that it follows"
		zero      = "spec.numberOfInstances is 0: there is nothing to back up"
		restoring = "the cluster is being restored: spec.backup.pgbackrest.restore.id is not yet in status.RestoreID"
	)
	for name, tc := range map[string]struct{ object, want string }{
		"nothing":                    {`{}`, ""},
		"a cluster that runs":        {`{spec: {numberOfInstances: 2}, status: {PostgresClusterStatus: Running}}`, ""},
		"a standby":                  {`{spec: {standby: {standby_host: other.example.org}}}`, standby},
		"a standby of nothing":       {`{spec: {standby: {}}}`, standby},
		"promoted":                   {`{spec: {standby: null}}`, ""},
		"scaled to zero":             {`{spec: {numberOfInstances: 0}}`, zero},
		"a number of no type":        {`{spec: {numberOfInstances: "0"}}`, ""},
		"a status that may be stale": {`{status: {PostgresClusterStatus: Restoring}}`, ""},
		"restored, the status is stale": {
			`{spec: {backup: {pgbackrest: {restore: {id: "2"}}}}, status: {PostgresClusterStatus: Restoring, RestoreID: "2"}}`, "",
		},
		"a restore that did not end in time": {
			`{spec: {backup: {pgbackrest: {restore: {id: "2"}}}}, status: {PostgresClusterStatus: UpdateFailed, RestoreID: "1"}}`, restoring,
		},
		"being restored": {
			`{spec: {backup: {pgbackrest: {restore: {id: "2"}}}}, status: {PostgresClusterStatus: Restoring, RestoreID: "1"}}`, restoring,
		},
		"about to be restored": {
			`{spec: {backup: {pgbackrest: {restore: {id: "2"}}}}, status: {PostgresClusterStatus: Running, RestoreID: "1"}}`, restoring,
		},
		"about to be restored for the first time": {
			`{spec: {backup: {pgbackrest: {restore: {id: "1"}}}}, status: {PostgresClusterStatus: SyncFailed}}`, restoring,
		},
		"restored": {
			`{spec: {backup: {pgbackrest: {restore: {id: "2"}}}}, status: {PostgresClusterStatus: Running, RestoreID: "2"}}`, "",
		},
		"restored, and the id is gone": {`{status: {PostgresClusterStatus: Running, RestoreID: "2"}}`, ""},
		"a restore that no CPO makes":  {`{spec: {backup: {pgbackrest: {restore: {id: "2"}}}}}`, ""},
		"a status before CPO has said anything": {
			`{spec: {backup: {pgbackrest: {restore: {id: "2"}}}}, status: {PostgresClusterStatus: ""}}`, "",
		},
		"a standby at zero": {`{spec: {standby: {standby_host: x}, numberOfInstances: 0}}`, standby},
		"what cannot be read": {
			`{spec: {standby: yes, numberOfInstances: [], backup: {pgbackrest: {restore: [1]}}}, status: {PostgresClusterStatus: [1], RestoreID: {}}}`, "",
		},
		"sections that are none": {`{spec: [], status: 5}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// As an API server gives it, with whole numbers, and as a file does.
			var file map[string]any
			if err := yaml.UnmarshalStrict([]byte(tc.object), &file); err != nil {
				t.Fatal(err)
			}
			text, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "postgresql", "spec": file["spec"], "status": file["status"]})
			if err != nil {
				t.Fatal(err)
			}
			var served unstructured.Unstructured
			if err := served.UnmarshalJSON(text); err != nil {
				t.Fatal(err)
			}
			for source, object := range map[string]map[string]any{"file": file, "API server": served.Object} {
				cluster, _ := cpo.Decode(object)
				if got := cluster.Operation.Held(); got != tc.want {
					t.Errorf("from a %s: held is %q, want %q", source, got, tc.want)
				}
			}
		})
	}
}

// TestHeldByRestoreOfCPO: what the resource of a real restore shows.
func TestHeldByRestoreOfCPO(t *testing.T) {
	t.Parallel()
	for folder, want := range map[string]bool{
		"restore-in-progress": true,
		// Only the ConfigMap of the restore shows it, which a run asks for.
		"restore-section-removed": false,
		"pvc":                     false,
	} {
		var object map[string]any
		cpotest.Decode(t, folder+"/postgresql-cluster.yaml", &object)
		cluster, _ := cpo.Decode(object)
		if got := cluster.Operation.Restoring; got != want {
			t.Errorf("%s: restoring is %t, want %t", folder, got, want)
		}
	}
}
