// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"path/filepath"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/command"
)

// Kubectl runs kubectl and returns its output.
func (c *Client) Kubectl(ctx context.Context, args ...string) (string, error) {
	return c.kubectl(ctx, "", args...)
}

func (c *Client) kubectl(ctx context.Context, stdin string, args ...string) (string, error) {
	return command.Cmd{
		Args: append([]string{filepath.Join(c.dirs.Bin(), "kubectl"), "--kubeconfig", c.dirs.Kubeconfig()}, args...),
		// A discovery cache is useless for a cluster that is new each time.
		Env:   []string{"KUBECACHEDIR=" + filepath.Join(c.dirs.Run, "kubectl-cache")},
		Stdin: stdin,
	}.Run(ctx)
}

// Apply applies objects and forces conflicts, because these manifests decide.
func (c *Client) Apply(ctx context.Context, manifests string) error {
	_, err := c.kubectl(ctx, manifests, "apply", "--server-side", "--force-conflicts", "--field-manager=stanzaflow-cluster", "-f", "-")
	return err
}
