// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
)

// progressInterval is how long a status keeps the progress of a run at least. Argo may be
// set to publish it more often.
const progressInterval = time.Minute

// progressMemory remembers which progress of each running backup was shown last, and when.
type progressMemory struct {
	mu    sync.Mutex
	shown map[types.NamespacedName]map[string]shownProgress
}

type shownProgress struct {
	text string
	at   time.Time
}

func newProgressMemory() *progressMemory {
	return &progressMemory{shown: map[types.NamespacedName]map[string]shownProgress{}}
}

// hold replaces a progress that comes too soon by the one that was shown last.
func (m *progressMemory) hold(key types.NamespacedName, runs []outcome.Run, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	was, is := m.shown[key], map[string]shownProgress{}
	for i := range runs {
		run := &runs[i].Status
		if run.Progress == "" {
			continue
		}
		last, known := was[run.Workflow]
		if !known || now.Sub(last.at) >= progressInterval && last.text != run.Progress {
			last = shownProgress{run.Progress, now}
		}
		run.Progress, is[run.Workflow] = last.text, last
	}
	m.shown[key] = is
	if len(is) == 0 {
		delete(m.shown, key)
	}
}
