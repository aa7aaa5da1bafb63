// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

const predeployHelp = `Make sure, before a deploy, that a postgresql can be restored to this moment.

It submits the entrypoint predeploy of the WorkflowTemplate and waits. A proven backup
that is younger than --max-age and still whole is reused, else one is made and proven.
Then a restore point is created, and all WAL up to it must be in every repo. The
command prints the restore point and how to restore to it.

It fails closed: unless all of this is proven, it exits with another code than 0 and
says why. A deploy must not continue then. When --timeout is over, or after Ctrl-C,
the run may continue.`

const predeployExamples = `  # Before a deploy that uses cluster orders in namespace shop
  %[1]s predeploy orders -n shop --restore-point release-42`

func predeployCommand(program string) *cobra.Command {
	var options submitOptions
	options.Kind, options.Wait = vocab.RunPredeploy, true
	var maxAge time.Duration
	command := &cobra.Command{
		Use:     "predeploy CLUSTER",
		Short:   "Make sure, before a deploy, that a postgresql can be restored to this moment",
		Long:    predeployHelp + fmt.Sprintf(exitCodesOfARun, "proven: the database can be restored to this moment"),
		Example: fmt.Sprintf(predeployExamples, program),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case maxAge < 0:
				return usageError(cmd, "--max-age is %s, must not be negative; 0s always makes a backup", maxAge)
			case options.Timeout <= 0:
				return usageError(cmd, "--timeout is %s, must be more than 0, such as 30m", options.Timeout)
			}
			if err := options.check(cmd); err != nil {
				return err
			}
			if cmd.Flags().Changed(vocab.ParamRestorePoint) {
				if err := remote.CheckRestorePointName(options.RestorePoint); err != nil {
					return usageError(cmd, "--%s is %q, %v", vocab.ParamRestorePoint, options.RestorePoint, err)
				}
			}
			options.MaxAge = maxAge.String()
			return options.run(cmd.Context(), cmd, args[0])
		},
	}
	flags := command.Flags()
	flags.DurationVar(&maxAge, vocab.ParamMaxAge, 15*time.Minute, "how old a proven backup may be that makes another one unnecessary; 0s always makes one")
	flags.StringVar(&options.RestorePoint, vocab.ParamRestorePoint, "", "how the name of the restore point begins; the time is added. By default what the WorkflowTemplate says")
	flags.DurationVar(&options.Timeout, "timeout", 30*time.Minute, "how long to wait for the run")
	options.add(command)
	return command
}
