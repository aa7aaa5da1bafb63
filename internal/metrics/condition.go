// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

var conditionGauge = newGauge("stanzaflow_condition",
	"Always 1. The labels are a condition of the Stanza as it is now: its status True, False or Unknown, and its reason. docs/conditions.md explains each reason.",
	"condition", "status", "reason")

// conditions shows each condition once, as it is.
func conditions(s scrape) {
	for _, c := range s.Status.Conditions {
		s.gauge(conditionGauge, 1, c.Type, string(c.Status), c.Reason)
	}
}
