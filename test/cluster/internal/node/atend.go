// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"fmt"
	"os/exec"
	"syscall"
)

// atEnd sees to it that a command runs when this program ends, even by SIGKILL:
// what was broken must not stay so. A process of its own waits for the end of a
// pipe that only this program holds. The returned function lets it run now.
func atEnd(args ...string) (run func() error, err error) {
	waiter := exec.Command("sh", append([]string{"-c", `cat >/dev/null; "$@"`, "sh"}, args...)...) //nolint:gosec // It outlives this program and its context.
	pipe, err := waiter.StdinPipe()
	if err != nil {
		return nil, err
	}
	// Ctrl-C reaches all of a session's foreground processes.
	waiter.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := waiter.Start(); err != nil {
		return nil, fmt.Errorf("cannot start what undoes it: %w", err)
	}
	return func() error {
		_ = pipe.Close() // It is there to be closed; Wait tells what became of it.
		return waiter.Wait()
	}, nil
}
