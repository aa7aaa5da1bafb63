// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

const backupHelp = `Make a backup of a postgresql now, and prove it.

It submits the WorkflowTemplate of the cluster, as a schedule does: the run waits for
its turn, is in the Stanza and counts like any other. With --wait the command follows
it and prints its verdict, which is the exit code. Without, the exit code says only
that the run was submitted.

Ctrl-C stops following. The run continues.`

const backupExamples = `  # A backup of cluster orders in namespace shop
  %[1]s backup orders -n shop

  # A full one in repo2; wait until it is proven, and show what the steps say
  %[1]s backup orders -n shop --type full --repo 2 --wait --log`

func backupCommand(program string) *cobra.Command {
	var options submitOptions
	options.Kind = vocab.RunBackup
	command := &cobra.Command{
		Use:     "backup CLUSTER",
		Short:   "Make a backup of a postgresql now, and prove it",
		Long:    backupHelp + fmt.Sprintf(exitCodesOfARun, "with --wait: the backup is proven; without: the run was submitted"),
		Example: fmt.Sprintf(backupExamples, program),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := options.check(cmd); err != nil {
				return err
			}
			options.Wait = options.Wait || options.Logs
			return options.run(cmd.Context(), cmd, args[0])
		},
	}
	options.add(command)
	command.Flags().BoolVar(&options.Wait, "wait", false, "follow the run until it is over; --log implies it")
	return command
}
