// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package wait

import (
	"testing"
	"time"
)

func TestTry(t *testing.T) {
	t.Parallel()
	calls := 0
	third := func() (bool, string) {
		calls++
		return calls == 3, "not yet"
	}
	if done, _ := Try(time.Minute, third); !done || calls != 3 {
		t.Errorf("done %v after %d calls, want done after 3", done, calls)
	}
	if done, got := Try(time.Nanosecond, func() (bool, string) { return false, "something else" }); done || got != "something else" {
		t.Errorf("at the deadline: done %v, got %q", done, got)
	}
}

func TestLongest(t *testing.T) {
	t.Parallel()
	Note(t, "pod a ready", 2*time.Second)
	t.Run("below", func(t *testing.T) {
		Note(t, "pod b ready", 5*time.Second)
		Note(t, "PostgreSQL in pod c answers SELECT 1", 4*time.Second)
		Note(t, "the Stanza is Ready", 3*time.Second)
		Note(t, "a shorter wait", time.Second)
	})
	const want = "pod ready 7 s, PostgreSQL in pod 4 s, the Stanza is Ready 3 s"
	if got := Longest("TestLongest"); got != want {
		t.Errorf("the longest waits are %q, want %q", got, want)
	}
	if got := Longest("TestLong"); got != "" {
		t.Errorf("a test that has the beginning of another name has its waits: %s", got)
	}
}
