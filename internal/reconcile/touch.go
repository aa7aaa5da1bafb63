// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"time"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
)

// touchInterval is how long a touch may take to help before the next one.
const touchInterval = 30 * time.Second

// diffRuns touches each Workflow whose run is over although Argo calls it Running.
// Until the run ends, its lock holds up every other run of the cluster.
func diffRuns(state object.State, now time.Time) []object.Action {
	var actions []object.Action
	for _, workflow := range state.Workflows {
		run := outcome.FindUnnoticed(workflow)
		if run == nil {
			continue
		}
		due := run.From
		if last := object.Touched(workflow); run.Touch && !last.After(now) {
			due = later(due, last.Add(touchInterval))
		}
		action := object.Action{Verb: object.Await, Want: object.TouchOf(workflow, now), Wake: due}
		switch {
		case due.After(now):
		case !run.Touch:
			continue // The status says it, and there is nothing to do.
		default:
			action.Verb, action.Wake = object.Touch, now.Add(touchInterval)
		}
		actions = append(actions, action)
	}
	return actions
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
