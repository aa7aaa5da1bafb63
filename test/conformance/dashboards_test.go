// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// largestConfigMap is what the API server takes, in bytes.
const largestConfigMap = 1 << 20

// TestDashboardsAreFound shows that the component gives a ConfigMap that Grafana's sidecar
// finds, with both dashboards in it.
func TestDashboardsAreFound(t *testing.T) {
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), filepath.Join(root, "deploy/monitoring/dashboards"))
	if err != nil {
		t.Fatal(err)
	}
	if built.Size() != 1 {
		t.Fatalf("the component has %d objects, want one", built.Size())
	}
	configMap := built.Resources()[0]
	if got := configMap.GetLabels()["grafana_dashboard"]; configMap.GetKind() != "ConfigMap" || got != "1" {
		t.Errorf("%s has the label grafana_dashboard=%q", configMap.CurId(), got)
	}
	size := 0
	for file, uid := range map[string]string{"fleet.json": "stanzaflow-fleet", "database.json": "stanzaflow-database"} {
		text := configMap.GetDataMap()[file]
		size += len(text)
		var dashboard struct {
			UID string `json:"uid"`
		}
		if err := json.Unmarshal([]byte(text), &dashboard); err != nil || dashboard.UID != uid {
			t.Errorf("%s has the uid %q: %v", file, dashboard.UID, err)
		}
	}
	if size > largestConfigMap/2 {
		t.Errorf("the dashboards have %d bytes: a ConfigMap holds %d", size, largestConfigMap)
	}
}
