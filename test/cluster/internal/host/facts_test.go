// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package host

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFree(t *testing.T) {
	t.Parallel()
	if free, err := FreeMemory(); err != nil || free < 1<<20 {
		t.Errorf("FreeMemory = %d, %v", free, err)
	}
	dir := t.TempDir()
	here, err := FreeDisk(dir)
	if err != nil || here <= 0 {
		t.Errorf("FreeDisk = %d, %v", here, err)
	}
	if _, err := FreeDisk(filepath.Join(dir, "not", "there", "yet")); err != nil {
		t.Errorf("a directory that is not there yet: %v", err)
	}
}

func TestParseRelease(t *testing.T) {
	t.Parallel()
	id, version, name := parseRelease("PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=x\nVERSION_ID='12'\nID=debian\n")
	if diff := cmp.Diff([]string{"debian", "12", "Debian GNU/Linux 12 (bookworm)"}, []string{id, version, name}); diff != "" {
		t.Errorf("parseRelease (-want +got):\n%s", diff)
	}
}

func TestKernelChanges(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for name, value := range map[string]string{"vm/overcommit_memory": "0\n", "kernel/panic": "10\n"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"vm.overcommit_memory from 0 to 1"}, kernelChanges(root)); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

func TestTryGoProxy(t *testing.T) {
	t.Parallel()
	status := func(code int) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/example.test/module/@v/v1.2.3.info" {
				t.Errorf("asked for %s", r.URL.Path)
			}
			w.WriteHeader(code)
		}))
		t.Cleanup(server.Close)
		return server.URL
	}
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	cases := map[string]struct {
		proxy string
		want  string // empty: no error
	}{
		"Answers":          {status(http.StatusOK), ""},
		"Forbidden":        {status(http.StatusForbidden) + ",direct", "403"},
		"Unknown":          {status(http.StatusNotFound), "404"},
		"UnknownButOthers": {status(http.StatusNotFound) + ",direct", ""},
		"Refuses":          {gone.URL + "|direct", "refused"},
		"Off":              {"off", "switched off"},
		"Direct":           {"direct", ""},
		"Directory":        {"file:///srv/modules", ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := TryGoProxy(t.Context(), tc.proxy, "example.test/module", "v1.2.3")
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("err = %v, want one with %q", err, tc.want)
			}
		})
	}
}

// A proxy that hangs must not hold up the start, and is no proof of anything.
func TestTryGoProxyHangs(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := TryGoProxy(ctx, server.URL, "example.test/module", "v1.2.3"); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("err = %v, want %v", err, ErrNoAnswer)
	}
}
