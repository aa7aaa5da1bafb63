// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"context"
	"strings"
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
		for _, command := range []string{
			"get statefulsets,pods,persistentvolumeclaims -o wide",
			"logs " + Primary + " -c postgres --tail=80",
			"get workflows -o custom-columns=NAME:.metadata.name,PHASE:.status.phase,STARTED:.status.startedAt,FINISHED:.status.finishedAt,MESSAGE:.status.message",
			"get stanza cluster -o yaml",
			"get events --sort-by=.lastTimestamp",
		} {
			// In a cleanup the context of the test is over.
			out, err := program.TryKubectl(context.Background(), nil, append([]string{"-n", k.Namespace}, strings.Fields(command)...)...)
			t.Logf("kubectl %s: %v\n%s", command, err, out)
		}
	})
}
