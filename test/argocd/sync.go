// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/argoproj/argo-cd/gitops-engine/pkg/cache"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/sync"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/sync/common"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/sync/hook"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/utils/kube"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/utils/tracing"
	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

var errNotSynced = errors.New("the sync did not succeed")

// syncAll applies manifests to the cluster of KUBECONFIG as an Application without
// pruning does: first the PreSync hooks, then, if all have ended well, the rest.
func syncAll(ctx context.Context, namespace, revision string, manifests []byte, out io.Writer) error {
	objects, err := kube.SplitYAML(manifests)
	if err != nil {
		return fmt.Errorf("cannot read the manifests: %w", err)
	}
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		clientcmd.NewDefaultClientConfigLoadingRules(), &clientcmd.ConfigOverrides{}).ClientConfig()
	if err != nil {
		return err
	}
	clusterCache := cache.NewClusterCache(
		config,
		cache.SetLogr(logr.Discard()),
		cache.SetNamespaces([]string{namespace}),
		cache.SetSettings(cache.Settings{ResourcesFilter: onlyKindsOf(objects)}),
		cache.SetPopulateResourceInfoHandler(func(*unstructured.Unstructured, bool) (any, bool) { return nil, true }),
	)
	if err := awaitSynced(ctx, clusterCache); err != nil {
		return fmt.Errorf("cannot read the cluster: %w", err)
	}
	defer clusterCache.Invalidate()
	phase, message, results, err := reconcileUntilDone(ctx, config, clusterCache, namespace, revision, objects)
	if err != nil {
		return err
	}
	synced := map[string]bool{}
	for _, r := range results {
		_, _ = fmt.Fprintf(out, "%s %s %s %s %s %s\n", r.SyncPhase, r.HookType, r.ResourceKey.String(), r.Status, r.HookPhase, r.Message)
		if r.HookPhase == common.OperationFailed || r.HookPhase == common.OperationError {
			err = errors.Join(err, fmt.Errorf("%s: %s", r.ResourceKey.String(), r.Message))
		}
		synced[r.ResourceKey.String()] = r.Status == common.ResultCodeSynced
	}
	for _, o := range objects {
		// A hook has a name of its own each time.
		if key := kube.GetResourceKey(o); !hook.IsHook(o) && !synced[key.String()] {
			err = errors.Join(err, fmt.Errorf("%s was not applied", key.String()))
		}
	}
	if err != nil || phase != common.OperationSucceeded {
		return errors.Join(fmt.Errorf("%w: %s, %s", errNotSynced, phase, message), err)
	}
	return nil
}

// reconcileUntilDone does what the controller of Argo CD does with a sync: again and
// again it compares the manifests with the cluster and continues from where it was.
func reconcileUntilDone(ctx context.Context, config *rest.Config, clusterCache cache.ClusterCache, namespace, revision string, objects []*unstructured.Unstructured) (common.OperationPhase, string, []common.ResourceSyncResult, error) {
	phase, message, started := common.OperationRunning, "", metav1.Now()
	var results []common.ResourceSyncResult
	for {
		// Argo CD finds its hooks in the cluster by a label or an annotation of its own.
		live, err := clusterCache.GetManagedLiveObjs(objects, func(r *cache.Resource) bool { return r.Resource != nil && hook.IsHook(r.Resource) })
		if err != nil {
			return "", "", nil, fmt.Errorf("cannot compare: %w", err)
		}
		step, stop, err := sync.NewSyncContext(
			revision, sync.Reconcile(objects, live, namespace, clusterCache), config, config, &kube.KubectlCmd{Log: logr.Discard(), Tracer: tracing.NopTracer{}}, namespace,
			sync.WithLogr(logr.Discard()), sync.WithInitialState(phase, message, results, started), sync.WithManifestValidation(true),
		)
		if err != nil {
			return "", "", nil, fmt.Errorf("cannot sync: %w", err)
		}
		step.Sync()
		phase, message, results = step.GetState()
		stop()
		if phase.Completed() {
			return phase, message, results, nil
		}
		select {
		case <-ctx.Done():
			return phase, message, results, ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

type kinds map[string]bool

// onlyKindsOf keeps the engine from watching anything else.
func onlyKindsOf(objects []*unstructured.Unstructured) kinds {
	k := kinds{}
	for _, o := range objects {
		k[o.GroupVersionKind().GroupKind().String()] = true
	}
	return k
}

// IsExcludedResource is called by the engine for each kind that the API server has.
func (k kinds) IsExcludedResource(group, kind, _ string) bool {
	if group != "" {
		kind += "." + group
	}
	return !k[kind]
}

// awaitSynced reads the cluster, again while the API server does not answer, as Argo CD
// does. The cache returns its last error for 10 s before it asks again.
func awaitSynced(ctx context.Context, clusterCache cache.ClusterCache) error {
	var last error
	if err := wait.PollUntilContextTimeout(ctx, 5*time.Second, 3*time.Minute, true, func(context.Context) (bool, error) {
		last = clusterCache.EnsureSynced()
		return last == nil, nil
	}); err != nil {
		return cmp.Or(last, err)
	}
	return nil
}
