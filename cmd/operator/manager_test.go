// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/stanzaflow/stanzaflow/internal/reconcile"
)

// TestManagerKnowsItsNamespace shows that the manager checks its namespace when it
// starts, and not when it stores the first certificate.
func TestManagerKnowsItsNamespace(t *testing.T) {
	t.Setenv("POD_NAMESPACE", "")
	t.Setenv("KUBECONFIG", os.DevNull)
	r := operator(t, os.DevNull, "manager")
	if r.code != 1 || !strings.Contains(r.stderr, "set --namespace or POD_NAMESPACE") {
		t.Errorf("want exit code 1 and advice:\n%s", r)
	}
	t.Setenv("POD_NAMESPACE", "stanzaflow-system")
	if r := operator(t, os.DevNull, "manager", "--metrics-cert-path="+t.TempDir()); r.code != 1 || !strings.Contains(r.stderr, "cannot use tls.crt") {
		t.Errorf("want exit code 1 because there is no certificate:\n%s", r)
	}
	if r := operator(t, os.DevNull, "manager"); r.code != 1 || strings.Contains(r.stderr, "--namespace") {
		t.Errorf("want exit code 1 because there is no cluster:\n%s", r)
	}
}

// A window that cannot be kept is refused at the start, and names its flag.
func TestManagerRefusesAWindow(t *testing.T) {
	t.Setenv("POD_NAMESPACE", "stanzaflow-system")
	t.Setenv("KUBECONFIG", os.DevNull)
	for _, window := range []string{"-1m", "90s", "25h"} {
		if r := operator(t, os.DevNull, "manager", "--window="+window); r.code != 1 || !strings.Contains(r.stderr, "--window must be whole minutes from 0s to 24h") {
			t.Errorf("%s: want exit code 1 and advice:\n%s", window, r)
		}
	}
}

// TestManagerWaitsForAFleet: the first lists of a large fleet take more than the two minutes
// of controller-runtime, after which the operator would end, at each start again.
func TestManagerWaitsForAFleet(t *testing.T) {
	var options managerOptions
	if got := options.control(nil, server.Options{}, reconcile.Options{}).Controller.CacheSyncTimeout; got < 10*time.Minute {
		t.Errorf("the operator ends when its first lists take %s", got)
	}
}
