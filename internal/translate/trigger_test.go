// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// TestTriggers checks when triggers and the first runs of a cluster are planned, and
// when they only keep their status.
func TestTriggers(t *testing.T) {
	t.Parallel()
	failover := stanzaflowv1alpha1.Trigger{Name: "failover", Event: stanzaflowv1alpha1.OnFailover, Type: cpo.Incr}
	wrong := stanzaflowv1alpha1.Trigger{Name: "wrong", Event: stanzaflowv1alpha1.OnFailover, Type: "all"}
	for name, tc := range map[string]struct {
		change       func(*translate.Input)
		planned      []string
		kept         []string
		initial      vocab.RunKind
		keepsInitial bool
	}{
		"a good cluster":      {func(*translate.Input) {}, []string{"failover"}, []string{"wrong"}, vocab.RunBackup, false},
		"no initial backup":   {func(in *translate.Input) { in.Stanza.InitialBackup = new(false) }, []string{"failover"}, []string{"wrong"}, vocab.RunStanza, false},
		"beside CPO":          {func(in *translate.Input) { in.Provisioner = vocab.ProvisionedByCPO }, []string{"failover"}, []string{"wrong"}, vocab.RunBackup, false},
		"a wrong time zone":   {func(in *translate.Input) { in.Stanza.TimeZone = "Europe/Wien" }, []string{"failover"}, []string{"wrong"}, vocab.RunBackup, false},
		"a wrong repo":        {func(in *translate.Input) { in.Cluster.PgBackRest.Repos[0].Storage = "blob" }, nil, []string{"failover", "wrong"}, "", true},
		"a wrong name":        {func(in *translate.Input) { in.Cluster.Name = "A" }, nil, []string{"failover", "wrong"}, "", true},
		"left to CPO":         {func(in *translate.Input) { in.Claim.Managed = true }, nil, []string{"failover", "wrong"}, "", true},
		"undecided":           {func(in *translate.Input) { in.Undecided = true }, nil, []string{"failover", "wrong"}, "", true},
		"no backups":          {func(in *translate.Input) { in.Stanza.Managed = new(false) }, nil, nil, "", false},
		"no section backup":   {func(in *translate.Input) { in.Cluster.PgBackRest = nil }, nil, []string{"failover", "wrong"}, "", false},
		"a schedule is wrong": {func(in *translate.Input) { in.Cluster.PgBackRest.Repos[0].Schedule = map[string]string{cpo.Full: "x"} }, []string{"failover"}, []string{"wrong"}, vocab.RunBackup, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := goodInput()
			in.Stanza.Triggers = []stanzaflowv1alpha1.Trigger{failover, wrong}
			tc.change(&in)
			plan := translate.Translate(in)
			var planned []string
			for _, trigger := range plan.Triggers {
				planned = append(planned, trigger.Name)
			}
			var initial vocab.RunKind
			for _, run := range plan.Initial {
				initial = run.Kind
			}
			want := []any{tc.planned, tc.kept, tc.initial, tc.keepsInitial}
			if diff := cmp.Diff(want, []any{planned, plan.Keep.Triggers, initial, plan.Keep.Initial}); diff != "" {
				t.Errorf("planned, kept, first run, keeps first runs (-want +got):\n%s", diff)
			}
			without := in
			without.Stanza.Triggers = nil
			other := translate.Translate(without)
			if !cmp.Equal(plan.Schedules, other.Schedules) || !cmp.Equal(plan.Keep.CronWorkflows, other.Keep.CronWorkflows) || plan.Keep.Everything != other.Keep.Everything {
				t.Error("the triggers affect the schedules")
			}
		})
	}
}
