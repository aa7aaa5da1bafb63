// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/cluster"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/set"
)

func newPreflight() *cobra.Command {
	var untested bool
	var of set.Set
	cmd := &cobra.Command{
		Use:   "preflight",
		Short: "Say what up would install, build and change, and what would make it fail; up begins with it",
		Args:  cobra.NoArgs,
		RunE: withClusterFor(&of, func(cmd *cobra.Command, c *cluster.Cluster, _ []string) error {
			if err := c.Preflight(cmd.Context(), untested); err != nil {
				return err
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "nothing keeps the cluster from starting")
			return err
		}),
	}
	setFlag(cmd, &of)
	untestedFlag(cmd, &untested)
	return cmd
}

func untestedFlag(cmd *cobra.Command, untested *bool) {
	cmd.Flags().BoolVar(untested, "untested", false, "Accept a system that nobody tried.")
}
