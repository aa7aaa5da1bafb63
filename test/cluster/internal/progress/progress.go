// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package progress shows a waiting person what is being done: a line when a step
// starts, one when it ends with the time it took, and a sign of life during long
// steps. It prints plain lines without cursor movement, so it reads the same in a CI
// log.
package progress

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// heartbeat is how often a long step says that it still runs.
const heartbeat = 30 * time.Second

// Printer writes the lines. Steps may run at the same time.
type Printer struct {
	mu    sync.Mutex
	out   io.Writer
	start time.Time
}

// New returns a printer whose clock starts now.
func New(out io.Writer) *Printer { return &Printer{out: out, start: time.Now()} }

// Printf writes one line, with the time since the start in front.
func (p *Printer) Printf(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, _ = fmt.Fprintf(p.out, "[%6.1fs] %s\n", time.Since(p.start).Seconds(), fmt.Sprintf(format, args...))
}

// Step runs f and reports its start, its end and, every half minute, that it
// still runs.
func (p *Printer) Step(doing string, f func() error) error {
	return p.LongStep(doing, "", 0, f)
}

// LongStep is like Step, for work that writes a log that one may want to follow.
// expected is an estimate of how long it takes, or zero.
func (p *Printer) LongStep(doing, log string, expected time.Duration, f func() error) error {
	if log != "" {
		p.Printf("%s … (log: %s)", doing, log)
	} else {
		p.Printf("%s …", doing)
	}
	start := time.Now()
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(heartbeat)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				elapsed := time.Since(start)
				p.Printf("still %s, %s%s", doing, short(elapsed), left(expected, elapsed))
			case <-done:
				return
			}
		}
	})
	err := f()
	close(done)
	wg.Wait()
	if err != nil {
		p.Printf("%s: failed after %s", doing, short(time.Since(start)))
		return fmt.Errorf("%s: %w", doing, err)
	}
	p.Printf("%s: done in %s", doing, short(time.Since(start)))
	return nil
}

// left says how much of an estimate is left.
func left(expected, elapsed time.Duration) string {
	switch rest := expected - elapsed; {
	case expected == 0:
		return ""
	case rest < 0:
		return ", longer than the estimate of " + About(expected)
	default:
		return ", about " + About(rest) + " left (an estimate)"
	}
}

// About rounds an estimate to what it is worth.
func About(d time.Duration) string {
	return fmt.Sprintf("%d min", max(1, int(d.Round(time.Minute).Minutes())))
}

// short formats a duration to a tenth of a second, or to a second above a minute.
func short(d time.Duration) string {
	if d < time.Minute {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
