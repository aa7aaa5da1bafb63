// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package packed

import (
	"fmt"
	"maps"
	"reflect"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// Cache is a cache.Cache that holds its objects packed.
type Cache struct {
	cache.Cache

	scheme *runtime.Scheme
	labels []string
	sets   *labelSets

	mu    sync.Mutex
	kinds map[of]*kind
	// stores are what the informers of a kind hold: one for each namespace that the cache
	// is restricted to, else one.
	stores map[of][]toolscache.Indexer
}

// of is what informers are kept apart by.
type of struct {
	gvk schema.GroupVersionKind
	t   reflect.Type
}

// NewCache returns what makes a Cache. List finds objects by any of the labels through an
// index, if it also names the namespace.
func NewCache(labels ...string) cache.NewCacheFunc {
	return func(config *rest.Config, options cache.Options) (cache.Cache, error) {
		c := &Cache{scheme: options.Scheme, labels: labels, sets: newLabelSets(), kinds: map[of]*kind{}, stores: map[of][]toolscache.Indexer{}}
		options.NewInformer = c.newInformer
		options.DefaultTransform = c.packing(options.DefaultTransform)
		options.ByObject = maps.Clone(options.ByObject)
		for object, by := range options.ByObject {
			if by.Transform != nil {
				by.Transform = c.packing(by.Transform)
				options.ByObject[object] = by
			}
		}
		var err error
		c.Cache, err = cache.New(config, options)
		return c, err
	}
}

// newInformer makes an informer and remembers its store.
func (c *Cache) newInformer(source toolscache.ListerWatcher, example runtime.Object, resync time.Duration, indexers toolscache.Indexers) toolscache.SharedIndexInformer {
	key, packs := c.of(example)
	if !packs {
		return toolscache.NewSharedIndexInformer(source, example, resync, indexers)
	}
	indexers = maps.Clone(indexers)
	for _, label := range c.labels {
		indexers[labelIndex(label)] = byLabel(label)
	}
	informer := toolscache.NewSharedIndexInformer(source, example, resync, indexers)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stores[key] = append(c.stores[key], informer.GetIndexer())
	return informer
}

// packing returns a transform that packs what another one leaves.
func (c *Cache) packing(transform toolscache.TransformFunc) toolscache.TransformFunc {
	return func(object any) (any, error) {
		if transform != nil {
			var err error
			if object, err = transform(object); err != nil {
				return nil, err
			}
		}
		o, ok := object.(client.Object)
		if !ok {
			return object, nil
		}
		key, packs := c.of(o)
		if !packs {
			return object, nil
		}
		return c.kind(key).pack(o)
	}
}

// of says by what an object is kept, and whether it is packed.
func (c *Cache) of(o runtime.Object) (of, bool) {
	switch o.(type) {
	case *Object, *metav1.PartialObjectMetadata:
		return of{}, false
	}
	gvk, err := apiutil.GVKForObject(o, c.scheme)
	return of{gvk, reflect.TypeOf(o).Elem()}, err == nil
}

func (c *Cache) kind(key of) *kind {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := c.kinds[key]
	if !ok {
		k = &kind{gvk: key.gvk, of: key.t, labels: c.sets}
		c.kinds[key] = k
	}
	return k
}

// labelIndex is the name of the index by a label.
func labelIndex(label string) string { return "label:" + label }

func byLabel(label string) toolscache.IndexFunc {
	return func(o any) ([]string, error) {
		object, ok := o.(*Object)
		if !ok {
			return nil, fmt.Errorf("%T is not packed", o)
		}
		value, ok := object.Labels[label]
		if !ok {
			return nil, nil
		}
		return []string{object.Namespace + "/" + value}, nil
	}
}
