// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package component

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/mod/modfile"
)

// Code that CoreDNS shares with Kubernetes, mainly client-go, is compiled once as
// long as every module that both require has one version.
func TestCoreDNSHasTheVersionsOfKubernetes(t *testing.T) {
	t.Parallel()
	kubernetes, coredns := versions(t, "kubernetes"), versions(t, CoreDNS)
	shared := 0
	for module, v := range coredns {
		want, ok := kubernetes[module]
		if !ok {
			continue
		}
		shared++
		if v != want {
			t.Errorf("coredns has %s %s, Kubernetes has %s: in components/coredns, go get %[1]s@%[3]s", module, v, want)
		}
	}
	if shared < 30 {
		t.Errorf("only %d modules are shared", shared)
	}
}

// versions reads the required versions from a component's go.mod.
func versions(t *testing.T, component string) map[string]string {
	t.Helper()
	path := filepath.Join("..", "..", "components", component, "go.mod")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := modfile.Parse(path, content, nil)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, r := range f.Require {
		all[r.Mod.Path] = r.Mod.Version
	}
	for _, r := range f.Replace {
		all[r.Old.Path] = r.New.Version
	}
	return all
}
