// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"strings"
	"testing"
)

// TestMetricsEndpoint says what each combination of flags serves.
func TestMetricsEndpoint(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		options    metricsOptions
		wantSecure bool
		wantErr    string
	}{
		"by default":                          {metricsOptions{address: ":8443", secure: true}, true, ""},
		"not at all":                          {metricsOptions{address: "0", secure: true, certificates: "none"}, false, ""},
		"plain":                               {metricsOptions{address: ":8080"}, false, ""},
		"a certificate that nobody would see": {metricsOptions{address: ":8080", certificates: "tls"}, false, "--metrics-secure=true only"},
		"a certificate that is not there":     {metricsOptions{address: ":8443", secure: true, certificates: t.TempDir()}, false, "cannot use tls.crt and tls.key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			endpoint, err := tc.options.endpoint()
			if tc.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), tc.wantErr) {
					t.Errorf("got %v, want an error about %s", err, tc.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if secure := endpoint.SecureServing && endpoint.FilterProvider != nil; secure != tc.wantSecure || endpoint.SecureServing != secure {
				t.Errorf("https is %t, want %t, with a check of each caller", endpoint.SecureServing, tc.wantSecure)
			}
		})
	}
}

// TestManagerRefusesCertificates shows that a wrong folder stops the manager at its start.
func TestManagerRefusesCertificates(t *testing.T) {
	t.Setenv("POD_NAMESPACE", "stanzaflow-system")
	t.Setenv("KUBECONFIG", os.DevNull)
	r := operator(t, os.DevNull, "manager", "--metrics-cert-path="+t.TempDir())
	if r.code != 1 || !strings.Contains(r.stderr, "--metrics-cert-path") {
		t.Errorf("want exit code 1 and the flag:\n%s", r)
	}
}
