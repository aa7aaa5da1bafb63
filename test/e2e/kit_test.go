// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// minute is the deadline of what should take seconds.
const minute = time.Minute

// primary and repoHost are the pods of the cluster of every example.
const (
	primary  = "cluster-0"
	repoHost = "cluster-pgbackrest-repo-host-0"
)

// kit is a namespace of the real cluster.
type kit struct {
	client.Client
	exec      *remote.Client
	core      kubernetes.Interface
	namespace string
	image     string
	// planted are the credentials that the test made: nothing that anybody may
	// read holds one of them.
	planted []string
	// inline is one that stands in the postgresql itself, and must be nowhere else.
	inline string
}

// newKit removes what was in the namespace. It stays when the test fails, for a
// look.
func newKit(t testing.TB, namespace string) *kit {
	t.Helper()
	k := connect(t)
	k.namespace = namespace
	k.deleteNamespace(t)
	t.Cleanup(func() {
		if !t.Failed() {
			k.beginToDelete(t)
		}
	})
	return k
}

// connect returns a kit without a namespace.
func connect(t testing.TB) *kit {
	t.Helper()
	kubeconfig, image := os.Getenv("KUBECONFIG"), os.Getenv("IMAGE")
	if kubeconfig == "" || image == "" {
		t.Fatal("KUBECONFIG and IMAGE must be set: run make test-cluster")
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	// The tests ask often.
	config.QPS, config.Burst = 100, 200
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), wfv1.AddToScheme(scheme), stanzaflowv1alpha1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	c, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	executor, err := remote.New(config)
	if err != nil {
		t.Fatal(err)
	}
	core, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return &kit{Client: c, exec: executor, core: core, image: image}
}

// beginToDelete does not wait until the namespace is gone: who uses its name next
// does.
func (k *kit) beginToDelete(t testing.TB) {
	t.Helper()
	// The test's own context is over when it cleans up.
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: k.namespace}}
	if err := k.Delete(context.Background(), ns); client.IgnoreNotFound(err) != nil && !apierrors.IsConflict(err) {
		t.Fatal(err)
	}
}

func (k *kit) deleteNamespace(t testing.TB) {
	t.Helper()
	k.beginToDelete(t)
	ns := &corev1.Namespace{}
	eventually(t, 3*minute, "namespace "+k.namespace+" gone", func() (bool, string) {
		err := k.Get(context.Background(), client.ObjectKey{Name: k.namespace}, ns)
		return apierrors.IsNotFound(err), fmt.Sprintf("%v, %+v", err, ns.Status)
	})
}

// createNamespace is for what must be there before a folder is applied.
func (k *kit) createNamespace(t testing.TB) {
	t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: k.namespace, Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}}}
	if err := k.Create(t.Context(), ns); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
}

// apply renders a folder of testdata with kustomize and applies it, with pairs
// of texts to replace.
func (k *kit) apply(t testing.TB, folder string, replace ...string) {
	t.Helper()
	k.createNamespace(t)
	if err := k.applyTry(t.Context(), folder, replace...); err != nil {
		t.Fatal(err)
	}
}

func (k *kit) applyTry(ctx context.Context, folder string, replace ...string) error {
	manifests, err := kubectlTry(ctx, nil, "kustomize", filepath.Join("testdata", folder))
	if err != nil {
		return fmt.Errorf("kubectl kustomize %s: %w: %s", folder, err, manifests)
	}
	// Nine stories run at once. What their PostgreSQLs ask for as examples would be
	// all that a node of two processors has, and pods would wait for each other.
	replace = append(replace, "cpu: 100m", "cpu: 20m")
	replace = append(replace, "ghcr.io/stanzaflow/operator:v0.1.0", k.image, "e2e-store", k.namespace, "AZURE-KEY", k.inline)
	manifests = strings.NewReplacer(replace...).Replace(manifests)
	if out, err := kubectlTry(ctx, []byte(manifests), "apply", "--server-side", "--force-conflicts", "-f", "-"); err != nil {
		return fmt.Errorf("kubectl apply of %s: %w: %s", folder, err, out)
	}
	return nil
}

// kubectl runs the real one and returns its standard output.
func kubectl(t testing.TB, stdin []byte, args ...string) string {
	t.Helper()
	out, err := kubectlTry(t.Context(), stdin, args...)
	if err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// kubectlTry returns what kubectl prints, or what it complains about.
func kubectlTry(ctx context.Context, stdin []byte, args ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	command := exec.CommandContext(ctx, "kubectl", args...)
	command.Stdin, command.Stdout, command.Stderr = bytes.NewReader(stdin), &stdout, &stderr
	if err := command.Run(); err != nil {
		return stderr.String(), err
	}
	return stdout.String(), nil
}

// run executes argv where pgBackRest is in a pod, and fails the test when it fails.
func (k *kit) run(t testing.TB, pod string, argv ...string) string {
	t.Helper()
	out, err := k.try(t, pod, argv...)
	if err != nil {
		t.Fatalf("%s in %s: %v\n%s", strings.Join(argv, " "), pod, err, out)
	}
	return out
}

func (k *kit) try(t testing.TB, pod string, argv ...string) (string, error) {
	t.Helper()
	return k.tryContext(t.Context(), pod, argv...)
}

func (k *kit) tryContext(ctx context.Context, pod string, argv ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	container := cpo.ContainerPostgreSQL
	if pod == repoHost {
		container = cpo.ContainerRepoHost
	}
	err := k.exec.Exec(ctx, remote.Place{Namespace: k.namespace, Pod: pod, Container: container}, argv, &stdout, &stderr)
	if err != nil {
		return stdout.String() + stderr.String(), err
	}
	return stdout.String(), nil
}

// psql runs statements and returns unaligned rows.
func (k *kit) psql(t testing.TB, pod, database, statements string) string {
	t.Helper()
	return strings.TrimSpace(k.run(t, pod, "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1",
		"-h", "/var/run/postgresql", "-U", "postgres", "-d", database, "-c", statements))
}

func (k *kit) podReady(t testing.TB, name string) {
	t.Helper()
	eventually(t, 3*minute, "pod "+name+" ready", func() (bool, string) {
		var pod corev1.Pod
		err := k.Get(t.Context(), client.ObjectKey{Namespace: k.namespace, Name: name}, &pod)
		ready := slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
		})
		return ready, fmt.Sprintf("%v, %s", err, podState(&pod))
	})
}

// podState is what a person needs to see of a pod that is not ready: where it
// cannot be scheduled, the scheduler's own words.
func podState(pod *corev1.Pod) string {
	text := "phase " + string(pod.Status.Phase)
	for _, c := range pod.Status.Conditions {
		if c.Status != corev1.ConditionTrue {
			text += fmt.Sprintf("; %s=%s: %s: %s", c.Type, c.Status, c.Reason, c.Message)
		}
	}
	for _, c := range pod.Status.ContainerStatuses {
		if !c.Ready {
			text += fmt.Sprintf("; container %s: %+v", c.Name, c.State)
		}
	}
	return text
}

// submit starts a run as `argo submit --from workflowtemplate/pgbackrest-backup`
// does, with parameters as name=value.
func (k *kit) submit(t testing.TB, parameters ...string) string {
	t.Helper()
	workflow := newRun(k.namespace, parameters...)
	if err := k.Create(t.Context(), workflow); err != nil {
		t.Fatal(err)
	}
	return workflow.Name
}

func newRun(namespace string, parameters ...string) *wfv1.Workflow {
	workflow := &wfv1.Workflow{
		ObjectMeta: metav1.ObjectMeta{GenerateName: vocab.DefaultWorkflowTemplate + "-", Namespace: namespace},
		Spec:       wfv1.WorkflowSpec{WorkflowTemplateRef: &wfv1.WorkflowTemplateRef{Name: vocab.DefaultWorkflowTemplate}},
	}
	for _, parameter := range parameters {
		name, value, _ := strings.Cut(parameter, "=")
		workflow.Spec.Arguments.Parameters = append(workflow.Spec.Arguments.Parameters, wfv1.Parameter{Name: name, Value: wfv1.AnyStringPtr(value)})
	}
	return workflow
}

// longestRun is how long a test waits for a run. A run takes 12 s alone and a
// minute beside six others; where something else takes the processors too, only a
// run that hangs may fail the test.
const longestRun = 10 * minute

// finished waits until a run is over.
func (k *kit) finished(t testing.TB, name string) *wfv1.Workflow {
	t.Helper()
	var workflow wfv1.Workflow
	eventually(t, longestRun, "workflow "+name+" over", func() (bool, string) {
		err := k.Get(t.Context(), client.ObjectKey{Namespace: k.namespace, Name: name}, &workflow)
		return err == nil && workflow.Status.Fulfilled(), fmt.Sprintf("%v, phase %s, %s", err, workflow.Status.Phase, describe(&workflow))
	})
	return &workflow
}

// succeeded waits for a run and returns its report.
func (k *kit) succeeded(t testing.TB, name string) report.Report {
	t.Helper()
	workflow := k.finished(t, name)
	if workflow.Status.Phase != wfv1.WorkflowSucceeded {
		t.Fatalf("workflow %s is %s: %s", name, workflow.Status.Phase, describe(workflow))
	}
	return reportOf(t, workflow)
}

func reportOf(t testing.TB, workflow *wfv1.Workflow) report.Report {
	t.Helper()
	if workflow.Status.Outputs == nil {
		t.Fatalf("workflow %s has no outputs: %s", workflow.Name, describe(workflow))
	}
	text := ""
	for _, parameter := range workflow.Status.Outputs.Parameters {
		if parameter.Name == vocab.OutputReport {
			text = parameter.Value.String()
		}
	}
	r, err := report.Decode(text)
	if err != nil {
		t.Fatalf("workflow %s: %v", workflow.Name, err)
	}
	return r
}

// describe is what a person sees of a run in the Argo UI.
func describe(workflow *wfv1.Workflow) string {
	lines := []string{string(workflow.Status.Phase) + " " + workflow.Status.Message}
	for _, node := range workflow.Status.Nodes {
		lines = append(lines, fmt.Sprintf("%s %s %s %s", node.Type, node.DisplayName, node.Phase, node.Message))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n  ")
}

func (k *kit) stanza(t testing.TB, name string) *stanzaflowv1alpha1.Stanza {
	t.Helper()
	var stanza stanzaflowv1alpha1.Stanza
	if err := k.Get(t.Context(), client.ObjectKey{Namespace: k.namespace, Name: name}, &stanza); err != nil {
		t.Fatal(err)
	}
	return &stanza
}
