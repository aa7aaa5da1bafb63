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

const statusHelp = `Show of each database whether it is recoverable, to when, and what is wrong.

The databases that need somebody come first. RPO is how much time of commits would be
lost if the primary were lost now, OBJECTIVE how much may be. A long problem is cut:
-o wide and explain have it whole.

It reads Stanzas and nothing else, so the ClusterRole view is enough.`

const statusExamples = `  # Every database of namespace shop
  %[1]s status -n shop

  # Every database of the Kubernetes cluster, for a program
  %[1]s status -A -o json`

func statusCommand(clk clock.PassiveClock, program string) *cobra.Command {
	var options inspectOptions
	command := &cobra.Command{
		Use:     "status [CLUSTER]",
		Short:   "Show of each database whether it is recoverable, to when, and what is wrong",
		Long:    statusHelp + exitCodesOfAnAnswer,
		Example: fmt.Sprintf(statusExamples, program),
		Args:    takeOne("postgresql", true),
		RunE:    options.status,
	}
	options.add(command, clk)
	options.addAllNamespaces(command)
	options.addOutput(command, printer.Formats...)
	command.ValidArgsFunction = options.completeClusters
	return command
}

func (o *inspectOptions) status(cmd *cobra.Command, args []string) error {
	if o.allNamespaces && len(args) > 0 {
		return usageError(cmd, "takes either the name of a postgresql or -A")
	}
	_, namespace, all, err := o.stanzas(cmd.Context(), args)
	if err != nil {
		return fail(cmd, err)
	}
	now, p := o.clock.Now(), o.printer(cmd.OutOrStdout())
	lines := inspect.Statuses(all, now)
	switch {
	case p.Structured():
		return p.List(lines)
	case len(lines) == 0:
		printLine(cmd.ErrOrStderr(), "No Stanza found%s.", in(namespace))
		return nil
	}
	return p.Print(inspect.StatusTable(lines, o.allNamespaces, len(lines) > 1 && p.Format != printer.Wide, now))
}

// in names a namespace as kubectl does, all if it is empty.
func in(namespace string) string {
	if namespace == "" {
		return ""
	}
	return " in " + namespace + " namespace"
}

// of names the cluster that was asked about, if one was.
func of(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return " of " + args[0]
}
