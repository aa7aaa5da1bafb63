// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/progress"
)

// lock stops two runs from building or starting the same thing at once. The kernel
// releases it when the holder ends, however it ends.
func lock(ctx context.Context, out *progress.Printer, dir string) (func(), error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, ".lock")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // Our own file.
	if err != nil {
		return nil, err
	}
	for said := false; ; {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return nil, errors.Join(&os.PathError{Op: "flock", Path: path, Err: err}, f.Close())
		}
		if !said {
			out.Printf("waiting for another run of this program to end (%s)", path)
			said = true
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), f.Close())
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// lockNode locks what exists once per machine. The lock is not in the run directory,
// because Stop deletes that.
func lockNode(ctx context.Context, out *progress.Printer, run string) (func(), error) {
	return lock(ctx, out, run+".lock.d")
}
