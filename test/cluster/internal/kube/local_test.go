// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/layout"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/node"
)

const ourAuthority = "-----BEGIN CERTIFICATE-----\nours\n-----END CERTIFICATE-----\n"

func writeFile(t *testing.T, path, content string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func data(authority string) string {
	return "certificate-authority-data: " + base64.StdEncoding.EncodeToString([]byte(authority))
}

func kubeconfig(server, authority string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: mine
contexts: [{name: other, context: {cluster: elsewhere}}, {name: mine, context: {cluster: here}}]
clusters: [{name: elsewhere, cluster: {server: "https://example.test"}}, {name: here, cluster: {server: %q, %s}}]
`, server, authority)
}

func TestLocal(t *testing.T) {
	t.Parallel()
	dirs := layout.Dirs{Cache: t.TempDir()}
	writeFile(t, filepath.Join(dirs.PKI(), "ca.crt"), ourAuthority)
	other := t.TempDir()
	file := func(name, content string) string { return writeFile(t, filepath.Join(other, name), content) }
	link := filepath.Join(other, "link")
	if err := os.Symlink(writeFile(t, dirs.Kubeconfig(), "{}"), link); err != nil {
		t.Fatal(err)
	}
	file("ca.pem", ourAuthority)
	ours := file("ours", kubeconfig(node.ServerURL, data(ourAuthority)))
	theirs := file("theirs", kubeconfig("https://production.example.test", data(ourAuthority)))

	cases := map[string]struct {
		paths []string
		want  string // empty if it is local
	}{
		"OurFile":             {[]string{dirs.Kubeconfig()}, ""},
		"LinkToIt":            {[]string{link}, ""},
		"ACopy":               {[]string{ours}, ""},
		"AuthorityInAFile":    {[]string{file("relative", kubeconfig(node.ServerURL, "certificate-authority: ca.pem"))}, ""},
		"FirstOfSeveral":      {[]string{ours, theirs}, ""},
		"BesideAMissingFile":  {[]string{filepath.Join(other, "absent"), ours}, ""},
		"AnotherCluster":      {[]string{theirs}, "https://production.example.test"},
		"AnotherOneFirst":     {[]string{theirs, ours}, "https://production.example.test"},
		"TheirsBeforeOurFile": {[]string{theirs, dirs.Kubeconfig()}, "https://production.example.test"},
		"AnotherMachine":      {[]string{file("machine", kubeconfig(node.ServerURL, data("theirs")))}, "another authority"},
		"NoAuthority":         {[]string{file("insecure", kubeconfig(node.ServerURL, "insecure-skip-tls-verify: true"))}, "another authority"},
		"MissingAuthority":    {[]string{file("gone", kubeconfig(node.ServerURL, "certificate-authority: absent.pem"))}, "absent.pem"},
		"NoFile":              {[]string{filepath.Join(other, "absent")}, "no cluster"},
		"NoKubeconfig":        {[]string{file("text", ":\n\t- not YAML")}, "not a kubeconfig"},
		"Unset":               {nil, "KUBECONFIG is not set"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := Local(dirs, tc.paths)
			if tc.want == "" && err != nil {
				t.Errorf("Local = %v, want nil", err)
			}
			if tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("Local = %v, want an error with %q", err, tc.want)
			}
		})
	}
}

// A kubeconfig of an earlier cluster must not count as one of the next.
func TestLocalWithoutACluster(t *testing.T) {
	t.Parallel()
	dirs := layout.Dirs{Cache: t.TempDir()}
	copied := writeFile(t, filepath.Join(t.TempDir(), "config"), kubeconfig(node.ServerURL, data(ourAuthority)))
	if err := Local(dirs, []string{copied}); err == nil || !strings.Contains(err.Error(), "no local cluster") {
		t.Errorf("Local = %v, want an error without a cluster", err)
	}
	// The start printed this path, and the cluster has been wiped since. The next
	// start uses the same path.
	if err := Local(dirs, []string{dirs.Kubeconfig()}); err != nil {
		t.Errorf("Local = %v, want nil for our own file", err)
	}
}
