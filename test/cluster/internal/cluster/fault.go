// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"net/netip"
	"syscall"
	"time"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/node"
)

// RestartDaemon ends a daemon, starts it again, and reports how long that took.
func (c *Cluster) RestartDaemon(ctx context.Context, name string, s syscall.Signal) (took string, err error) {
	err = c.withNode(ctx, func() error {
		end, healthy, err := c.node.Restart(ctx, name, s)
		took = fmt.Sprintf("%s ended after %s, was healthy after another %s", name, end.Round(time.Millisecond), healthy.Round(time.Millisecond))
		return err
	})
	return took, err
}

// SignalDaemon sends a signal to a daemon.
func (c *Cluster) SignalDaemon(ctx context.Context, name string, s syscall.Signal) error {
	return c.withNode(ctx, func() error { return c.node.Signal(name, s) })
}

// SlowDaemon makes a daemon slow for a while.
func (c *Cluster) SlowDaemon(ctx context.Context, name string, pace node.Pace) error {
	return c.withNode(ctx, func() error { return c.node.Slow(ctx, name, pace) })
}

// ResetConnections breaks a pod's connections to the API server and reports how many
// there were.
func (c *Cluster) ResetConnections(ctx context.Context, pod netip.Addr, within time.Duration) (closed int, err error) {
	err = c.withNode(ctx, func() error {
		closed, err = c.node.ResetConnections(ctx, pod, within)
		return err
	})
	return closed, err
}
