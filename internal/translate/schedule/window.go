// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	"errors"
	"hash/fnv"
	"strconv"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// MaxWindow is the longest window.
const MaxWindow = 24 * time.Hour

// ErrWindow is what is wrong with a window.
var ErrWindow = errors.New("must be whole minutes from 0s to 24h, such as 90m")

// CheckWindow refuses a window that is negative, longer than MaxWindow, or not of whole
// minutes. Its error is ErrWindow.
func CheckWindow(window time.Duration) error {
	if window < 0 || window > MaxWindow || window%time.Minute != 0 {
		return ErrWindow
	}
	return nil
}

// ReadWindow reads a window that somebody has written. Its error is ErrWindow.
func ReadWindow(text string) (time.Duration, error) {
	window, err := time.ParseDuration(text)
	if err != nil {
		return 0, ErrWindow
	}
	return window, CheckWindow(window)
}

// Moved is a schedule that a window has moved.
type Moved struct {
	// Expression is when it fires.
	Expression string
	// Asked is the expression of the user, and By how much later than that it fires: whole
	// minutes.
	Asked string
	By    time.Duration
}

// Move moves a good expression by an offset of whole minutes, or, if that takes more than one
// expression, by the longest shorter one that does not. An expression that repeats itself
// sooner is moved by what is left: so each of its runs stays before its next slot, and it
// fires at the same times.
func Move(expression string, offset time.Duration) Moved {
	by, f := int(offset/time.Minute), firingOf(expression)
	if period := f.period(); period > 0 {
		by %= period
	}
	for ; by > 0; by-- {
		if moved, ok := f.later(by); ok {
			return Moved{Expression: moved.String(), Asked: expression, By: time.Duration(by) * time.Minute}
		}
	}
	return Moved{Expression: expression, Asked: expression}
}

// offsetOf is by how much the schedules of a repo are moved: less than the window, and at
// random, but always the same for a repo. All of them are moved together, so that a full
// stays as long before an incr as the user has put it. Only offsets count with which each is
// one expression: Argo makes up for the newest missed slot of each expression, not of each
// CronWorkflow.
func offsetOf(namespace, cluster, repo string, window time.Duration, expressions []string) time.Duration {
	firings := make([]firing, 0, len(expressions))
	for _, expression := range expressions {
		if f := firingOf(expression); !f.movable() {
			firings = append(firings, f)
		}
	}
	var offsets []int
	var count uint64
	for offset := range int(min(window, MaxWindow) / time.Minute) {
		if allLater(firings, offset) {
			offsets, count = append(offsets, offset), count+1
		}
	}
	if count == 0 {
		return 0
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(namespace + "/" + cluster + "/" + repo))
	return time.Duration(offsets[h.Sum64()%count]) * time.Minute
}

// movable reports whether an expression can be moved by any offset, which nearly all can.
func (f firing) movable() bool {
	oneMinute := f.minutes&(f.minutes-1) == 0
	oneHour := f.hours&(f.hours-1) == 0
	return f.daily() && (oneMinute || f.hours == allHours) || f.weekly() && oneMinute && oneHour
}

func allLater(firings []firing, offset int) bool {
	for _, f := range firings {
		if _, ok := f.later(offset); !ok {
			return false
		}
	}
	return true
}

// Annotate notes on a CronWorkflow what a window has moved. Without a move it adds nothing.
func (m Moved) Annotate(annotations map[string]string) {
	m.annotateRun(annotations)
	if m.By > 0 {
		annotations[vocab.AnnotationSchedule] = m.Asked
	}
}

// annotateRun notes it on the Workflows that a CronWorkflow starts.
func (m Moved) annotateRun(annotations map[string]string) {
	if m.By > 0 {
		annotations[vocab.AnnotationOffset] = strconv.Itoa(int(m.By/time.Minute)) + "m"
	}
}
