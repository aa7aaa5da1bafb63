// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"context"
	"os/exec"
	"syscall"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
)

// shutdownTime is how long a fast shutdown may take before the server is killed: it writes
// a checkpoint.
const shutdownTime = 30 * time.Minute

// server is PostgreSQL on the restored data, a child of the drill.
type server struct {
	cmd  *exec.Cmd
	log  *logbook
	done chan struct{}
	// code is how it ended, when done is closed.
	code int
}

// start starts PostgreSQL. If the context ends, PostgreSQL shuts down at once.
func (p programs) start(ctx context.Context, argv []string, log *logbook) (*server, error) {
	cmd, err := p.command(ctx, argv, syscall.SIGQUIT)
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &server{cmd: cmd, log: log, done: make(chan struct{})}
	go func() {
		s.code = exitCode(cmd.Wait())
		close(s.done)
	}()
	return s, nil
}

func (s *server) ended() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// stop is what pg_ctl stop -m fast does, and waits for the end. It reports whether the
// server has shut down cleanly.
func (s *server) stop(clock attempt.Clock) bool {
	if s == nil {
		return true
	}
	_ = s.cmd.Process.Signal(syscall.SIGINT) // It may have ended.
	timer := clock.NewTimer(shutdownTime)
	defer timer.Stop()
	select {
	case <-s.done:
	case <-timer.C():
		_ = s.cmd.Process.Kill()
		<-s.done
	}
	return s.code == 0
}
