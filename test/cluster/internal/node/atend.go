// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"fmt"
	"os/exec"
	"syscall"
)

// atEnd runs a command when this program ends, even by SIGKILL, so that nothing stays
// broken. A separate process waits for the end of a pipe that only this program
// holds. The returned function runs the command now.
func atEnd(args ...string) (run func() error, err error) {
	waiter := exec.Command("sh", append([]string{"-c", `cat >/dev/null; "$@"`, "sh"}, args...)...) //nolint:gosec // It outlives this program and its context.
	pipe, err := waiter.StdinPipe()
	if err != nil {
		return nil, err
	}
	// Ctrl-C reaches all of a session's foreground processes.
	waiter.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := waiter.Start(); err != nil {
		return nil, fmt.Errorf("cannot start the process that undoes it: %w", err)
	}
	return func() error {
		_ = pipe.Close() // Closing it is its purpose; Wait returns the result.
		return waiter.Wait()
	}, nil
}
