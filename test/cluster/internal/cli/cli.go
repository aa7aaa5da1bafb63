// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package cli is the command line.
package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/cluster"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/image"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/layout"
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

// setFlag adds the flag that says what the cluster is for.
func setFlag(cmd *cobra.Command) *set.Set {
	s := set.All
	cmd.Flags().Var(&s, "for", "What the cluster is for: "+set.Names()+".")
	return &s
}

func newUp() *cobra.Command {
	var options cluster.UpOptions
	var of *set.Set
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Build what is missing and start the cluster; does nothing when it runs",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadFor(cmd, *of)
			if err != nil {
				return err
			}
			if err := c.Up(cmd.Context(), options); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "export KUBECONFIG=%s\n", c.Dirs.Kubeconfig())
			return err
		},
	}
	of = setFlag(cmd)
	untestedFlag(cmd, &options.Untested)
	cmd.Flags().BoolVar(&options.Fresh, "fresh", false, "Delete the state of earlier runs first.")
	return cmd
}

func newBuild() *cobra.Command {
	var of *set.Set
	cmd := &cobra.Command{
		Use:   "build",
		Short: "Build what is missing and start nothing, to fill the cache",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadFor(cmd, *of)
			if err != nil {
				return err
			}
			return c.Build(cmd.Context())
		},
	}
	of = setFlag(cmd)
	return cmd
}

func newDown() *cobra.Command {
	var wipe bool
	cmd := &cobra.Command{
		Use:   "down",
		Short: "Stop the cluster; its state is kept",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := load(cmd)
			if err != nil {
				return err
			}
			return c.Down(cmd.Context(), wipe)
		},
	}
	cmd.Flags().BoolVar(&wipe, "wipe", false, "Delete the state, too: objects, volumes, imported images.")
	return cmd
}

func newStatus() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show what runs; fails unless all of it is healthy",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := load(cmd)
			if err != nil {
				return err
			}
			return c.Status(cmd.Context(), cmd.OutOrStdout())
		},
	}
}

func newLoad() *cobra.Command {
	return &cobra.Command{
		Use:   "load IMAGE.tar…",
		Short: "Import image tarballs into the running cluster",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := load(cmd)
			if err != nil {
				return err
			}
			return c.LoadImages(cmd.Context(), args)
		},
	}
}

func newAssets() *cobra.Command {
	return &cobra.Command{
		Use:   "assets",
		Short: "Build only what tests against an API server need (etcd, kube-apiserver, kubectl) and print where it is",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := load(cmd)
			if err != nil {
				return err
			}
			if err := c.Assets(cmd.Context()); err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), c.Dirs.Bin())
			return err
		},
	}
}

func newImage() *cobra.Command {
	var name, out string
	var binaries []string
	cmd := &cobra.Command{
		Use:   "image",
		Short: "Make an image tarball from one static program, as the operator's is",
		Long: "Make an image tarball from one static program, as the operator's is. With one --binary for " +
			"each architecture it holds an OCI index of images.",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if len(binaries) == 1 {
				return image.FromBinary(name, binaries[0], out)
			}
			return image.IndexFromBinaries(name, binaries, out)
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "Name of the image, with tag.")
	cmd.Flags().StringArrayVar(&binaries, "binary", nil, "The program; becomes /operator.")
	cmd.Flags().StringVar(&out, "out", "", "The tarball to write.")
	for _, flag := range []string{"name", "binary", "out"} {
		if err := cmd.MarkFlagRequired(flag); err != nil {
			panic(err) // The flag is defined right above.
		}
	}
	return cmd
}

func newPath() *cobra.Command {
	places := map[string]func(layout.Dirs) string{
		"bin":        layout.Dirs.Bin,
		"kubeconfig": layout.Dirs.Kubeconfig,
		"logs":       layout.Dirs.Logs,
	}
	return &cobra.Command{
		Use:       "path {bin|kubeconfig|logs}",
		Short:     "Print where something is",
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"bin", "kubeconfig", "logs"},
		RunE: func(cmd *cobra.Command, args []string) error {
			dirs, err := layout.Find()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), places[args[0]](dirs))
			return err
		},
	}
}
