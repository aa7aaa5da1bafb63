// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"fmt"
	"slices"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
)

// A status has room for so many causes by name, and for so many bytes of each.
const (
	maxCauses = 20
	maxCause  = 128
)

// more is the last of the causes when there are more than have a name.
const more = "and %d more"

// addCause adds a cause to those that are pending. The first one sets the time, from
// which the name of the run comes.
func (e *entry) addCause(text string, now metav1.Time) {
	if e.Pending == nil {
		e.Pending = &stanzaflowv1alpha1.TriggerPending{Since: now}
	}
	named, unnamed := split(e.Pending.Causes)
	if len(named) < maxCauses && unnamed == 0 {
		named = append(named, cut(text))
	} else {
		unnamed++
	}
	e.Pending.Causes = join(named, unnamed)
}

// split returns the causes with a name and the number of the others.
func split(causes []string) (named []string, unnamed int) {
	named = slices.Clone(causes)
	if last := len(named) - 1; last >= 0 {
		if n, err := fmt.Sscanf(named[last], more, &unnamed); n == 1 && err == nil {
			return named[:last], unnamed
		}
	}
	return named, 0
}

func join(named []string, unnamed int) []string {
	if unnamed == 0 {
		return named
	}
	return append(named, fmt.Sprintf(more, unnamed))
}

// without returns the causes that are not done. A cause that is there twice must be done
// twice.
func without(causes, done []string) []string {
	named, unnamed := split(causes)
	doneNamed, doneUnnamed := split(done)
	for _, cause := range doneNamed {
		if i := slices.Index(named, cause); i >= 0 {
			named = slices.Delete(named, i, i+1)
		}
	}
	return join(named, max(0, unnamed-doneUnnamed))
}

// cut makes a cause short enough.
func cut(text string) string {
	if len(text) <= maxCause {
		return text
	}
	end := maxCause - len("…")
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}
