// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Conflict is one PUT of a CronJob that met a 409, because somebody wrote the CronJob
// after CPO's GET. It makes the cluster SyncFailed, and the rest of that sync is skipped.
type Conflict struct {
	Namespace, Cluster, CronJob string
	// Managers are the field managers that wrote in between, with a slash and the
	// subresource if they wrote one.
	Managers []string
	Time     time.Time
}

// Record is what the stand-in keeps for the test. It is safe for concurrent use.
type Record struct {
	mu        sync.Mutex
	conflicts []Conflict
	syncs     int
}

// Conflicts returns every conflict so far.
func (r *Record) Conflicts() []Conflict {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.conflicts)
}

// Syncs returns how many periodic syncs have ended, well or not.
func (r *Record) Syncs() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.syncs
}

func (r *Record) addConflict(c Conflict) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conflicts = append(r.conflicts, c)
}

func (r *Record) addSync() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.syncs++
}

// writersBetween returns the managers that wrote between two states of an object, as
// their managed fields say: an entry that is there only afterwards, has another time, or
// has grown. An entry that has only lost fields lost them to a writer.
func writersBetween(before, after []metav1.ManagedFieldsEntry) []string {
	written := func(e metav1.ManagedFieldsEntry) bool {
		return !slices.ContainsFunc(before, func(b metav1.ManagedFieldsEntry) bool {
			return b.Manager == e.Manager && b.Subresource == e.Subresource && b.Operation == e.Operation && b.Time.Equal(e.Time) &&
				len(fieldsOf(e)) <= len(fieldsOf(b))
		})
	}
	var writers []string
	for _, e := range after {
		name := e.Manager
		if e.Subresource != "" {
			name += "/" + e.Subresource
		}
		if written(e) && !slices.Contains(writers, name) {
			writers = append(writers, name)
		}
	}
	if len(writers) == 0 {
		return []string{unknownWriter}
	}
	slices.Sort(writers)
	return writers
}

// unknownWriter wrote the same fields twice within a second, or deleted the object.
const unknownWriter = "unknown"

func fieldsOf(e metav1.ManagedFieldsEntry) []byte {
	if e.FieldsV1 == nil {
		return nil
	}
	return e.FieldsV1.GetRawBytes()
}
