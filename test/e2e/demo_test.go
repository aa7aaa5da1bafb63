// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"strings"
	"testing"
)

// testDemo is make demo in the local cluster: the example that it applies, the
// schedule that fires by itself and the proof that it shows.
func testDemo(t *testing.T) {
	t.Helper()
	k := newKit(t, "stanzaflow-demo")
	out, err := atTop(t.Context(), "hack/demo.sh")
	t.Log(out)
	if err != nil {
		t.Fatalf("hack/demo.sh: %v", err)
	}
	if label := k.stanza(t, "cluster").Status.LastBackup.Label; !strings.Contains(out, "PROVEN: backup "+label[:8]) {
		t.Errorf("the demo shows no proof of a backup such as %s", label)
	}
}
