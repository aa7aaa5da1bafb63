// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/run/runtest"
)

// TestLimitCountsFromTheStart: a person may retry a run long after its creation.
func TestLimitCountsFromTheStart(t *testing.T) {
	inEachForm(t, func(t *testing.T, newPod func(*runtest.World) *pod) {
		for name, tc := range map[string]struct {
			change func(*runtest.World)
			code   int
			want   string
		}{
			"retried now":           {func(w *runtest.World) { w.StartTime = w.Clock.Now() }, 0, ""},
			"not started":           {func(*runtest.World) {}, ExitStop, "the run exceeded its limit of 1h0m0s"},
			"started long ago":      {func(w *runtest.World) { w.StartTime = runtest.Start.Add(time.Second) }, ExitStop, "the run exceeded its limit of 1h0m0s"},
			"the answer comes late": {func(w *runtest.World) { w.StartTime, w.StartErrors = w.Clock.Now(), []error{io.EOF, io.EOF} }, 0, ""},
			"no answer":             {func(w *runtest.World) { w.StartErrors = slices.Repeat([]error{io.EOF}, 100) }, ExitStopped, "cannot read when the Workflow was started, and 1h0m0s after its creation it may be out of time: EOF"},
		} {
			t.Run(name, func(t *testing.T) {
				w := runtest.New(t)
				p := limited(newPod(w))
				w.Clock.Step(2 * time.Hour)
				tc.change(w)
				first := p.first()
				code := p.step(t.Context(), first)
				if tc.code == 0 {
					if code != 0 {
						t.Errorf("exit code %d\n%s", code, p.log)
					}
					return
				}
				p.wantFailure(code, tc.code, first, stanzaflowv1alpha1.RunFailed, tc.want)
			})
		}
	})
	w := runtest.New(t)
	w.StartErrors = slices.Repeat([]error{io.EOF}, 100)
	p := newLimitedPod(w)
	p.mustRun("begin")
	if !strings.Contains(p.log.String(), "cannot read when the Workflow was started, so its limit counts from its creation: EOF") {
		t.Errorf("log:\n%s", p.log)
	}
}

// first is the first step of the form.
func (p *pod) first() string {
	if p.parameters.Form != "" {
		return stepPrecheck
	}
	return stepBegin
}
