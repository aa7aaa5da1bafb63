// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// TestSkewInConditions checks that Wrong makes Ready False and that Notes do not.
func TestSkewInConditions(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		skew Skew
		want string
		// events of the first pass that saw it.
		events []string
	}{
		"fits":    {want: "Programmed=True/Programmed"},
		"wrong":   {skew: Skew{Wrong: []Finding{{vocab.ReasonPolicyMismatch, "x"}}}, want: "Programmed=False/PolicyMismatch", events: []string{"Warning PolicyMismatch"}},
		"missing": {skew: Skew{Notes: []Finding{{vocab.ReasonPolicyMissing, "x"}}}, want: "Programmed=True/PolicyMissing", events: []string{"Warning PolicyMissing"}},
		"unknown": {skew: Skew{Notes: []Finding{{vocab.ReasonSkewUnknown, "x"}}}, want: "Programmed=True/SkewUnknown"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := statusOf(makePass(t, func(*Pass) {}))
			p := makePass(t, func(p *Pass) { p.Skew = tc.skew })
			after, _ := For(before, 1, p)
			c := reconciletest.Condition(t, after, vocab.ConditionProgrammed)
			if got := c.Type + "=" + string(c.Status) + "/" + c.Reason; got != tc.want {
				t.Errorf("condition is %s, want %s", got, tc.want)
			}
			ready := reconciletest.Condition(t, after, vocab.ConditionReady)
			if wrong := len(tc.skew.Wrong) > 0; wrong != (ready.Status == metav1.ConditionFalse && ready.Reason == string(vocab.ReasonPolicyMismatch)) {
				t.Errorf("Ready is %s/%s", ready.Status, ready.Reason)
			}
			var events []string
			for _, e := range Transitions(before, after, nil, nil) {
				if e.Only {
					continue // The Stanza has it, too.
				}
				events = append(events, e.Type+" "+string(e.Reason))
			}
			if diff := cmp.Diff(tc.events, events); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			if again := Transitions(after, after, nil, nil); len(again) > 0 {
				t.Errorf("reported twice: %v", again)
			}
		})
	}
}

func statusOf(p Pass) stanzaflowv1alpha1.StanzaStatus {
	status, _ := For(stanzaflowv1alpha1.StanzaStatus{}, 1, p)
	return status
}
