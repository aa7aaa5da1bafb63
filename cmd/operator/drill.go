// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

const drillHelp = `Restore a backup of a postgresql into a pod of its own now, and check what is there.

It submits the WorkflowTemplate pgbackrest-drill, as a schedule of spec.drills does.
Nothing of the cluster changes: the restored database is removed when the drill ends.
Without --drill it restores to Newest and makes the check Dump. The Stanza must set
spec.drills or spec.restorePod. With --wait the command follows the drill and prints its
verdict, which is the exit code.

Ctrl-C stops following. The drill continues.`

const drillExamples = `  # Can cluster orders be restored, with everything that was committed until now?
  %[1]s drill orders -n shop --wait

  # The drill weekly of its Stanza
  %[1]s drill orders -n shop --drill weekly --wait

  # Can it be restored to the moment before somebody dropped a table?
  %[1]s drill orders -n shop --to '2026-11-26 03:12:44+00' --wait`

func drillCommand(program string) *cobra.Command {
	var options submitOptions
	options.Kind, options.Type = vocab.RunDrill, cpo.Incr
	command := &cobra.Command{
		Use:     "drill CLUSTER",
		Short:   "Restore a backup into a pod of its own, and check what is there",
		Long:    drillHelp + fmt.Sprintf(exitCodesOfADrill, "with --wait: the restore is proven; without: the drill was submitted"),
		Example: fmt.Sprintf(drillExamples, program),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkTarget(options.Target); err != nil {
				return usageError(cmd, "--to is %q, %v", options.Target, err)
			}
			options.Wait = options.Wait || options.Logs
			return options.run(cmd.Context(), cmd, args[0])
		},
	}
	options.addCommon(command)
	flags := command.Flags()
	flags.StringVar(&options.Drill, "drill", "", "a drill of the Stanza; by default none of them")
	flags.StringVar(&options.Target, "to", "", "Newest, Random, Immediate, or a moment with its offset from UTC; by default that of the drill, or Newest")
	flags.BoolVar(&options.Wait, "wait", false, "follow the drill until it is over; --log implies it")
	return command
}

const exitCodesOfADrill = `

Exit codes:
  0  %s
  1  nothing is proven: the drill was refused or has failed, or how it ended is unknown
  2  the command line is wrong; nothing was started
  3  the drill was held: none can run now`

// momentFormats are those that pgBackRest and PostgreSQL read alike. Without an offset they
// would mean different moments.
var momentFormats = []string{"2006-01-02 15:04:05.999999-07", "2006-01-02 15:04:05.999999-07:00", "2006-01-02 15:04:05.999999-0700"}

// checkTarget refuses what is no target of a drill.
func checkTarget(target string) error {
	words := []string{"", string(stanzaflowv1alpha1.TargetNewest), string(stanzaflowv1alpha1.TargetRandom), string(stanzaflowv1alpha1.TargetImmediate)}
	if slices.Contains(words, target) {
		return nil
	}
	for _, format := range momentFormats {
		if _, err := time.Parse(format, target); err == nil {
			return nil
		}
	}
	return errors.New("which is neither Newest, Random nor Immediate, nor a moment with its offset from UTC such as '2026-11-26 03:12:44+00'")
}
