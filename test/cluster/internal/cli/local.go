// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/kube"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/layout"
)

func newIsLocal() *cobra.Command {
	return &cobra.Command{
		Use:   "is-local [KUBECONFIG]",
		Short: "Succeed when a kubeconfig, by default that of the environment, leads to the cluster of this machine",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			list := os.Getenv("KUBECONFIG")
			if len(args) > 0 {
				list = args[0]
			}
			dirs, err := layout.Find()
			if err != nil {
				return err
			}
			paths := slices.DeleteFunc(filepath.SplitList(list), func(path string) bool { return path == "" })
			return kube.Local(dirs, paths)
		},
	}
}
