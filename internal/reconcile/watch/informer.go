// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/tools/cache"
)

// informer watches one target.
type informer struct {
	shared cache.SharedIndexInformer
	stop   context.CancelFunc
	// clusters that ask for the target.
	clusters map[types.NamespacedName]bool
	// failure is why the last list or watch failed, nil if it did not.
	failure atomic.Pointer[error]
}

// start starts an informer, which calls changed for each change that a trigger can see.
func start(ctx context.Context, client metadata.Interface, target Target, changed func()) *informer {
	ctx, stop := context.WithCancel(ctx)
	i := &informer{stop: stop, clusters: map[types.NamespacedName]bool{}}
	i.shared = metadatainformer.NewFilteredMetadataInformer(client, target.Resource, target.Namespace, 0, cache.Indexers{},
		func(o *metav1.ListOptions) { o.LabelSelector = target.Selector }).Informer()
	// They fail only once an informer runs.
	_ = i.shared.SetTransform(trim)
	_ = i.shared.SetWatchErrorHandlerWithContext(func(ctx context.Context, r *cache.Reflector, err error) {
		if i.failure.Swap(&err) == nil {
			changed()
		}
		cache.DefaultWatchErrorHandler(ctx, r, err)
	})
	_, _ = i.shared.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { changed() },
		UpdateFunc: func(old, is any) {
			if target.Status || visible(old.(*metav1.PartialObjectMetadata), is.(*metav1.PartialObjectMetadata)) {
				changed()
			}
		},
		DeleteFunc: func(any) { changed() },
	})
	go func() {
		go i.shared.RunWithContext(ctx)
		if cache.WaitForCacheSync(ctx.Done(), i.shared.HasSynced) {
			changed()
		}
	}()
	return i
}

// visible reports whether a trigger can see the difference between two states.
func visible(old, is *metav1.PartialObjectMetadata) bool {
	return old.UID != is.UID || old.Generation != is.Generation || !maps.Equal(old.Labels, is.Labels) ||
		(old.DeletionTimestamp == nil) != (is.DeletionTimestamp == nil)
}

// trim leaves of the metadata what triggers go by.
func trim(object any) (any, error) {
	if o, ok := object.(*metav1.PartialObjectMetadata); ok {
		o.ManagedFields, o.Annotations, o.OwnerReferences, o.Finalizers = nil, nil, nil, nil
	}
	return object, nil
}

func (i *informer) list() ([]*metav1.PartialObjectMetadata, error) {
	if !i.shared.HasSynced() {
		if failure := i.failure.Load(); failure != nil {
			return nil, *failure
		}
		return nil, ErrNotYet
	}
	var objects []*metav1.PartialObjectMetadata
	for _, o := range i.shared.GetStore().List() {
		objects = append(objects, o.(*metav1.PartialObjectMetadata))
	}
	slices.SortFunc(objects, func(a, b *metav1.PartialObjectMetadata) int { return strings.Compare(a.Name, b.Name) })
	return objects, nil
}
