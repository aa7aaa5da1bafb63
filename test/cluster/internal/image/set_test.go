// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/component"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/layout"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/set"
)

func builderFor(t *testing.T, s set.Set) *Builder {
	t.Helper()
	dirs := layout.Dirs{Cache: t.TempDir()}
	programs, err := component.NewBuilder(t.Context(), filepath.Join("..", ".."), dirs, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := NewBuilder(dirs, nil, programs, s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func refs(b *Builder) []string {
	var all []string
	for _, t := range b.Tarballs() {
		all = append(all, t.Name+":"+t.Tag)
	}
	return all
}

// A newcomer waits for every image of the demo, so adding one needs a decision.
func TestDemoGetsOnlyWhatItUses(t *testing.T) {
	t.Parallel()
	b := builderFor(t, set.Demo)
	var got []string
	for _, t := range b.Tarballs() {
		got = append(got, t.Name)
	}
	want := []string{"pause", "coredns", "workflow-controller", "argoexec", "argocli", "postgres", "versitygw"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("images (-want +got):\n%s", diff)
	}
	programs := []string{component.Pause, component.CoreDNS, component.WorkflowController, component.ArgoExec, component.Argo, component.VersityGW}
	if diff := cmp.Diff(programs, b.Components()); diff != "" {
		t.Errorf("programs (-want +got):\n%s", diff)
	}
}

func TestEveryRowBelongsToASet(t *testing.T) {
	t.Parallel()
	all := refs(builderFor(t, set.All))
	for _, row := range table {
		if !slices.Contains(set.Sets, row.For) {
			t.Errorf("%s:%s: no set %q", row.Name, row.Tag, row.For)
		}
	}
	for _, ref := range refs(builderFor(t, set.Demo)) {
		if !slices.Contains(all, ref) {
			t.Errorf("%s is in the demo and not in all", ref)
		}
	}
}
