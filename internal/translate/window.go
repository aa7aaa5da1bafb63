// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"time"

	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
	"github.com/stanzaflow/stanzaflow/internal/translate/schedule"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Window is over which time the schedules of a cluster are spread if its Stanza does not say
// it.
type Window struct {
	// Template is what the WorkflowTemplate of the Stanza says, for its namespace: the value
	// of the annotation vocab.AnnotationWindow, nil without one.
	Template *string
	// Default is what the operator says, for all clusters: whole minutes, zero for none.
	Default time.Duration
}

// fieldWindow is the annotation of a WorkflowTemplate.
const fieldWindow = "metadata.annotations[" + vocab.AnnotationWindow + "]"

// window is the first that is set: of the Stanza, of its namespace, of the operator. A mistake
// in one of them does not let the next one count: that would move every schedule.
func (in Input) window() (time.Duration, problem.List) {
	var problems problem.List
	if asked := in.Stanza.Window; asked != nil {
		if err := schedule.CheckWindow(asked.Duration); err != nil {
			problems.AddStanza("spec.window", vocab.ReasonInvalidWindow, "%v", err)
		}
		return asked.Duration, problems
	}
	if text := in.Window.Template; text != nil {
		window, err := schedule.ReadWindow(*text)
		if err != nil {
			problems.AddTemplate(fieldWindow, vocab.ReasonInvalidWindow, "%v", err)
		}
		return window, problems
	}
	return in.Window.Default, problems
}
