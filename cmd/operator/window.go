// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"time"

	"github.com/spf13/pflag"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

const flagWindow = "window"

// addWindowFlag adds the flag with the window of all clusters.
func addWindowFlag(flags *pflag.FlagSet, window *time.Duration) {
	flags.DurationVar(window, flagWindow, 0, "start the schedules of each cluster up to that much later, always by the same minutes, so that those of a fleet do not start at once: whole minutes up to 24h, such as 90m. spec.window of a Stanza and the annotation "+vocab.AnnotationWindow+" of a WorkflowTemplate come first")
}
