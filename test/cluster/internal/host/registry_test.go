// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package host

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// tryAt asks a Go proxy for a module that nobody has.
func tryAt(t *testing.T, within time.Duration, proxy string) error {
	t.Helper()
	return tryGo(t.Context(), within, "example.test/module", "v1.2.3",
		"GOPROXY="+proxy, "GOMODCACHE="+t.TempDir(), "GOSUMDB=off", "GOFLAGS=-modcacherw")
}

func TestTryGo(t *testing.T) {
	t.Parallel()
	serve := func(status int) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			if strings.HasSuffix(r.URL.Path, ".mod") {
				_, _ = w.Write([]byte("module example.test/module\n"))
			} else {
				_, _ = w.Write([]byte(`{"Version": "v1.2.3"}`))
			}
		}))
		t.Cleanup(server.Close)
		return server.URL
	}
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	cases := map[string]struct {
		proxy string
		want  string // empty if there is no error
	}{
		"Answers":       {serve(http.StatusOK), ""},
		"AnswersSecond": {serve(http.StatusNotFound) + "," + serve(http.StatusOK), ""},
		"Forbidden":     {serve(http.StatusForbidden), "403"},
		"Refuses":       {closed.URL, "refused"},
		"Off":           {"off", "GOPROXY=off"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := tryAt(t, time.Minute, tc.proxy)
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("err = %v, want one with %q", err, tc.want)
			}
		})
	}
}

// A proxy that hangs must not delay the start, and proves nothing.
func TestTryGoHangs(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer server.Close()
	if err := tryAt(t, time.Second, server.URL); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("err = %v, want %v", err, ErrNoAnswer)
	}
}
