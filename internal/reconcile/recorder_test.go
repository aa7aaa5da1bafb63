// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"fmt"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
)

// recording is a Recorder that remembers.
type recording struct {
	mu    sync.Mutex
	notes []string
}

func (r *recording) Eventf(regarding, _ runtime.Object, eventtype, reason, _, note string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	on := ""
	if o, ok := regarding.(*corev1.ObjectReference); ok && o.Kind == object.Stanza.Kind {
		on = " on the Stanza"
	}
	r.notes = append(r.notes, eventtype+" "+reason+on+": "+fmt.Sprintf(note, args...))
}

// take returns the events since the last call.
func (r *recording) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	notes := r.notes
	r.notes = nil
	return notes
}

// has reports whether one of some events contains a text.
func has(notes []string, text string) bool {
	for _, note := range notes {
		if strings.Contains(note, text) {
			return true
		}
	}
	return false
}
