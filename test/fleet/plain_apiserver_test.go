//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
)

// createPlain creates what the operator has created, without its events, in other
// namespaces: a program that knows the objects and only creates them, with the rights of
// the operator and as many workers. That is what this machine can do at best.
func (f *fleet) createPlain(b *testing.B, o *operator, r *result) bool {
	b.Helper()
	say("%d clusters: the same objects by plain client-go", f.clusters)
	o.stop()
	model := f.readObjects(b)
	config := rest.CopyConfig(f.config)
	config.Impersonate.UserName = operatorUser
	plain, err := client.New(config, client.Options{Scheme: f.client.Scheme()})
	if err != nil {
		b.Fatal(err)
	}
	for n := range f.namespaces() {
		f.create(b, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: plainName(n)}})
	}
	before, start := f.requests(b), time.Now()
	f.parallel(b, "plain clusters", *workers, f.clusters, func(ctx context.Context, i int) error {
		return createObjects(ctx, plain, model, i)
	})
	r.plain = time.Since(start)
	made := f.requests(b).since(before)
	fmt.Printf("MEASURED %d clusters, the same objects by plain client-go: %.1f s, %.2f requests a cluster; the operator took %.2f times as long\n",
		f.clusters, r.plain.Seconds(), made.all()/float64(f.clusters), r.syncSeconds/r.plain.Seconds())
	return true
}

func plainName(n int) string { return fmt.Sprintf("plain-%d", n) }

// readObjects returns the objects of the first cluster, as JSON.
func (f *fleet) readObjects(b *testing.B) (texts []string) {
	b.Helper()
	name := clusterName(0)
	for _, o := range []struct {
		kind schema.GroupVersionKind
		name string
	}{
		{object.Stanza, name},
		{object.ConfigMap, name + "-pgbackrest-config"},
		{object.CronWorkflow, cronName(0, "full")},
		{object.CronWorkflow, cronName(0, "diff")},
		{object.CronWorkflow, cronName(0, "incr")},
	} {
		u := object.New(o.kind)
		if err := f.client.Get(f.ctx, client.ObjectKey{Namespace: namespaceOf(0), Name: o.name}, u); err != nil {
			b.Fatalf("cannot read %s %s: %v", o.kind.Kind, o.name, err)
		}
		for _, field := range []string{"uid", "resourceVersion", "managedFields", "creationTimestamp", "generation", "ownerReferences"} {
			unstructured.RemoveNestedField(u.Object, "metadata", field)
		}
		text, err := json.Marshal(u.Object)
		if err != nil {
			b.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	return texts
}

// createObjects creates the objects of a cluster. The status of a Stanza takes a second
// request.
func createObjects(ctx context.Context, plain client.Client, model []string, i int) error {
	names := strings.NewReplacer(clusterName(0), clusterName(i), `"`+namespaceOf(0)+`"`, `"`+plainName(i/clustersInNamespace)+`"`)
	for _, text := range model {
		u := &unstructured.Unstructured{}
		if err := u.UnmarshalJSON([]byte(names.Replace(text))); err != nil {
			return err
		}
		status := u.Object["status"]
		if err := plain.Create(ctx, u); err != nil {
			return fmt.Errorf("cannot create %s %s: %w", u.GetKind(), u.GetName(), err)
		}
		if u.GetKind() != object.Stanza.Kind {
			continue
		}
		u.Object["status"] = status
		if err := plain.Status().Update(ctx, u); err != nil {
			return fmt.Errorf("cannot write the status of %s: %w", u.GetName(), err)
		}
	}
	return nil
}
