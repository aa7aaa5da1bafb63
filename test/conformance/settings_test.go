// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"maps"
	"testing"

	"github.com/argoproj/argo-workflows/v3/config"
	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/internal/given"
)

// controllerSettings is the ConfigMap of Argo's controller.
const controllerSettings = "workflow-controller-configmap"

// settings reads our settings for Argo as Argo's controller does, which refuses a key that
// it does not know. Together they are one ConfigMap.
func settings(t *testing.T) *config.Config {
	t.Helper()
	all := &corev1.ConfigMap{Data: map[string]string{}}
	for _, file := range given.Glob(t, root+"/deploy/argo/*.yaml", 3) {
		for _, object := range given.Documents(t, file) {
			one := given.Typed[corev1.ConfigMap](t, file, object)
			if one.Name != controllerSettings {
				continue // such as the caps
			}
			for key := range one.Data {
				if _, twice := all.Data[key]; twice {
					t.Errorf("%s: another file has %s too", file, key)
				}
			}
			maps.Copy(all.Data, one.Data)
		}
	}
	parsed, err := config.NewController("argo", controllerSettings, nil).Parse(all)
	if err != nil {
		t.Fatalf("Argo refuses our settings: %v", err)
	}
	if err := parsed.Sanitize([]string{"http", "https"}); err != nil {
		t.Fatalf("the Argo server refuses our links: %v", err)
	}
	return parsed
}

// TestDocumentedSettings: Argo's controller can read the settings that docs/fleet.md names. One
// that cannot ends at every start, and then no backup is made anywhere.
func TestDocumentedSettings(t *testing.T) {
	block := []byte(documented(t, "fleet.md", "settings of Argo"))
	parsed, err := config.NewController("argo", controllerSettings, nil).Parse(given.Typed[corev1.ConfigMap](t, "docs/fleet.md", given.Decode(t, "docs/fleet.md", block)))
	if err != nil {
		t.Fatalf("Argo refuses the settings: %v", err)
	}
	if s := parsed.Synchronization; s == nil || s.SemaphoreLimitCacheSeconds == nil || *s.SemaphoreLimitCacheSeconds != 60 {
		t.Errorf("Argo reads %+v", s)
	}
}

// TestSettingsShowTheResult finds a column whose label nobody writes.
func TestSettingsShowTheResult(t *testing.T) {
	want := []*wfv1.Column{{Name: "RESULT", Type: "label", Key: vocab.LabelResult}}
	if diff := cmp.Diff(want, settings(t).Columns); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
}

// TestSettingsArchiveOnlyOurRuns shows that the archive is for our runs, of every kind but
// the watch, and for nobody else's.
func TestSettingsArchiveOnlyOurRuns(t *testing.T) {
	persistence := settings(t).Persistence
	selector, err := persistence.GetArchiveLabelSelector()
	if err != nil {
		t.Fatal(err)
	}
	if !persistence.Archive || !selector.Matches(labels.Set{vocab.LabelCluster: "cluster"}) {
		t.Errorf("our runs are not archived: archive %v, selector %s", persistence.Archive, selector)
	}
	for _, kind := range []vocab.RunKind{vocab.RunBackup, vocab.RunPredeploy, vocab.RunStanza} {
		if !selector.Matches(labels.Set{vocab.LabelCluster: "cluster", vocab.LabelKind: string(kind)}) {
			t.Errorf("runs of kind %s are not archived: selector %s", kind, selector)
		}
	}
	if selector.Matches(labels.Set{vocab.LabelCluster: "", vocab.LabelKind: string(vocab.RunWatch)}) {
		t.Errorf("each watch is archived, 288 a day in each namespace: selector %s", selector)
	}
	if selector.Matches(labels.Set{"app": "other"}) {
		t.Errorf("other people's Workflows are archived too: selector %s", selector)
	}
	if persistence.NodeStatusOffload {
		t.Error("a running backup needs the database of the archive")
	}
	if persistence.ArchiveTTL == 0 {
		t.Error("the archive grows for ever")
	}
}
