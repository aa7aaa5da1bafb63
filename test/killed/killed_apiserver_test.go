//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package killed

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/apiservertest"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
)

var (
	trials = flag.Int("killed.trials", 6, "how many trials; each kind of event has its turn")
	seed   = flag.Uint64("killed.seed", 1, "the first seed: the same seed does the same again")
	lanes  = flag.Int("killed.lanes", 6, "how many trials run at the same time; each waits most of its time")
)

// checkout is the top of the checkout.
const checkout = "../.."

// server is an API server where the operator has its rights, and the program of the
// operator.
type server struct {
	config  *rest.Config
	client  client.WithWatch
	program string
}

// TestKilled makes the trials.
func TestKilled(t *testing.T) {
	s := startServer(t)
	var wg sync.WaitGroup
	defer wg.Wait()
	seeds := make(chan uint64)
	for range *lanes {
		wg.Go(func() {
			for n := range seeds {
				t.Run(fmt.Sprintf("%s/%d", eventOf(n).name, n), func(t *testing.T) { try(t, s, n) })
			}
		})
	}
	for n := range uint64(*trials) {
		seeds <- *seed + n
	}
	close(seeds)
}

// startServer starts the API server, and builds the operator.
func startServer(t *testing.T) *server {
	t.Helper()
	s := &server{program: filepath.Join(t.TempDir(), "operator")}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", s.program, checkout+"/cmd/operator")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // As always, also where the race detector needs it.
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("cannot build the operator: %v\n%s", err, out)
	}
	s.config = apiservertest.Start(t, append(argoCRDs(t), checkout+"/deploy/crds/cpo.opensource.cybertec.at_postgresqls.yaml", checkout+"/deploy/crds/stanzaflow.dev_stanzas.yaml")...)
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), stanzaflowv1alpha1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	var err error
	if s.client, err = client.NewWithWatch(s.config, client.Options{Scheme: scheme}); err != nil {
		t.Fatal(err)
	}
	s.grant(t)
	return s
}

// argoCRDs are the minimal CRDs of the Argo that we import.
func argoCRDs(t *testing.T) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/argoproj/argo-workflows/v3").Output()
	if err != nil {
		t.Fatalf("cannot find the Argo module: %v", err)
	}
	var files []string
	for _, plural := range []string{"cronworkflows", "workflows", "workflowtemplates"} {
		files = append(files, filepath.Join(strings.TrimSpace(string(out)), "manifests/base/crds/minimal/argoproj.io_"+plural+".yaml"))
	}
	return files
}

// grant gives the operator the rights of overlays/standalone, with the policies, and no
// others.
func (s *server) grant(t *testing.T) {
	t.Helper()
	kubectl := filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kubectl")
	out, err := exec.CommandContext(t.Context(), kubectl, "kustomize", checkout+"/deploy/overlays/standalone").Output()
	if err != nil {
		t.Fatalf("cannot build the overlay: %v", err)
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: operatorNamespace}}
	if err := s.client.Create(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	for _, o := range reconciletest.AllFromYAML(t, string(out)) {
		// The CRDs and the namespace exist, and a Deployment would have no node.
		if kind := o.GetKind(); kind == "CustomResourceDefinition" || kind == "Deployment" || kind == "Namespace" {
			continue
		}
		if err := s.client.Create(t.Context(), o); err != nil {
			t.Fatalf("cannot create %s %s: %v", o.GetKind(), o.GetName(), err)
		}
	}
}

// pause waits, and returns early if the test ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
