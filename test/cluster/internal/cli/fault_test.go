// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"io"
	"strings"
	"testing"
)

// A wrong argument breaks nothing, and the message says what would be right.
func TestRefuses(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		line string
		want string
	}{
		"RestartOfAPod":         {line: "restart coredns", want: "kube-controller-manager"},
		"RestartBySTOP":         {line: "restart kubelet --signal STOP", want: "KILL, TERM"},
		"RestartOfNothing":      {line: "restart", want: "1 arg"},
		"SignalThatDoesAnother": {line: "signal kubelet HUP", want: "STOP, CONT, KILL, TERM"},
		"SignalWithoutName":     {line: "signal kubelet", want: "2 arg"},
		"SlowOfAPod":            {line: "slow workflow-controller", want: "unknown daemon"},
		"ResetOfAName":          {line: "reset-connections cluster-0", want: "cluster-0"},
		"VolumeWithoutClaim":    {line: "volume make namespace 16Mi", want: "NAMESPACE/CLAIM"},
		"VolumeWithoutUnit":     {line: "volume make namespace/claim 16", want: "256Mi"},
		"RemoveOfAPath":         {line: "volume remove namespace/../pki", want: "NAMESPACE/CLAIM"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := New()
			root.SetArgs(strings.Fields(tc.line))
			root.SetOut(io.Discard)
			root.SetErr(io.Discard)
			if err := root.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s: err = %v, want one with %q", tc.line, err, tc.want)
			}
		})
	}
}

func TestParseSignal(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"KILL", "SIGKILL"} {
		if s, err := parseSignal(name, "KILL"); err != nil || s != signals["KILL"] {
			t.Errorf("parseSignal(%s) = %v, %v", name, s, err)
		}
	}
}
