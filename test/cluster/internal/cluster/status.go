// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/addon"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/node"
)

// ErrUnhealthy is the result of Status if anything is wrong. Status has printed what.
var ErrUnhealthy = errors.New("the cluster is not healthy")

// Status prints what runs and since when.
func (c *Cluster) Status(ctx context.Context, w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "NAME\tSTATE\tPID\tFOR")
	healthy := true
	row := func(name string, problem error, pid int, since time.Time) {
		state, age, id := "healthy", "", ""
		if problem != nil {
			state, healthy = problem.Error(), false
		}
		if pid != 0 {
			id, age = fmt.Sprint(pid), time.Since(since).Round(time.Second).String()
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", name, state, id, age)
	}

	for _, s := range c.node.Status(ctx) {
		row(s.Name, s.Problem, s.PID, s.Since)
	}
	if healthy {
		since := c.node.Started()
		row("node", c.kube.NodeReady(ctx, node.Name, since), 0, since)
		addons := addon.Installer{Kube: c.kube}
		row("dns and argo", addons.Problem(ctx, since), 0, since)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(w, "logs: %s\nKUBECONFIG=%s\n", c.Dirs.Logs(), c.Dirs.Kubeconfig())
	if !healthy {
		return ErrUnhealthy
	}
	return nil
}
