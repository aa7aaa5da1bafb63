// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/report"
)

// TestExpireFails: the backup is good all the same, and the failure is told.
func TestExpireFails(t *testing.T) {
	for name, tc := range map[string]struct {
		sample       string
		times        int
		wantAttempts int
		want         report.Retention
	}{
		"only a person can mend it": {
			sample: "stop file: backup", times: 1, wantAttempts: 1,
			want: report.Retention{Failed: true, Code: 62, Message: "pgbackrest expire failed in shop/orders-0 (postgres): [062] stop: " +
				"stop file exists for stanza main; somebody stopped this stanza; run pgbackrest start when that is over"},
		},
		"all attempts used up": {
			sample: "lock: expire during backup", times: 3, wantAttempts: 3,
			want: report.Retention{Failed: true, Code: 50, Message: "pgbackrest expire failed in shop/orders-0 (postgres): [050] lock-acquire: " +
				"unable to acquire lock on file '…/lock/main-backup-1.lock': Resource temporarily unavailable; " +
				"another pgBackRest process works on this stanza; wait until it ends"},
		},
		"second attempt": {sample: "lock: expire during backup", times: 1, wantAttempts: 2},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			for range tc.times {
				w.on("expire", failsAs(t, tc.sample))
			}
			p := newPod(w)
			p.mustRun(Names...)
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
			if got := p.file(fileRetention); got != output {
				t.Errorf("output retention %q, want %q", got, output)
			}
			if told := strings.Contains(p.log.String(), "RETENTION FAILED, the backup is not affected: "); told != tc.want.Failed {
				t.Errorf("log:\n%s", p.log)
			}
		})
	}
}

// TestExpireStopped is no retention that was applied, nor a run that goes on,
// not even in the last attempt.
func TestExpireStopped(t *testing.T) {
	p := newPod(newWorld(t))
	p.options.Attempts = 1
	p.mustRun("begin", "precheck", "backup")
	ctx, cancel := context.WithCancel(t.Context())
	p.on("expire", func(context.Context, call) error {
		cancel()
		return ctx.Err()
	})
	p.wantFailure(p.step(ctx, "expire"), ExitStopped, "expire", stanzaflowv1alpha1.RunFailed, "the step was stopped")
	if r := p.report().Retention; r == nil || !r.Failed || r.Message == "" {
		t.Errorf("retention %+v, want Failed with a message", r)
	}
	if got := p.file(fileRetention); !strings.HasPrefix(got, "Failed: ") {
		t.Errorf("output retention %q", got)
	}
}
