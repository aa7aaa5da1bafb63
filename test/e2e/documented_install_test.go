// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
	"github.com/stanzaflow/stanzaflow/test/walkthrough"
)

// testDocumentedInstall follows docs/install.md line by line, for each of its ways, in a
// copy of the checkout and with a registry on the loopback. At the end of each way the
// operator is gone and the CRDs are not.
func testDocumentedInstall(t *testing.T) {
	k := kit.New(t, "e2e-install")
	text, err := os.ReadFile(program.Checkout + "/docs/install.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks, err := walkthrough.Blocks(string(text))
	if err != nil {
		t.Fatalf("docs/install.md: %v", err)
	}
	tree, err := filepath.Abs(program.Checkout)
	if err != nil {
		t.Fatal(err)
	}
	checkout := copyCheckout(t, tree)
	buildPrograms(t, checkout)
	values := map[string]string{
		"NAMESPACE": k.Namespace,
		"REGISTRY":  serveRegistry(t, checkout),
		// Nothing here builds an image from a Dockerfile; this one is made of the same packages.
		"POSTGRES_IMAGE": "stanzaflow.local/postgres",
		"STORAGE_CLASS":  "default",
		"VERSION":        "v0.1.0",
	}
	t.Cleanup(func() { installOperator(t, tree, k.Image) })
	for _, way := range walkthrough.InstallWays {
		removeEverything(t)
		k.DeleteNamespace(t)
		script, err := walkthrough.Script(blocks, "docs/install.md", way, values)
		if err != nil {
			t.Fatal(err)
		}
		out, err := program.TryRun(t.Context(), checkout, nil, "bash", "-c", withImages(t, script))
		if err != nil {
			t.Fatalf("%s: %v\n%s", way, err, out)
		}
		t.Logf("%s:\n%s", way, out)
		if strings.Contains(strings.ToLower(out), "error") {
			t.Errorf("%s: nothing failed, but the output has the word error", way)
		}
		for _, crd := range []string{"postgresqls.cpo.opensource.cybertec.at", "stanzas.stanzaflow.dev"} {
			program.Kubectl(t, "get", "crd", crd)
		}
		program.Kubectl(t, "-n", k.Namespace, "get", "postgresql/cluster", "configmap/cluster-pgbackrest-config", "pvc/repo1-cluster-pgbackrest-repo-host-0")
		if left := program.Kubectl(t, "get", "clusterrole,clusterrolebinding,validatingadmissionpolicy,validatingadmissionpolicybinding", "-l", "app.kubernetes.io/part-of=stanzaflow", "-o", "name"); left != "" {
			t.Errorf("%s: these are left after the operator has been uninstalled:\n%s", way, left)
		}
		if diff := cmp.Diff([]string{"Succeeded", "Succeeded"}, listPhases(t, k)); diff != "" {
			t.Errorf("%s: runs (-want +got):\n%s", way, diff)
		}
	}
}

// listPhases returns the phases of all runs of the namespace but the first one, which the
// operator starts.
func listPhases(t testing.TB, k *kit.Kit) []string {
	t.Helper()
	return strings.Fields(program.Kubectl(t, "-n", k.Namespace, "get", "workflows", "-l", vocab.LabelTrigger+"!="+vocab.TriggerInitial, "-o", "jsonpath={.items[*].status.phase}"))
}

// removeEverything makes the cluster one that has never had the operator. Removing the
// CRDs also removes every object of theirs, so no other test may have any.
func removeEverything(t testing.TB) {
	t.Helper()
	wait.Until(t, 3*time.Minute, "no postgresql outside of e2e-install, which deleting the CRD would delete", func() (bool, string) {
		out, err := program.TryKubectl(t.Context(), nil, "get", "postgresqls", "-A", "-o", `jsonpath={range .items[*]}{.metadata.namespace} {end}`)
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
		program.Kubectl(t, args...)
	}
	program.Kubectl(t, "delete", "namespace", kit.System, "--ignore-not-found")
}

// copyCheckout copies what git tracks, and what it would track.
func copyCheckout(t testing.TB, tree string) string {
	t.Helper()
	target := t.TempDir()
	program.Run(t, tree, nil, "bash", "-c",
		`set -euo pipefail; git ls-files -z --cached --others --exclude-standard | tar --create --null --files-from=- --ignore-failed-read 2>/dev/null | tar --extract --directory "$1"`, "copy", target)
	return target
}

// buildPrograms puts into PATH the programs that a person has: crane and helm, in the
// versions that the checkout pins. kubectl is in PATH.
func buildPrograms(t testing.TB, checkout string) {
	t.Helper()
	bin := t.TempDir()
	for name, pkg := range map[string]string{
		"crane": "github.com/google/go-containerregistry/cmd/crane",
		"helm":  "helm.sh/helm/v4/cmd/helm",
	} {
		program.Run(t, checkout, nil, "go", "build", "-buildvcs=false", "-modfile=hack/tools/"+name+".mod", "-o", filepath.Join(bin, name), pkg)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	t.Setenv("HELM_CACHE_HOME", t.TempDir())
	t.Setenv("HELM_CONFIG_HOME", t.TempDir())
}

var serving = regexp.MustCompile(`serving on (?:port )?\S*?(\d+)\s*$`)

// serveRegistry serves a registry on the loopback, in memory, and returns its address.
func serveRegistry(t testing.TB, checkout string) string {
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
				for lines.Scan() { // The registry must not wait for a reader.
				}
			}()
			return "127.0.0.1:" + match[1]
		}
		said = append(said, lines.Text())
	}
	t.Fatalf("the registry does not serve: %s", strings.Join(said, "\n"))
	return ""
}

// withImages adds to the script what the nodes would do once the registry has the image:
// they cannot reach the loopback.
func withImages(t testing.TB, script string) string {
	t.Helper()
	const pushed = "crane push mine/image $REGISTRY/stanzaflow/operator:$VERSION\n"
	if strings.Count(script, pushed) != 1 {
		t.Fatalf("docs/install.md does not push the image with: %s", pushed)
	}
	return strings.Replace(script, pushed, pushed+`
crane pull --platform linux/$(go env GOARCH) $REGISTRY/stanzaflow/operator:$VERSION mine/pulled.tar
`+program.PathOfLocalCluster(t)+` load mine/pulled.tar dist/operator.tar
`, 1)
}
