// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

var (
	watchAge = newGauge("stanzaflow_watch_age_seconds",
		"How long ago a watch could ask the database how its archiving is. If none has yet: for how long this operator knows the cluster.")
	watchInterval = newGauge("stanzaflow_watch_interval_seconds",
		"How often a watch asks. What was archived after the last one is not known yet.")
	watchMaxAge = newGauge("stanzaflow_watch_max_age_seconds",
		"How old that may be. After it, nobody knows whether WAL is archived between two runs.")
)

// watch shows how old the knowledge is. A cluster without the condition Archiving is not
// watched.
func watch(s scrape) {
	if s.known.WatchMaxAge == 0 || meta.FindStatusCondition(s.Status.Conditions, vocab.ConditionArchiving) == nil {
		return
	}
	s.gauge(watchAge, s.since(s.watched()))
	s.gauge(watchInterval, s.known.WatchInterval.Seconds())
	s.gauge(watchMaxAge, s.known.WatchMaxAge.Seconds())
}

// watched is when the cluster was last asked. observedTime of the status is only written
// with something else, so it counts only if the watch has been blind since.
func (s scrape) watched() time.Time {
	if !s.known.Watched.IsZero() {
		return s.known.Watched
	}
	if is := s.Status.Archive; is != nil && is.BlindTime != nil {
		return is.ObservedTime.Time
	}
	return s.known.first
}
