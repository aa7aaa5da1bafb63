// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// testUpgrade starts a run with the previous release and upgrades operator, policies,
// CRDs and template while it is running: the run ends proven, and so does the next one.
// UPGRADE_FROM=<commit> says which release; the default is the commit before the last
// one that changed the product.
func testUpgrade(t *testing.T) {
	k := kit.New(t, "e2e-upgrade")
	tree, err := filepath.Abs(program.Checkout)
	if err != nil {
		t.Fatal(err)
	}
	from := findPreviousRelease(t, tree)
	t.Cleanup(func() { installOperator(t, tree, k.Image) })
	old := buildRelease(t, tree, from)
	t.Logf("upgrading from %s, %s", from, old.image)
	installOperator(t, old.tree, old.image)
	k.CreateNamespace(t)
	applyTree(t, old.tree, "workflows", old.image, "-n", k.Namespace)

	k.Apply(t, "install")
	k.CreateAccounts(t)
	// Data that cannot be compressed: a backup takes longer than an upgrade.
	k.PSQL(t, kit.Primary, `CREATE TABLE noise AS SELECT i, (SELECT string_agg(md5(random()::text || i || j), '') FROM generate_series(1, 20) j) AS text
FROM generate_series(1, 200000) i; CHECKPOINT`)
	name := k.Submit(t, "cluster=cluster", "repo=repo1", "type=full")
	wait.Until(t, 3*time.Minute, "the backup of "+name+" is running", func() (bool, string) { return k.IsBackingUp(t.Context(), kit.Primary) })

	applyTree(t, tree, "deploy/overlays/standalone", k.Image)
	// The CRD of the old release may have dropped it.
	if err := k.DisableInitialBackup(t.Context()); err != nil {
		t.Fatal(err)
	}
	applyTree(t, tree, "workflows", k.Image, "-n", k.Namespace)
	if running, got := k.IsBackingUp(t.Context(), kit.Primary); !running {
		t.Fatalf("the backup was over before everything was upgraded, so this has tested nothing: %s", got)
	}
	awaitOperator(t)

	run, _ := k.AwaitSuccess(t, name)
	checkImage(t, run, old.image)
	backup := k.ProvenBackup(t, run, kit.Primary)
	k.AwaitBackupReported(t, backup.Label)
	k.RestoreAndCompare(t, k.Checksums(t, kit.Primary), "restored-old", kit.ExactlyBackup(backup.Label)...)

	k.PSQL(t, kit.Primary, "UPDATE account SET balance = balance * 2 WHERE id % 5 = 0")
	next, _ := k.AwaitSuccess(t, k.Submit(t, "cluster=cluster", "repo=repo1", "type=incr"))
	checkImage(t, next, k.Image)
	backup = k.ProvenBackup(t, next, kit.Primary)
	k.AwaitBackupReported(t, backup.Label)
	k.RestoreAndCompare(t, k.Checksums(t, kit.Primary), "restored-new", kit.ExactlyBackup(backup.Label)...)
}

// findPreviousRelease returns the commit to upgrade from.
func findPreviousRelease(t testing.TB, tree string) string {
	t.Helper()
	if from := os.Getenv("UPGRADE_FROM"); from != "" {
		return strings.TrimSpace(program.Run(t, tree, nil, "git", "rev-parse", "--verify", from+"^{commit}"))
	}
	last := strings.TrimSpace(program.Run(t, tree, nil, "git", "rev-list", "-1", "HEAD", "--", "cmd", "internal", "api", "deploy", "workflows"))
	parents := strings.Fields(program.Run(t, tree, nil, "git", "rev-list", "--parents", "-1", last))
	if len(parents) < 2 {
		t.Skipf("NOT RUN: commit %s has no parent in this checkout to upgrade from: name a commit in UPGRADE_FROM, or fetch the history", last)
	}
	return parents[1]
}

// built is the operator of another commit; its image is in the cluster.
type built struct{ tree, image string }

// buildRelease builds a release from any commit: the program, its image and the
// kustomizations.
func buildRelease(t testing.TB, tree, commit string) built {
	t.Helper()
	dir := t.TempDir()
	archive := filepath.Join(dir, "tree.tar")
	b := built{tree: filepath.Join(dir, "tree"), image: "stanzaflow.local/operator:upgrade-" + commit[:12]}
	if err := os.Mkdir(b.tree, 0o700); err != nil {
		t.Fatal(err)
	}
	program.Run(t, tree, nil, "git", "archive", "--output="+archive, commit)
	program.Run(t, b.tree, nil, "tar", "-xf", archive)
	binary, tarball := filepath.Join(dir, "operator"), filepath.Join(dir, "operator.tar")
	program.Run(t, b.tree, []string{"CGO_ENABLED=0"}, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -X main.version="+commit[:12], "-o", binary, "./cmd/operator")
	program.Run(t, tree, nil, program.PathOfLocalCluster(t), "image", "--name", b.image, "--binary", binary, "--out", tarball)
	program.Run(t, tree, nil, program.PathOfLocalCluster(t), "load", tarball)
	return b
}

// checkImage checks that all steps of a run are from one release.
func checkImage(t testing.TB, workflow *wfv1.Workflow, image string) {
	t.Helper()
	stored := workflow.Status.StoredWorkflowSpec
	if stored == nil {
		t.Fatalf("workflow %s has no stored spec", workflow.Name)
	}
	for _, template := range stored.Templates {
		containers := template.ContainerSet.GetContainers()
		if template.Container != nil {
			containers = append(containers, *template.Container)
		}
		for _, container := range containers {
			if container.Image != image {
				t.Errorf("workflow %s: steps %v have image %s, want %s", workflow.Name, kit.StepsOf(container), container.Image, image)
			}
		}
	}
}
