// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"sync/atomic"

	batchv1 "k8s.io/api/batch/v1"
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

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/packed"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// NewCache makes the cache of the manager, whose objects are packed.
var NewCache = packed.NewCache(vocab.LabelCluster)

// CacheOptions restrict the cache of the manager to what we need: the
// configuration objects that have our label, or the CronJobs of CPO. Without namespaces it watches all of
// them.
func CacheOptions(options Options) cache.Options {
	restricted := cache.Options{
		DefaultTransform:  cache.TransformStripManagedFields(),
		DefaultNamespaces: inNamespaces(options.Namespaces),
		ByObject:          map[client.Object]cache.ByObject{},
	}
	for _, kind := range configurationKinds(options.Provisioner) {
		restricted.ByObject[object.New(kind)] = cache.ByObject{Label: managedByUs()}
	}
	if options.Provisioner == vocab.ProvisionedByCPO {
		restricted.ByObject[&batchv1.CronJob{}] = cache.ByObject{
			Label: withLabel(cpo.LabelMemberType, selection.Equals, cpo.MemberBackupJob), Transform: object.TrimCronJob,
		}
	}
	return restricted
}

// configurationKinds are the kinds of the configuration that we watch. Where another owns
// the configuration, only the ConfigMap of the drills is ours.
func configurationKinds(by vocab.Provisioner) []schema.GroupVersionKind {
	if by != vocab.ProvisionedByUs {
		return []schema.GroupVersionKind{object.ConfigMap}
	}
	return object.Watched("")
}

// argoCacheOptions restrict the cache of Argo's kinds. It holds our CronWorkflows
// with their managed fields, which say when we last changed them. It holds the
// Workflows that have a cluster label, without their bulk.
func argoCacheOptions(mgr ctrl.Manager, namespaces []string) cache.Options {
	return cache.Options{
		DefaultNamespaces: inNamespaces(namespaces),

		HTTPClient: mgr.GetHTTPClient(),
		Scheme:     mgr.GetScheme(),
		Mapper:     mgr.GetRESTMapper(),
		ByObject: map[client.Object]cache.ByObject{
			object.New(object.CronWorkflow): {Label: managedByUs()},
			object.New(object.Workflow):     {Label: withLabel(vocab.LabelCluster, selection.Exists), Transform: object.TrimWorkflow},
		},
	}
}

// inNamespaces is nil without namespaces, which means all. Otherwise a list or a
// watch names one of them, so that a Role is enough for it.
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

// runChanged lets through the changes of a Workflow that change how it counts.
var runChanged = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		was, isKnown := packed.Open(e.ObjectOld).(*unstructured.Unstructured)
		is, ok := packed.Open(e.ObjectNew).(*unstructured.Unstructured)
		return !isKnown || !ok || object.RunChanged(was, is)
	},
}

// reader reads from the cache that holds a kind.
type reader struct {
	main client.Reader
	argo *argoReader
}

// Get implements client.Reader.
func (r reader) Get(ctx context.Context, key client.ObjectKey, o client.Object, options ...client.GetOption) error {
	from, err := r.forKind(o.GetObjectKind().GroupVersionKind())
	if err != nil {
		return err
	}
	return from.Get(ctx, key, o, options...)
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
	if kind.Group == object.Workflow.Group {
		return r.argo.forKind(kind)
	}
	return r.main, nil
}

// argoReader has the cache for Argo's kinds once they are served. Until then it
// returns the error that the API server would return.
type argoReader struct{ from atomic.Pointer[cache.Cache] }

func (r *argoReader) serve(from cache.Cache) { r.from.Store(&from) }

func (r *argoReader) forKind(kind schema.GroupVersionKind) (client.Reader, error) {
	if from := r.from.Load(); from != nil {
		return *from, nil
	}
	return nil, &meta.NoKindMatchError{GroupKind: kind.GroupKind(), SearchedVersions: []string{kind.Version}}
}
