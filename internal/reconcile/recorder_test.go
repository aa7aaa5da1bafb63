// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"fmt"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/runtime"
)

// recording is a Recorder that remembers.
type recording struct {
	mu    sync.Mutex
	notes []string
}

func (r *recording) Eventf(regarding, _ runtime.Object, eventtype, reason, _, note string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = regarding
	r.notes = append(r.notes, eventtype+" "+reason+": "+fmt.Sprintf(note, args...))
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
