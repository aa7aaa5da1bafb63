// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/argoproj/argo-workflows/v3/util/expr/argoexpr"
	"github.com/argoproj/argo-workflows/v3/util/expr/env"
	"github.com/argoproj/argo-workflows/v3/workflow/common"
)

// triesAgain evaluates the expression of a retryStrategy as Argo does.
func triesAgain(t *testing.T, strategy *wfv1.RetryStrategy, exitCode, message string) bool {
	t.Helper()
	again, err := argoexpr.EvalBool(strategy.Expression, env.GetFuncMap(map[string]any{
		common.LocalVarRetries: "0", common.LocalVarRetriesLastStatus: "Failed", common.LocalVarRetriesLastDuration: "1",
		common.LocalVarRetriesLastExitCode: exitCode, common.LocalVarRetriesLastMessage: message,
	}))
	if err != nil {
		t.Fatal(err)
	}
	return again
}

// TestPodsThatAreReplaced: in the form pod every end but a verdict of a step has another
// pod continue. The messages are Argo's: that of the pod if it was lost, else that of the
// first container by name which did not end with 0. The exit code is that of main.
func TestPodsThatAreReplaced(t *testing.T) {
	t.Parallel()
	for title, tc := range map[string]struct {
		exitCode, message string
		again             bool
	}{
		"begin refuses":                       {"64", "1-begin: Error (exit code 20): Failed: parameter repo is \"repo9\"", false},
		"precheck is held":                    {"64", "2-precheck: Error (exit code 20): Held: the gate is false", false},
		"backup gives up":                     {"64", "3-backup: Error (exit code 30): Failed: pgbackrest backup failed", false},
		"the last step refuses":               {"20", "main: Error (exit code 20): Failed: not proven", false},
		"the last step gives up":              {"30", "main: Error (exit code 30): Failed: not proven", false},
		"the last step, and the pod is lost":  {"20", "The node was low on resource: memory.", false},
		"a step is asked to end":              {"64", "3-backup: Error (exit code 40): Failed: the step was stopped", true},
		"a step could not begin":              {"64", "1-begin: Error (exit code 1): no such host", true},
		"a step is out of memory":             {"64", "3-backup: OOMKilled (exit code 137)", true},
		"the last step is out of memory":      {"137", "main: OOMKilled (exit code 137)", true},
		"all are killed":                      {"137", "2-precheck: Error (exit code 137)", true},
		"the pod is evicted":                  {"137", "Pod was evicted: exit code 20 of another program", true},
		"the pod is deleted":                  {"-1", "pod deleted", true},
		"Argo's own container fails":          {"0", "wait: Error (exit code 64): failed to report", true},
		"what pgBackRest says is no verdict":  {"64", "3-backup: Error (exit code 40): pgbackrest: Error (exit code 20)", true},
		"the message has a code of some text": {"64", "3-backup: Error (exit code 137): code: 30", true},
	} {
		for _, name := range []string{"backup", "stanza", "predeploy-reuse", "predeploy-make"} {
			strategy := backupTemplate(t).GetTemplateByName(name).RetryStrategy
			if got := triesAgain(t, strategy, tc.exitCode, tc.message); got != tc.again {
				t.Errorf("%s: %s: another pod %t, want %t", name, title, got, tc.again)
			}
			if strategy.RetryPolicyActual() != wfv1.RetryPolicyAlways {
				t.Errorf("%s: retryPolicy %s leaves out pods that are lost", name, strategy.RetryPolicyActual())
			}
		}
	}
}
