//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	"github.com/argoproj/argo-cd/gitops-engine/pkg/cache"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/sync"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/sync/common"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/sync/resource"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/utils/kube"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/utils/tracing"
	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/stanzaflow/stanzaflow/internal/apiservertest"
	"github.com/stanzaflow/stanzaflow/test/internal/given"
)

// TestTrackedCronWorkflowsStay syncs an application with pruning, of which two
// CronWorkflows are a part and which has neither in Git: one with our annotations, one with
// those of the application alone. Only the second is pruned, so the test can fail.
func TestTrackedCronWorkflowsStay(t *testing.T) {
	c := startCluster(t)
	config := c.config
	var first map[string]any
	for _, object := range given.CronWorkflows(t, root) {
		first = object
		break
	}
	apply := func(name, options string) *unstructured.Unstructured {
		o := (&unstructured.Unstructured{Object: first}).DeepCopy()
		o.SetName(name)
		o.SetNamespace(namespace)
		o.SetAnnotations(map[string]string{
			"argocd.argoproj.io/tracking-id":     "shop:argoproj.io/CronWorkflow:" + namespace + "/" + name,
			"argocd.argoproj.io/compare-options": "IgnoreExtraneous", "argocd.argoproj.io/sync-options": options,
		})
		c.apply(t, o)
		return o
	}
	ours, other := apply("pgbackrest-ours", "Prune=false,Delete=false"), apply("pgbackrest-other", "")

	// Deleting the application deletes every live object of it but these.
	deletion := func(o *unstructured.Unstructured) *string {
		return resource.GetAnnotationOptionValue(o, common.AnnotationSyncOptions, common.SyncOptionDelete)
	}
	if got := deletion(ours); got == nil || *got != common.SyncValueFalse || deletion(other) != nil {
		t.Error("Argo CD would not see Delete=false where it is, or would see it where it is not")
	}

	clusterCache := cache.NewClusterCache(config, cache.SetLogr(logr.Discard()), cache.SetNamespaces([]string{namespace}),
		cache.SetSettings(cache.Settings{ResourcesFilter: onlyKindsOf([]*unstructured.Unstructured{ours})}),
		cache.SetPopulateResourceInfoHandler(func(*unstructured.Unstructured, bool) (any, bool) { return nil, true }))
	if err := clusterCache.EnsureSynced(); err != nil {
		t.Fatal(err)
	}
	defer clusterCache.Invalidate()
	live, err := clusterCache.GetManagedLiveObjs(nil, func(r *cache.Resource) bool {
		return r.Resource != nil && r.Resource.GetAnnotations()["argocd.argoproj.io/tracking-id"] != ""
	})
	if err != nil || len(live) != 2 {
		t.Fatalf("the application has %d live objects, want 2: %v", len(live), err)
	}
	step, stop, err := sync.NewSyncContext(
		"1", sync.Reconcile(nil, live, namespace, clusterCache), config, config, &kube.KubectlCmd{Log: logr.Discard(), Tracer: tracing.NopTracer{}}, namespace,
		sync.WithLogr(logr.Discard()), sync.WithOperationSettings(false, true, false, true),
	)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	if err := apiservertest.Poll(func() error {
		step.Sync()
		// There is no garbage collector that would finish the deletion.
		o, err := c.resource(t, other).Get(t.Context(), other.GetName(), metav1.GetOptions{})
		if apierrors.IsNotFound(err) || err == nil && o.GetDeletionTimestamp() != nil {
			return nil
		}
		return errNotSynced
	}); err != nil {
		_, message, results := step.GetState()
		t.Fatalf("nothing is pruned: %s, %v", message, results)
	}
	if o, err := c.resource(t, ours).Get(t.Context(), ours.GetName(), metav1.GetOptions{}); err != nil || o.GetDeletionTimestamp() != nil {
		t.Errorf("our CronWorkflow is gone, and its runs with it: %v", err)
	}
}
