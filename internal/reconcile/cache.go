// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"maps"
	"slices"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/selection"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// CacheOptions restrict the cache of the manager to what we need: of the kinds
// of the configuration, our objects. Without namespaces it watches all of them.
func CacheOptions(namespaces []string) cache.Options {
	options := cache.Options{
		DefaultTransform:  cache.TransformStripManagedFields(),
		DefaultNamespaces: inNamespaces(namespaces),
		ByObject:          map[client.Object]cache.ByObject{},
	}
	for _, kind := range watchedKinds {
		options.ByObject[newObject(kind)] = cache.ByObject{Label: managedByUs()}
	}
	return options
}

// argoCacheOptions: of the CronWorkflows ours, with the managed fields, which
// tell when we changed them last. Of the Workflows those of some cluster,
// without the bulk.
func argoCacheOptions(mgr ctrl.Manager, namespaces []string) cache.Options {
	return cache.Options{
		DefaultNamespaces: inNamespaces(namespaces),

		HTTPClient: mgr.GetHTTPClient(),
		Scheme:     mgr.GetScheme(),
		Mapper:     mgr.GetRESTMapper(),
		ByObject: map[client.Object]cache.ByObject{
			newObject(cronWorkflowKind): {Label: managedByUs()},
			newObject(workflowKind):     {Label: withLabel(vocab.LabelCluster, selection.Exists), Transform: trimWorkflow},
		},
	}
}

// inNamespaces is nil without namespaces, which means all. A list or a watch then
// names one of them, so that a Role is enough for it.
func inNamespaces(namespaces []string) map[string]cache.Config {
	if len(namespaces) == 0 {
		return nil
	}
	configs := make(map[string]cache.Config, len(namespaces))
	for _, namespace := range namespaces {
		configs[namespace] = cache.Config{}
	}
	return configs
}

func managedByUs() labels.Selector {
	return withLabel(vocab.LabelManagedBy, selection.Equals, vocab.ManagedBy)
}

func withLabel(key string, operator selection.Operator, values ...string) labels.Selector {
	requirement, err := labels.NewRequirement(key, operator, values)
	if err != nil {
		// The arguments are constants of ours.
		panic(err)
	}
	return labels.NewSelector().Add(*requirement)
}

// Fields of a Workflow that tell how it ended, and what it waits for.
var (
	runFields      = []string{"phase", "startedAt", "finishedAt", "outputs"}
	changeFields   = slices.Concat(runFields, []string{"synchronization"})
	workflowStatus = slices.Concat(changeFields, []string{"message", "nodes"})
	workflowNode   = slices.Concat(runFields, []string{"message", "id", "name", "displayName", "templateName", "type", "children"})
)

// trimWorkflow drops what we do not read before a Workflow enters the cache:
// the specs and templates in it are most of its size.
func trimWorkflow(object any) (any, error) {
	workflow, ok := object.(*unstructured.Unstructured)
	if !ok {
		return object, nil
	}
	workflow.SetManagedFields(nil)
	delete(workflow.Object, "spec")
	if status, ok := workflow.Object["status"].(map[string]any); ok {
		only(status, workflowStatus)
		if nodes, ok := status["nodes"].(map[string]any); ok {
			for _, node := range nodes {
				if fields, ok := node.(map[string]any); ok {
					only(fields, workflowNode)
				}
			}
		}
	}
	return workflow, nil
}

func only(object map[string]any, keys []string) {
	kept := make(map[string]any, len(keys))
	for _, key := range keys {
		if value, ok := object[key]; ok {
			kept[key] = value
		}
	}
	clear(object)
	maps.Copy(object, kept)
}

// runChanged lets through the changes of a Workflow that change how it counts.
// Argo updates a running one every few seconds.
var runChanged = predicate.TypedFuncs[*unstructured.Unstructured]{
	UpdateFunc: func(e event.TypedUpdateEvent[*unstructured.Unstructured]) bool {
		was, is := e.ObjectOld, e.ObjectNew
		if !equality.Semantic.DeepEqual(was.GetLabels(), is.GetLabels()) {
			return true
		}
		for _, field := range changeFields {
			a, _, _ := unstructured.NestedFieldNoCopy(was.Object, "status", field)
			b, _, _ := unstructured.NestedFieldNoCopy(is.Object, "status", field)
			if !equality.Semantic.DeepEqual(a, b) {
				return true
			}
		}
		return false
	},
}

// reader reads from the cache that holds a kind.
type reader struct {
	main client.Reader
	argo *argoReader
}

// Get implements client.Reader.
func (r reader) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	from, err := r.forKind(object.GetObjectKind().GroupVersionKind())
	if err != nil {
		return err
	}
	return from.Get(ctx, key, object, options...)
}

// List implements client.Reader.
func (r reader) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	from, err := r.forKind(list.GetObjectKind().GroupVersionKind())
	if err != nil {
		return err
	}
	return from.List(ctx, list, options...)
}

func (r reader) forKind(kind schema.GroupVersionKind) (client.Reader, error) {
	if kind.Group == workflowKind.Group {
		return r.argo.forKind(kind)
	}
	return r.main, nil
}

// argoReader has the cache for Argo's kinds once they are served. Until then it
// says of them what the API server would.
type argoReader struct{ from atomic.Pointer[cache.Cache] }

func (r *argoReader) serve(from cache.Cache) { r.from.Store(&from) }

func (r *argoReader) forKind(kind schema.GroupVersionKind) (client.Reader, error) {
	if from := r.from.Load(); from != nil {
		return *from, nil
	}
	return nil, &meta.NoKindMatchError{GroupKind: kind.GroupKind(), SearchedVersions: []string{kind.Version}}
}
