// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
)

// testUpgrade: a run that was begun by the release before ends proven although
// operator, policies, CRDs and template are upgraded meanwhile, and so does the
// next one. UPGRADE_FROM=<commit> says which release; else it is the commit before
// the last one that changed the product.
func testUpgrade(t *testing.T) {
	t.Helper()
	k := newKit(t, "e2e-upgrade")
	tree, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	from := before(t, tree)
	t.Cleanup(func() { installOperator(t, tree, k.image) })
	old := checkout(t, tree, from)
	t.Logf("upgrading from %s, %s", from, old.image)
	installOperator(t, old.tree, old.image)
	k.createNamespace(t)
	applyOf(t, old.tree, "workflows", old.image, "-n", k.namespace)

	k.apply(t, "install")
	k.podReady(t, primary)
	k.accounts(t)
	// Of what cannot be compressed, so that a backup takes longer than an upgrade.
	k.psql(t, primary, "postgres", `CREATE TABLE noise AS SELECT i, (SELECT string_agg(md5(random()::text || i || j), '') FROM generate_series(1, 20) j) AS text
FROM generate_series(1, 200000) i; CHECKPOINT`)
	name := k.submit(t, "cluster=cluster", "repo=repo1", "type=full")
	eventually(t, 3*minute, "the backup of "+name+" is being made", func() (bool, string) { return k.backingUp(t) })

	applyOf(t, tree, "deploy/overlays/standalone", k.image)
	applyOf(t, tree, "workflows", k.image, "-n", k.namespace)
	if making, got := k.backingUp(t); !making {
		t.Fatalf("the backup was over before everything was upgraded, so this has tested nothing: %s", got)
	}
	operatorReady(t)

	run := k.finished(t, name)
	if run.Status.Phase != wfv1.WorkflowSucceeded {
		t.Fatalf("the run that was upgraded under is %s: %s", run.Status.Phase, describe(run))
	}
	wantImage(t, run, old.image)
	backup := k.proven(t, run, primary)
	k.noticed(t, backup.Label)
	k.sameRestored(t, "restored-old", backup.Label)

	k.psql(t, primary, "postgres", "UPDATE account SET balance = balance * 2 WHERE id % 5 = 0")
	next := k.finished(t, k.submit(t, "cluster=cluster", "repo=repo1", "type=incr"))
	if next.Status.Phase != wfv1.WorkflowSucceeded {
		t.Fatalf("the run after the upgrade is %s: %s", next.Status.Phase, describe(next))
	}
	wantImage(t, next, k.image)
	backup = k.proven(t, next, primary)
	k.noticed(t, backup.Label)
	k.sameRestored(t, "restored-new", backup.Label)
}

// before is the commit to upgrade from.
func before(t testing.TB, tree string) string {
	t.Helper()
	if from := os.Getenv("UPGRADE_FROM"); from != "" {
		return strings.TrimSpace(program(t, tree, nil, "git", "rev-parse", "--verify", from+"^{commit}"))
	}
	last := strings.TrimSpace(program(t, tree, nil, "git", "rev-list", "-1", "HEAD", "--", "cmd", "internal", "api", "deploy", "workflows"))
	parents := strings.Fields(program(t, tree, nil, "git", "rev-list", "--parents", "-1", last))
	if len(parents) < 2 {
		t.Skipf("NOT RUN: commit %s has no parent in this checkout to upgrade from: name a commit in UPGRADE_FROM, or fetch the history", last)
	}
	return parents[1]
}

// built is an operator of another commit, with its image in the cluster.
type built struct{ tree, image string }

// checkout makes what a release is made of, out of any commit: the program, its
// image and the kustomizations.
func checkout(t testing.TB, tree, commit string) built {
	t.Helper()
	dir := t.TempDir()
	archive := filepath.Join(dir, "tree.tar")
	b := built{tree: filepath.Join(dir, "tree"), image: "stanzaflow.local/operator:upgrade-" + commit[:12]}
	if err := os.Mkdir(b.tree, 0o700); err != nil {
		t.Fatal(err)
	}
	program(t, tree, nil, "git", "archive", "--output="+archive, commit)
	program(t, b.tree, nil, "tar", "-xf", archive)
	binary, tarball := filepath.Join(dir, "operator"), filepath.Join(dir, "operator.tar")
	program(t, b.tree, []string{"CGO_ENABLED=0"}, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -X main.version="+commit[:12], "-o", binary, "./cmd/operator")
	program(t, tree, nil, clusterProgram(t), "image", "--name", b.image, "--binary", binary, "--out", tarball)
	program(t, tree, nil, clusterProgram(t), "load", tarball)
	return b
}

// backingUp says whether pgBackRest makes a backup now.
func (k *kit) backingUp(t testing.TB) (bool, string) {
	t.Helper()
	out, err := k.try(t, primary, "psql", "-X", "-A", "-t", "-h", "/var/run/postgresql", "-U", "postgres",
		"-c", "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pgBackRest [backup]%'")
	return err == nil && strings.TrimSpace(out) != "0", fmt.Sprintf("%v %s", err, out)
}

// wantImage: the steps of a run are of one release to the end.
func wantImage(t testing.TB, workflow *wfv1.Workflow, image string) {
	t.Helper()
	stored := workflow.Status.StoredWorkflowSpec
	if stored == nil {
		t.Fatalf("workflow %s has no stored spec", workflow.Name)
	}
	for _, template := range stored.Templates {
		for _, container := range template.ContainerSet.GetContainers() {
			if container.Image != image {
				t.Errorf("workflow %s: step %s is of image %s, want %s", workflow.Name, container.Name, container.Image, image)
			}
		}
	}
}

// sameRestored restores exactly a backup and compares it with the primary, which
// nobody has written to since.
func (k *kit) sameRestored(t testing.TB, pod, label string) {
	t.Helper()
	want := k.checksums(t, primary)
	k.restore(t, pod, "--set="+label, "--type=immediate", "--target-action=promote")
	sameData(t, want, k.checksums(t, pod))
	k.removePod(t, pod)
}
