// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNamespaceList(t *testing.T) {
	t.Parallel()
	for flag, want := range map[string][]string{
		"":          nil,
		"shop":      {"shop"},
		"shop,a-1":  {"shop", "a-1"},
		"b,a,c,1-2": {"b", "a", "c", "1-2"},
	} {
		got, err := namespaceList(flag)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("--namespaces=%s: %v (-want +got):\n%s", flag, err, diff)
		}
	}
}

// TestManagerRefusesNamespaces shows that it refuses them before it looks for a cluster.
func TestManagerRefusesNamespaces(t *testing.T) {
	t.Setenv("POD_NAMESPACE", "stanzaflow-system")
	t.Setenv("KUBECONFIG", os.DevNull)
	for flag, want := range map[string]string{
		"shop, a":               `" a" is not a valid name of a namespace`,
		"shop,":                 `"" is not a valid name of a namespace`,
		",":                     `"" is not a valid name of a namespace`,
		"*":                     `"*" is not a valid name of a namespace`,
		"Shop":                  `"Shop" is not a valid name of a namespace`,
		"shop;a":                `"shop;a" is not a valid name of a namespace`,
		"a.b":                   `"a.b" is not a valid name of a namespace`,
		strings.Repeat("x", 64): "is not a valid name of a namespace",
		"a,b,a":                 "a appears twice",
	} {
		r := operator(t, os.DevNull, "manager", "--namespaces="+flag)
		if r.code != 1 || !strings.Contains(r.stderr, "operator: --namespaces: ") || !strings.Contains(r.stderr, want) {
			t.Errorf("want exit code 1, the flag and %q:\n%s", want, r)
		}
	}
}
