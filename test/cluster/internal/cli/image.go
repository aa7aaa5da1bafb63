// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/cluster"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/image"
)

func newImage() *cobra.Command {
	var name, out string
	var binaries []string
	cmd := &cobra.Command{
		Use:   "image",
		Short: "Build an image tarball from one static program, like the operator's",
		Long: "Build an image tarball from one static program, like the operator's. With one --binary for " +
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

func newTarball() *cobra.Command {
	return &cobra.Command{
		Use:   "tarball IMAGE…",
		Short: "Build images and print the paths of their tarballs, for your own cluster",
		Args:  cobra.MinimumNArgs(1),
		RunE: withCluster(func(cmd *cobra.Command, c *cluster.Cluster, args []string) error {
			files, err := c.Tarballs(cmd.Context(), args)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), strings.Join(files, "\n"))
			return err
		}),
	}
}

func newLoad() *cobra.Command {
	return &cobra.Command{
		Use:   "load IMAGE.tar…",
		Short: "Import image tarballs into the running cluster",
		Args:  cobra.MinimumNArgs(1),
		RunE: withCluster(func(cmd *cobra.Command, c *cluster.Cluster, args []string) error {
			return c.LoadImages(cmd.Context(), args)
		}),
	}
}
