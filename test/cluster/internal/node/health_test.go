// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A container runtime listens before it can serve, and answers that it cannot.
func TestRuntimeHealthy(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		answer http.HandlerFunc
		want   string // part of the error; empty if healthy
	}{
		"Serves": {answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Trailer", "Grpc-Status")
			_, _ = w.Write([]byte("\x00\x00\x00\x00\x02\x0a\x00"))
			w.Header().Set("Grpc-Status", "0")
		}},
		"DoesNotServeYet": {
			answer: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Grpc-Status", "2")
				w.Header().Set("Grpc-Message", "server is not initialized yet")
			},
			want: "server is not initialized yet",
		},
		"IsSomethingElse": {answer: http.NotFound, want: `gRPC status ""`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			socket := filepath.Join(t.TempDir(), "s")
			listener, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", socket)
			if err != nil {
				t.Fatal(err)
			}
			server := &http.Server{Handler: asked(t, tc.answer), Protocols: new(http.Protocols), ReadHeaderTimeout: time.Minute}
			server.Protocols.SetUnencryptedHTTP2(true)
			go func() { _ = server.Serve(listener) }()
			t.Cleanup(func() { _ = server.Close() })

			err = daemon{socket: socket}.healthy(t.Context())
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("healthy: err = %v, want %q", err, tc.want)
			}
		})
	}
}

// asked checks that the request is the kubelet's.
func asked(t *testing.T, answer http.HandlerFunc) http.Handler {
	t.Helper()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/runtime.v1.RuntimeService/Version" || r.Header.Get("Content-Type") != "application/grpc" {
			t.Errorf("asked %s as %s", r.URL.Path, r.Header.Get("Content-Type"))
		}
		answer(w, r)
	})
}

func TestRuntimeWithoutListener(t *testing.T) {
	t.Parallel()
	if err := (daemon{socket: filepath.Join(t.TempDir(), "s")}).healthy(t.Context()); err == nil {
		t.Error("it is healthy although nobody listens")
	}
}
