// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"slices"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/alongside"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// findHandovers lists the schedules that CPO has, for some reasons.
func findHandovers(p Pass, reasons ...vocab.Reason) []Finding {
	var findings []Finding
	for _, h := range p.Handovers {
		if slices.Contains(reasons, h.Reason) {
			findings = append(findings, Finding{h.Reason, "CPO's CronJob " + h.Status.Name + " makes the " + backupName(h.Status.Type, h.Status.Repo) + ": " + h.Status.Message})
		}
	}
	return findings
}

// elsewhere says of each CronWorkflow that is held who makes its backups.
func elsewhere(handovers []alongside.Handover) map[string]string {
	texts := map[string]string{}
	for _, h := range handovers {
		if h.Hold {
			texts[h.CronWorkflow] = "CPO's CronJob " + h.Status.Name + " makes its backups"
		}
	}
	return texts
}
