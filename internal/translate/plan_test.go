// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/robfig/cron/v3"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate"
	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
	"github.com/stanzaflow/stanzaflow/internal/translate/workflow"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// checkPlan checks what is true of every plan.
func checkPlan(t testing.TB, in translate.Input, plan translate.Plan) {
	t.Helper()
	if !slices.IsSortedFunc(plan.Schedules, func(a, b wfv1.CronWorkflow) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("CronWorkflows are not sorted")
	}
	names := map[string]bool{}
	for _, c := range plan.Schedules {
		checkCronWorkflow(t, in, c)
		if names[c.Name] {
			t.Errorf("two CronWorkflows are named %s", c.Name)
		}
		if slices.Contains(plan.Keep.CronWorkflows, c.Name) {
			t.Errorf("%s is both planned and kept", c.Name)
		}
		names[c.Name] = true
	}
	checkConfiguration(t, in, plan)
	if len(plan.Problems) == 0 && !reflect.DeepEqual(plan.Keep, translate.Keep{}) {
		t.Errorf("keeps %+v without a problem", plan.Keep)
	}
	for _, p := range plan.Problems {
		if p.Kind == "" || p.Field == "" || p.Reason == "" || p.Message == "" {
			t.Errorf("problem is not complete: %+v", p)
		}
		if text := p.Field + p.Message; strings.ContainsAny(text, "\n\r") || strings.HasSuffix(p.Message, ".") || strings.Contains(text, "%!") || len(text) > 512 {
			t.Errorf("problem is not one short line: %+v", p)
		}
	}
	if len(plan.Keep.CronWorkflows) > 0 && !plan.Problems.Refuse() {
		t.Error("keeps schedules for a field that is used")
	}
	for _, p := range plan.Problems {
		if in.Provisioner == vocab.ProvisionedByUs && keepsConfiguration(p, plan) && !plan.Keep.Configuration {
			t.Errorf("the configuration changes in spite of %+v", p)
		}
	}
	for _, name := range schedulesWithProblems(in, plan) {
		if !plan.Keep.CronWorkflow(name) {
			t.Errorf("%s has a problem and is not kept", name)
		}
		if names[name] {
			t.Errorf("%s has a problem and is planned", name)
		}
	}
}

// keepsConfiguration reports whether a Problem must keep the configuration. A field
// that is used does not, nor does a Secret or a certificate that only a repo host
// has.
func keepsConfiguration(p problem.Problem, plan translate.Plan) bool {
	switch {
	case p.Kind == problem.KindTemplate: // a window: schedules only
		return false
	case p.Kind == "Stanza":
		return p.Reason == vocab.ReasonInvalidCertificate && hostOf(plan) != nil
	case p.Field == "spec.backup.pgbackrest.configuration.secret":
		return hostOf(plan) != nil
	}
	ofSchedule := strings.Contains(p.Field, ".schedule") || strings.HasSuffix(p.Message, "did you mean schedule?")
	return p.Refuses() && !ofSchedule
}

// schedulesWithProblems are the names of the CronWorkflows whose own expression
// has a problem.
func schedulesWithProblems(in translate.Input, plan translate.Plan) []string {
	if in.Cluster.PgBackRest == nil {
		return nil
	}
	var names []string
	for i, repo := range in.Cluster.PgBackRest.Repos {
		for _, backupType := range cpo.BackupTypes {
			field := fmt.Sprintf("spec.backup.pgbackrest.repos[%d].schedule.%s", i, backupType)
			if slices.ContainsFunc(plan.Problems, func(p problem.Problem) bool { return p.Field == field && p.Severity == problem.Refused }) {
				names = append(names, manifest.CronWorkflowName(in.Cluster.Name, repo.Name, backupType))
			}
		}
	}
	return names
}

// argo4Schedule matches the schedules that the full CRDs of Argo 4.0.0 to 4.0.5
// accept. Those of later releases also accept the names of months and days.
var argo4Schedule = regexp.MustCompile(`^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|([0-9*,/?-]+\s+){4}[0-9*,/?-]+)$`)

// checkCronWorkflow checks what is true of every planned CronWorkflow.
func checkCronWorkflow(t testing.TB, in translate.Input, c wfv1.CronWorkflow) {
	t.Helper()
	if len(c.Name) > 52 || len(validation.IsDNS1123Subdomain(c.Name)) > 0 {
		t.Errorf("%q is not a name that Argo takes", c.Name)
	}
	for _, labels := range []map[string]string{c.Labels, c.Spec.WorkflowMetadata.Labels} {
		for key, value := range labels {
			if errs := slices.Concat(validation.IsQualifiedName(key), validation.IsValidLabelValue(value)); value == "" || len(errs) > 0 {
				t.Errorf("label %s=%s: %v", key, value, errs)
			}
		}
	}
	if text := encode(t, c); strings.Contains(text, "{{") {
		t.Errorf("holds an Argo expression: %s", text)
	}

	// Everything but the schedule is always there.
	if len(c.Spec.Schedules) != 1 || c.Spec.Schedule != "" {
		t.Fatalf("%s: schedules is %q and schedule %q, want one and none", c.Name, c.Spec.Schedules, c.Spec.Schedule)
	}
	if c.Spec.ConcurrencyPolicy != wfv1.ForbidConcurrent || c.Spec.SuccessfulJobsHistoryLimit == nil || c.Spec.FailedJobsHistoryLimit == nil {
		t.Errorf("%s leaves a default to Argo: %s", c.Name, encode(t, c))
	}
	if c.Spec.Suspend != in.Stanza.Suspend {
		t.Errorf("%s: suspend is %t", c.Name, c.Spec.Suspend)
	}
	for _, parameter := range []string{vocab.ParamCluster, vocab.ParamRepo, vocab.ParamType, vocab.ParamTrigger} {
		if p := c.Spec.WorkflowSpec.Arguments.GetParameterByName(parameter); p == nil || p.GetValue() == "" {
			t.Errorf("%s: parameter %s is missing", c.Name, parameter)
		}
	}

	if !argo4Schedule.MatchString(c.Spec.Schedules[0]) {
		t.Errorf("%s: the full CRD of Argo 4.0 refuses %q", c.Name, c.Spec.Schedules[0])
	}
	// Read it as Argo does.
	schedule, err := cron.ParseStandard(c.Spec.Schedules[0])
	if err != nil {
		t.Fatalf("%s: %v", c.Name, err)
	}
	zone, err := time.LoadLocation(c.Spec.Timezone)
	if c.Spec.Timezone == "" || err != nil || zone == time.Local {
		t.Errorf("%s: time zone %q: %v", c.Name, c.Spec.Timezone, err)
	}
	first := schedule.Next(time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC))
	if first.IsZero() {
		t.Errorf("%s never fires", c.Name)
	}
	// A missed run is started whenever Argo comes back, unless the next one is
	// due before: only the date of a leap year has a longer gap.
	late, gap := time.Duration(*c.Spec.StartingDeadlineSeconds)*time.Second, schedule.Next(first).Sub(first)
	if late < gap && gap <= 366*24*time.Hour {
		t.Errorf("%s with schedule %s may start only %s late", c.Name, c.Spec.Schedules[0], late)
	}

	// A controller with templateReferencing Strict refuses a run that sets
	// anything else.
	allowed := []string{"Arguments", "Priority", "WorkflowTemplateRef"}
	if form := workflow.FormOf(in.Stanza, c.Labels[vocab.LabelType]); form != vocab.FormPod {
		allowed = append(allowed, "Entrypoint")
	}
	// deploy/base/policy/objects.yaml allows no others.
	if entrypoint := c.Spec.WorkflowSpec.Entrypoint; entrypoint != "" && entrypoint != vocab.EntrypointBackupDAG && entrypoint != vocab.EntrypointBackupCompact {
		t.Errorf("%s has the entrypoint %q", c.Name, entrypoint)
	}
	spec := reflect.ValueOf(c.Spec.WorkflowSpec)
	for i := range spec.NumField() {
		if name := spec.Type().Field(i).Name; !spec.Field(i).IsZero() != slices.Contains(allowed, name) {
			t.Errorf("%s: field %s of the workflowSpec is %v", c.Name, name, spec.Field(i))
		}
	}
}
