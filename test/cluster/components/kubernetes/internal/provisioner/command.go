// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package provisioner

import (
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// NewCommand returns the volume-provisioner program.
func NewCommand() *cobra.Command {
	var kubeconfig, root string
	cmd := &cobra.Command{
		Use:          "volume-provisioner",
		Short:        "Create a directory on the node for each claim of the cluster's storage class",
		Args:         cobra.NoArgs,
		SilenceUsage: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
			if err != nil {
				return err
			}
			client, err := kubernetes.NewForConfig(config)
			if err != nil {
				return err
			}
			return newController(client, root).run(ctx)
		},
	}
	cmd.Flags().StringVar(&kubeconfig, "kubeconfig", "", "Path to the kubeconfig.")
	cmd.Flags().StringVar(&root, "root", "", "Directory below which volumes are made.")
	for _, name := range []string{"kubeconfig", "root"} {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // The flag is defined three lines above.
		}
	}
	return cmd
}
