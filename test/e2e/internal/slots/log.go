// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package slots

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Log has every Job and Workflow of a namespace that was started for a slot. It is safe
// for concurrent use.
type Log struct {
	mu      sync.Mutex
	entries map[string]Entry // by UID
	// left are the runs of which an event says that they left their slot to CPO. Argo
	// loses the report of a run when the API server is away, and deletes runs.
	left map[string]string
	out  io.Writer
	errs []error
}

// NewLog returns a Log that also writes a line of JSON for each change.
func NewLog(out io.Writer) *Log {
	return &Log{entries: map[string]Entry{}, left: map[string]string{}, out: out}
}

// Watch fills the Log until the context ends. It waits for an API server that is away,
// and then sees what was started meanwhile.
func (l *Log) Watch(ctx context.Context, config *rest.Config, namespace, clusterLabel string) error {
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	for _, watched := range []struct {
		resource schema.GroupVersionResource
		selector string
		read     func(*unstructured.Unstructured) (Entry, error)
	}{
		{schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "jobs"}, "", func(o *unstructured.Unstructured) (Entry, error) { return readJob(o, clusterLabel) }},
		{schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "workflows"}, vocab.LabelTrigger + "=" + vocab.TriggerSchedule, readWorkflow},
	} {
		factory := dynamicinformer.NewFilteredDynamicSharedInformerFactory(client, 0, namespace, func(o *metav1.ListOptions) { o.LabelSelector = watched.selector })
		informer := factory.ForResource(watched.resource).Informer()
		seen := func(object any) {
			if tombstone, ok := object.(cache.DeletedFinalStateUnknown); ok {
				object = tombstone.Obj
			}
			if o, ok := object.(*unstructured.Unstructured); ok {
				l.add(watched.read(o))
			}
		}
		if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: seen, UpdateFunc: func(_, o any) { seen(o) }, DeleteFunc: func(o any) { seen(o); l.end(o) }}); err != nil {
			return err
		}
		go informer.Run(ctx.Done())
	}
	return l.watchEvents(ctx, client, namespace)
}

// watchEvents reads what Argo says of the steps of a run.
func (l *Log) watchEvents(ctx context.Context, client dynamic.Interface, namespace string) error {
	factory := dynamicinformer.NewFilteredDynamicSharedInformerFactory(client, 0, namespace, func(o *metav1.ListOptions) {
		o.FieldSelector = "involvedObject.kind=" + Workflow
	})
	informer := factory.ForResource(schema.GroupVersionResource{Version: "v1", Resource: "events"}).Informer()
	seen := func(object any) {
		o, ok := object.(*unstructured.Unstructured)
		if !ok {
			return
		}
		message, _, _ := unstructured.NestedString(o.Object, "message")
		uid, _, _ := unstructured.NestedString(o.Object, "involvedObject", "uid")
		if leaves(message) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.left[uid] = message
		}
	}
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: seen, UpdateFunc: func(_, o any) { seen(o) }})
	go informer.Run(ctx.Done())
	return err
}

func (l *Log) add(e Entry, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.errs = append(l.errs, fmt.Errorf("%s %s has no slot: %w", e.Kind, e.Name, err))
		return
	}
	before, now := l.entries[e.UID], e
	before.Seen, now.Seen = e.Seen, e.Seen
	if reflect.DeepEqual(before, now) {
		return
	}
	l.entries[e.UID] = e
	if err := json.NewEncoder(l.out).Encode(e); err != nil {
		l.errs = append(l.errs, err)
	}
}

// end notes that an object is gone. It has ended, however it did.
func (l *Log) end(object any) {
	if tombstone, ok := object.(cache.DeletedFinalStateUnknown); ok {
		object = tombstone.Obj
	}
	o, ok := object.(*unstructured.Unstructured)
	if !ok {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, known := l.entries[string(o.GetUID())]; known && e.Phase == "" {
		e.Phase, e.Ended, e.Blind = "deleted", e.Seen, e.Kind == Workflow
		l.entries[e.UID] = e
	}
}

// Entries returns what was seen, by slot, and what could not be read.
func (l *Log) Entries() ([]Entry, []error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	entries := slices.SortedFunc(maps.Values(l.entries), func(a, b Entry) int { return a.Slot.Compare(b.Slot) })
	for i := range entries {
		if message, ok := l.left[entries[i].UID]; ok {
			entries[i].Left, entries[i].Message = true, message
		}
	}
	return entries, slices.Clone(l.errs)
}
