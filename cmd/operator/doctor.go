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

const doctorHelp = `Look at everything that backups depend on, and say how to fix what is wrong.

It looks at the version of Kubernetes and its clock, the kinds and the CRD, the operator
with its rights and admission policies, Argo's controller and its settings, and in each
namespace with a Stanza at the WorkflowTemplates, their ServiceAccounts and the watch.

It writes nothing. What you may not read is Unknown, so most of it needs the rights of
a cluster-admin. -n looks at one namespace.

Exit codes:
  0  nothing is broken, as far as is known
  1  something is broken, or the API server does not answer
  2  the command line is wrong`

const doctorExamples = `  # Is everything in place?
  %[1]s doctor`

func doctorCommand(clk clock.PassiveClock, program string) *cobra.Command {
	var options inspectOptions
	command := &cobra.Command{
		Use:     "doctor",
		Short:   "Look at everything that backups depend on, and say how to fix what is wrong",
		Long:    doctorHelp,
		Example: fmt.Sprintf(doctorExamples, program),
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError(cmd, "takes no arguments, and has %q; explain is for one postgresql", args)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return options.doctor(cmd) },
	}
	options.add(command, clk)
	options.addOutput(command, printer.JSON, printer.YAML)
	return command
}

func (o *inspectOptions) doctor(cmd *cobra.Command) error {
	o.allNamespaces = !cmd.Flags().Changed("namespace")
	source, namespace, err := o.source()
	if err != nil {
		return fail(cmd, err)
	}
	checks := inspect.Examine(cmd.Context(), source, inspect.Question{Namespace: namespace, Version: version, Now: o.clock.Now})
	p := o.printer(cmd.OutOrStdout())
	if p.Structured() {
		err = p.List(checks)
	} else {
		inspect.PrintChecks(p, checks)
	}
	if err == nil && inspect.IsBroken(checks) {
		return exitError(exitFailed)
	}
	return err
}
