// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"bytes"
	"io"
	"sync"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/failure"
)

// redactor passes on whole lines, without what pgBackRest quotes in them. When a context has
// ended, an exec returns before the last output has come: that is passed on until flush.
type redactor struct {
	to io.Writer

	mutex sync.Mutex
	rest  []byte
	ended bool
}

func (r *redactor) Write(b []byte) (int, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.ended {
		return len(b), nil
	}
	return r.pass(b)
}

func (r *redactor) pass(b []byte) (int, error) {
	r.rest = append(r.rest, b...)
	end := bytes.LastIndexByte(r.rest, '\n') + 1
	for line := range bytes.Lines(r.rest[:end]) {
		if _, err := io.WriteString(r.to, failure.Redact(string(bytes.TrimSuffix(line, []byte("\n"))))+"\n"); err != nil {
			return 0, err
		}
	}
	r.rest = append(r.rest[:0], r.rest[end:]...)
	return len(b), nil
}

// flush passes on a last line without an end, and is the end of it.
func (r *redactor) flush() error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.ended = true
	if len(r.rest) == 0 {
		return nil
	}
	_, err := r.pass([]byte("\n"))
	return err
}
