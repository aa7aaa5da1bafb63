// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
)

// testDemo runs make demo in the local cluster: it applies an example, whose first backup
// comes at once and whose schedule fires by itself, and shows the proof.
func testDemo(t *testing.T) {
	k := kit.New(t, "stanzaflow-demo")
	out, err := bash(t.Context(), "hack/demo.sh")
	t.Log(out)
	if err != nil {
		t.Fatalf("hack/demo.sh: %v", err)
	}
	first := regexp.MustCompile(`(?s)the operator makes at once\n.* workflow \S+: Succeeded\n.* backup \d{8}-\d{6}F is proven\n.* waiting for the schedule`)
	if !first.MatchString(out) {
		t.Error("the demo does not show the first backup before the schedule fires")
	}
	if label := k.Stanza(t).Status.LastBackup.Label; !strings.Contains(out, "PROVEN: backup "+label[:8]) {
		t.Errorf("the demo shows no proof of a backup such as %s", label)
	}
}
