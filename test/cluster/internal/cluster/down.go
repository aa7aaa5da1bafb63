// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import "context"

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
	if wipe {
		return c.stopAndWipe(ctx)
	}
	return c.stop(ctx)
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
