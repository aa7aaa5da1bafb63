// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package packed

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/selection"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// Get implements client.Reader.
func (c *Cache) Get(ctx context.Context, key client.ObjectKey, out client.Object, options ...client.GetOption) error {
	kept, packs := c.of(out)
	if !packs {
		return c.Cache.Get(ctx, key, out, options...)
	}
	stores, err := c.synced(ctx, kept, out)
	if err != nil {
		return err
	}
	for _, store := range stores {
		if found, ok, err := store.GetByKey(toolscache.ObjectName(key).String()); err != nil || ok {
			if err != nil {
				return err
			}
			return found.(*Object).into(out)
		}
	}
	return apierrors.NewNotFound(schema.GroupResource{Group: kept.gvk.Group, Resource: kept.gvk.Kind}, key.Name)
}

// List implements client.Reader.
func (c *Cache) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	gvk, err := apiutil.GVKForObject(list, c.scheme)
	if err != nil {
		return err
	}
	gvk.Kind = strings.TrimSuffix(gvk.Kind, "List")
	kept, packs := c.listed(gvk, list)
	if !packs {
		return c.Cache.List(ctx, list, options...)
	}
	example := (&kind{gvk: kept.gvk, of: kept.t}).empty()
	stores, err := c.synced(ctx, kept, example)
	if err != nil {
		return err
	}
	var asked client.ListOptions
	asked.ApplyOptions(options)
	found, err := c.find(stores, asked)
	if err != nil {
		return err
	}
	return unpack(found, list)
}

// listed says what a list is of. The metadata of a packed kind are in its objects.
func (c *Cache) listed(gvk schema.GroupVersionKind, list client.ObjectList) (of, bool) {
	switch list.(type) {
	case *unstructured.UnstructuredList:
		return of{gvk, reflect.TypeFor[unstructured.Unstructured]()}, true
	case *metav1.PartialObjectMetadataList:
		c.mu.Lock()
		defer c.mu.Unlock()
		for kept := range c.stores {
			if kept.gvk == gvk {
				return kept, true
			}
		}
		return of{}, false
	}
	o, err := c.scheme.New(gvk)
	if err != nil {
		return of{}, false
	}
	return of{gvk, reflect.TypeOf(o).Elem()}, true
}

// synced returns the stores of a kind once its informers have listed all objects.
func (c *Cache) synced(ctx context.Context, kept of, example client.Object) ([]toolscache.Indexer, error) {
	informer, err := c.GetInformer(ctx, example)
	if err != nil {
		return nil, err
	}
	if !informer.HasSynced() { // It waits, unless nothing has started the cache.
		return nil, &cache.ErrCacheNotStarted{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stores[kept], nil
}

// find returns the objects that match, sorted by namespace and name.
func (c *Cache) find(stores []toolscache.Indexer, asked client.ListOptions) ([]*Object, error) {
	index, value, err := c.index(asked)
	if err != nil {
		return nil, err
	}
	var found []*Object
	for _, store := range stores {
		candidates, err := listStore(store, index, value)
		if err != nil {
			return nil, err
		}
		for _, candidate := range candidates {
			if o := candidate.(*Object); matches(o, asked) {
				found = append(found, o)
			}
		}
	}
	slices.SortFunc(found, func(a, b *Object) int {
		if order := strings.Compare(a.Namespace, b.Namespace); order != 0 {
			return order
		}
		return strings.Compare(a.Name, b.Name)
	})
	return found, nil
}

// listStore lists all objects if there is no index.
func listStore(store toolscache.Indexer, index, value string) ([]any, error) {
	if index == "" {
		return store.List(), nil
	}
	return store.ByIndex(index, value)
}

func matches(o *Object, asked client.ListOptions) bool {
	return (asked.Namespace == "" || o.Namespace == asked.Namespace) &&
		(asked.LabelSelector == nil || asked.LabelSelector.Matches(labels.Set(o.Labels)))
}

// index chooses the narrowest index, none if every object is asked for.
func (c *Cache) index(asked client.ListOptions) (name, value string, err error) {
	if asked.FieldSelector != nil && !asked.FieldSelector.Empty() {
		fields := asked.FieldSelector.Requirements()
		if len(fields) != 1 || fields[0].Operator != selection.Equals && fields[0].Operator != selection.DoubleEquals {
			return "", "", fmt.Errorf("cannot list by %s: only one field, and only what it equals", asked.FieldSelector)
		}
		return fieldIndex(fields[0].Field), fields[0].Value, nil
	}
	if asked.Namespace == "" {
		return "", "", nil
	}
	if asked.LabelSelector != nil {
		for _, label := range c.labels {
			if value, exact := asked.LabelSelector.RequiresExactMatch(label); exact {
				return labelIndex(label), asked.Namespace + "/" + value, nil
			}
		}
	}
	return toolscache.NamespaceIndex, asked.Namespace, nil
}

// unpack puts objects into a list.
func unpack(found []*Object, list client.ObjectList) error {
	_, names := list.(*metav1.PartialObjectMetadataList)
	objects := make([]runtime.Object, 0, len(found))
	for _, o := range found {
		if names {
			objects = append(objects, &metav1.PartialObjectMetadata{ObjectMeta: *o.DeepCopy()})
			continue
		}
		out := o.kind.empty()
		if err := o.into(out); err != nil {
			return err
		}
		objects = append(objects, out)
	}
	return meta.SetList(list, objects)
}

// fieldIndex is the name of the index by a field.
func fieldIndex(field string) string { return "field:" + field }

// IndexField implements client.FieldIndexer. An object is found by a value in every
// namespace.
func (c *Cache) IndexField(ctx context.Context, of client.Object, field string, extract client.IndexerFunc) error {
	informer, err := c.GetInformer(ctx, of, cache.BlockUntilSynced(false))
	if err != nil {
		return err
	}
	return informer.AddIndexers(toolscache.Indexers{fieldIndex(field): func(o any) ([]string, error) {
		object, ok := o.(client.Object)
		if !ok {
			return nil, fmt.Errorf("%T is no object", o)
		}
		return extract(Open(object)), nil
	}})
}
