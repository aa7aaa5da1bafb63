//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/yaml"

	"github.com/stanzaflow/stanzaflow/internal/apiservertest"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	workflowtemplates "github.com/stanzaflow/stanzaflow/workflows"
)

// pipeline is the ServiceAccount of a Job that runs operator predeploy.
const pipeline = "deploy"

// world is a namespace of a real API server, in which the pipeline has the rights of
// docs/by-hand.md, and no others.
type world struct {
	*testing.T
	namespace string
	admin     *Client
	objects   dynamic.Interface
	core      kubernetes.Interface
	// config is that of the pipeline. Its connections go through the proxy.
	config *rest.Config
	proxy  *proxy
}

// startAPIServer starts an API server with the kinds of Argo, CPO and ours.
func startAPIServer(t *testing.T) *rest.Config {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/argoproj/argo-workflows/v3").Output()
	if err != nil {
		t.Fatalf("cannot find the Argo module: %v", err)
	}
	argo := filepath.Join(strings.TrimSpace(string(out)), "manifests/base/crds/minimal")
	return apiservertest.Start(t, argo+"/argoproj.io_workflows.yaml", argo+"/argoproj.io_workflowtemplates.yaml",
		"../../deploy/crds/cpo.opensource.cybertec.at_postgresqls.yaml", "../../deploy/crds/stanzaflow.dev_stanzas.yaml")
}

func newWorld(t *testing.T, config *rest.Config) *world {
	t.Helper()
	w := &world{T: t, objects: dynamic.NewForConfigOrDie(config), core: kubernetes.NewForConfigOrDie(config), proxy: startProxy(t, config)}
	var err error
	if w.admin, err = NewClient(config); err != nil {
		t.Fatal(err)
	}
	created, err := w.core.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "shop-"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w.namespace = created.Name
	w.config = rest.CopyConfig(config)
	w.config.Host = "https://" + w.proxy.address
	w.config.ServerName = "127.0.0.1"
	w.config.Impersonate.UserName = "system:serviceaccount:" + w.namespace + ":" + pipeline
	w.config.Impersonate.Groups = []string{"system:serviceaccounts", "system:authenticated"}
	postgresql := w.object(postgresql)
	postgresql.SetGroupVersionKind(cpo.GroupVersionKind)
	w.create(cpo.GroupVersionResource.Resource, postgresql)
	return w
}

// template installs the WorkflowTemplate.
func (w *world) template() {
	w.Helper()
	w.create("workflowtemplates", w.object(string(workflowtemplates.Template)))
}

func (w *world) object(text string) *unstructured.Unstructured {
	w.Helper()
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &o.Object); err != nil {
		w.Fatal(err)
	}
	o.SetNamespace(w.namespace)
	return o
}

func (w *world) create(resource string, o *unstructured.Unstructured) {
	w.Helper()
	kind := o.GroupVersionKind().GroupVersion().WithResource(resource)
	if _, err := w.objects.Resource(kind).Namespace(w.namespace).Create(w.Context(), o, metav1.CreateOptions{}); err != nil {
		w.Fatal(err)
	}
}

// grant gives the pipeline the rights in docs/by-hand.md, and waits until they hold.
func (w *world) grant() {
	w.Helper()
	page, err := os.ReadFile("../../docs/by-hand.md")
	if err != nil {
		w.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "<!-- rights -->\n```yaml\n")
	text, _, found := strings.Cut(text, "```")
	var role rbacv1.Role
	if err := yaml.UnmarshalStrict([]byte(text), &role); err != nil || !found {
		w.Fatalf("docs/by-hand.md has no Role: %v", err)
	}
	if _, err := w.core.RbacV1().Roles(w.namespace).Create(w.Context(), &role, metav1.CreateOptions{}); err != nil {
		w.Fatal(err)
	}
	if _, err := w.core.RbacV1().RoleBindings(w.namespace).Create(w.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: role.Name},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: pipeline, Namespace: w.namespace}},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role.Name},
	}, metav1.CreateOptions{}); err != nil {
		w.Fatal(err)
	}
	client := w.client()
	if err := apiservertest.Poll(func() error {
		_, _, err := client.Postgresql(w.Context(), w.namespace, orders)
		return err
	}); err != nil {
		w.Fatal(err)
	}
}

// client is that of the pipeline.
func (w *world) client() *Client {
	w.Helper()
	client, err := NewClient(w.config)
	if err != nil {
		w.Fatal(err)
	}
	return client
}

// session is one of the pipeline, and where it prints to.
func (w *world) session(suffix string) (Session, *output, *output) {
	client, out, errs := w.client(), &output{}, &output{}
	return Session{
		Finder: client, Workflows: client, Logs: client, Clock: clock.RealClock{}, Out: out, Err: errs, Suffix: suffix, Pause: 100 * time.Millisecond,
	}, out, errs
}

// output may be read while it is written.
type output struct {
	mutex sync.Mutex
	text  strings.Builder
}

func (o *output) Write(b []byte) (int, error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.text.String()
}

// await waits until something was printed.
func (w *world) await(out *output, text string) {
	w.Helper()
	if err := apiservertest.Poll(func() error {
		if !strings.Contains(out.String(), text) {
			return io.ErrNoProgress
		}
		return nil
	}); err != nil {
		w.Fatalf("%q is not printed, but %s", text, out)
	}
}

// workflow waits for a Workflow.
func (w *world) workflow(name string) *wfv1.Workflow {
	w.Helper()
	var found *wfv1.Workflow
	if err := apiservertest.Poll(func() (err error) {
		found, err = w.admin.Get(w.Context(), w.namespace, name)
		return err
	}); err != nil {
		w.Fatal(err)
	}
	return found
}

// play plays Argo's controller: it writes the status of a Workflow.
func (w *world) play(name string, state *wfv1.Workflow) {
	w.Helper()
	patch, err := json.Marshal(map[string]any{"status": state.Status})
	if err != nil {
		w.Fatal(err)
	}
	if _, err := w.objects.Resource(workflows).Namespace(w.namespace).Patch(w.Context(), name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		w.Fatal(err)
	}
}
