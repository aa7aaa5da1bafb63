//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stanzaflow/stanzaflow/internal/apiservertest"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/run/runtest"
)

// The runner of each namespace. In openNamespace somebody has made it an
// administrator of the whole cluster.
const (
	openNamespace = "open"
	// besideNamespace has the component alongside.
	besideNamespace = "beside"
	besideRunner    = "system:serviceaccount:" + besideNamespace + ":pgbackrest-runner"
	runner          = "system:serviceaccount:" + runtest.Namespace + ":pgbackrest-runner"
	strongRunner    = "system:serviceaccount:" + openNamespace + ":pgbackrest-runner"

	watcher       = "system:serviceaccount:" + runtest.Namespace + ":pgbackrest-watch"
	strongWatcher = "system:serviceaccount:" + openNamespace + ":pgbackrest-watch"
)

// server is a real API server with what deploy and workflows install: the CRDs,
// the policies, and the runner in two namespaces with a pod in each.
type server struct {
	config *rest.Config
	admin  client.Client
}

func startServer(t *testing.T) *server {
	t.Helper()
	s := &server{config: apiservertest.Start(t, "../../../deploy/crds/cpo.opensource.cybertec.at_postgresqls.yaml", "../../../deploy/crds/stanzaflow.dev_stanzas.yaml")}
	var err error
	if s.admin, err = client.New(s.config, client.Options{}); err != nil {
		t.Fatal(err)
	}
	for _, namespace := range []string{runtest.Namespace, openNamespace, besideNamespace} {
		s.create(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})
		s.createFile(t, "../../../workflows/pgbackrest-runner.yaml", namespace)
		s.createFile(t, "../../../workflows/pgbackrest-watch-account.yaml", namespace)
		s.create(t, &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: runtest.PrimaryPod, Namespace: namespace},
			Spec: corev1.PodSpec{Containers: []corev1.Container{
				{Name: cpo.ContainerPostgreSQL, Image: "x"}, {Name: cpo.ContainerRepoHost, Image: "x"}, {Name: "sidecar", Image: "x"},
			}},
		})
	}
	s.create(t, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "open"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects: []rbacv1.Subject{
			{Kind: rbacv1.ServiceAccountKind, Name: "pgbackrest-runner", Namespace: openNamespace},
			{Kind: rbacv1.ServiceAccountKind, Name: "pgbackrest-watch", Namespace: openNamespace},
		},
	})
	s.createFile(t, "../../../workflows/components/alongside/runner.yaml", besideNamespace)
	s.createFile(t, "../../../deploy/base/policy/exec.yaml", "")
	s.createFile(t, "../../../deploy/modes/alongside/policy/restore-marker.yaml", "")
	s.inForce(t)
	return s
}

func (s *server) create(t *testing.T, object client.Object) {
	t.Helper()
	if err := s.admin.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
}

// createFile creates all that a file has, in a namespace.
func (s *server) createFile(t *testing.T, file, namespace string) {
	t.Helper()
	f, err := os.Open(filepath.Clean(file))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for decoder := yaml.NewYAMLOrJSONDecoder(f, 4096); ; {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(object)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		object.SetNamespace(namespace)
		s.create(t, object)
	}
}

// inForce waits until the authorizer and the policies have been seen.
func (s *server) inForce(t *testing.T) {
	t.Helper()
	err := apiservertest.Poll(func() error {
		shell := s.exec(t, exec{argv: []string{"sh"}})
		attach := s.do(t, strongRunner, "POST", "/api/v1/namespaces/"+openNamespace+"/pods/"+runtest.PrimaryPod+"/attach")
		marker := s.createConfigMap(t, strongRunner, openNamespace, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "probe"}}, true)
		if refusedBy(shell, "stanzaflow-exec") && refusedBy(attach, "stanzaflow-connect") && refusedBy(marker, "stanzaflow-restore-marker") {
			return nil
		}
		return errors.Join(errors.New("the policies are not in force"), shell, attach, marker)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// as is a client with the token of a user.
func (s *server) as(t *testing.T, user string) rest.Interface {
	t.Helper()
	config := rest.CopyConfig(s.config)
	config.Impersonate = rest.ImpersonationConfig{UserName: user}
	clients, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return clients.CoreV1().RESTClient()
}

// do sends a request without a body: whether it is allowed is decided before
// that is read.
func (s *server) do(t *testing.T, user, method, path string) error {
	t.Helper()
	return s.as(t, user).Verb(method).RequestURI(path).Do(t.Context()).Error()
}

// refusedBy reports whether a policy has refused a request.
func refusedBy(err error, policy string) bool {
	return apierrors.IsForbidden(err) && contains(err, "ValidatingAdmissionPolicy '"+policy+"'")
}
