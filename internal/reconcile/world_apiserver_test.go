//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/workqueue"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/yaml"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/apiservertest"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/fieldpath"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/archiving"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/provision"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/watch"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// argoManager is Argo's controller as the API server knows it.
const argoManager = client.FieldOwner("workflow-controller")

// The operator as the API server knows it.
const (
	operatorNamespace = "stanzaflow-system"
	operatorUser      = "system:serviceaccount:" + operatorNamespace + ":stanzaflow"
)

// server is a real API server with the CRDs, which counts the writes to it.
type server struct {
	config *rest.Config
	scheme *runtime.Scheme
	client client.WithWatch
	// writes are the requests of the operator that are not reads.
	mu     sync.Mutex
	writes []string
	// asked are all of its requests, with the code of the answer.
	asked []string
}

// written returns the writes so far.
func (s *server) written() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.writes)
}

// startServer starts an API server where the operator has the rights of
// overlays/standalone, and no others.
func startServer(t *testing.T, crds ...string) *server {
	t.Helper()
	s := startBareServer(t, crds...)
	s.grant(t, "standalone")
	return s
}

// startBareServer starts an API server where the operator has no rights.
func startBareServer(t *testing.T, crds ...string) *server {
	t.Helper()
	config := apiservertest.Start(t, append(crds, "../../deploy/crds/cpo.opensource.cybertec.at_postgresqls.yaml", "../../deploy/crds/stanzaflow.dev_stanzas.yaml")...)
	s := &server{config: config, scheme: runtime.NewScheme()}
	for _, add := range []func(*runtime.Scheme) error{
		clientgoscheme.AddToScheme, stanzaflowv1alpha1.AddToScheme, apiextensionsv1.AddToScheme,
	} {
		if err := add(s.scheme); err != nil {
			t.Fatal(err)
		}
	}
	s.client = s.newClient(t, config)
	return s
}

// grant gives the operator the rights of an overlay, and no others.
func (s *server) grant(t *testing.T, overlay string) {
	t.Helper()
	objects := kustomize(t, "../../deploy/overlays/"+overlay)
	// The policy that is looked for below comes last.
	for _, last := range []bool{false, true} {
		s.install(t, slices.DeleteFunc(slices.Clone(objects), func(o *unstructured.Unstructured) bool {
			return (o.GetName() == "stanzaflow-objects") != last
		}))
	}
	// The authorizer, the policies and the CRD must be seen first.
	operator := s.newClient(t, s.counted())
	eventually(t, func() error {
		probe := &stanzaflowv1alpha1.Stanza{ObjectMeta: metav1.ObjectMeta{Name: "probe", Namespace: "default"}}
		if err := operator.Create(t.Context(), probe, client.DryRunAll); !strings.Contains(fmt.Sprint(err), "ValidatingAdmissionPolicy 'stanzaflow-objects'") {
			return fmt.Errorf("the policies are not in force: %w", err)
		}
		return nil
	})
	s.awaitSchema(t)
}

func (s *server) newClient(t *testing.T, config *rest.Config) client.WithWatch {
	t.Helper()
	c, err := client.NewWithWatch(config, client.Options{Scheme: s.scheme})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// counted returns the config of the operator, with its rights and a count of its
// writes.
func (s *server) counted() *rest.Config {
	config := rest.CopyConfig(s.config)
	config.Impersonate = rest.ImpersonationConfig{UserName: operatorUser}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			// A dry run writes nothing.
			if r.Method != http.MethodGet && r.URL.Query().Get("dryRun") == "" {
				s.mu.Lock()
				s.writes = append(s.writes, r.Method+" "+r.URL.Path)
				s.mu.Unlock()
			}
			answer, err := next.RoundTrip(r)
			if err == nil {
				s.mu.Lock()
				s.asked = append(s.asked, fmt.Sprintf("%s %s %d", r.Method, r.URL.Path, answer.StatusCode))
				s.mu.Unlock()
			}
			return answer, err
		})
	})
	return config
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// argoCRDs are the CRDs of the Argo that we import, minimal or full.
func argoCRDs(t *testing.T, variant string) []string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/argoproj/argo-workflows/v3").Output()
	if err != nil {
		t.Fatalf("cannot find the Argo module: %v", err)
	}
	var files []string
	for _, plural := range []string{"cronworkflows", "workflows", "workflowtemplates"} {
		files = append(files, filepath.Join(strings.TrimSpace(string(out)), "manifests/base/crds", variant, "argoproj.io_"+plural+".yaml"))
	}
	return files
}

// world is one namespace of a server with a Controller that is called by hand.
type world struct {
	*testing.T
	*server
	namespace  string
	controller *Controller
	recorder   *recording
	clock      *clocktesting.FakePassiveClock
	// restarts: the operator restarts before each pass of testOverdue.
	restarts bool
	// watching: the watches of triggers are started.
	watching bool
}

// startWorld starts an API server with Argo's minimal CRDs and returns its only world.
func startWorld(t *testing.T) *world {
	t.Helper()
	return startServer(t, argoCRDs(t, "minimal")...).world(t)
}

func (s *server) world(t *testing.T) *world {
	t.Helper()
	return s.worldIn(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "db-"}})
}

// worldIn creates the namespace of a world.
func (s *server) worldIn(t *testing.T, namespace *corev1.Namespace) *world {
	t.Helper()
	if err := s.client.Create(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	if err := s.client.Create(t.Context(), reconciletest.Account(namespace.Name)); err != nil {
		t.Fatal(err)
	}
	// The last noon of the API server: no schedule of the tests is due then, and
	// none has been since its CronWorkflow was made, at any time of day.
	const afterMidnight = 12*time.Hour + 7*time.Minute
	noon := namespace.CreationTimestamp.UTC().Add(-afterMidnight).Truncate(24 * time.Hour).Add(afterMidnight)
	w := &world{T: t, server: s, namespace: namespace.Name, recorder: &recording{}, clock: clocktesting.NewFakePassiveClock(noon)}
	direct := s.newClient(t, s.counted())
	w.controller = w.newController(direct)
	return w
}

// newController returns one that knows nothing yet, as after a restart.
func (w *world) newController(direct client.WithWatch) *Controller {
	c := &Controller{
		options: Options{Namespace: operatorNamespace, Provisioner: vocab.ProvisionedByUs},
		cached:  direct, live: direct, client: direct, recorder: w.recorder, clock: w.clock,
		locations: unindexed{w, direct},
		provision: provision.New(operatorNamespace, rand.Reader),
		skew:      &skewMemory{from: w.installed(w.T, direct), by: vocab.ProvisionedByUs},
		presence:  presenceNow(w),
		watches:   w.watches(),
		templates: newTemplateMemory(),
		drills:    newDrillMemory(),
		memory:    archiving.NewMemory(w.clock.Now()),
		progress:  newProgressMemory(),
		own:       newOwnWrites(),
		foreign:   newForeignNames(),
	}
	c.watching = newWatching(c)
	return c
}

// watches returns those of triggers. They wake no Controller that is called by hand, and
// what they know depends on the moment; so they start only where a test asks for them.
func (w *world) watches() *watch.Watches {
	w.Helper()
	if !w.watching {
		return watch.New(nil)
	}
	client, err := metadata.NewForConfig(w.counted())
	if err != nil {
		w.Fatal(err)
	}
	watches := watch.New(client)
	queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
	if err := watches.Start(w.Context(), queue); err != nil {
		w.Fatal(err)
	}
	return watches
}

// newPresence returns one that has asked.
func (s *server) newPresence(t *testing.T) (*presence, error) {
	t.Helper()
	api, err := discovery.NewDiscoveryClientForConfig(s.counted())
	if err != nil {
		t.Fatal(err)
	}
	p := &presence{served: servedBy(api)}
	_, err = p.look(t.Context())
	return p, err
}

func presenceNow(w *world) *presence {
	w.Helper()
	p, err := w.newPresence(w.T)
	if err != nil {
		w.Fatal(err)
	}
	return p
}

// unindexed finds the clusters of a world that back up to a location: an API server
// has no such index.
type unindexed struct {
	*world
	direct client.Reader
}

func (u unindexed) at(ctx context.Context, key string) ([]unstructured.Unstructured, error) {
	list := object.NewList(cpo.GroupVersionKind)
	err := u.direct.List(ctx, list, client.InNamespace(u.namespace))
	return slices.DeleteFunc(list.Items, func(o unstructured.Unstructured) bool {
		return !slices.Contains(locationKeys(&o), key)
	}), err
}

// awaitSchema: the OpenAPI document comes a little later than its CRD.
func (s *server) awaitSchema(t *testing.T) {
	t.Helper()
	from := s.installed(t, s.client)
	eventually(t, func() error {
		document, err := from.readSchema(t.Context())
		if err == nil {
			_, err = fieldpath.Lost(document, fieldpath.StanzaSchema, stanzaflowv1alpha1.Stanza{})
		}
		return err
	})
}

func (s *server) installed(t *testing.T, direct client.Reader) installed {
	t.Helper()
	api, err := discovery.NewDiscoveryClientForConfig(s.counted())
	if err != nil {
		t.Fatal(err)
	}
	return apiServer{live: direct, document: openAPI(api)}
}

func (w *world) key(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: w.namespace, Name: name}
}

func (w *world) create(o client.Object) {
	w.Helper()
	o.SetNamespace(w.namespace)
	if err := w.client.Create(w.Context(), o); err != nil {
		w.Fatalf("cannot create %s: %v", o.GetName(), err)
	}
}

// setUp creates the WorkflowTemplate and a cluster, and settles.
func (w *world) setUp(postgresql *unstructured.Unstructured) *unstructured.Unstructured {
	w.Helper()
	w.create(reconciletest.Template(w.namespace))
	w.create(postgresql)
	w.settle()
	return postgresql
}

// runOf gives the first run of a schedule, which is running and not yet created.
func (w *world) runOf(cronWorkflow, backupType string) *unstructured.Unstructured {
	w.Helper()
	return reconciletest.Workflow(w.namespace, reconciletest.Run{
		Name: cronWorkflow + "-1", Type: backupType, Phase: "Running",
		CronWorkflow: w.get(object.CronWorkflow, cronWorkflow), Started: w.clock.Now(),
	})
}

func (w *world) update(o client.Object) {
	w.Helper()
	if err := w.client.Update(w.Context(), o); err != nil {
		w.Fatalf("cannot update %s: %v", o.GetName(), err)
	}
}

func (w *world) delete(o client.Object) {
	w.Helper()
	if err := w.client.Delete(w.Context(), o); err != nil {
		w.Fatalf("cannot delete %s: %v", o.GetName(), err)
	}
}

// patch merges JSON into an object, as another owner.
func (w *world) patch(o client.Object, owner client.FieldOwner, body string) {
	w.Helper()
	if err := w.client.Patch(w.Context(), o, client.RawPatch(types.MergePatchType, []byte(body)), owner); err != nil {
		w.Fatalf("cannot patch %s: %v", o.GetName(), err)
	}
}

// find returns an object, nil if it does not exist.
func (w *world) find(kind schema.GroupVersionKind, name string) *unstructured.Unstructured {
	w.Helper()
	o := object.New(kind)
	err := w.client.Get(w.Context(), w.key(name), o)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		w.Fatal(err)
	}
	return o
}

func (w *world) get(kind schema.GroupVersionKind, name string) *unstructured.Unstructured {
	w.Helper()
	o := w.find(kind, name)
	if o == nil {
		w.Fatalf("there is no %s %s", kind.Kind, name)
	}
	return o
}

func (w *world) stanza() *stanzaflowv1alpha1.Stanza {
	w.Helper()
	stanza := &stanzaflowv1alpha1.Stanza{}
	if err := w.client.Get(w.Context(), w.key(reconciletest.Cluster), stanza); err != nil {
		w.Fatal(err)
	}
	return stanza
}

// wantUntouched fails the test unless an object is unchanged.
func (w *world) wantUntouched(was *unstructured.Unstructured) {
	w.Helper()
	switch is := w.find(was.GroupVersionKind(), was.GetName()); {
	case is == nil:
		w.Errorf("%s is gone", object.ID(was))
	case is.GetUID() != was.GetUID(), is.GetResourceVersion() != was.GetResourceVersion():
		w.Errorf("%s was touched: %s", object.ID(was), reconciletest.JSON(is))
	}
}

// reconcile does one pass and returns the number of its writes.
func (w *world) reconcile() int {
	w.Helper()
	before := len(w.written())
	if _, err := w.controller.Reconcile(w.Context(), w.request()); err != nil {
		w.Fatalf("cannot reconcile: %v", err)
	}
	return len(w.written()) - before
}

// settle reconciles until nothing is written any more.
func (w *world) settle() {
	w.Helper()
	for range 10 {
		if w.reconcile() == 0 {
			return
		}
	}
	w.Fatal("writes in every one of 10 passes")
}

func (w *world) want(kind, status string, reason vocab.Reason) metav1.Condition {
	w.Helper()
	c := reconciletest.Condition(w.T, w.stanza().Status, kind)
	if string(c.Status) != status || c.Reason != string(reason) {
		w.Errorf("%s is %s/%s (%s), want %s/%s", kind, c.Status, c.Reason, c.Message, status, reason)
	}
	return c
}

func (w *world) wantQuiet() {
	w.Helper()
	if n := w.reconcile(); n != 0 {
		w.Errorf("another pass made %d writes, want 0", n)
	}
	if notes := w.recorder.take(); len(notes) > 0 {
		w.Errorf("another pass made events: %q", notes)
	}
}

// eventually polls until a check passes, and says what was there instead.
func eventually(t *testing.T, check func() error) {
	t.Helper()
	if err := apiservertest.Poll(check); err != nil {
		t.Fatal(err)
	}
}

func readCRD(t *testing.T, file string) *apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := yaml.Unmarshal(data, crd); err != nil {
		t.Fatal(err)
	}
	return crd
}

func (w *world) request() ctrl.Request {
	return ctrl.Request{NamespacedName: w.key(reconciletest.Cluster)}
}

// settle is how long after its last slot a suspended CronWorkflow is deleted.
const settle = 30 * time.Second

// How soon a Secret of ours is probed again, and how soon while the repo host is
// not ready.
const secretCheck, secretCheckWaiting = 10 * time.Minute, 15 * time.Second

// issuedName is the name of the Secret with the certificates of a cluster.
func issuedName(key types.NamespacedName) string {
	return "pgbackrest-cert." + key.Namespace + "." + key.Name
}
