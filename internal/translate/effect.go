// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/option"
	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// effect is what a good option does here, and its user may not expect.
type effect struct {
	option string
	// value with which it does it, empty for every value.
	value string
	// refused is true if it does harm.
	refused bool
	message string
}

// effects of options of global. docs/run.md says what a run does with each of them.
var effects = []effect{
	{"backup-standby", "y", true, "must not be y: the configuration names only the primary, so that pgBackRest finds no standby and every backup fails with [056]; remove it"},
	{"backup-standby", "prefer", false, "has no effect: the configuration names only the primary"},
	{"db-exclude", "", true, "would make every restore leave out databases without a word; give it to the one restore that needs it"},
	{"db-include", "", true, "would make every restore leave out databases without a word; give it to the one restore that needs it"},
	{"archive-mode", "off", true, "would turn archiving off in every restored cluster; give it to the one restore that needs it"},
	{"archive-check", "n", false, "has no effect on a run, which proves that the WAL of its backup is archived"},
	{"checksum-page", "n", false, "has no effect on a run, which verifies checksums where the cluster has them"},
	{"exclude", "", false, "has no effect on a run, which backs up everything"},
	{"annotation", "", false, "has no effect on a run, which sets its own"},
	{"archive-push-queue-max", "", false, "drops WAL when PostgreSQL cannot archive it in time; until the next backup, nothing after the gap can be restored"},
	{"stop-auto", "", false, "has no effect, and pgBackRest will remove it"},
}

// checkEffect adds the Problem of an option with an effect.
func checkEffect(problems *problem.List, field string, name option.Name, value string) {
	for _, e := range effects {
		switch {
		case e.option != name.Option.Name || e.value != "" && e.value != value:
		case e.refused:
			problems.Add(field, vocab.ReasonInvalidOption, "%s", e.message)
		default:
			problems.Warn(field, vocab.ReasonIneffectiveOption, "%s", e.message)
		}
	}
}
