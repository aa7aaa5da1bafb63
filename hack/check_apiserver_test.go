//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package hack_test runs the scripts against a real API server.
package hack_test

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
)

// cluster looks like somebody's own cluster to the scripts.
type cluster struct {
	kubeconfig string
	// withoutRights is the kubeconfig of a user who may do nothing.
	withoutRights string
}

func startCluster(t *testing.T) *cluster {
	t.Helper()
	assets := os.Getenv("KUBEBUILDER_ASSETS")
	if assets == "" {
		t.Fatal("KUBEBUILDER_ASSETS is not set: run make test-apiserver")
	}
	t.Setenv("PATH", assets+":"+os.Getenv("PATH"))
	ctrl.SetLogger(zap.New(zap.WriteTo(io.Discard)))
	environment := &envtest.Environment{ControlPlaneStartTimeout: 3 * time.Minute, ControlPlaneStopTimeout: time.Minute}
	if _, err := environment.Start(); err != nil {
		t.Fatalf("cannot start the API server: %v", err)
	}
	t.Cleanup(func() {
		if err := environment.Stop(); err != nil {
			t.Errorf("cannot stop the API server: %v", err)
		}
	})
	somebody, err := environment.AddUser(envtest.User{Name: "somebody"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	withoutRights, err := somebody.KubeConfig()
	if err != nil {
		t.Fatal(err)
	}
	return &cluster{kubeconfig: write(t, environment.KubeConfig), withoutRights: write(t, withoutRights)}
}

func write(t *testing.T, kubeconfig []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(file, kubeconfig, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// script runs bash at the top of the checkout.
func (c *cluster) script(t *testing.T, text string, env ...string) (string, error) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", text)
	command.Dir = ".."
	command.Env = append(os.Environ(), "KUBECONFIG="+c.kubeconfig, "IMAGE=registry.example.com/operator:v1", "LOAD=")
	command.Env = append(command.Env, env...)
	out, err := command.CombinedOutput()
	return string(out), err
}

func (c *cluster) kubectl(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "kubectl", append([]string{"--kubeconfig", c.kubeconfig}, args...)...)
	command.Stdin = strings.NewReader(stdin)
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// snapshot lists the objects that the demo could write, with their versions.
func (c *cluster) snapshot(t *testing.T) []string {
	t.Helper()
	return strings.Split(c.kubectl(t, "", "get", "-A",
		"namespaces,crd,clusterroles,clusterrolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings,deployments,secrets,configmaps,serviceaccounts",
		"-o", `jsonpath={range .items[*]}{.kind} {.metadata.namespace}/{.metadata.name} {.metadata.resourceVersion}{"\n"}{end}`), "\n")
}

// refuses fails the test unless the demo ends with these words and writes nothing.
func (c *cluster) refuses(t *testing.T, words ...string) {
	t.Helper()
	before := c.snapshot(t)
	out, err := c.script(t, "hack/demo.sh")
	if err == nil {
		t.Fatalf("the demo did not refuse:\n%s", out)
	}
	for _, word := range append(words, "FAILED: ", "Nothing has been changed in the cluster") {
		if !strings.Contains(out, word) {
			t.Errorf("the demo does not say %q:\n%s", word, out)
		}
	}
	if diff := cmp.Diff(before, c.snapshot(t)); diff != "" {
		t.Errorf("the demo refused, but has written (-before +after):\n%s", diff)
	}
}

// accepts fails the test if the demo refuses.
func (c *cluster) accepts(t *testing.T) {
	t.Helper()
	if out, err := c.script(t, ". hack/env.sh; use_cluster"); err != nil {
		t.Fatalf("the demo refuses: %v\n%s", err, out)
	}
}

// crd creates a CRD with an empty schema.
func (c *cluster) crd(t *testing.T, group, version, plural, kind string, labels ...string) {
	t.Helper()
	c.kubectl(t, `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: `+plural+`.`+group+`
  labels: {`+strings.Join(labels, ", ")+`}
spec:
  group: `+group+`
  scope: Namespaced
  names: {plural: `+plural+`, kind: `+kind+`}
  versions:
    - name: `+version+`
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`, "create", "--field-manager=helm", "-f", "-")
	c.kubectl(t, "", "wait", "--for=condition=Established", "--timeout=60s", "crd/"+plural+"."+group)
}

func (c *cluster) argo(t *testing.T) {
	t.Helper()
	for plural, kind := range map[string]string{
		"workflows": "Workflow", "workflowtemplates": "WorkflowTemplate", "cronworkflows": "CronWorkflow", "workflowtaskresults": "WorkflowTaskResult",
	} {
		c.crd(t, "argoproj.io", "v1alpha1", plural, kind)
	}
}

func (c *cluster) storage(t *testing.T) {
	t.Helper()
	c.kubectl(t, `
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: standard
  annotations: {storageclass.kubernetes.io/is-default-class: "true"}
provisioner: example.com/none
`, "create", "-f", "-")
}

// TestDemoRefuses shows that the demo overwrites nothing in somebody's own cluster.
func TestDemoRefuses(t *testing.T) {
	c := startCluster(t)
	out, err := c.script(t, "hack/demo.sh", "KUBECONFIG="+c.withoutRights)
	if want := "you may not create namespaces"; err == nil || !strings.Contains(out, want) {
		t.Errorf("want %q, got %v:\n%s", want, err, out)
	}
	c.refuses(t, "the cluster has no Argo Workflows (CRD workflows.argoproj.io)")
	c.argo(t)
	c.refuses(t, "no default StorageClass")
	c.storage(t)
	c.accepts(t)

	const cpo = "cpo.opensource.cybertec.at"
	c.crd(t, cpo, "v1", "operatorconfigurations", "OperatorConfiguration")
	c.refuses(t, "CPO is installed")
	c.kubectl(t, "", "delete", "crd", "operatorconfigurations."+cpo)
	c.crd(t, cpo, "v1", "postgresqls", "postgresql", "app.kubernetes.io/managed-by: Helm")
	c.refuses(t, "CRD postgresqls."+cpo+" exists and is not from the demo (managed by Helm, field managers: helm")
	c.kubectl(t, "", "delete", "crd", "postgresqls."+cpo)

	c.kubectl(t, "", "create", "namespace", "elsewhere")
	c.kubectl(t, "", "-n", "elsewhere", "create", "deployment", "operator", "--image=x")
	c.kubectl(t, "", "-n", "elsewhere", "label", "deployment", "operator", "app.kubernetes.io/name=stanzaflow")
	c.refuses(t, "another Stanzaflow is installed, Deployment elsewhere/operator")
	c.kubectl(t, "", "-n", "elsewhere", "delete", "deployment", "operator")

	c.kubectl(t, "", "create", "clusterrole", "stanzaflow", "--verb=get", "--resource=pods")
	c.refuses(t, "ClusterRole/stanzaflow field managers: kubectl-create")
	c.kubectl(t, "", "delete", "clusterrole", "stanzaflow")

	c.kubectl(t, "", "create", "namespace", "stanzaflow-demo")
	c.refuses(t, "namespace stanzaflow-demo exists and is not from the demo")
	c.kubectl(t, "", "label", "namespace", "stanzaflow-demo", "stanzaflow.dev/demo=true")
	c.accepts(t)
}

// TestDemoKeepsFieldsOfOthers shows that the demo takes over what an earlier demo
// made, unless somebody has changed it since.
func TestDemoKeepsFieldsOfOthers(t *testing.T) {
	c := startCluster(t)
	c.argo(t)
	c.storage(t)
	if out, err := c.script(t, ". hack/env.sh; own=yes; apply deploy/crds; kubectl wait --for=condition=Established --timeout=60s -f deploy/crds/cpo.opensource.cybertec.at_postgresqls.yaml; apply deploy/overlays/standalone; kubectl create namespace stanzaflow-demo; apply examples/quickstart"); err != nil {
		t.Fatalf("cannot install: %v\n%s", err, out)
	}
	c.accepts(t)

	c.kubectl(t, "", "-n", "stanzaflow-system", "patch", "deployment", "stanzaflow", "--field-manager=somebody", "-p", `{"spec":{"replicas":3}}`)
	c.refuses(t, "somebody else has changed what an earlier demo made", "deployment_stanzaflow", `1 conflict: conflict with "somebody"`, ".spec.replicas")
	c.kubectl(t, "", "-n", "stanzaflow-system", "patch", "deployment", "stanzaflow", "--field-manager=somebody", "-p", `{"spec":{"template":{"spec":{"serviceAccountName":"other"}}}}`)
	c.refuses(t, `2 conflicts: conflicts with "somebody"`, ".spec.replicas", ".spec.template.spec.serviceAccountName")
	c.kubectl(t, "", "-n", "stanzaflow-system", "patch", "deployment", "stanzaflow", "--field-manager=somebody", "-p", `{"spec":{"template":{"spec":{"serviceAccountName":"stanzaflow"}}}}`)
	c.kubectl(t, "", "-n", "stanzaflow-system", "patch", "deployment", "stanzaflow", "--field-manager=somebody", "-p", `{"spec":{"replicas":1}}`)
	c.accepts(t)

	c.kubectl(t, "", "-n", "stanzaflow-demo", "patch", "secret", "cluster-s3-credential", "-p", `{"stringData":{"s3.conf":"[global]\n"}}`)
	c.refuses(t, "secret_cluster-s3-credential", `conflict with "kubectl-patch"`, ".data.s3.conf")
}

// TestDemoSaysWhatIsMissing shows that it says so before it builds anything.
func TestDemoSaysWhatIsMissing(t *testing.T) {
	c := &cluster{kubeconfig: write(t, []byte(`{"apiVersion":"v1","kind":"Config","current-context":"c","contexts":[{"name":"c","context":{"cluster":"c"}}],"clusters":[{"name":"c","cluster":{"server":"http://127.0.0.1:1"}}]}`))}
	for name, test := range map[string]struct{ env, want string }{
		"no images":                {"IMAGE=", "Load them: LOAD="},
		"a cluster that is not up": {"", "the cluster does not answer"},
		"load into what":           {"KUBECONFIG= LOAD=true", "LOAD is for your own cluster"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := c.script(t, "hack/demo.sh", strings.Fields(test.env)...)
			if err == nil || !strings.Contains(out, test.want) {
				t.Errorf("want %q, got %v:\n%s", test.want, err, out)
			}
		})
	}
}
