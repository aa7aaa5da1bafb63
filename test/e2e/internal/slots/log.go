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
	out     io.Writer
	errs    []error
}

// NewLog returns a Log that also writes a line of JSON for each change.
func NewLog(out io.Writer) *Log { return &Log{entries: map[string]Entry{}, out: out} }

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
			if o, ok := object.(*unstructured.Unstructured); ok {
				l.add(watched.read(o))
			}
		}
		if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: seen, UpdateFunc: func(_, o any) { seen(o) }, DeleteFunc: seen}); err != nil {
			return err
		}
		go informer.Run(ctx.Done())
	}
	return nil
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

// Entries returns what was seen, by slot, and what could not be read.
func (l *Log) Entries() ([]Entry, []error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.SortedFunc(maps.Values(l.entries), func(a, b Entry) int { return a.Slot.Compare(b.Slot) }), slices.Clone(l.errs)
}
