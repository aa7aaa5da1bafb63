// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"bytes"
	"io"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/failure"
)

// redactor passes on whole lines, without what pgBackRest quotes in them.
type redactor struct {
	to   io.Writer
	rest []byte
}

func (r *redactor) Write(b []byte) (int, error) {
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

// flush passes on a last line without an end.
func (r *redactor) flush() error {
	if len(r.rest) == 0 {
		return nil
	}
	_, err := r.Write([]byte("\n"))
	return err
}
