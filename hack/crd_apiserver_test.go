//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package hack_test

import (
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/stanzaflow/stanzaflow/internal/cpo/cpotest"
)

const crdName = "postgresqls.cpo.opensource.cybertec.at"

// installCommand is the one that an overlay names in its comment.
func installCommand(t *testing.T, overlay string) string {
	t.Helper()
	data, err := os.ReadFile("../deploy/overlays/" + overlay + "/kustomization.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if command, ok := strings.CutPrefix(strings.TrimSpace(line), "#   kubectl apply "); ok {
			return "kubectl apply " + command
		}
	}
	t.Fatalf("overlay %s names no command", overlay)
	return ""
}

// TestOverlayLeavesTheCRDOfCPO checks that the documented command takes the
// definition of postgresql from nobody, whoever wrote CPO's.
func TestOverlayLeavesTheCRDOfCPO(t *testing.T) {
	c := startCluster(t)
	theirs, install := crdOfCPO(t), installCommand(t, "standalone")
	ours := func() {
		t.Helper()
		if out, err := c.script(t, install); err != nil {
			t.Fatalf("%s: %v\n%s", install, err, out)
		}
	}
	for _, tc := range []struct {
		name    string
		write   func()
		manager string
	}{
		{"CPO itself", func() { c.kubectl(t, theirs, "create", "--field-manager=postgres-operator", "-f", "-") }, "postgres-operator"},
		{"CPO itself, over ours", func() {
			ours()
			ours() // again, and it is still ours
			c.kubectl(t, "", "patch", "crd", crdName, "--type=merge", "--field-manager=postgres-operator", "--patch-file", writeText(t, theirs))
		}, "postgres-operator"},
		{"Helm", func() { c.kubectl(t, theirs, "create", "--field-manager=helm", "-f", "-") }, "helm"},
		{"kubectl create", func() { c.kubectl(t, theirs, "create", "-f", "-") }, "kubectl-create"},
		{"kubectl apply", func() { c.kubectl(t, theirs, "apply", "-f", "-") }, "kubectl-client-side-apply"},
		{"kubectl apply --server-side", func() { c.kubectl(t, theirs, "apply", "--server-side", "-f", "-") }, "kubectl"},
		{"kubectl replace, over ours", func() {
			ours()
			c.kubectl(t, theirs, "replace", "-f", "-")
		}, "kubectl-replace"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.write()
			was := c.written(t)
			out, err := c.script(t, install)
			is := c.written(t)
			if err == nil || !strings.Contains(out, `conflict with "`+tc.manager+`"`) || !strings.Contains(out, ".spec.versions") {
				t.Errorf("%s does not refuse: %v\n%s", install, err, out)
			}
			if was != is {
				t.Errorf("%s has changed the definition of %s:\n%s", install, tc.name, out)
			}
			c.kubectl(t, "", "delete", "crd", crdName)
		})
	}
	ours()
}

// written is what everybody but the API server has written of the definition of postgresql,
// and who owns it. The API server writes its status, and so another resourceVersion, at any
// time.
func (c *cluster) written(t *testing.T) string {
	t.Helper()
	return c.kubectl(t, "", "get", "crd", crdName, "-o", "jsonpath={.metadata.generation} {.metadata.uid} {.metadata.labels} {.metadata.annotations}"+
		`{range .metadata.managedFields[?(@.manager!="kube-apiserver")]} {.manager} {.operation} {.time}{end}`)
}

// crdOfCPO is the definition as CPO registers it.
func crdOfCPO(t *testing.T) string {
	t.Helper()
	data, err := fs.ReadFile(cpotest.Samples(), "crds/"+crdName+".yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func writeText(t *testing.T, text string) string {
	t.Helper()
	file := t.TempDir() + "/patch.yaml"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestChartLeavesTheCRDOfCPO checks the same of Helm, also where it may take over what
// others have installed.
func TestChartLeavesTheCRDOfCPO(t *testing.T) {
	c := startCluster(t)
	theirs := crdOfCPO(t)
	install := func(options string) (string, error) {
		return c.script(t, "go tool -modfile=hack/tools/helm.mod helm upgrade --install stanzaflow deploy/chart --namespace stanzaflow-system --create-namespace "+options)
	}
	refuses := func(sentence string, options ...string) {
		t.Helper()
		was := c.written(t)
		out, err := install(strings.Join(options, " "))
		if err == nil || !strings.Contains(out, sentence) || !strings.Contains(out, "mode=alongside") {
			t.Errorf("Helm does not refuse with %q: %v\n%s", sentence, err, out)
		}
		if is := c.written(t); was != is {
			t.Errorf("Helm has changed the definition:\n%s", out)
		}
	}
	const installed, exists = "CPO is installed in this Kubernetes cluster", "The CRD " + crdName + " exists and is not Stanzaflow's"

	c.kubectl(t, theirs, "create", "-f", "-")
	refuses(exists)
	refuses(exists, "--take-ownership")
	c.kubectl(t, "", "delete", "crd", crdName)

	for range 2 { // install, upgrade
		if out, err := install(""); err != nil {
			t.Fatalf("Helm does not install: %v\n%s", err, out)
		}
	}
	// CPO comes later, and replaces the definition at its start.
	c.crd(t, "cpo.opensource.cybertec.at", "v1", "operatorconfigurations", "OperatorConfiguration")
	c.kubectl(t, "", "patch", "crd", crdName, "--type=merge", "--field-manager=postgres-operator", "--patch-file", writeText(t, theirs))
	refuses(installed, "--set", "image.tag=other")
	if out, err := install("--set crds.postgresql=false"); err != nil {
		t.Errorf("Helm does not leave the definition to CPO: %v\n%s", err, out)
	}
}
