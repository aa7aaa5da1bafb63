// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"io"
	"os"
	"strings"
	"testing"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/run/runtest"
)

// TestLogHoldsNoQuotedLine: a Secret that is broken during a run makes
// pgBackRest quote the line that it cannot read. It comes in pieces, as a stream
// does, and the last line has no end.
func TestLogHoldsNoQuotedLine(t *testing.T) {
	const rest = "therestofthekey"
	p := newPod(runtest.New(t))
	p.parameters.Attempts = 1
	p.mustRun("begin", "precheck")
	p.On("backup", func(_ context.Context, c runtest.Call) error {
		for _, piece := range []string{
			"P00   INFO: backup command begin\nP00  ERROR: [029]: missing '=' in key/va", "lue at line 3: there", "stofthekey\n",
			"P00   INFO: backup command end: aborted with exception [029]",
		} {
			if _, err := io.WriteString(c.Stderr, piece); err != nil {
				return err
			}
		}
		return &remote.ExitError{Code: 29}
	})
	p.wantFailure(p.run("backup"), ExitStop, "backup", stanzaflowv1alpha1.RunFailed, "[029]", "missing '=' in key/value at line 3")
	for name, text := range map[string]string{"log": p.log.String(), "artifact": p.file(fileLog), "report": p.file(fileReport)} {
		if strings.Contains(text, rest) {
			t.Errorf("the %s quotes a piece of a credential:\n%s", name, text)
		}
	}
	for _, want := range []string{"backup command begin\n", "missing '=' in key/value at line 3\n", "aborted with exception [029]\n"} {
		if !strings.Contains(p.log.String(), want) || !strings.Contains(p.file(fileLog), want) {
			t.Errorf("the log or the artifact lacks %q:\n%s", want, p.log)
		}
	}
}

// TestInfoHoldsNoQuotedLine: info exits 0, and its message says what the repo
// host could not read.
func TestInfoHoldsNoQuotedLine(t *testing.T) {
	const rest = "therestofthekey"
	p := newPod(runtest.New(t))
	p.parameters.Attempts = 1
	p.mustRun("begin")
	p.On("info", func(_ context.Context, c runtest.Call) error {
		return c.Print(`[{"name":"db","status":{"code":99,"message":"other"},"repo":[{"key":1,"cipher":"none","status":{"code":99,` +
			`"message":"[FormatError] raised from remote-0 tls protocol on 'host': missing '=' in key/value at line 3: ` + rest + `"}}]}]`)
	})
	p.wantFailure(p.run("precheck"), ExitStop, "precheck", stanzaflowv1alpha1.RunFailed, "cannot use repo1", "[029]")
	entries, err := os.ReadDir(string(p.env.Workspace))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if strings.Contains(p.file(entry.Name()), rest) {
			t.Errorf("%s quotes a piece of a credential", entry.Name())
		}
	}
	if strings.Contains(p.log.String(), rest) {
		t.Errorf("the log quotes a piece of a credential:\n%s", p.log)
	}
}
