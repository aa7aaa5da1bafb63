// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
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
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	const content = `{"apiVersion":"v1","kind":"Config","current-context":"c","contexts":[{"name":"c","context":{"cluster":"c"}}],"clusters":[{"name":"c","cluster":{"server":"https://127.0.0.1:1"}}]}`
	if err := os.WriteFile(kubeconfig, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBECONFIG", kubeconfig)
	options := managerOptions{namespace: "stanzaflow-system", mode: vocab.ModeStandalone, watchInterval: defaultWatchInterval}
	options.metrics.Address = "0"
	mgr, _, err := newManager(options, false)
	if err != nil {
		t.Fatal(err)
	}
	if got := mgr.GetControllerOptions().CacheSyncTimeout; got < 10*time.Minute {
		t.Errorf("the operator ends when its first lists take %s", got)
	}
}
