// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
)

// unknownText stands where nobody knows a value.
const unknownText = "unknown"

// short is a duration as kubectl prints ages: 3h12m.
func short(d time.Duration) string { return duration.HumanDuration(max(d, 0)) }

// ago is how long ago a moment was, or in how long it will be.
func ago(at, now time.Time) string {
	if at.After(now) {
		return "in " + short(at.Sub(now))
	}
	return short(now.Sub(at)) + " ago"
}

// stamp is a moment for a table, to the minute.
func stamp(at *metav1.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format("2006-01-02T15:04Z")
}

// exact is a moment as a restore takes it, and how long ago it was.
func exact(at, now time.Time) string {
	return at.UTC().Format(time.RFC3339) + ", " + ago(at, now)
}

// conditionOf returns a condition of a Stanza, nil if it has none of that type.
func conditionOf(stanza *stanzaflowv1alpha1.Stanza, kind string) *metav1.Condition {
	if stanza == nil {
		return nil
	}
	i := slices.IndexFunc(stanza.Status.Conditions, func(c metav1.Condition) bool { return c.Type == kind })
	if i < 0 {
		return nil
	}
	return &stanza.Status.Conditions[i]
}

// lowerFirst makes the beginning of a sentence the middle of one, but for a name in
// capitals.
func lowerFirst(text string) string {
	if len(text) < 2 || text[1] >= 'A' && text[1] <= 'Z' {
		return text
	}
	return strings.ToLower(text[:1]) + text[1:]
}
