// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/utils/clock"

	"github.com/stanzaflow/stanzaflow/internal/inspect"
	"github.com/stanzaflow/stanzaflow/internal/inspect/printer"
)

const expireHelp = `Show which backups the next retention would remove, and what stays recoverable.

Each run applies the retention after its backup, so the answer is about the moment
after the next scheduled run. --after asks about another one: none for now, or full,
diff or incr as if such a backup had been made now.

It removes nothing, and needs --dry-run to say so: the runs of the operator apply the
retention. The rules are those of pgBackRest, and the options those of the postgresql,
so it needs the right get on postgresqls.`

const expireExamples = `  # What will the next run remove from the repos of database orders?
  %[1]s expire orders -n shop --dry-run

  # And if I make a full now?
  %[1]s expire orders -n shop --dry-run --after full`

func expireCommand(clk clock.PassiveClock, program string) *cobra.Command {
	var options inspectOptions
	var dryRun bool
	var after string
	command := &cobra.Command{
		Use:     "expire CLUSTER --dry-run",
		Short:   "Show which backups the next retention would remove, and what stays recoverable",
		Long:    expireHelp + exitCodesOfAnAnswer,
		Example: fmt.Sprintf(expireExamples, program),
		Args:    takeOne("postgresql", false),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case !dryRun:
				return usageError(cmd, "removes nothing, and so needs --dry-run; each run of the operator applies the retention after its backup")
			case !slices.Contains(inspect.Afters, after):
				return usageError(cmd, "--after is %q, must be one of %s", after, strings.Join(inspect.Afters, ", "))
			}
			return options.expire(cmd, args[0], after)
		},
	}
	options.add(command, clk)
	command.Flags().BoolVar(&dryRun, "dry-run", false, "show it and remove nothing; required")
	command.Flags().StringVar(&after, "after", inspect.AfterNext, "after which backup: "+strings.Join(inspect.Afters, ", "))
	_ = command.RegisterFlagCompletionFunc("after", cobra.FixedCompletions(inspect.Afters, cobra.ShellCompDirectiveNoFileComp)) // The flag exists.
	options.addOutput(command, printer.JSON, printer.YAML)
	command.ValidArgsFunction = options.completeClusters
	return command
}

func (o *inspectOptions) expire(cmd *cobra.Command, cluster, after string) error {
	source, namespace, err := o.source()
	if err != nil {
		return fail(cmd, err)
	}
	facts, err := inspect.Read(cmd.Context(), source, namespace, cluster, o.clock.Now())
	if err != nil {
		return fail(cmd, err)
	}
	p, repos := o.printer(cmd.OutOrStdout()), inspect.Expire(facts, after)
	if p.Structured() {
		err = p.List(repos)
	} else {
		err = inspect.PrintRetention(p, repos)
	}
	if err == nil && slices.ContainsFunc(repos, func(r inspect.RepoRetention) bool { return r.Unknown != "" }) {
		return exitError(exitFailed)
	}
	return err
}
