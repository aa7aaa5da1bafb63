// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"strings"
	"testing"

	"github.com/stanzaflow/stanzaflow/internal/contract"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// TestTemplatesOfAnotherRelease: they work, so the condition stays True, nothing is an
// event, and what is worse has the reason.
func TestTemplatesOfAnotherRelease(t *testing.T) {
	t.Parallel()
	older := func(p *Pass) { p.State.Template.OtherImage, p.State.Template.Age = "operator:v0.1.0", contract.Older }
	for name, tc := range map[string]struct {
		change func(*Pass)
		want   string
		says   string
	}{
		"the same": {func(*Pass) {}, "True/Programmed", "in place"},
		"older":    {older, "True/TemplateOutdated", "operator:v0.1.0, of an older release than the operator"},
		"newer": {
			func(p *Pass) { p.State.Template.OtherImage, p.State.Template.Age = "operator:v0.3.0", contract.Newer },
			"True/TemplateAhead", "operator:v0.3.0, of a newer release than the operator",
		},
		"that of the drills": {
			func(p *Pass) {
				p.State.Drill.Template.Name, p.State.Drill.Template.Age = vocab.DrillTemplate, contract.Older
			}, "True/TemplateOutdated", "WorkflowTemplate pgbackrest-drill in namespace",
		},
		"beside policies that are missing": {func(p *Pass) {
			older(p)
			p.Skew = Skew{Notes: []Finding{{vocab.ReasonPolicyMissing, "no policy"}}}
		}, "True/PolicyMissing", "of an older release"},
		"beside a contract that is missing": {func(p *Pass) { older(p); p.State.Template.Contract = "v1" }, "False/WorkflowTemplateInvalid", "v1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := statusOf(makePass(t, func(*Pass) {}))
			p := makePass(t, tc.change)
			after, _ := For(before, 1, p)
			c := reconciletest.Condition(t, after, vocab.ConditionProgrammed)
			if got := string(c.Status) + "/" + c.Reason; got != tc.want || !strings.Contains(c.Message, tc.says) {
				t.Errorf("%s (%s), want %s and %q", got, c.Message, tc.want, tc.says)
			}
			for _, e := range Transitions(before, after, nil, nil) {
				if e.Reason == vocab.ReasonTemplateOutdated || e.Reason == vocab.ReasonTemplateAhead {
					t.Errorf("event %v", e)
				}
			}
		})
	}
}
