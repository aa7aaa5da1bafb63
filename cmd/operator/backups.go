// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/spf13/cobra"
	"k8s.io/utils/clock"

	"github.com/stanzaflow/stanzaflow/internal/inspect"
	"github.com/stanzaflow/stanzaflow/internal/inspect/printer"
)

const backupsHelp = `List the backups in each repo, whoever has made them.

The list is that of pgbackrest info, as the newest watch has seen it. PROVEN is Yes if
a run of Stanzaflow has proven the backup, No if another tool has made it, and Unknown
if a run has made it and the Stanza no longer remembers how that ended. DATABASE is the
size of the database, ADDED what the backup added to the repo.

It reads Stanzas, and Workflows where a Stanza has only the newest ten backups.`

const backupsExamples = `  # The backups of database orders in namespace shop
  %[1]s backups orders -n shop`

func backupsCommand(clk clock.PassiveClock, program string) *cobra.Command {
	var options inspectOptions
	command := &cobra.Command{
		Use:     "backups [CLUSTER]",
		Short:   "List the backups in each repo, whoever has made them",
		Long:    backupsHelp + exitCodesOfAnAnswer,
		Example: fmt.Sprintf(backupsExamples, program),
		Args:    takeOne("postgresql", true),
		RunE:    options.backups,
	}
	options.add(command, clk)
	options.addOutput(command, printer.Formats...)
	command.ValidArgsFunction = options.completeClusters
	return command
}

func (o *inspectOptions) backups(cmd *cobra.Command, args []string) error {
	source, namespace, all, err := o.stanzas(cmd.Context(), args)
	if err != nil {
		return fail(cmd, err)
	}
	var watches []*wfv1.Workflow
	var unknown []string
	if inspect.NeedWatch(all) {
		watches, unknown = inspect.Watches(cmd.Context(), source, namespace)
	}
	items, listings := []inspect.Backup{}, []inspect.Listing(nil)
	for _, stanza := range all {
		found := inspect.Listings(stanza, watches)
		listings = append(listings, found...)
		for _, listing := range found {
			items = append(items, listing.Backups...)
		}
	}
	p := o.printer(cmd.OutOrStdout())
	warn(cmd, append(unknown, inspect.Notes(listings)...))
	switch {
	case p.Structured():
		return p.List(items)
	case len(items) == 0:
		printLine(cmd.ErrOrStderr(), "No backup%s is known%s.", of(args), in(namespace))
		return nil
	}
	return p.Print(inspect.BackupTable(listings, o.clock.Now()))
}
