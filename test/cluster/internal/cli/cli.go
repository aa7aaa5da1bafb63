// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package cli defines the command line.
package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/cluster"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/progress"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/set"
)

// New returns the root command.
func New() *cobra.Command {
	root := &cobra.Command{
		Use:           "cluster",
		Short:         "A real single-node Kubernetes with Argo Workflows on this machine, for tests",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newUp(), newBuild(), newDown(), newStatus(), newLoad(), newAssets(), newImage(), newPath())
	root.AddCommand(newRestart(), newSignal(), newSlow(), newResetConnections(), newVolume())
	root.AddCommand(newPreflight(), newIsLocal(), newTarball())
	return root
}

// load prepares the cluster; progress goes to standard error, results to
// standard output.
func load(cmd *cobra.Command) (*cluster.Cluster, error) { return loadFor(cmd, set.All) }

func loadFor(cmd *cobra.Command, s set.Set) (*cluster.Cluster, error) {
	return cluster.Load(cmd.Context(), progress.New(cmd.ErrOrStderr()), s)
}

// withCluster is the action of a command that needs the prepared cluster.
func withCluster(do func(*cobra.Command, *cluster.Cluster, []string) error) func(*cobra.Command, []string) error {
	all := set.All
	return withClusterFor(&all, do)
}

// withClusterFor reads of when the command runs, as its flag sets it.
func withClusterFor(of *set.Set, do func(*cobra.Command, *cluster.Cluster, []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		c, err := loadFor(cmd, *of)
		if err != nil {
			return err
		}
		return do(cmd, c, args)
	}
}

// setFlag adds the flag that says what to use the cluster for.
func setFlag(cmd *cobra.Command, of *set.Set) {
	*of = set.All
	cmd.Flags().Var(of, "for", "What the cluster is for: "+set.Names()+".")
}

func newUp() *cobra.Command {
	var options cluster.UpOptions
	var of set.Set
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Build what is missing and start the cluster; do nothing if it runs",
		Args:  cobra.NoArgs,
		RunE: withClusterFor(&of, func(cmd *cobra.Command, c *cluster.Cluster, _ []string) error {
			if err := c.Up(cmd.Context(), options); err != nil {
				return err
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "export KUBECONFIG=%s\n", c.Dirs.Kubeconfig())
			return err
		}),
	}
	setFlag(cmd, &of)
	untestedFlag(cmd, &options.Untested)
	cmd.Flags().BoolVar(&options.Fresh, "fresh", false, "Delete the state of earlier runs first.")
	return cmd
}

func newBuild() *cobra.Command {
	var of set.Set
	cmd := &cobra.Command{
		Use:   "build",
		Short: "Build what is missing and start nothing, to fill the cache",
		Args:  cobra.NoArgs,
		RunE: withClusterFor(&of, func(cmd *cobra.Command, c *cluster.Cluster, _ []string) error {
			return c.Build(cmd.Context())
		}),
	}
	setFlag(cmd, &of)
	return cmd
}

func newDown() *cobra.Command {
	var wipe bool
	cmd := &cobra.Command{
		Use:   "down",
		Short: "Stop the cluster and keep its state",
		Args:  cobra.NoArgs,
		RunE: withCluster(func(cmd *cobra.Command, c *cluster.Cluster, _ []string) error {
			return c.Down(cmd.Context(), wipe)
		}),
	}
	cmd.Flags().BoolVar(&wipe, "wipe", false, "Delete the state, too: objects, volumes, imported images.")
	return cmd
}

func newStatus() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show what runs; fail unless all of it is healthy",
		Args:  cobra.NoArgs,
		RunE: withCluster(func(cmd *cobra.Command, c *cluster.Cluster, _ []string) error {
			return c.Status(cmd.Context(), cmd.OutOrStdout())
		}),
	}
}

func newAssets() *cobra.Command {
	var argo bool
	cmd := &cobra.Command{
		Use:   "assets",
		Short: "Build only what tests against an API server need (etcd, kube-apiserver, kubectl) and print its directory",
		Args:  cobra.NoArgs,
		RunE: withCluster(func(cmd *cobra.Command, c *cluster.Cluster, _ []string) error {
			if err := c.Assets(cmd.Context(), argo); err != nil {
				return err
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), c.Dirs.Bin())
			return err
		}),
	}
	cmd.Flags().BoolVar(&argo, "argo", false, "Build Argo's controller, too.")
	return cmd
}
