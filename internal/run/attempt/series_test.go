// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package attempt

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
)

func TestBackOff(t *testing.T) {
	t.Parallel()
	s := Series{Attempts: 8, Backoff: 10 * time.Second}
	b := s.backOff(t.Context())
	b.Reset()
	var got []string
	for d := b.NextBackOff(); d != backoff.Stop; d = b.NextBackOff() {
		got = append(got, d.String())
	}
	if diff := cmp.Diff([]string{"10s", "20s", "40s", "1m20s", "2m40s", "5m0s", "5m0s"}, got); diff != "" {
		t.Errorf("waits (-want +got):\n%s", diff)
	}
	s.Attempts = 1
	if d := s.backOff(t.Context()).NextBackOff(); d != backoff.Stop {
		t.Errorf("one attempt is followed by another after %s", d)
	}
}

// jumpingClock does not wait: a timer moves it to its end.
type jumpingClock struct{ *clocktesting.FakeClock }

func (c jumpingClock) NewTimer(d time.Duration) clock.Timer {
	timer := c.FakeClock.NewTimer(d)
	c.Step(d)
	return timer
}

// newSeries returns a Series of three attempts, and what it logs.
func newSeries() (*Series, *[]string) {
	logged := &[]string{}
	return &Series{
		Name: "backup", Clock: Clock{jumpingClock{clocktesting.NewFakeClock(time.Date(2026, 3, 1, 1, 0, 0, 0, time.UTC))}},
		Logf:     func(format string, args ...any) { *logged = append(*logged, fmt.Sprintf(format, args...)) },
		Attempts: 3, Backoff: time.Microsecond,
	}, logged
}

// failing returns work that fails with each error once, and then succeeds.
func failing(failures ...error) func(context.Context) error {
	return func(context.Context) error {
		if len(failures) == 0 {
			return nil
		}
		err := failures[0]
		failures = failures[1:]
		return err
	}
}

func TestDo(t *testing.T) {
	t.Parallel()
	locked := &Failure{Message: "the lock is taken", Wait: true}
	for name, tc := range map[string]struct {
		failures []error
		count    int
		want     string
	}{
		"nothing fails":                {nil, 1, ""},
		"two attempts fail":            {[]error{Retry("a"), errors.New("b")}, 3, ""},
		"every attempt fails":          {[]error{Retry("a"), Retry("b"), Retry("c")}, 3, "c"},
		"only a person can fix it":     {[]error{Retry("a"), Stop("b")}, 2, "b"},
		"the run is held":              {[]error{Held("a")}, 1, "a"},
		"the lock is taken for long":   {[]error{locked, locked, locked, locked, locked}, 1, ""},
		"the lock, and then a failure": {[]error{locked, Retry("a"), locked, locked}, 2, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := newSeries()
			err := s.Do(t.Context(), failing(tc.failures...))
			if (err == nil) != (tc.want == "") || err != nil && err.Error() != tc.want {
				t.Errorf("error %v, want %q", err, tc.want)
			}
			if s.Count() != tc.count || s.Last() != (tc.count == 3) {
				t.Errorf("%d attempts, want %d", s.Count(), tc.count)
			}
		})
	}
}

// TestDoAfterTheDeadline does no work, and says so.
func TestDoAfterTheDeadline(t *testing.T) {
	t.Parallel()
	s, _ := newSeries()
	s.Deadline = s.Clock.Now()
	err := s.Do(t.Context(), func(context.Context) error { t.Error("the work was done"); return nil })
	if f := Of(err); !f.Late || !strings.Contains(f.Message, "step backup had not begun") {
		t.Errorf("failure %+v", f)
	}
}

// TestDoUntilTheDeadline keeps the last real failure: the end of a wait is none.
func TestDoUntilTheDeadline(t *testing.T) {
	t.Parallel()
	s, _ := newSeries()
	s.Deadline = s.Clock.Now().Add(time.Minute)
	err := s.Do(t.Context(), func(context.Context) error { return &Failure{Message: "the lock is taken", Wait: true} })
	if f := Of(err); !f.Late || f.Message != "the lock is taken" {
		t.Errorf("failure %+v", f)
	}
}

// TestWaitLogsOnceAMinute, and not at each look.
func TestWaitLogsOnceAMinute(t *testing.T) {
	t.Parallel()
	s, logged := newSeries()
	for range 60 { // 60 waits of 7 s are 7 minutes.
		if err := s.Wait(t.Context(), 7*time.Second, "for %s", "it"); err != nil {
			t.Fatal(err)
		}
	}
	if len(*logged) != 7 || (*logged)[0] != "waiting: for it" {
		t.Errorf("logged %q, want 7 lines", *logged)
	}
}

func TestStartOver(t *testing.T) {
	t.Parallel()
	s, _ := newSeries()
	calls := 0
	err := s.Do(t.Context(), func(context.Context) error {
		if calls++; calls == 3 {
			s.StartOver()
		}
		return Retry("a")
	})
	if err == nil || calls != 5 {
		t.Errorf("%d calls, error %v; want 2 and then 3 again", calls, err)
	}
}
