// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// findUndecided says why nothing of a cluster is touched.
func findUndecided(p Pass) []Finding {
	if p.State.Undecided == "" {
		return nil
	}
	return []Finding{{vocab.ReasonOperatorConfigurationUnknown, p.State.Undecided + "; until then the operator touches nothing of this cluster"}}
}

// findClaim says that CPO manages a cluster for which we would provide everything,
// and what to do.
func findClaim(p Pass) []Finding {
	if !p.Plan.LeftToCPO {
		return nil
	}
	name, claim := "postgresql "+p.State.Key.Name, p.State.Claim()
	if claim.Controller != "" {
		return []Finding{{vocab.ReasonManagedByCPO, fmt.Sprintf(
			"the CPO with CONTROLLER_ID %q manages %s, by its annotation %s, so the operator creates and changes nothing; to add proven backups, install the operator with --mode=alongside, see docs/cpo.md",
			claim.Controller, name, cpo.AnnotationController)}}
	}
	why := "CPO is installed and manages " + name
	if claim.Touched {
		why = "CPO manages " + name + ", as the status of the resource shows"
	}
	return []Finding{{vocab.ReasonManagedByCPO, fmt.Sprintf(
		"%s, so the operator creates and changes nothing; to add proven backups, install the operator with --mode=alongside, see docs/cpo.md; if CPO must leave this postgresql alone, say so: kubectl annotate postgresql -n %s %s %s=%s",
		why, p.State.Key.Namespace, p.State.Key.Name, cpo.AnnotationController, cpo.ControllerStanzaflow)}}
}
