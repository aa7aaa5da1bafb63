// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stanzaflow/stanzaflow/internal/run/step"
)

func TestStepRefuses(t *testing.T) {
	// Whatever is refused, it is before the API server is asked.
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	for name, tc := range map[string]struct {
		args []string
		code int
		want string
	}{
		"an unknown step":    {[]string{"step", "unknown"}, 1, `invalid argument "unknown" for "operator step"`},
		"no step":            {[]string{"step"}, 1, "requires at least 1 arg(s), only received 0"},
		"one of two unknown": {[]string{"step", "begin", "unknown"}, 1, `invalid argument "unknown" for "operator step"`},
		"an unknown flag":    {[]string{"step", "begin", "--force"}, step.ExitStop, "unknown flag: --force"},
		"attempts as a word": {[]string{"step", "begin", "--attempts=many"}, step.ExitStop, `invalid argument "many" for "--attempts" flag`},
		"a backoff in words": {[]string{"step", "begin", "--backoff=10"}, step.ExitStop, `invalid argument "10" for "--backoff" flag`},
	} {
		t.Run(name, func(t *testing.T) {
			r := operator(t, os.DevNull, tc.args...)
			if r.code != tc.code || !strings.Contains(r.stderr, tc.want) {
				t.Errorf("want exit code %d and %q:\n%s", tc.code, tc.want, r)
			}
		})
	}
}

// TestStepKnowsEachStep shows that each step starts, and fails only because there is no
// cluster.
func TestStepKnowsEachStep(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	for _, name := range step.Names {
		r := operator(t, os.DevNull, "step", name, "--workspace="+t.TempDir())
		if r.code != 1 || !strings.Contains(r.stderr, "KUBERNETES_SERVICE_HOST") {
			t.Errorf("%s: want exit code 1 because there is no cluster:\n%s", name, r)
		}
	}
}
