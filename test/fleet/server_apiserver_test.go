//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/apiservertest"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
)

// server is an API server where the operator has its rights.
type server struct {
	ctx    context.Context //nolint:containedctx // That of the benchmark, which an interrupt ends.
	config *rest.Config
	client client.WithWatch
	// lists counts the requests of this program, by resource.
	lists map[string]float64
}

// startServer starts an API server with Argo's full CRDs and ours.
func startServer(ctx context.Context, b *testing.B) *server {
	b.Helper()
	say("starting an API server with Argo's full CRDs")
	b.Setenv("ETCD_QUOTA_BACKEND_BYTES", "8589934592")
	crds := []string{checkout + "/deploy/crds/cpo.opensource.cybertec.at_postgresqls.yaml", checkout + "/deploy/crds/stanzaflow.dev_stanzas.yaml"}
	s := &server{ctx: ctx, config: apiservertest.Start(b, append(crds, argoCRDs(ctx, b)...)...), lists: map[string]float64{}}
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, stanzaflowv1alpha1.AddToScheme, wfv1.AddToScheme} {
		if err := add(scheme); err != nil {
			b.Fatal(err)
		}
	}
	var err error
	if s.client, err = client.NewWithWatch(s.config, client.Options{Scheme: scheme}); err != nil {
		b.Fatal(err)
	}
	for _, o := range kustomize(ctx, b, "deploy/overlays/standalone") {
		// The CRDs exist, and a Deployment would have no node.
		if kind := o.GetKind(); kind != "CustomResourceDefinition" && kind != "Deployment" {
			s.create(b, o)
		}
	}
	return s
}

// argoCRDs are those of the Argo that we import, as an installation has them.
func argoCRDs(ctx context.Context, b *testing.B) (files []string) {
	b.Helper()
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/argoproj/argo-workflows/v3").Output()
	if err != nil {
		b.Fatalf("cannot find the Argo module: %v", err)
	}
	for _, plural := range []string{
		"cronworkflows", "workflows", "workflowtemplates", "clusterworkflowtemplates", "workflowtaskresults", "workflowtasksets",
		"workflowartifactgctasks", "workfloweventbindings",
	} {
		files = append(files, filepath.Join(strings.TrimSpace(string(out)), "manifests/base/crds/full/argoproj.io_"+plural+".yaml"))
	}
	return files
}

func kustomize(ctx context.Context, b *testing.B, path string) []*unstructured.Unstructured {
	b.Helper()
	kubectl := filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kubectl")
	out, err := exec.CommandContext(ctx, kubectl, "kustomize", filepath.Join(checkout, path)).Output()
	if err != nil {
		b.Fatalf("cannot build %s: %v", path, err)
	}
	return reconciletest.AllFromYAML(b, string(out))
}

// create creates an object, unless it exists.
func (s *server) create(b *testing.B, o client.Object) {
	b.Helper()
	if err := s.client.Create(s.ctx, o); err != nil && !apierrors.IsAlreadyExists(err) {
		b.Fatalf("cannot create %s %s/%s: %v", o.GetObjectKind().GroupVersionKind().Kind, o.GetNamespace(), o.GetName(), err)
	}
}
