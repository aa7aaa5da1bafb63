// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/internal/translate"
	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// TestOthersProvision checks that nothing of a configuration of somebody else is
// planned or kept, and that the schedules are the same, whatever CPO breaks.
func TestOthersProvision(t *testing.T) {
	t.Parallel()
	for _, by := range []vocab.Provisioner{"somebody", vocab.ProvisionedByCPO} {
		schedules := 0
		for _, dir := range caseDirs(t) {
			ours := readCase(t, dir)
			ours.Provisioner = vocab.ProvisionedByUs
			theirs := ours
			theirs.Provisioner = by
			theirPlan := translate.Translate(theirs)
			comparePlans(t, filepath.Base(dir)+" by "+string(by), translate.Translate(ours), theirPlan)
			schedules += len(theirPlan.Schedules)
		}
		if schedules < 50 {
			t.Errorf("%d schedules prove nothing", schedules)
		}
	}
}

func comparePlans(t *testing.T, name string, plan, theirPlan translate.Plan) {
	t.Helper()
	if theirPlan.Provision != nil || len(theirPlan.Provision.Objects()) > 0 || theirPlan.Keep.Configuration {
		t.Errorf("%s: plans or keeps a configuration: %+v", name, theirPlan)
	}
	// What is wrong with the configuration holds no schedule back.
	for _, c := range plan.Schedules {
		if !slices.ContainsFunc(theirPlan.Schedules, func(other wfv1.CronWorkflow) bool { return reflect.DeepEqual(c, other) }) {
			t.Errorf("%s: %s is not planned, or another one", name, c.Name)
		}
	}
	if len(plan.Problems) == 0 {
		if diff := cmp.Diff(plan.Schedules, theirPlan.Schedules); diff != "" {
			t.Errorf("%s: schedules (-ours +theirs):\n%s", name, diff)
		}
		if diff := cmp.Diff(plan.Repos, theirPlan.Repos); diff != "" {
			t.Errorf("%s: repos (-ours +theirs):\n%s", name, diff)
		}
	}
	ofCPO := []vocab.Reason{vocab.ReasonBrokenByCPO, vocab.ReasonIneffectiveOption, vocab.ReasonSurprisingSchedule}
	for _, p := range theirPlan.Problems {
		if !slices.Contains(plan.Problems, p) && !slices.Contains(ofCPO, p.Reason) {
			t.Errorf("%s: a Problem that is none with our configuration: %+v", name, p)
		}
		if p.Reason == vocab.ReasonCredentialInline || p.Reason == vocab.ReasonInvalidCertificate || p.Reason == vocab.ReasonCredentialInGlobal {
			t.Errorf("%s: checks a configuration of somebody else: %+v", name, p)
		}
	}
}

// TestOthersProvisionIsTheZeroValue checks that no configuration is planned if the
// input does not say who provisions.
func TestOthersProvisionIsTheZeroValue(t *testing.T) {
	t.Parallel()
	in := goodInput()
	in.Provisioner = ""
	if plan := translate.Translate(in); plan.Provision != nil || len(plan.Schedules) != 2 {
		t.Errorf("%+v", plan)
	}
}

// An unknown storage and a wrong schedule are Problems whoever provisions.
func TestOthersProvisionSchedulesAreChecked(t *testing.T) {
	t.Parallel()
	in := goodInput()
	in.Provisioner = "somebody"
	in.Cluster.PgBackRest.Image, in.Cluster.PgBackRest.Secret = "", "Not a name"
	in.Cluster.PgBackRest.Repos[0].Endpoint = ""
	in.Cluster.PgBackRest.Repos[0].Schedule["full"] = "0 0 31 2 *"
	plan := translate.Translate(in)
	if len(plan.Problems) != 1 || !strings.HasSuffix(plan.Problems[0].Field, ".schedule.full") || len(plan.Schedules) != 1 || len(plan.Keep.CronWorkflows) != 1 {
		t.Errorf("%+v", plan)
	}
	in.Cluster.PgBackRest.Repos[0].Storage = "blob"
	plan = translate.Translate(in)
	want := func(p problem.Problem) bool { return p.Reason == vocab.ReasonUnsupportedStorage }
	if !slices.ContainsFunc(plan.Problems, want) || len(plan.Schedules) != 0 || len(plan.Keep.CronWorkflows) != 3 {
		t.Errorf("%+v", plan)
	}
}
