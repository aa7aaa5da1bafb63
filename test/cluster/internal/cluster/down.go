// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Down stops the cluster and leaves nothing behind but its state, and not even
// that with wipe.
func (c *Cluster) Down(ctx context.Context, wipe bool) error {
	if err := requireRoot(); err != nil {
		return err
	}
	unlock, err := lockNode(ctx, c.out, c.Dirs.Run)
	if err != nil {
		return err
	}
	defer unlock()
	if !wipe {
		return c.stop(ctx)
	}
	if err := c.stopAndWipe(ctx); err != nil {
		return err
	}
	return c.sayWhatStays()
}

// sayWhatStays says what a wipe leaves on the machine, and where.
func (c *Cluster) sayWhatStays() error {
	size, err := treeSize(c.Dirs.Cache)
	if err != nil {
		return err
	}
	c.out.Printf("kept for the next start: %.1f GB of programs, images and logs in %s; delete the directory to free it", float64(size)/1e9, c.Dirs.Cache)
	c.out.Printf("kept as well: Go's caches (go clean -cache -modcache), the Debian packages that were installed, and the kernel settings (README.md) until the machine starts again")
	return nil
}

// treeSize adds up the files below a directory, which need not be there.
func treeSize(dir string) (total int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	if errors.Is(err, os.ErrNotExist) {
		return total, nil
	}
	return total, err
}

func (c *Cluster) stop(ctx context.Context) error {
	if !c.node.Traces() {
		return nil
	}
	return c.out.Step("stopping the cluster", func() error { return c.node.Stop(ctx) })
}

func (c *Cluster) stopAndWipe(ctx context.Context) error {
	if err := c.stop(ctx); err != nil {
		return err
	}
	return c.out.Step("deleting its state", c.node.Wipe)
}
