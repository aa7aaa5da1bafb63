// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"cmp"
	"slices"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
)

const (
	// showLimit is how many Workflows of a cluster one pass shows. After an upgrade all
	// that Argo keeps have to be written once, 60 for each schedule.
	showLimit = 10
	// showInterval is how long the others wait then.
	showInterval = time.Minute
)

// diffShown shows the runs in Argo's lists that are not shown as they are: those that
// work first, then those that ended last.
func diffShown(state object.State, now time.Time) []object.Action {
	workflows := slices.SortedFunc(slices.Values(state.Workflows), func(a, b *wfv1.Workflow) int {
		return cmp.Or(over(a)-over(b), b.Status.FinishedAt.Compare(a.Status.FinishedAt.Time), cmp.Compare(a.Name, b.Name))
	})
	var actions []object.Action
	for _, workflow := range workflows {
		show := object.ShowOf(workflow, now)
		if show == nil {
			continue
		}
		if len(actions) == showLimit {
			actions[0].Wake = now.Add(showInterval)
			break
		}
		actions = append(actions, object.Action{Verb: object.Show, Want: show})
	}
	return actions
}

// over is 1 for a run that is over.
func over(workflow *wfv1.Workflow) int {
	if outcome.Running(workflow) {
		return 0
	}
	return 1
}
