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

const explainHelp = `Say why a database is not recoverable or not Ready, and what to type next.

It goes from the field in the postgresql over the CronWorkflow and the Workflow to the
step, its exit code and the runbook. If everything is fine, it says so. What may not be
read, or what nobody has observed, is listed as not known.

The ClusterRole view is enough. The field of a schedule is named more exactly to who
may also get the postgresql.`

const explainExamples = `  # Why is database orders in namespace shop not Ready?
  %[1]s explain orders -n shop`

func explainCommand(clk clock.PassiveClock, program string) *cobra.Command {
	var options inspectOptions
	command := &cobra.Command{
		Use:     "explain CLUSTER",
		Short:   "Say why a database is not recoverable or not Ready, and what to type next",
		Long:    explainHelp + exitCodesOfAnAnswer,
		Example: fmt.Sprintf(explainExamples, program),
		Args:    takeOne("postgresql", false),
		RunE:    func(cmd *cobra.Command, args []string) error { return options.explain(cmd, args[0]) },
	}
	options.add(command, clk)
	options.addOutput(command, printer.JSON, printer.YAML)
	command.ValidArgsFunction = options.completeClusters
	return command
}

func (o *inspectOptions) explain(cmd *cobra.Command, cluster string) error {
	source, namespace, err := o.source()
	if err != nil {
		return fail(cmd, err)
	}
	facts, err := inspect.Read(cmd.Context(), source, namespace, cluster, o.clock.Now())
	if err != nil {
		return fail(cmd, err)
	}
	p, explanation := o.printer(cmd.OutOrStdout()), inspect.Explain(facts)
	if p.Structured() {
		return p.Encode(explanation)
	}
	inspect.PrintExplanation(p, explanation)
	return nil
}
