// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fieldpath_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stanzaflow/stanzaflow/internal/fieldpath"
)

type kind struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	Spec    spec    `json:"spec,omitzero"`
	Entries []entry `json:"entries,omitempty"`
	Hidden  string  `json:"-"`
	private string
}

type spec struct {
	TimeZone string           `json:"timeZone"`
	Length   *metav1.Duration `json:"length,omitempty"`
	Entry    *entry           `json:"entry,omitempty"`
}

type entry struct {
	At metav1.Time `json:"at"`
}

func TestOf(t *testing.T) {
	t.Parallel()
	want := []string{
		"apiVersion", "entries", "entries.at", "kind", "metadata",
		"spec", "spec.entry", "spec.entry.at", "spec.length", "spec.timeZone",
	}
	got := fieldpath.Of(kind{private: ""})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("paths (-want +got):\n%s", diff)
	}
	for path, want := range map[string][]string{
		"spec.timezone":     {"entry", "length", "timeZone"},
		"Spec":              {"apiVersion", "entries", "kind", "metadata", "spec"},
		"spec.entry.At":     {"at"},
		"spec.timeZone.any": nil,
	} {
		if diff := cmp.Diff(want, fieldpath.Beside(got, path)); diff != "" {
			t.Errorf("beside %s (-want +got):\n%s", path, diff)
		}
	}
}
