// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"maps"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
)

const (
	// ownWritesPoll is how soon to look again for our own writes.
	ownWritesPoll = 100 * time.Millisecond
	// ownWritesPatience is how often. Somebody may have deleted the object at once, and
	// then no cache ever holds it.
	ownWritesPatience = 20
)

// ownWrites remembers what passes have written until the cache holds it. A pass that
// decides on what was before would write the same again, and meet a conflict with
// ourselves.
type ownWrites struct {
	mu sync.Mutex
	of map[types.NamespacedName]*unseen
}

// unseen are the versions that the cache does not hold yet, by the ID of the object.
type unseen struct {
	versions map[string]string
	looked   int
}

func newOwnWrites() *ownWrites { return &ownWrites{of: map[types.NamespacedName]*unseen{}} }

// add remembers what a pass over a cluster has written.
func (w *ownWrites) add(key types.NamespacedName, versions map[string]string) {
	if len(versions) == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.of[key] == nil {
		w.of[key] = &unseen{versions: map[string]string{}}
	}
	maps.Copy(w.of[key].versions, versions)
	w.of[key].looked = 0
}

// behind reports whether a state is older than what was written.
func (w *ownWrites) behind(state object.State) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	unseen := w.of[state.Key]
	if unseen == nil {
		return false
	}
	held := versionsIn(state)
	maps.DeleteFunc(unseen.versions, func(id, version string) bool {
		order, err := resourceversion.CompareResourceVersion(held[id], version)
		return err == nil && order >= 0
	})
	unseen.looked++
	if len(unseen.versions) > 0 && unseen.looked <= ownWritesPatience {
		return true
	}
	delete(w.of, state.Key)
	return false
}

// versionsIn are the versions of the objects of a state.
func versionsIn(state object.State) map[string]string {
	versions := map[string]string{}
	if stanza := state.Stanza; stanza != nil {
		versions[object.Stanza.Kind+" "+stanza.Name] = stanza.ResourceVersion
	}
	for _, objects := range state.Objects {
		for _, o := range objects {
			versions[object.ID(o)] = o.GetResourceVersion()
		}
	}
	return versions
}

// foreignNames remembers the planned objects whose name another owner had.
type foreignNames struct {
	mu sync.Mutex
	of map[types.NamespacedName]map[string]bool
}

func newForeignNames() *foreignNames {
	return &foreignNames{of: map[types.NamespacedName]map[string]bool{}}
}

func (f *foreignNames) add(key types.NamespacedName, refused []*unstructured.Unstructured) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, o := range refused {
		if object.KindOf(o.GroupVersionKind()).Ownership == object.WriteOnly {
			continue // We have no right to look.
		}
		if f.of[key] == nil {
			f.of[key] = map[string]bool{}
		}
		f.of[key][object.ID(o)] = true
	}
}

func (f *foreignNames) knows(key types.NamespacedName, o *unstructured.Unstructured) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.of[key][object.ID(o)]
}

func (f *foreignNames) forget(key types.NamespacedName, o *unstructured.Unstructured) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.of[key], object.ID(o))
	if len(f.of[key]) == 0 {
		delete(f.of, key)
	}
}
