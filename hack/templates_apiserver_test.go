//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package hack_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stanzaflow/stanzaflow/test/walkthrough"
)

// TestTemplatesAsDocumented runs the commands of docs/install.md for many namespaces, as a
// person does: the program of a release as a plugin of kubectl, and a kustomization.
func TestTemplatesAsDocumented(t *testing.T) {
	c := startCluster(t)
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	argo, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/argoproj/argo-workflows/v3").Output()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "docs/install.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n### Many namespaces\n")
	section, _, _ = strings.Cut(section, "\n## ")
	blocks, err := walkthrough.Blocks(section)
	if err != nil || len(blocks) != 1 {
		t.Fatalf("%d blocks, %v", len(blocks), err)
	}
	work := t.TempDir()
	program := filepath.Join(work, "dist/kubectl-stanzaflow-linux-"+runtime.GOARCH)
	if out, err := exec.Command("go", "build", "-ldflags", "-X main.version=v0.1.0", "-o", program, "../cmd/operator").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	run := func(script string) string {
		t.Helper()
		command := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script)
		command.Dir = work
		command.Env = append(os.Environ(), "KUBECONFIG="+c.kubeconfig, "NAMESPACE=shop", "ROOT="+root, "ARGO="+strings.TrimSpace(string(argo)))
		out, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", script, err, out)
		}
		return string(out)
	}
	run(`kubectl apply --server-side -f $ARGO/manifests/base/crds/minimal/argoproj.io_workflowtemplates.yaml -f $ROOT/deploy/crds/stanzaflow.dev_stanzas.yaml
kubectl wait crd --all --for=condition=Established --timeout=1m
kubectl create namespace shop`)
	for _, want := range []string{"shop                  created     12 objects", "shop        current   v0.1.0", "1 namespace: 1 created"} {
		if out := run(blocks[0].Text + "kubectl delete -k $ROOT/workflows -n shop"); !strings.Contains(out, want) {
			t.Errorf("want %q in:\n%s", want, out)
		}
	}
	run("kubectl apply --server-side -k $ROOT/workflows -n shop")
	path := "PATH=$PWD/mine/bin:$PATH\n"
	if out := run(path + "kubectl stanzaflow templates apply -k $ROOT/workflows"); !strings.Contains(out, "unchanged   12 objects") {
		t.Errorf("what kubectl has applied is applied again:\n%s", out)
	}
	if out := run(path + "kubectl stanzaflow templates apply --image example.com/operator:v0.1.0 --field-manager=kubectl"); !strings.Contains(out, "configured") {
		t.Errorf("as kubectl:\n%s", out)
	}
	if out := run(path + "kubectl stanzaflow templates apply --image example.com/operator:v0.2.0 || echo exit code $?"); !strings.Contains(out, "kubectl has set .spec; WorkflowTemplate") || !strings.Contains(out, "; continue as kubectl with --field-manager=kubectl, or") || !strings.Contains(out, "exit code 1") {
		t.Errorf("beside kubectl:\n%s", out)
	}
}
