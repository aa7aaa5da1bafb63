// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"bytes"
	"io"
	"regexp"
	"strings"
	"sync"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/failure"
)

// maxLog bounds what is kept of a log, in bytes. Lines that decide are kept beyond it.
const maxLog = 4 << 20

var (
	// noise comes once for each WAL segment, and says nothing about failures.
	noise = regexp.MustCompile(`restored log file|P[0-9]+ +(INFO|DETAIL|DEBUG|TRACE):`)
	// deciding are the lines that say how recovery ended.
	deciding = regexp.MustCompile(`(FATAL|PANIC):|recovery stopping|consistent recovery state|redo (starts|done)`)
)

// logbook writes the lines of a process to the log of the container, and keeps them to be
// searched: from the first line on, not only the last ones. What pgBackRest quotes of a
// configuration does not get into it.
type logbook struct {
	to io.Writer

	mu      sync.Mutex
	partial []byte
	kept    strings.Builder
}

func (l *logbook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.partial = append(l.partial, b...)
	for {
		line, rest, found := bytes.Cut(l.partial, []byte("\n"))
		if !found {
			return len(b), nil
		}
		l.add(string(line))
		l.partial = append([]byte(nil), rest...)
	}
}

func (l *logbook) add(line string) {
	line = failure.Redact(line)
	_, _ = io.WriteString(l.to, line+"\n")
	if !noise.MatchString(line) && (l.kept.Len() < maxLog || deciding.MatchString(line)) {
		l.kept.WriteString(line + "\n")
	}
}

// text returns what was kept, an unfinished last line included.
func (l *logbook) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.partial) > 0 {
		l.add(string(l.partial))
		l.partial = nil
	}
	return l.kept.String()
}
