// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

func newTarball() *cobra.Command {
	return &cobra.Command{
		Use:   "tarball IMAGE…",
		Short: "Build images and print where their tarballs are, for a cluster of your own",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := load(cmd)
			if err != nil {
				return err
			}
			files, err := c.Tarballs(cmd.Context(), args)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), strings.Join(files, "\n"))
			return err
		},
	}
}
