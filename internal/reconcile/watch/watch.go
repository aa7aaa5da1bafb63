// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// ErrNotYet means that the first list of a target is not complete yet.
var ErrNotYet = errors.New("the objects are not known yet")

// Target is what to follow.
type Target struct {
	Resource  schema.GroupVersionResource
	Namespace string
	// Selector limits it by labels, empty for all.
	Selector string
	// Status: a change of the status wakes, too. The metadata do not say which it was.
	Status bool
}

// queue is what a Watches wakes clusters by.
type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// Watches are the watches of an operator. It is a source of a controller.
type Watches struct {
	client metadata.Interface

	lock sync.Mutex
	// context ends every watch, queue wakes clusters. They are nil before Start.
	context context.Context //nolint:containedctx // the watches begin later than Start and end with its context
	queue   queue
	running map[Target]*informer
}

// New returns Watches that watch nothing yet.
func New(client metadata.Interface) *Watches {
	return &Watches{client: client, running: map[Target]*informer{}}
}

// Start implements source.Source. Until then Follow watches nothing.
func (w *Watches) Start(ctx context.Context, queue queue) error {
	w.lock.Lock()
	defer w.lock.Unlock()
	w.context, w.queue = ctx, queue
	return nil
}

// Follow says what a cluster asks for, and replaces what it asked for before.
func (w *Watches) Follow(cluster types.NamespacedName, targets []Target) {
	w.lock.Lock()
	defer w.lock.Unlock()
	if w.context == nil {
		return
	}
	for target, informer := range w.running {
		if slices.Contains(targets, target) {
			continue
		}
		delete(informer.clusters, cluster)
		if len(informer.clusters) == 0 {
			informer.stop()
			delete(w.running, target)
		}
	}
	for _, target := range targets {
		informer := w.running[target]
		if informer == nil {
			informer = start(w.context, w.client, target, func() { w.wake(target) })
			w.running[target] = informer
		}
		informer.clusters[cluster] = true
	}
}

// List returns the metadata of the objects of a target, sorted by name. It fails with
// ErrNotYet until they are known, and with the error of the API server if the operator
// may not read them. Nobody may change what it returns.
func (w *Watches) List(target Target) ([]*metav1.PartialObjectMetadata, error) {
	w.lock.Lock()
	informer := w.running[target]
	w.lock.Unlock()
	if informer == nil {
		return nil, ErrNotYet
	}
	objects, err := informer.list()
	if err != nil {
		return nil, fmt.Errorf("cannot watch %s in namespace %s: %w", target.Resource.Resource, target.Namespace, err)
	}
	return objects, nil
}

// wake wakes every cluster that asks for a target.
func (w *Watches) wake(target Target) {
	w.lock.Lock()
	defer w.lock.Unlock()
	informer := w.running[target]
	if informer == nil {
		return
	}
	for cluster := range maps.Keys(informer.clusters) {
		w.queue.Add(reconcile.Request{NamespacedName: cluster})
	}
}
