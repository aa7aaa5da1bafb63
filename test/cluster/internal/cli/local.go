// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
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
		Short: "Succeed if a kubeconfig, by default that of the environment, points to this machine's cluster",
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

func newPath() *cobra.Command {
	places := map[string]func(layout.Dirs) string{
		"bin":        layout.Dirs.Bin,
		"kubeconfig": layout.Dirs.Kubeconfig,
		"logs":       layout.Dirs.Logs,
	}
	return &cobra.Command{
		Use:       "path {bin|kubeconfig|logs}",
		Short:     "Print the path of something",
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
