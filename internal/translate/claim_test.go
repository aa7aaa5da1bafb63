// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate"
	"github.com/stanzaflow/stanzaflow/internal/translate/trigger"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// TestLeftToCPO checks that nothing is planned for a cluster of CPO, whatever its
// resource says, and that nothing that exists goes away.
func TestLeftToCPO(t *testing.T) {
	t.Parallel()
	for _, dir := range caseDirs(t) {
		name, in := filepath.Base(dir), readCase(t, dir)
		in.Provisioner, in.Claim = vocab.ProvisionedByUs, cpo.Claim{Managed: true}
		plan := translate.Translate(in)
		want := translate.Keep{Configuration: true, Everything: true, Triggers: trigger.Names(in.Stanza), Initial: true}
		if !plan.LeftToCPO || len(plan.Provision.Objects()) > 0 || len(plan.Schedules) > 0 || len(plan.Triggers) > 0 || len(plan.Initial) > 0 {
			t.Errorf("%s: %+v", name, plan)
		}
		if diff := cmp.Diff(want, plan.Keep); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", name, diff)
		}
		others := in
		others.Provisioner = vocab.ProvisionedByCPO
		known := translate.Translate(others).Problems
		for _, p := range plan.Problems {
			if !slices.Contains(known, p) {
				t.Errorf("%s: checks what CPO checks: %+v", name, p)
			}
		}
	}
}

// TestClaimCountsInStandalone checks that alongside CPO everything is planned: there
// the cluster is meant to be CPO's.
func TestClaimCountsInStandalone(t *testing.T) {
	t.Parallel()
	in := goodInput()
	in.Provisioner, in.Claim = vocab.ProvisionedByCPO, cpo.Claim{Managed: true}
	if plan := translate.Translate(in); plan.LeftToCPO || len(plan.Schedules) != 2 || plan.Keep.Everything {
		t.Errorf("%+v", plan)
	}
}

// TestLeftToCPOUnmanaged checks that a user gets rid of the schedules that we made
// before CPO came.
func TestLeftToCPOUnmanaged(t *testing.T) {
	t.Parallel()
	in := goodInput()
	in.Claim, in.Stanza.Managed = cpo.Claim{Managed: true}, new(false)
	plan := translate.Translate(in)
	if want := (translate.Keep{Configuration: true}); !plan.LeftToCPO || len(plan.Schedules) > 0 || !cmp.Equal(plan.Keep, want) {
		t.Errorf("%+v", plan)
	}
}

// TestUndecided checks that nothing of a cluster is touched while it is not known what
// belongs to it, not even for a user who wants to be rid of the schedules.
func TestUndecided(t *testing.T) {
	t.Parallel()
	for _, managed := range []*bool{nil, new(false)} {
		in := goodInput()
		in.Provisioner, in.Undecided, in.Stanza.Managed = vocab.ProvisionedByCPO, true, managed
		plan := translate.Translate(in)
		if want := (translate.Keep{Everything: true, Initial: true}); plan.LeftToCPO || len(plan.Schedules) > 0 || !cmp.Equal(plan.Keep, want) {
			t.Errorf("%+v", plan)
		}
	}
}
