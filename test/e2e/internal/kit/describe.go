// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"context"
	"testing"

	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
)

// DescribeFailure prints the pods, the log of the primary, the Workflows, the Stanza and the
// events of the namespace if the test fails.
func (k *Kit) DescribeFailure(t testing.TB) {
	t.Helper()
	t.Cleanup(func() {
		if !t.Failed() {
			return
		}
		for _, args := range [][]string{
			{"get", "statefulsets,pods,persistentvolumeclaims", "-o", "wide"},
			{"logs", Primary, "-c", "postgres", "--tail=80"},
			{"get", "workflows", "-o", `jsonpath={range .items[*]}{.metadata.name} {.status.phase} {.status.startedAt} {.status.finishedAt} {.status.message}{"\n"}{end}`},
			{"get", "stanza", "cluster", "-o", "yaml"},
			{"get", "events", "--sort-by=.lastTimestamp"},
		} {
			// In a cleanup the context of the test is over.
			out, err := program.TryKubectl(context.Background(), nil, append([]string{"-n", k.Namespace}, args...)...)
			t.Logf("kubectl %v: %v\n%s", args, err, out)
		}
	})
}
