// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"context"
	"fmt"
	"hash/fnv"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Operator is one process of CPO. Ending its context kills it; another one begins as
// CPO does after a restart.
type Operator struct {
	Options

	client  client.Client
	dynamic dynamic.Interface
	clock   clock.Clock
	queues  []*queue
	// informer has the resources, from the start of Run.
	informer cache.SharedIndexInformer

	mu sync.Mutex
	// known are the clusters that it has created, or found at its start.
	known map[types.UID]bool
}

// New returns an Operator that does nothing before Run.
func New(config *rest.Config, o Options) (*Operator, error) {
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return nil, err
	}
	direct, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, err
	}
	dynamicClient, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	operator := &Operator{
		Options: o.withDefaults(), client: client.WithFieldOwner(direct, Manager), dynamic: dynamicClient,
		clock: clock.RealClock{}, known: map[types.UID]bool{},
	}
	for range operator.Workers {
		operator.queues = append(operator.queues, newQueue())
	}
	factory := dynamicinformer.NewFilteredDynamicSharedInformerFactory(dynamicClient, 0, operator.Namespace, nil)
	operator.informer = factory.ForResource(Resource).Informer()
	return operator, nil
}

// Run works until the context ends.
func (o *Operator) Run(ctx context.Context) error {
	if _, err := o.informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { o.found(decoded(object)) },
		UpdateFunc: func(old, changed any) { o.changed(decoded(old), decoded(changed)) },
		DeleteFunc: func(object any) { o.gone(decoded(object)) },
	}); err != nil {
		return err
	}
	var wg sync.WaitGroup
	wg.Go(func() { o.informer.Run(ctx.Done()) })
	for _, q := range o.queues {
		wg.Go(func() { o.work(ctx, q) })
	}
	wg.Go(func() { o.resync(ctx) })
	wg.Wait()
	return nil
}

func decoded(object any) *Postgresql {
	if tombstone, ok := object.(cache.DeletedFinalStateUnknown); ok {
		object = tombstone.Obj
	}
	u, ok := object.(*unstructured.Unstructured)
	if !ok {
		return nil
	}
	p, err := Decode(u)
	if err != nil {
		return nil
	}
	return p
}

// owns reports whether the annotation leaves the resource to this CPO. Each event
// looks at it, so setting it works at once.
func (o *Operator) owns(p *Postgresql) bool {
	return p != nil && p.Annotations[annotationController] == o.ControllerID
}

// found: a resource that has a status was there before this process.
func (o *Operator) found(p *Postgresql) {
	switch {
	case !o.owns(p):
	case p.Status.Cluster == "":
		o.enqueue(event{kind: eventAdd, uid: p.UID, new: p})
	default:
		o.enqueue(event{kind: eventSync, uid: p.UID, new: p})
	}
}

// changed: a label, a finalizer or the status is no reason for an update.
func (o *Operator) changed(old, p *Postgresql) {
	if o.owns(p) && !sameRequest(old, p) {
		o.enqueue(event{kind: eventUpdate, uid: p.UID, old: old, new: p})
	}
}

func (o *Operator) gone(p *Postgresql) {
	if o.owns(p) {
		o.enqueue(event{kind: eventDelete, uid: p.UID, new: p})
	}
}

// enqueue gives a cluster always to the same worker, which is busy with others, too.
func (o *Operator) enqueue(e event) {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(e.new.Namespace + "/" + e.new.Name))
	o.queues[hash.Sum32()%uint32(len(o.queues))].add(e) //nolint:gosec // a handful of workers
}

// resync queues a sync of every cluster once a period.
func (o *Operator) resync(ctx context.Context) {
	for o.sleep(ctx, o.Resync) {
		o.SyncAll()
	}
}

// SyncAll queues a sync of every cluster, as at the end of a period.
func (o *Operator) SyncAll() {
	for _, object := range o.informer.GetStore().List() {
		if p := decoded(object); o.owns(p) {
			o.enqueue(event{kind: eventSync, uid: p.UID, new: p})
		}
	}
}

func (o *Operator) work(ctx context.Context, q *queue) {
	for {
		e, ok := q.next(ctx)
		if !ok {
			return
		}
		if err := o.process(ctx, e); err != nil && ctx.Err() == nil {
			o.Logf("%s of %s/%s: %v", e.kind, e.new.Namespace, e.new.Name, err)
		}
	}
}

func (o *Operator) process(ctx context.Context, e event) error {
	known := o.remember(e.uid, e.kind)
	switch {
	case e.kind == eventDelete:
		return o.delete(ctx, e.new)
	case e.kind == eventAdd && !known:
		return o.create(ctx, e.new)
	case e.kind == eventUpdate && known:
		return o.update(ctx, e.old, e.new)
	case e.kind == eventSync:
		defer o.Record.addSync()
		return o.syncCluster(ctx, e.new)
	}
	return nil
}

// remember reports whether the cluster was known.
func (o *Operator) remember(uid types.UID, kind string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	known := o.known[uid]
	switch kind {
	case eventDelete:
		delete(o.known, uid)
	case eventAdd, eventSync:
		o.known[uid] = true
	}
	return known
}

// sleep reports false if the context ends first.
func (o *Operator) sleep(ctx context.Context, d time.Duration) bool {
	timer := o.clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C():
		return true
	case <-ctx.Done():
		return false
	}
}

// await checks a condition until it holds.
func (o *Operator) await(ctx context.Context, deadline time.Duration, what string, holds func() (bool, error)) error {
	began := o.clock.Now()
	for {
		done, err := holds()
		if err != nil || done {
			return err
		}
		if o.clock.Since(began) > deadline {
			return fmt.Errorf("after %s still not: %s", deadline, what)
		}
		if !o.sleep(ctx, pollPeriod) {
			return ctx.Err()
		}
	}
}

const pollPeriod = 200 * time.Millisecond
