// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

func TestProvisionerOf(t *testing.T) {
	t.Parallel()
	for mode, want := range map[string]vocab.Provisioner{"standalone": vocab.ProvisionedByUs, "alongside": vocab.ProvisionedByCPO} {
		if got, err := provisionerOf(mode); got != want || err != nil {
			t.Errorf("--mode=%s: %q, %v", mode, got, err)
		}
	}
}

// TestManagerRefusesMode shows that it refuses a mode before it looks for a cluster.
func TestManagerRefusesMode(t *testing.T) {
	t.Setenv("POD_NAMESPACE", "stanzaflow-system")
	t.Setenv("KUBECONFIG", os.DevNull)
	for _, mode := range []string{"", "Alongside", "cpo", "standalone "} {
		r := operator(t, os.DevNull, "manager", "--mode="+mode)
		if want := "operator: --mode: "; r.code != 1 || !strings.Contains(r.stderr, want) || !strings.Contains(r.stderr, "--mode=alongside") {
			t.Errorf("want exit code 1, %q and the modes:\n%s", want, r)
		}
	}
	for _, mode := range []string{"standalone", "alongside"} {
		if r := operator(t, os.DevNull, "manager", "--mode="+mode); r.code != 1 || strings.Contains(r.stderr, "--mode") {
			t.Errorf("want exit code 1 because there is no cluster:\n%s", r)
		}
	}
}

func TestManagerRefusesOperatorConfiguration(t *testing.T) {
	t.Setenv("POD_NAMESPACE", "stanzaflow-system")
	t.Setenv("KUBECONFIG", os.DevNull)
	for _, tc := range []struct{ mode, flag, want string }{
		{"alongside", "main", `"main" is not NAMESPACE/NAME`},
		{"alongside", "cpo/", `"cpo/" is not NAMESPACE/NAME`},
		{"alongside", "/main", `"/main" is not NAMESPACE/NAME`},
		{"alongside", "cpo/main/x", `"cpo/main/x" is not NAMESPACE/NAME`},
		{"standalone", "cpo/main", "is for --mode=alongside only"},
		{"alongside", "cpo/main", ""},
	} {
		r := operator(t, os.DevNull, "manager", "--mode="+tc.mode, "--operator-configuration="+tc.flag)
		if r.code != 1 || !strings.Contains(r.stderr, tc.want) || (tc.want == "") == strings.Contains(r.stderr, "--operator-configuration") {
			t.Errorf("--mode=%s --operator-configuration=%s: want exit code 1 and %q:\n%s", tc.mode, tc.flag, tc.want, r)
		}
	}
}
