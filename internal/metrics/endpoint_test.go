// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"strings"
	"testing"
)

// TestEndpoint says what each combination of flags serves. Who may read is tested with a
// real API server.
func TestEndpoint(t *testing.T) {
	for name, tc := range map[string]struct {
		endpoint   Endpoint
		wantSecure bool
		wantErr    string
	}{
		"by default":                          {Endpoint{Address: ":8443", Secure: true}, true, ""},
		"not at all":                          {Endpoint{Address: "0", Secure: true, Certificates: "none"}, false, ""},
		"plain":                               {Endpoint{Address: ":8080"}, false, ""},
		"a certificate that nobody would see": {Endpoint{Address: ":8080", Certificates: "tls"}, false, "without --metrics-secure"},
		"a certificate that is not there":     {Endpoint{Address: ":8443", Secure: true, Certificates: t.TempDir()}, false, "cannot use tls.crt and tls.key"},
	} {
		t.Run(name, func(t *testing.T) {
			server, err := tc.endpoint.Server()
			if tc.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), tc.wantErr) {
					t.Errorf("got %v, want an error about %s", err, tc.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if checked := server.FilterProvider != nil; server.SecureServing != tc.wantSecure || checked != tc.wantSecure {
				t.Errorf("https: %t, callers are checked: %t, want both %t", server.SecureServing, checked, tc.wantSecure)
			}
		})
	}
}
