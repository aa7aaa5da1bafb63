// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"bytes"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// slowly writes so that others come between.
type slowly struct{ bytes.Buffer }

func (s *slowly) Write(b []byte) (int, error) {
	runtime.Gosched()
	return s.Buffer.Write(b)
}

// TestRedactorAfterTheExec: client-go returns when a context has ended, and output may still
// come. Nothing of it is passed on after flush, which has passed on all before, once.
func TestRedactorAfterTheExec(t *testing.T) {
	t.Parallel()
	for range 500 {
		var to slowly
		r := &redactor{to: &to}
		if _, err := r.Write([]byte("first\nsec")); err != nil {
			t.Fatal(err)
		}
		var late sync.WaitGroup
		late.Go(func() {
			for range 20 {
				_, _ = r.Write([]byte("ond\nsec"))
			}
		})
		if err := r.flush(); err != nil {
			t.Fatal(err)
		}
		passed := to.String()
		late.Wait()
		if got := to.String(); got != passed {
			t.Fatalf("after the end %q was passed on", strings.TrimPrefix(got, passed))
		}
		if rest := strings.TrimPrefix(passed, "first\n"); strings.ReplaceAll(rest, "second\n", "") != "sec\n" {
			t.Fatalf("passed on %q", passed)
		}
	}
}
