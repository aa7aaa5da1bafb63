// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stanzaflow/stanzaflow/internal/goldentest"
	"github.com/stanzaflow/stanzaflow/internal/submit"
)

// TestSubmitUsage shows what a person sees who types a command that starts a run, and
// no API server is asked.
func TestSubmitUsage(t *testing.T) {
	cases := map[string]struct {
		args string
		code int
	}{
		"help":                   {"operator backup --help", 0},
		"predeploy-help":         {"operator predeploy --help", 0},
		"plugin":                 {"/usr/local/bin/kubectl-stanzaflow", 0},
		"plugin-help":            {"kubectl-stanzaflow backup --help", 0},
		"plugin-usage":           {"kubectl-stanzaflow backup", submit.ExitUsage},
		"plugin-unknown":         {"kubectl-stanzaflow recover", 1},
		"plugin-render":          {"kubectl-stanzaflow render", submit.ExitUsage},
		"no-cluster":             {"operator backup", submit.ExitUsage},
		"two-clusters":           {"operator predeploy orders customers", submit.ExitUsage},
		"type":                   {"operator backup orders --type incremental", submit.ExitUsage},
		"repo":                   {"operator backup orders --repo 5", submit.ExitUsage},
		"empty-repo":             {"operator backup orders --repo=", submit.ExitUsage},
		"max-age-not-a-duration": {"operator predeploy orders --max-age 15", submit.ExitUsage},
		"max-age-negative":       {"operator predeploy orders --max-age=-1m", submit.ExitUsage},
		"restore-point":          {"operator predeploy orders --restore-point release/42", submit.ExitUsage},
		"timeout":                {"operator predeploy orders --timeout 0s", submit.ExitUsage},
		"predeploy-wait":         {"operator predeploy orders --wait", submit.ExitUsage},
		"no-kubernetes":          {"operator backup orders", submit.ExitFailed},
		"no-such-kubeconfig":     {"operator backup orders --kubeconfig missing", submit.ExitFailed},
		"no-such-context":        {"operator backup orders --kubeconfig config --context staging", submit.ExitFailed},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			withoutKubernetes(t)
			golden, err := filepath.Abs("testdata/submit/" + name + ".golden")
			if err != nil {
				t.Fatal(err)
			}
			t.Chdir("testdata/submit")
			got := program(t, os.DevNull, strings.Fields(tc.args)...)
			if got.code != tc.code {
				t.Errorf("exit code %d, want %d", got.code, tc.code)
			}
			goldentest.Check(t, golden, got.String())
		})
	}
	files, err := filepath.Glob("testdata/submit/*.golden")
	if err != nil || len(files) != len(cases) {
		t.Errorf("%d golden files for %d cases, error %v", len(files), len(cases), err)
	}
}

// withoutKubernetes has clients find no Kubernetes cluster by default.
func withoutKubernetes(t *testing.T) {
	t.Helper()
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
}

// TestSubmitAsksTheRightCluster: --context and --namespace mean what they mean to
// kubectl, and the namespace of the context is the default.
func TestSubmitAsksTheRightCluster(t *testing.T) {
	for args, want := range map[string]string{
		"":                               "/apis/cpo.opensource.cybertec.at/v1/namespaces/shop/postgresqls/orders",
		"-n billing":                     "/apis/cpo.opensource.cybertec.at/v1/namespaces/billing/postgresqls/orders",
		"--context other":                "/apis/cpo.opensource.cybertec.at/v1/namespaces/default/postgresqls/orders",
		"--context other --namespace db": "/apis/cpo.opensource.cybertec.at/v1/namespaces/db/postgresqls/orders",
	} {
		t.Run(args, func(t *testing.T) {
			withoutKubernetes(t)
			var asked []string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked = append(asked, r.URL.Path)
				w.WriteHeader(http.StatusTeapot)
			}))
			defer server.Close()
			text, err := os.ReadFile("testdata/submit/config")
			if err != nil {
				t.Fatal(err)
			}
			config := filepath.Join(t.TempDir(), "config")
			if err := os.WriteFile(config, []byte(strings.ReplaceAll(string(text), "http://127.0.0.1:1", server.URL)), 0o600); err != nil {
				t.Fatal(err)
			}
			got := program(t, os.DevNull, append([]string{"kubectl-stanzaflow", "backup", "orders", "--kubeconfig", config}, strings.Fields(args)...)...)
			if got.code != submit.ExitFailed || len(asked) == 0 || asked[0] != want {
				t.Errorf("asked %q, want %s; %s", asked, want, got)
			}
		})
	}
}
