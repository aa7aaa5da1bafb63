// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package trial

import (
	"strings"
	"testing"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Result of one trial.
type Result struct {
	Kind string `json:"kind"`
	Seed uint64 `json:"seed"`
	// Form of both runs.
	Form   vocab.RunForm `json:"form"`
	Store  string        `json:"store"`
	Type   string        `json:"type"`
	Moment string        `json:"moment"`
	// Said is what the Stanza says of the run, Message why.
	Said    string `json:"said"`
	Message string `json:"message,omitempty"`
	// Green is true if both the Workflow and the Stanza say that there is a backup.
	Green bool `json:"green"`
	// FalseGreen is true if one of them says so, and no backup restores.
	FalseGreen bool `json:"falseGreen,omitempty"`
	// SilentMiss is true if there is no proven backup, and the Stanza does not say so.
	SilentMiss bool `json:"silentMiss,omitempty"`
	// UnequalRestore is true if a backup restores to other data.
	UnequalRestore bool `json:"unequalRestore,omitempty"`
	// Human is true if the next run did not work before a person did something.
	Human bool `json:"human,omitempty"`
	// Wrong is what else went wrong: something left locked, the next run failed, a run
	// that never ended.
	Wrong   []string `json:"wrong,omitempty"`
	Seconds float64  `json:"seconds"`
	// Idle is how many seconds at most the run had no pod before Argo ended it or made
	// the next pod, without the backoff between two pods.
	Idle float64 `json:"idle,omitempty"`
	// Missed is why the fault hit nothing: then this was not a trial of it.
	Missed string `json:"missed,omitempty"`
}

// IsBad says whether anything went wrong.
func (r Result) IsBad() bool {
	return r.FalseGreen || r.SilentMiss || r.UnequalRestore || len(r.Wrong) > 0
}

// Check fails the test if anything went wrong.
func (r Result) Check(t *testing.T) {
	t.Helper()
	t.Logf("%+v", r)
	if r.IsBad() {
		t.Errorf("false green %v, silent miss %v, unequal restore %v, wrong: %s",
			r.FalseGreen, r.SilentMiss, r.UnequalRestore, strings.Join(r.Wrong, "; "))
	}
}
