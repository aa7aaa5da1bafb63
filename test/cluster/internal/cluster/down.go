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

// Down stops the cluster and leaves only its state behind, and with wipe not even
// that.
func (c *Cluster) Down(ctx context.Context, wipe bool) error {
	return c.withNode(ctx, func() error {
		if !wipe {
			return c.stop(ctx)
		}
		if err := c.stopAndWipe(ctx); err != nil {
			return err
		}
		return c.sayWhatStays()
	})
}

// sayWhatStays prints what a wipe leaves on the machine, and where.
func (c *Cluster) sayWhatStays() error {
	size, err := treeSize(c.Dirs.Cache)
	if err != nil {
		return err
	}
	c.out.Printf("kept for the next start: %.1f GB of programs, images and logs in %s; delete the directory to free it", float64(size)/1e9, c.Dirs.Cache)
	c.out.Printf("also kept: Go's caches (go clean -cache -modcache), the installed Debian packages, and the kernel settings (README.md) until the next boot")
	return nil
}

// treeSize adds up the files below a directory, which need not exist.
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
