// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
)

// way is a way to install what make dist writes. The documentation has each command.
type way struct {
	install, uninstall func(t testing.TB, d dist, namespace string)
}

var ways = map[string]way{
	"manifests": {
		install: func(t testing.TB, d dist, namespace string) {
			t.Helper()
			program.Kubectl(t, "apply", "--server-side", "--field-manager=stanzaflow-install", "-f", d.path("install.yaml"))
			program.Kubectl(t, "apply", "--server-side", "-n", namespace, "-f", d.path("workflows.yaml"))
		},
		uninstall: func(t testing.TB, d dist, _ string) {
			t.Helper()
			program.Kubectl(t, "delete", "-f", d.path("install.yaml"), "-l", withoutCRDs)
		},
	},
	"chart": {
		install: func(t testing.TB, d dist, namespace string) {
			t.Helper()
			// The manifests have left the CRDs.
			helm(t, "upgrade", "--install", release, d.chart(t), "--namespace", kit.System, "--create-namespace",
				"--take-ownership", "--set", "workflows.namespaces={"+namespace+"}", "--wait", "--timeout", "2m")
		},
		uninstall: func(t testing.TB, _ dist, _ string) {
			t.Helper()
			helm(t, "uninstall", release, "--namespace", kit.System, "--wait", "--timeout", "2m")
		},
	},
	"kustomize": {
		install: func(t testing.TB, d dist, namespace string) {
			t.Helper()
			operator, workflows := d.overlay(t)
			program.Kubectl(t, "apply", "--server-side", "--field-manager=stanzaflow-install", "-k", operator)
			program.Kubectl(t, "apply", "--server-side", "-n", namespace, "-k", workflows)
		},
		uninstall: func(t testing.TB, d dist, _ string) {
			t.Helper()
			operator, _ := d.overlay(t)
			program.Kubectl(t, "delete", "-k", operator, "-l", withoutCRDs)
		},
	},
}

// testInstall installs what make dist writes, in each way, and makes a proven backup.
// Uninstalling leaves CRDs, data and backups.
func testInstall(t *testing.T) {
	image := os.Getenv("IMAGE")
	d := makeDist(t, image)
	t.Cleanup(func() {
		removeOperator(t)
		installOperator(t, d.tree, image)
	})
	// The chart comes after the manifests: it takes over what they leave.
	for _, name := range []string{"manifests", "chart", "kustomize"} {
		t.Run(name, func(t *testing.T) {
			k := kit.New(t, "e2e-install-"+name)
			removeOperator(t)
			k.CreateNamespace(t)
			ways[name].install(t, d, k.Namespace)
			awaitOperator(t)

			k.Apply(t, "install")
			k.CreateAccounts(t)
			run, _ := k.AwaitSuccess(t, k.Submit(t, "cluster=cluster", "repo=repo1", "type=full"))
			backup := k.ProvenBackup(t, run, kit.Primary)
			k.AwaitBackupReported(t, backup.Label)
			d.checkImages(t, k, name == "kustomize")

			before := listRemains(t, k)
			ways[name].uninstall(t, d, k.Namespace)
			if left := program.Kubectl(t, "get", "-n", kit.System, "deployment,validatingadmissionpolicy,validatingadmissionpolicybinding,clusterrole,clusterrolebinding",
				"-l", "app.kubernetes.io/part-of=stanzaflow", "-o", "name"); left != "" {
				t.Errorf("these are left of the operator:\n%s", left)
			}
			if diff := cmp.Diff(before, listRemains(t, k)); diff != "" {
				t.Errorf("uninstalling removed or changed (-before +after):\n%s", diff)
			}
			if got := kit.Labels(k.Backups(t, kit.Primary), ""); !slices.Contains(got, backup.Label) {
				t.Errorf("backup %s is gone, there are %v", backup.Label, got)
			}
		})
	}
}

// listRemains lists what uninstalling must leave unchanged.
func listRemains(t testing.TB, k *kit.Kit) []string {
	t.Helper()
	const columns = "custom-columns=KIND:.kind,NAME:.metadata.name,UID:.metadata.uid"
	out := program.Kubectl(t, "get", "crd", "postgresqls.cpo.opensource.cybertec.at", "stanzas.stanzaflow.dev", "--no-headers", "-o", columns) +
		program.Kubectl(t, "get", "-n", k.Namespace, "postgresql,stanza,cronworkflow,workflow,configmap,secret,pvc,statefulset", "--no-headers", "-o", columns)
	for table, sum := range k.Checksums(t, kit.Primary) {
		out += table + " " + sum + "\n"
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	slices.Sort(lines)
	return lines
}

// dist is what make dist writes.
type dist struct {
	tree, dir string
	// version is the tag of its image.
	version string
	// other is another image in the cluster, which the overlay names instead.
	other string
}

func (d dist) path(file string) string { return filepath.Join(d.dir, file) }

// makeDist runs make dist and brings its image into the cluster.
func makeDist(t testing.TB, other string) dist {
	t.Helper()
	tree, err := filepath.Abs(program.Checkout)
	if err != nil {
		t.Fatal(err)
	}
	d := dist{tree: tree, dir: filepath.Join(t.TempDir(), "dist"), other: other}
	// The cluster can have an image with this tag from nowhere else.
	_, digest, _ := strings.Cut(other, ":")
	d.version = "v0.0.0-" + digest
	program.Run(t, tree, nil, "make", "dist", "DIST="+d.dir, "VERSION="+d.version)
	program.Run(t, d.dir, nil, "sha256sum", "--check", "--strict", "SHA256SUMS")
	program.Run(t, tree, nil, program.PathOfLocalCluster(t), "load", d.path("operator.tar"))
	return d
}

func (d dist) chart(t testing.TB) string {
	t.Helper()
	found, err := filepath.Glob(d.path("stanzaflow-*.tgz"))
	if err != nil || len(found) != 1 {
		t.Fatalf("the charts in dist are %v, want one: %v", found, err)
	}
	return found[0]
}

// overlay makes the kustomizations of a user, with the image of another registry: one
// for the operator and one for workflows.
func (d dist) overlay(t testing.TB) (string, string) {
	t.Helper()
	name, tag, _ := strings.Cut(d.other, ":")
	write := func(file string) string {
		dir := t.TempDir()
		content, err := os.ReadFile(d.path(file))
		if err != nil {
			t.Fatal(err)
		}
		for path, text := range map[string]string{
			file:                 string(content),
			"kustomization.yaml": fmt.Sprintf("resources: [%s]\nimages: [{name: ghcr.io/stanzaflow/operator, newName: %s, newTag: %s}]\n", file, name, tag),
		} {
			if err := os.WriteFile(filepath.Join(dir, path), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	return write("install.yaml"), write("workflows.yaml")
}

// checkImages checks that the operator and the steps of a run have the image that was
// installed.
func (d dist) checkImages(t testing.TB, k *kit.Kit, other bool) {
	t.Helper()
	want := "ghcr.io/stanzaflow/operator:" + d.version
	if other {
		want = d.other
	}
	for _, from := range [][]string{
		{"get", "-n", kit.System, "deployment", "stanzaflow", "-o", "jsonpath={.spec.template.spec.containers[*].image}"},
		{"get", "-n", k.Namespace, "workflowtemplate", vocab.DefaultWorkflowTemplate, "-o", "jsonpath={.spec.templates[*].containerSet.containers[*].image}"},
	} {
		if got := slices.Compact(strings.Fields(program.Kubectl(t, from...))); !slices.Equal(got, []string{want}) {
			t.Errorf("kubectl %s is %s, want %s", strings.Join(from, " "), got, want)
		}
	}
}

// helm runs Helm without the settings of this machine.
func helm(t testing.TB, args ...string) string {
	t.Helper()
	home := t.TempDir()
	environment := []string{"HELM_CONFIG_HOME=" + home, "HELM_CACHE_HOME=" + home, "HELM_DATA_HOME=" + home}
	return program.Run(t, program.Checkout, environment, append([]string{"go", "tool", "-modfile=hack/tools/helm.mod", "helm"}, args...)...)
}

// removeOperator removes the operator, however it was installed, and leaves CRDs and
// namespace.
func removeOperator(t testing.TB) {
	t.Helper()
	helm(t, "uninstall", release, "--namespace", kit.System, "--ignore-not-found", "--wait", "--timeout", "2m")
	// In a cleanup the context of the test is over.
	if out, err := program.TryKubectl(context.Background(), nil, "delete", "-k", program.Checkout+"/deploy/overlays/standalone", "-l", withoutCRDs, "--ignore-not-found"); err != nil {
		t.Fatalf("cannot remove the operator: %v\n%s", err, out)
	}
}
