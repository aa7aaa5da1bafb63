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

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// way is one of those in which a person installs what make dist writes. Each
// command is in the documentation.
type way struct {
	install, uninstall func(t testing.TB, d dist, namespace string)
}

var ways = map[string]way{
	"manifests": {
		install: func(t testing.TB, d dist, namespace string) {
			t.Helper()
			kubectl(t, nil, "apply", "--server-side", "-f", d.path("install.yaml"))
			kubectl(t, nil, "apply", "--server-side", "-n", namespace, "-f", d.path("workflows.yaml"))
		},
		uninstall: func(t testing.TB, d dist, _ string) {
			t.Helper()
			kubectl(t, nil, "delete", "-f", d.path("install.yaml"), "-l", withoutCRDs)
		},
	},
	"chart": {
		install: func(t testing.TB, d dist, namespace string) {
			t.Helper()
			// The CRDs are there, by the manifests.
			helm(t, "upgrade", "--install", release, d.chart(t), "--namespace", system, "--create-namespace",
				"--take-ownership", "--set", "workflows.namespaces={"+namespace+"}", "--wait", "--timeout", "2m")
		},
		uninstall: func(t testing.TB, _ dist, _ string) {
			t.Helper()
			helm(t, "uninstall", release, "--namespace", system, "--wait", "--timeout", "2m")
		},
	},
	"kustomize": {
		install: func(t testing.TB, d dist, namespace string) {
			t.Helper()
			operator, workflows := d.overlay(t)
			kubectl(t, nil, "apply", "--server-side", "-k", operator)
			kubectl(t, nil, "apply", "--server-side", "-n", namespace, "-k", workflows)
		},
		uninstall: func(t testing.TB, d dist, _ string) {
			t.Helper()
			operator, _ := d.overlay(t)
			kubectl(t, nil, "delete", "-k", operator, "-l", withoutCRDs)
		},
	},
}

// testInstall: what make dist writes is installed in each way, makes a proven
// backup, and leaves CRDs, data and backups when it is uninstalled.
func testInstall(t *testing.T) {
	t.Helper()
	image := os.Getenv("IMAGE")
	d := makeDist(t, image)
	t.Cleanup(func() {
		removeOperator(t)
		installOperator(t, d.tree, image)
	})
	// The chart after the manifests, as it takes over what they leave.
	for _, name := range []string{"manifests", "chart", "kustomize"} {
		t.Run(name, func(t *testing.T) {
			k := newKit(t, "e2e-install-"+name)
			removeOperator(t)
			k.createNamespace(t)
			ways[name].install(t, d, k.namespace)
			operatorReady(t)

			k.apply(t, "install")
			k.podReady(t, primary)
			k.accounts(t)
			run := k.finished(t, k.submit(t, "cluster=cluster", "repo=repo1", "type=full"))
			if run.Status.Phase != wfv1.WorkflowSucceeded {
				t.Fatalf("the backup is %s: %s", run.Status.Phase, describe(run))
			}
			backup := k.proven(t, run, primary)
			k.noticed(t, backup.Label)
			d.runs(t, k, name == "kustomize")

			before := k.remains(t)
			ways[name].uninstall(t, d, k.namespace)
			if left := kubectl(t, nil, "get", "-n", system, "deployment,validatingadmissionpolicy,validatingadmissionpolicybinding,clusterrole,clusterrolebinding",
				"-l", "app.kubernetes.io/part-of=stanzaflow", "-o", "name"); left != "" {
				t.Errorf("these are left of the operator:\n%s", left)
			}
			if diff := cmp.Diff(before, k.remains(t)); diff != "" {
				t.Errorf("uninstalling took away or changed (-before +after):\n%s", diff)
			}
			if got := labels(k.info(t, primary), ""); !slices.Contains(got, backup.Label) {
				t.Errorf("backup %s is gone, there are %v", backup.Label, got)
			}
		})
	}
}

// noticed waits until the operator reports a backup.
func (k *kit) noticed(t testing.TB, label string) {
	t.Helper()
	eventually(t, minute, "the Stanza has backup "+label, func() (bool, string) {
		last := k.stanza(t, "cluster").Status.LastBackup
		return last != nil && last.Label == label, fmt.Sprintf("%+v", last)
	})
}

// remains is what uninstalling must leave as it is.
func (k *kit) remains(t testing.TB) []string {
	t.Helper()
	const columns = "custom-columns=KIND:.kind,NAME:.metadata.name,UID:.metadata.uid"
	out := kubectl(t, nil, "get", "crd", "postgresqls.cpo.opensource.cybertec.at", "stanzas.stanzaflow.dev", "--no-headers", "-o", columns) +
		kubectl(t, nil, "get", "-n", k.namespace, "postgresql,stanza,cronworkflow,workflow,configmap,secret,pvc,statefulset", "--no-headers", "-o", columns)
	for table, sum := range k.checksums(t, primary) {
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
	// other is an image of the cluster that the overlay names instead.
	other string
}

func (d dist) path(file string) string { return filepath.Join(d.dir, file) }

// makeDist runs make dist and brings its image into the cluster.
func makeDist(t testing.TB, other string) dist {
	t.Helper()
	tree, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	d := dist{tree: tree, dir: filepath.Join(t.TempDir(), "dist"), other: other}
	// The tag of an image that the cluster can have of nowhere else.
	_, digest, _ := strings.Cut(other, ":")
	d.version = "v0.0.0-" + digest
	program(t, tree, nil, "make", "dist", "DIST="+d.dir, "VERSION="+d.version)
	program(t, d.dir, nil, "sha256sum", "--check", "--strict", "SHA256SUMS")
	program(t, tree, nil, clusterProgram(t), "load", d.path("operator.tar"))
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

// overlay makes kustomizations of one's own that name the image of another registry,
// of the operator and of workflows.
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

// runs: the operator and the steps of a run have the image that was installed.
func (d dist) runs(t testing.TB, k *kit, other bool) {
	t.Helper()
	want := "ghcr.io/stanzaflow/operator:" + d.version
	if other {
		want = d.other
	}
	for _, from := range [][]string{
		{"get", "-n", system, "deployment", "stanzaflow", "-o", "jsonpath={.spec.template.spec.containers[*].image}"},
		{"get", "-n", k.namespace, "workflowtemplate", vocab.DefaultWorkflowTemplate, "-o", "jsonpath={.spec.templates[*].containerSet.containers[0].image}"},
	} {
		if got := kubectl(t, nil, from...); got != want {
			t.Errorf("kubectl %s is %s, want %s", strings.Join(from, " "), got, want)
		}
	}
}

// helm runs the real one, with no settings of this machine.
func helm(t testing.TB, args ...string) string {
	t.Helper()
	home := t.TempDir()
	environment := []string{"HELM_CONFIG_HOME=" + home, "HELM_CACHE_HOME=" + home, "HELM_DATA_HOME=" + home}
	return program(t, filepath.Join("..", ".."), environment, append([]string{"go", "tool", "-modfile=hack/tools/helm.mod", "helm"}, args...)...)
}

// removeOperator takes away the operator, however it was installed, and leaves
// CRDs and namespace.
func removeOperator(t testing.TB) {
	t.Helper()
	helm(t, "uninstall", release, "--namespace", system, "--ignore-not-found", "--wait", "--timeout", "2m")
	// The test's own context may be over.
	if out, err := kubectlTry(context.Background(), nil, "delete", "-k", "../../deploy/overlays/standalone", "-l", withoutCRDs, "--ignore-not-found"); err != nil {
		t.Fatalf("cannot remove the operator: %v\n%s", err, out)
	}
}
