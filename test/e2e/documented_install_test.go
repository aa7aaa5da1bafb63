// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/test/walkthrough"
)

// testDocumentedInstall does what docs/install.md says, line by line, for each of
// its ways, in a copy of the checkout and with a registry on the loopback. At the
// end of each the operator is gone and the CRDs are not.
func testDocumentedInstall(t *testing.T) {
	k := newKit(t, "e2e-install")
	text, err := os.ReadFile("../../docs/install.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks, err := walkthrough.Blocks(string(text))
	if err != nil {
		t.Fatalf("docs/install.md: %v", err)
	}
	checkout := copyOfCheckout(t)
	programs(t, checkout)
	values := map[string]string{
		"NAMESPACE": k.namespace,
		"REGISTRY":  registry(t, checkout),
		// Nothing here builds an image from a Dockerfile; this one is made of the same packages.
		"POSTGRES_IMAGE": "stanzaflow.local/postgres",
		"STORAGE_CLASS":  "default",
		"VERSION":        "v0.1.0",
	}
	t.Cleanup(func() { reinstall(t) })
	for _, way := range walkthrough.InstallWays {
		uninstalled(t)
		k.deleteNamespace(t)
		script, err := walkthrough.Script(blocks, "docs/install.md", way, values)
		if err != nil {
			t.Fatal(err)
		}
		out, err := followed(t, checkout, withImages(t, script))
		if err != nil {
			t.Fatalf("%s: %v\n%s", way, err, out)
		}
		t.Logf("%s:\n%s", way, out)
		if strings.Contains(strings.ToLower(out), "error") {
			t.Errorf("%s: nothing failed, but a person reads of an error", way)
		}
		for _, crd := range []string{"postgresqls.cpo.opensource.cybertec.at", "stanzas.stanzaflow.dev"} {
			kubectl(t, nil, "get", "crd", crd)
		}
		kubectl(t, nil, "-n", k.namespace, "get", "postgresql/cluster", "configmap/cluster-pgbackrest-config", "pvc/repo1-cluster-pgbackrest-repo-host-0")
		if left := kubectl(t, nil, "get", "clusterrole,clusterrolebinding,validatingadmissionpolicy,validatingadmissionpolicybinding", "-l", "app.kubernetes.io/part-of=stanzaflow", "-o", "name"); left != "" {
			t.Errorf("%s: what is left after the operator has been uninstalled:\n%s", way, left)
		}
		if diff := cmp.Diff([]string{"Succeeded", "Succeeded"}, k.runs(t)); diff != "" {
			t.Errorf("%s: runs (-want +got):\n%s", way, diff)
		}
	}
}

// runs are the phases of all runs of the namespace.
func (k *kit) runs(t testing.TB) []string {
	t.Helper()
	return strings.Fields(kubectl(t, nil, "-n", k.namespace, "get", "workflows", "-o", "jsonpath={.items[*].status.phase}"))
}

// uninstalled makes the cluster one that has never seen the operator. It removes
// the CRDs, and with them what others have made of them: so there must be nothing.
func uninstalled(t testing.TB) {
	t.Helper()
	eventually(t, 3*minute, "no postgresql outside of e2e-install, which deleting the CRD would delete", func() (bool, string) {
		out, err := kubectlTry(t.Context(), nil, "get", "postgresqls", "-A", "-o", `jsonpath={range .items[*]}{.metadata.namespace} {end}`)
		others := strings.TrimSpace(strings.ReplaceAll(out, "e2e-install", ""))
		return others == "" || strings.Contains(out, "the server doesn't have a resource type"), fmt.Sprintf("%v %s", err, out)
	})
	for _, kinds := range []string{"clusterrolebinding,clusterrole,validatingadmissionpolicybinding,validatingadmissionpolicy", "crd"} {
		args := []string{"delete", kinds, "--ignore-not-found"}
		if kinds == "crd" {
			args = append(args, "postgresqls.cpo.opensource.cybertec.at", "stanzas.stanzaflow.dev")
		} else {
			args = append(args, "-l", "app.kubernetes.io/part-of=stanzaflow")
		}
		kubectl(t, nil, args...)
	}
	kubectl(t, nil, "delete", "namespace", "stanzaflow-system", "--ignore-not-found")
}

// reinstall brings back the operator of this checkout, as make test-cluster has it.
func reinstall(t testing.TB) {
	t.Helper()
	command := exec.CommandContext(context.Background(), "bash", "-c", "set -euo pipefail; . hack/env.sh; install_operator")
	command.Dir = "../.."
	if out, err := command.CombinedOutput(); err != nil {
		t.Errorf("cannot install the operator of this checkout again: %v\n%s", err, out)
	}
}

// copyOfCheckout is what git knows and would know of this checkout.
func copyOfCheckout(t testing.TB) string {
	t.Helper()
	target := t.TempDir()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "bash", "-c",
		`set -euo pipefail; git ls-files -z --cached --others --exclude-standard | tar --create --null --files-from=- --ignore-failed-read 2>/dev/null | tar --extract --directory "$1"`, "copy", target)
	command.Dir = root
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("cannot copy the checkout: %v\n%s", err, out)
	}
	return target
}

// programs puts those that a person has into PATH: crane and helm, as the checkout
// pins them. kubectl is there.
func programs(t testing.TB, checkout string) {
	t.Helper()
	bin := t.TempDir()
	for name, pkg := range map[string]string{
		"crane": "github.com/google/go-containerregistry/cmd/crane",
		"helm":  "helm.sh/helm/v4/cmd/helm",
	} {
		command := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-modfile=hack/tools/"+name+".mod", "-o", filepath.Join(bin, name), pkg)
		command.Dir = checkout
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("cannot build %s: %v\n%s", name, err, out)
		}
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	t.Setenv("HELM_CACHE_HOME", t.TempDir())
	t.Setenv("HELM_CONFIG_HOME", t.TempDir())
}

var serving = regexp.MustCompile(`serving on (?:port )?\S*?(\d+)\s*$`)

// registry serves one on the loopback, in memory, and returns its address.
func registry(t testing.TB, checkout string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "crane", "registry", "serve", "--address", "127.0.0.1:0")
	command.Dir = checkout
	output, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	lines := bufio.NewScanner(output)
	var said []string
	for lines.Scan() {
		if match := serving.FindStringSubmatch(lines.Text()); match != nil {
			go func() {
				for lines.Scan() { // It must not wait for a reader.
				}
			}()
			return "127.0.0.1:" + match[1]
		}
		said = append(said, lines.Text())
	}
	t.Fatalf("the registry does not serve: %s", strings.Join(said, "\n"))
	return ""
}

// withImages does, once the registry has the image, what the nodes would do: they
// have no way to the loopback.
func withImages(t testing.TB, script string) string {
	t.Helper()
	cluster := os.Getenv("CLUSTER")
	if cluster == "" {
		t.Fatal("CLUSTER must name the program of the local cluster: run make test-cluster")
	}
	const pushed = "crane push mine/image $REGISTRY/stanzaflow/operator:$VERSION\n"
	if strings.Count(script, pushed) != 1 {
		t.Fatalf("docs/install.md does not push the image with: %s", pushed)
	}
	return strings.Replace(script, pushed, pushed+`
crane pull --platform linux/$(go env GOARCH) $REGISTRY/stanzaflow/operator:$VERSION mine/pulled.tar
`+cluster+` load mine/pulled.tar dist/operator.tar
`, 1)
}

// followed runs a script in the copy of the checkout.
func followed(t testing.TB, checkout, script string) (string, error) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "bash", "-c", script)
	command.Dir = checkout
	out, err := command.CombinedOutput()
	return string(out), err
}
