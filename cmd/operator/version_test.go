// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"regexp"
	"runtime/debug"
	"strings"
	"testing"
)

func TestVersion(t *testing.T) {
	r := operator(t, os.DevNull, "version")
	want := regexp.MustCompile(`^version:           dev
commit:            \S.*
go:                go1\.\S+ [a-z]+/[a-z0-9]+
template-contract: v[0-9]+
watch-contract:    watch-v[0-9]+
policy-contract:   v[0-9]+
$`)
	if r.code != 0 || r.stderr != "" || !want.MatchString(r.stdout) {
		t.Errorf("want exit code 0 and %s:\n%s", want, r)
	}
	if r := operator(t, os.DevNull, "--version"); r.code != 0 || !strings.Contains(r.stdout, "operator version dev") {
		t.Errorf("want the version in one line:\n%s", r)
	}
	if r := operator(t, os.DevNull, "version", "more"); r.code != 1 || r.stderr == "" {
		t.Errorf("want exit code 1:\n%s", r)
	}
}

func TestCommit(t *testing.T) {
	t.Parallel()
	for want, settings := range map[string][]debug.BuildSetting{
		"not recorded":      {{Key: "GOOS", Value: "linux"}},
		"abc":               {{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "false"}},
		"abc, with changes": {{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "true"}},
	} {
		if got := commit(settings); got != want {
			t.Errorf("commit of %v is %q, want %q", settings, got, want)
		}
	}
}
