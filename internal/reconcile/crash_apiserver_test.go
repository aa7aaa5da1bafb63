//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"errors"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

var errBoom = errors.New("boom")

// crash makes every write fail from the nth on, as if the process had died.
func (w *world) crash(n int) (crashed func() bool) {
	whole, count := w.controller.client, 0
	write := func(do func() error) error {
		if count++; count >= n {
			return errBoom
		}
		return do()
	}
	w.controller.client = interceptor.NewClient(whole.(client.WithWatch), interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.CreateOption) error {
			return write(func() error { return c.Create(ctx, o, options...) })
		},
		Apply: func(ctx context.Context, c client.WithWatch, o runtime.ApplyConfiguration, options ...client.ApplyOption) error {
			return write(func() error { return c.Apply(ctx, o, options...) })
		},
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, patch client.Patch, options ...client.PatchOption) error {
			return write(func() error { return c.Patch(ctx, o, patch, options...) })
		},
		Delete: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.DeleteOption) error {
			return write(func() error { return c.Delete(ctx, o, options...) })
		},
		SubResourceUpdate: func(ctx context.Context, c client.Client, name string, o client.Object, options ...client.SubResourceUpdateOption) error {
			return write(func() error { return c.SubResource(name).Update(ctx, o, options...) })
		},
	})
	return func() bool {
		w.controller.client = whole
		return count >= n
	}
}

// crashFirstPass makes the first pass over a cluster crash at its nth write, and
// reports whether it had so many.
func (w *world) crashFirstPass(n int, postgresql *unstructured.Unstructured) (hit bool) {
	w.Helper()
	w.create(reconciletest.Template(w.namespace))
	w.create(postgresql)
	crashed := w.crash(n)
	_, err := w.controller.Reconcile(w.Context(), w.request())
	hit = crashed()
	if hit != (err != nil) {
		w.Errorf("write %d: crashed is %v, error is %v", n, hit, err)
	}
	return hit
}

func testCrash(w *world) {
	for n := 1; ; n++ {
		w := w.world(w.T)
		hit := w.crashFirstPass(n, reconciletest.Postgresql(w.T, w.namespace))
		w.settle()
		for _, o := range []struct {
			kind schema.GroupVersionKind
			name string
		}{{object.CronWorkflow, reconciletest.Full}, {object.CronWorkflow, reconciletest.Incr}, {object.ConfigMap, reconciletest.ConfigMap}} {
			w.get(o.kind, o.name)
		}
		w.want(vocab.ConditionReady, "Unknown", vocab.ReasonNoBackupYet)
		if !hit {
			if n != 6 {
				w.Errorf("a pass has %d writes, want 5", n-1)
			}
			return
		}
	}
}

func testCrashTeardown(w *world) {
	for n := 1; ; n++ {
		w := w.world(w.T)
		postgresql := w.setUp(reconciletest.Postgresql(w.T, w.namespace))
		configMap := w.get(object.ConfigMap, reconciletest.ConfigMap)
		w.delete(postgresql)
		crashed := w.crash(n)
		for range 8 {
			_, _ = w.controller.Reconcile(w.Context(), w.request())
			// The order holds at every moment.
			if w.find(object.Stanza, reconciletest.Cluster) == nil && (w.find(object.CronWorkflow, reconciletest.Full) != nil || w.find(object.CronWorkflow, reconciletest.Incr) != nil) {
				w.Error("the Stanza went before the CronWorkflows")
			}
			w.wantUntouched(configMap)
		}
		hit := crashed()
		w.settle()
		for _, o := range []struct {
			kind schema.GroupVersionKind
			name string
		}{{object.CronWorkflow, reconciletest.Full}, {object.CronWorkflow, reconciletest.Incr}, {object.Stanza, reconciletest.Cluster}} {
			if w.find(o.kind, o.name) != nil {
				w.Errorf("write %d: %s %s is still there", n, o.kind.Kind, o.name)
			}
		}
		w.wantUntouched(configMap)
		if !hit {
			return
		}
	}
}
