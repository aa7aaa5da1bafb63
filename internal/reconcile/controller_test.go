// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"errors"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/status"
)

func TestResult(t *testing.T) {
	conflict := apierrors.NewConflict(schema.GroupResource{}, "a", errors.New("x"))
	for name, tc := range map[string]struct {
		failures []error
		report   error
		refuse   bool
		wake     time.Duration
		want     time.Duration
		wantErr  bool
	}{
		"nothing to do":        {},
		"a deadline":           {wake: time.Hour, want: time.Hour + time.Second},
		"a deadline gone by":   {wake: -time.Hour, want: time.Second},
		"a conflict is silent": {failures: []error{conflict}, wake: time.Hour, want: retryConflict + time.Second},
		"a conflict of the status is silent": {
			report: errors.Join(conflict), want: retryConflict + time.Second,
		},
		"the stanza was deleted meanwhile": {report: apierrors.NewNotFound(schema.GroupResource{}, "a"), want: retryConflict + time.Second},
		"an error is an error":             {failures: []error{conflict, errors.New("boom")}, wake: time.Hour, wantErr: true},
		"an error of the status":           {report: errors.New("boom"), wantErr: true},
		"argo has gone":                    {failures: []error{apierrors.NewNotFound(schema.GroupResource{}, "")}, want: retryArgo + time.Second},
		"what is not ours may go":          {refuse: true, want: retryForeign + time.Second},
		"the earliest of all is next":      {refuse: true, failures: []error{conflict}, wake: time.Hour, want: retryConflict + time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := pass{status.Pass{Now: reconciletest.Noon}}
			for _, err := range tc.failures {
				p.Done.Failures = append(p.Done.Failures, object.Failure{What: "apply x", Kind: object.CronWorkflow, Err: err})
			}
			if tc.refuse {
				p.Actions = []object.Action{{Verb: object.Refuse, Want: object.New(object.CronWorkflow)}}
			}
			wake := time.Time{}
			if tc.wake != 0 {
				wake = reconciletest.Noon.Add(tc.wake)
			}
			result, err := p.result(wake, tc.report)
			if (err != nil) != tc.wantErr || result.RequeueAfter != tc.want {
				t.Errorf("got %v, %v; want %v", result.RequeueAfter, err, tc.want)
			}
		})
	}
}
