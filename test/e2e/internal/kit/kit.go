// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// Primary and RepoHost are the pods of the cluster of every example.
const (
	Primary  = "cluster-0"
	RepoHost = "cluster-pgbackrest-repo-host-0"
)

// System is the namespace of the operator.
const System = "stanzaflow-system"

// Kit is a namespace of the real cluster.
type Kit struct {
	// Namespace holds everything that the test makes.
	Namespace string
	// Image of the operator under test.
	Image string
	// Client reads and writes objects of any namespace.
	Client client.Client
	// Config is that of an administrator.
	Config *rest.Config
	// InitialBackup leaves the Stanza to the operator, which then makes the first backup of
	// each repo by itself, as by default. Most stories make their first backup themselves,
	// and count the backups that are there.
	InitialBackup bool
	// Core does what Client cannot: logs, evictions, requests to a Service.
	Core kubernetes.Interface

	executor *remote.Client
}

// New returns a kit whose namespace does not exist yet: it deletes what an earlier
// test left. When the test fails, the namespace stays for a look.
func New(t testing.TB, namespace string) *Kit {
	t.Helper()
	k := Connect(t, namespace)
	k.DeleteNamespace(t)
	t.Cleanup(func() {
		if !t.Failed() {
			k.startDeletingNamespace(t)
		}
	})
	return k
}

// Connect returns a kit and leaves the namespace unchanged.
func Connect(t testing.TB, namespace string) *Kit {
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
	return &Kit{Namespace: namespace, Image: image, Client: c, Config: config, Core: core, executor: executor}
}

// startDeletingNamespace does not wait: the next user of the name does.
func (k *Kit) startDeletingNamespace(t testing.TB) {
	t.Helper()
	// In a cleanup the context of the test is over.
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: k.Namespace}}
	if err := k.Client.Delete(context.Background(), ns); client.IgnoreNotFound(err) != nil && !apierrors.IsConflict(err) {
		t.Fatal(err)
	}
}

// DeleteNamespace waits until the namespace is gone. It also works in a cleanup.
func (k *Kit) DeleteNamespace(t testing.TB) {
	t.Helper()
	k.startDeletingNamespace(t)
	ns := &corev1.Namespace{}
	wait.Until(t, 3*time.Minute, "namespace "+k.Namespace+" gone", func() (bool, string) {
		err := k.Client.Get(context.Background(), client.ObjectKey{Name: k.Namespace}, ns)
		return apierrors.IsNotFound(err), fmt.Sprintf("%v, %+v", err, ns.Status)
	})
}

// CreateNamespace is for what must exist before a folder is applied.
func (k *Kit) CreateNamespace(t testing.TB) {
	t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: k.Namespace, Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}}}
	if err := k.Client.Create(t.Context(), ns); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
}

// Get reads an object of the namespace.
func (k *Kit) Get(t testing.TB, name string, object client.Object) {
	t.Helper()
	if err := k.TryGet(t.Context(), name, object); err != nil {
		t.Fatal(err)
	}
}

// TryGet is Get that returns the error.
func (k *Kit) TryGet(ctx context.Context, name string, object client.Object) error {
	return k.Client.Get(ctx, client.ObjectKey{Namespace: k.Namespace, Name: name}, object)
}

// List lists objects of the namespace.
func (k *Kit) List(t testing.TB, list client.ObjectList, options ...client.ListOption) {
	t.Helper()
	if err := k.TryList(t.Context(), list, options...); err != nil {
		t.Fatal(err)
	}
}

// TryList is List that returns the error.
func (k *Kit) TryList(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	return k.Client.List(ctx, list, append(options, client.InNamespace(k.Namespace))...)
}
