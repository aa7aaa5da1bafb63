// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/utils/clock"

	"github.com/stanzaflow/stanzaflow/internal/inspect"
	"github.com/stanzaflow/stanzaflow/internal/inspect/printer"
)

const runsHelp = `List the runs, the newest first: those whose Workflows are there, and those that the
Stanzas remember.

Only Succeeded means that there is a proven backup. Held means that none can or may be
made, and that none was. logs RUN shows what the steps of a run have printed.

It reads Stanzas and Workflows, so the ClusterRole view is enough.`

const runsExamples = `  # The runs of database orders in namespace shop
  %[1]s runs orders -n shop`

func runsCommand(clk clock.PassiveClock, program string) *cobra.Command {
	var options inspectOptions
	command := &cobra.Command{
		Use:     "runs [CLUSTER]",
		Short:   "List the runs, the newest first",
		Long:    runsHelp + exitCodesOfAnAnswer,
		Example: fmt.Sprintf(runsExamples, program),
		Args:    takeOne("postgresql", true),
		RunE:    options.runs,
	}
	options.add(command, clk)
	options.addOutput(command, printer.JSON, printer.YAML)
	command.ValidArgsFunction = options.completeClusters
	return command
}

func (o *inspectOptions) runs(cmd *cobra.Command, args []string) error {
	source, namespace, all, err := o.stanzas(cmd.Context(), args)
	if err != nil {
		return fail(cmd, err)
	}
	seen, unknown := inspect.Workflows(cmd.Context(), source, namespace)
	warn(cmd, unknown)
	now, p := o.clock.Now(), o.printer(cmd.OutOrStdout())
	runs := inspect.Runs(all, seen, now)
	switch {
	case p.Structured():
		return p.List(runs)
	case len(runs) == 0:
		printLine(cmd.ErrOrStderr(), "No run%s is known%s.", of(args), in(namespace))
		return nil
	}
	return p.Print(inspect.RunTable(runs, now))
}
