// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// TestPreviousLocation follows a repo that moves: what it has left is known until a
// run has proven a backup where it is.
func TestPreviousLocation(t *testing.T) {
	t.Parallel()
	known := stanzaflowv1alpha1.StanzaStatus{Repos: []stanzaflowv1alpha1.RepoStatus{
		{Name: "repo1", Storage: "s3", Location: reconciletest.Location, Cipher: "none", LastBackup: &stanzaflowv1alpha1.BackupStatus{Label: "a"}},
	}}
	const second, third = "s3://shop-backups/second", "s3://shop-backups/third"
	for _, step := range []struct {
		name, path string
		proven     bool
		want       string
		wantWarned bool
	}{
		{name: "moved", path: "/second", want: reconciletest.Location, wantWarned: true},
		{name: "another pass", path: "/second", want: reconciletest.Location, wantWarned: true},
		{name: "moved again before its first backup", path: "/third", want: reconciletest.Location, wantWarned: true},
		{name: "back where its backups are", path: "/shop/repo1"},
		{name: "moved once more", path: "/second"},
	} {
		status, warned := passAt(t, known, step.path, "")
		if got := status.Repos[0].PreviousLocation; got != step.want || warned != step.wantWarned {
			t.Errorf("%s: the previous location is %q, warned %t; want %q, %t", step.name, got, warned, step.want, step.wantWarned)
		}
		known = status
	}

	known.Repos[0] = stanzaflowv1alpha1.RepoStatus{Name: "repo1", Storage: "s3", Location: second, PreviousLocation: third}
	status, _ := passAt(t, known, "/second", second)
	if repo := status.Repos[0]; repo.PreviousLocation != "" || repo.LastBackup == nil {
		t.Errorf("after a proven backup the repo is %s", reconciletest.JSON(repo))
	}
	if _, warned := passAt(t, status, "/second", second); warned {
		t.Error("warned after a proven backup")
	}
}

// passAt is a pass with the repo at a path, and a run that has proven a backup in a
// location, if it is not empty. It reports whether the plan warns of the move.
func passAt(t *testing.T, known stanzaflowv1alpha1.StanzaStatus, path, proven string) (stanzaflowv1alpha1.StanzaStatus, bool) {
	t.Helper()
	p := makePass(t, func(p *Pass) {
		p.State.Stanza.Status = known
		_ = unstructured.SetNestedField(p.State.Postgresql.Object, path, "spec", "backup", "pgbackrest", "global", "repo1-path")
		if proven != "" {
			run := reconciletest.Run{Name: "full-1", Type: cpo.Full, Phase: "Succeeded", Started: reconciletest.Noon, Result: stanzaflowv1alpha1.RunSucceeded, Storage: "s3", Location: proven, UID: "full-1"}
			p.State.Workflows = append(p.State.Workflows, object.DecodeWorkflow(reconciletest.Workflow("db", run)))
		}
	})
	status, _ := For(known, 1, p)
	return status, slices.ContainsFunc(p.Plan.Problems, func(p problem.Problem) bool { return p.Reason == vocab.ReasonLocationChanged })
}
