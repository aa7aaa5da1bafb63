// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/run/runtest"
)

// TestExpireFails: the backup is good all the same, and the report has the failure.
func TestExpireFails(t *testing.T) {
	refused := runtest.Fails(49, "P00  ERROR: [049]: unable to connect to 's3.example.org:443': [111] Connection refused")
	locked := runtest.FailsAs(t, "lock: expire during backup")
	for name, tc := range map[string]struct {
		failure      runtest.Script
		times        int
		wantAttempts int
		want         report.Retention
	}{
		"only a person can fix it": {
			failure: runtest.FailsAs(t, "stop file: backup"), times: 1, wantAttempts: 1,
			want: report.Retention{Failed: true, Code: 62, Message: "pgbackrest expire failed in shop/orders-0 (postgres): [062] stop: " +
				"stop file exists for stanza main; somebody stopped this stanza; run pgbackrest start when that is over"},
		},
		"all attempts used up": {
			failure: refused, times: 3, wantAttempts: 3,
			want: report.Retention{Failed: true, Code: 49, Message: "pgbackrest expire failed in shop/orders-0 (postgres): [049] host-connect: " +
				"unable to connect to 's3.example.org:443': [111] Connection refused; the host cannot be reached; retry, then check its name, DNS, port and network policies"},
		},
		"second attempt":                  {failure: refused, times: 1, wantAttempts: 2},
		"another pgBackRest has the lock": {failure: locked, times: 20, wantAttempts: 1},
		"its stream is lost":              {failure: runtest.DiesWithStream, times: 1, wantAttempts: 2},
	} {
		t.Run(name, func(t *testing.T) {
			w := runtest.New(t)
			for range tc.times {
				w.On("expire", tc.failure)
			}
			p := newPod(w)
			p.mustRun(backupSteps...)
			r := p.report()
			if diff := cmp.Diff(&tc.want, r.Retention); diff != "" {
				t.Errorf("retention (-want +got):\n%s", diff)
			}
			if r.Result != stanzaflowv1alpha1.RunSucceeded || r.Backup == nil || r.Message != "" || r.Code != 0 {
				t.Errorf("report %+v, want a proven backup", r)
			}
			if r.Steps[3].Attempts != tc.wantAttempts {
				t.Errorf("%d attempts, want %d", r.Steps[3].Attempts, tc.wantAttempts)
			}
			output := "Succeeded"
			if tc.want.Failed {
				output = "Failed: " + tc.want.Message
			}
			if got := p.file(outputRetention); got != output {
				t.Errorf("output retention %q, want %q", got, output)
			}
			if logged := strings.Contains(p.log.String(), "RETENTION FAILED, the backup is not affected: "); logged != tc.want.Failed {
				t.Errorf("log:\n%s", p.log)
			}
		})
	}
}

// TestExpireStopped checks that a stopped step neither applied the retention nor
// lets the run continue, not even in the last attempt.
func TestExpireStopped(t *testing.T) {
	p := newPod(runtest.New(t))
	p.parameters.Attempts = 1
	p.mustRun("begin", "precheck", "backup")
	ctx, cancel := context.WithCancel(t.Context())
	p.On("expire", func(context.Context, runtest.Call) error {
		cancel()
		return ctx.Err()
	})
	p.wantFailure(p.step(ctx, "expire"), ExitStopped, "expire", stanzaflowv1alpha1.RunFailed, "the step was stopped")
	if r := p.report().Retention; r == nil || !r.Failed || r.Message == "" {
		t.Errorf("retention %+v, want Failed with a message", r)
	}
	if got := p.file(outputRetention); !strings.HasPrefix(got, "Failed: ") {
		t.Errorf("output retention %q", got)
	}
}

// TestExpireFindsItsOwn: the command whose stream was lost still runs and has the
// lock, for longer than all attempts together.
func TestExpireFindsItsOwn(t *testing.T) {
	w := runtest.New(t)
	locked := runtest.FailsAs(t, "lock: expire during backup")
	w.On("expire", runtest.DiesWithStream, locked, locked, locked, locked, locked, locked, locked)
	p := newPod(w)
	p.parameters.Attempts = 2
	p.mustRun(backupSteps...)
	if n := len(w.Issued("expire")); n != 9 {
		t.Errorf("%d commands, want 9", n)
	}
	if r := p.report(); r.Retention == nil || r.Retention.Failed || r.Steps[3].Attempts != 2 {
		t.Errorf("retention %+v after %d attempts, want it applied after 2", r.Retention, r.Steps[3].Attempts)
	}
	if n := strings.Count(p.log.String(), "waiting: pgbackrest expire failed in shop/orders-0 (postgres): [050]"); n != 2 { // 7 tries, 15 s apart.
		t.Errorf("said %d times that it waits, want 2\n%s", n, p.log)
	}
}
