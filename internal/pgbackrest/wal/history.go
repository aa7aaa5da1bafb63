// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package wal

import (
	"bufio"
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Fork is where a timeline ended and the next one of a history began.
type Fork struct {
	Timeline uint32
	At       LSN
}

// History is where a timeline comes from: its ancestors, the oldest first. That of
// timeline 1 is empty.
type History []Fork

// ParseHistory reads the file N.history of a timeline: lines of an ancestor, the position
// at which it was left, and a reason, separated by tabs.
func ParseHistory(timeline uint32, text []byte) (History, error) {
	var history History
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fork, err := parseFork(line)
		if err != nil {
			return nil, fmt.Errorf("the history of timeline %d: %w", timeline, err)
		}
		if n := len(history); fork.Timeline >= timeline || n > 0 && (fork.Timeline <= history[n-1].Timeline || fork.At < history[n-1].At) {
			return nil, fmt.Errorf("the history of timeline %d: %q is not in order", timeline, line)
		}
		history = append(history, fork)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("the history of timeline %d: %w", timeline, err)
	}
	if len(history) == 0 {
		return nil, fmt.Errorf("the history of timeline %d has no line", timeline)
	}
	return history, nil
}

func parseFork(line string) (Fork, error) {
	fields := strings.Fields(line)
	if len(fields) < 2 {
		return Fork{}, fmt.Errorf("%q is not a timeline and a position", line)
	}
	timeline, err := strconv.ParseUint(fields[0], 10, 32)
	if err != nil || timeline == 0 {
		return Fork{}, fmt.Errorf("%q does not begin with a timeline", line)
	}
	at, err := ParseLSN(fields[1])
	if err != nil {
		return Fork{}, err
	}
	return Fork{Timeline: uint32(timeline), At: at}, nil
}

// HistoryName is the name of the file that says where a timeline comes from.
func HistoryName(timeline uint32) string { return fmt.Sprintf("%08X.history", timeline) }

// Path is the way that a recovery takes through the timelines, the oldest first. The last
// fork is the timeline itself, which has no end.
type Path []Fork

// Path returns the way to a timeline.
func (h History) Path(timeline uint32) Path {
	path := make(Path, 0, len(h)+1)
	path = append(path, h...)
	return append(path, Fork{Timeline: timeline, At: math.MaxUint64})
}

// End is where the path leaves a timeline, and whether it is on the path at all.
func (p Path) End(timeline uint32) (LSN, bool) {
	for _, fork := range p {
		if fork.Timeline == timeline {
			return fork.At, true
		}
	}
	return 0, false
}

// Has reports whether a position of a timeline is on the path.
func (p Path) Has(timeline uint32, at LSN) bool {
	end, ok := p.End(timeline)
	return ok && at <= end
}

// Timeline returns whose segment of a number a recovery reads: PostgreSQL takes the
// segment in which a timeline was left from the timeline that follows.
func (p Path) Timeline(number uint64, size Size) uint32 {
	for _, fork := range p[:max(len(p)-1, 0)] {
		if number < size.Number(fork.At) {
			return fork.Timeline
		}
	}
	if len(p) == 0 {
		return 0
	}
	return p[len(p)-1].Timeline
}
