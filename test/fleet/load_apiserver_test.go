//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
)

const (
	// clustersInNamespace is how a fleet is spread.
	clustersInNamespace = 100
	// schedulesOfCluster are those of testdata/postgresql.yaml.
	schedulesOfCluster = 3
	// loaders create what is there before the operator starts.
	loaders = 16
)

// fleet is N clusters in their namespaces.
type fleet struct {
	*server

	clusters int
}

func (f *fleet) namespaces() int {
	return (f.clusters + clustersInNamespace - 1) / clustersInNamespace
}

func namespaceName(n int) string { return fmt.Sprintf("fleet-%d", n) }

func clusterName(i int) string { return fmt.Sprintf("db-%d", i) }

func namespaceOf(i int) string { return namespaceName(i / clustersInNamespace) }

// inNamespace is how many clusters a namespace has.
func (f *fleet) inNamespace(n int) int {
	return min(clustersInNamespace, f.clusters-n*clustersInNamespace)
}

// createFleet creates everything that users create: the operator is not running yet.
func (s *server) createFleet(b *testing.B, clusters int) *fleet {
	b.Helper()
	f := &fleet{s, clusters}
	say("creating %d clusters in %d namespaces", clusters, f.namespaces())
	templates := kustomize(s.ctx, b, "workflows")
	s.parallel(b, "namespaces", loaders, f.namespaces(), func(ctx context.Context, n int) error {
		if err := s.client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespaceName(n)}}); err != nil {
			return err
		}
		for _, o := range templates {
			o = o.DeepCopy()
			o.SetNamespace(namespaceName(n))
			if err := s.client.Create(ctx, o); err != nil {
				return err
			}
		}
		return nil
	})
	model := readModel(b)
	s.parallel(b, "clusters", loaders, clusters, func(ctx context.Context, i int) error {
		name := clusterName(i)
		secret := &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespaceOf(i), Name: name + "-s3-credential"},
			StringData: map[string]string{"s3.conf": "[global]\nrepo1-s3-key=key\nrepo1-s3-key-secret=secret\n"},
		}
		if err := s.client.Create(ctx, secret); err != nil {
			return err
		}
		return s.client.Create(ctx, makeCluster(model, i))
	})
	return f
}

// readModel reads testdata/postgresql.yaml. None of its schedules is due in the next eight
// hours: nothing is overdue while the fleet is measured, although no Argo runs it.
func readModel(b *testing.B) *unstructured.Unstructured {
	b.Helper()
	text, err := os.ReadFile("testdata/postgresql.yaml")
	if err != nil {
		b.Fatal(err)
	}
	model := reconciletest.FromYAML(b, string(text))
	hour := time.Now().UTC().Add(9 * time.Hour).Hour()
	reconciletest.SetSchedule(model, "full", fmt.Sprintf("30 %d * * 0", hour))
	reconciletest.SetSchedule(model, "diff", fmt.Sprintf("30 %d * * 1-6", hour))
	reconciletest.SetSchedule(model, "incr", fmt.Sprintf("0 %d * * *", hour))
	return model
}

func makeCluster(model *unstructured.Unstructured, i int) *unstructured.Unstructured {
	o := model.DeepCopy()
	name := clusterName(i)
	o.SetNamespace(namespaceOf(i))
	reconciletest.Rename(o, name)
	section, _, _ := unstructured.NestedFieldNoCopy(o.Object, "spec", "backup", "pgbackrest")
	settings := section.(map[string]any)
	settings["configuration"] = map[string]any{"secret": name + "-s3-credential"}
	settings["global"].(map[string]any)["repo1-path"] = "/" + name + "/repo1/"
	return o
}

// parallel does something for each of n things, with some workers. It says how far it is.
func (s *server) parallel(b *testing.B, what string, workers, n int, do func(ctx context.Context, i int) error) {
	b.Helper()
	ctx, stop := context.WithCancelCause(s.ctx)
	defer stop(nil)
	var next, done atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				if err := do(ctx, i); err != nil {
					stop(err)
				}
				if far := done.Add(1); far%1000 == 0 {
					say("%d of %d %s", far, n, what)
				}
			}
		})
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		b.Fatalf("cannot do this for all %s: %v", what, err)
	}
}
