// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package schedule_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate/schedule"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Each schedule is planned, kept or off: a mistake takes nothing away.
func TestPlan(t *testing.T) {
	t.Parallel()
	const full, diff, incr = "pgbackrest-orders-repo2-full", "pgbackrest-orders-repo2-diff", "pgbackrest-orders-repo2-incr"
	for name, tc := range map[string]struct {
		schedules     map[string]string
		stanzaRefused bool
		planned, kept []string
		reasons       []vocab.Reason
	}{
		"none":     {},
		"in order": {schedules: map[string]string{cpo.Incr: "@hourly", cpo.Full: "@weekly", cpo.Diff: "@daily"}, planned: []string{diff, full, incr}},
		"off":      {schedules: map[string]string{cpo.Full: "", cpo.Incr: "@hourly"}, planned: []string{incr}},
		"one is wrong": {
			schedules: map[string]string{cpo.Full: "0 0 31 2 *", cpo.Incr: "@hourly"},
			planned:   []string{incr}, kept: []string{full}, reasons: []vocab.Reason{vocab.ReasonInvalidSchedule},
		},
		"an expression of Argo": {
			schedules: map[string]string{cpo.Full: "{{x}}"}, kept: []string{full}, reasons: []vocab.Reason{vocab.ReasonTemplateExpression},
		},
		"an unknown type may be any that is absent": {
			schedules: map[string]string{"weekly": "@weekly", cpo.Incr: "@hourly"},
			planned:   []string{incr}, kept: []string{full, diff}, reasons: []vocab.Reason{vocab.ReasonUnsupportedBackupType},
		},
		"the Stanza is refused": {
			schedules: map[string]string{cpo.Full: "@weekly", cpo.Diff: "wrong", cpo.Incr: ""}, stanzaRefused: true,
			kept: []string{diff, full}, reasons: []vocab.Reason{vocab.ReasonInvalidSchedule},
		},
	} {
		in := schedule.Input{Cluster: cpo.Postgresql{Namespace: "shop", Name: "orders"}, StanzaRefused: tc.stanzaRefused}
		got := schedule.Plan(in, cpo.Repo{Name: "repo2", Schedule: tc.schedules}, 1)
		var planned []string
		var reasons []vocab.Reason
		for _, c := range got.CronWorkflows {
			planned = append(planned, c.Name)
		}
		for _, p := range got.Problems {
			reasons = append(reasons, p.Reason)
		}
		if d := cmp.Diff([]any{tc.planned, tc.kept, tc.reasons}, []any{planned, got.Kept, reasons}); d != "" {
			t.Errorf("%s: planned, kept and the reasons (-want +got):\n%s", name, d)
		}
	}
	if d := cmp.Diff([]string{full, diff, incr}, schedule.Names("orders", "repo2")); d != "" {
		t.Errorf("names (-want +got):\n%s", d)
	}
}
