// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"strings"
	"testing"
)

// TestManagerKnowsItsNamespace: it must not find out when the first certificate
// is to be kept.
func TestManagerKnowsItsNamespace(t *testing.T) {
	t.Setenv("POD_NAMESPACE", "")
	t.Setenv("KUBECONFIG", os.DevNull)
	r := operator(t, os.DevNull, "manager")
	if r.code != 1 || !strings.Contains(r.stderr, "set --namespace or POD_NAMESPACE") {
		t.Errorf("want exit code 1 and how to help it:\n%s", r)
	}
	t.Setenv("POD_NAMESPACE", "stanzaflow-system")
	if r := operator(t, os.DevNull, "manager"); r.code != 1 || strings.Contains(r.stderr, "--namespace") {
		t.Errorf("want exit code 1 for want of a cluster:\n%s", r)
	}
}
