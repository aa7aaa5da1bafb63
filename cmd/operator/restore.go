// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/utils/clock"

	"github.com/stanzaflow/stanzaflow/internal/inspect/printer"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/restoreplan"
	"github.com/stanzaflow/stanzaflow/internal/restore"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
)

// Exit codes of a plan.
const (
	exitRefused   = 20
	exitNotProven = 21
)

const restorePlanHelp = `Say whether a moment can be restored, from what, how long it takes, what is lost, and
which commands do it. It restores nothing.

--to takes a time with its offset, '2026-11-28 14:03:00+01', or one without in the zone
of --zone; latest for the end of the archive; or immediate for the end of the backup
--set. The plan names set, repo, timeline and target, so that pgBackRest and PostgreSQL
choose nothing: by themselves they end a recovery early without an error where WAL is
missing, and follow a newer timeline past the moment.

It asks pgBackRest and PostgreSQL in the pods of the cluster, so it needs the rights get
on postgresqls and stanzas, list on pods, and create on pods/exec. Without a primary it
asks any other pod with the configuration.

Exit codes:
  0   it can be restored: all WAL is there, up to a commit that is known to be later
  20  it cannot be restored; the answer names the nearest moments that can
  21  not proven: nothing that must be there is missing, and no later commit is known
  1   it could not be answered
  2   the command line is wrong`

const restorePlanExamples = `  # Can orders be restored to three minutes past two?
  %[1]s restore plan orders -n shop --to '2026-11-28 14:03:00+01'

  # The same, by the clock on the wall
  %[1]s restore plan orders -n shop --to '2026-11-28 14:03' --zone Europe/Vienna

  # All there is
  %[1]s restore plan orders -n shop --to latest

  # Exactly this backup
  %[1]s restore plan orders -n shop --to immediate --set 20261128-023011F`

func restoreCommand(clk clock.PassiveClock, program string) *cobra.Command {
	command := &cobra.Command{Use: "restore", Short: "Plan a restore", Long: "Plan a restore. Nothing here restores: a plan prints the commands, and a person decides."}
	command.AddCommand(restorePlanCommand(clk, program))
	return command
}

// restoreOptions are the flags of restore plan.
type restoreOptions struct {
	inspectOptions

	to, set, zone string
	repo          string
	outputs       planOutputs
}

func restorePlanCommand(clk clock.PassiveClock, program string) *cobra.Command {
	var options restoreOptions
	command := &cobra.Command{
		Use:     "plan CLUSTER --to TIME|latest|immediate",
		Short:   "Say whether a moment can be restored, from what, and how",
		Long:    restorePlanHelp,
		Example: fmt.Sprintf(restorePlanExamples, program),
		Args:    takeOne("postgresql", false),
		RunE: func(cmd *cobra.Command, args []string) error {
			question, err := options.question()
			if err != nil {
				return errors.Join(usageError(cmd, "%v", err), options.outputs.fail(err))
			}
			return options.plan(cmd, args[0], question)
		},
	}
	options.add(command, clk)
	command.Flags().StringVar(&options.to, "to", "", "the moment: a time such as '2026-11-28 14:03:00+01', latest, or immediate; required")
	command.Flags().StringVar(&options.set, "set", "", "label of the backup to begin with; by default the best one")
	command.Flags().StringVar(&options.repo, "repo", "", "number of the only repo to use; by default all")
	command.Flags().StringVar(&options.zone, "zone", "", "time zone of a time without an offset, such as Europe/Vienna")
	options.addOutput(command, printer.JSON, printer.YAML)
	options.outputs.add(command)
	command.ValidArgsFunction = options.completeClusters
	return command
}

// question reads the flags.
func (o *restoreOptions) question() (restore.Question, error) {
	q := restore.Question{To: o.to, Set: o.set, ID: o.clock.Now().UTC().Format("20060102-150405")}
	if o.repo != "" {
		number, err := strconv.Atoi(strings.TrimPrefix(o.repo, "repo"))
		if err != nil || number < 1 || number > 256 {
			return q, fmt.Errorf("--repo is %q, must be the number of a repo", o.repo)
		}
		q.Repo = number
	}
	var zone *time.Location
	if o.zone != "" {
		var err error
		if zone, err = time.LoadLocation(o.zone); err != nil {
			return q, fmt.Errorf("--zone is %q, must be a time zone such as Europe/Vienna", o.zone)
		}
	}
	switch o.to {
	case "":
		return q, errors.New("--to is missing: a time, latest or immediate")
	case string(restoreplan.Latest):
		return q, nil
	case string(restoreplan.Immediate):
		if o.set == "" {
			return q, errors.New("--to immediate needs --set: kubectl stanzaflow backups lists the backups")
		}
		return q, nil
	}
	reading, err := restoreplan.ReadTime(o.to, zone)
	q.Reading = &reading
	if err != nil {
		return q, fmt.Errorf("--to: %w", err)
	}
	return q, nil
}

func (o *restoreOptions) plan(cmd *cobra.Command, cluster string, question restore.Question) error {
	facts, err := o.gather(cmd.Context(), cluster)
	if err != nil {
		return errors.Join(fail(cmd, err), o.outputs.fail(err))
	}
	return o.answer(cmd, restore.Ask(facts, question))
}

// gather asks the cluster.
func (o *restoreOptions) gather(ctx context.Context, cluster string) (restore.Facts, error) {
	config, namespace, err := o.kubectl.load()
	if err != nil {
		return restore.Facts{}, err
	}
	client, err := remote.New(config)
	if err != nil {
		return restore.Facts{}, err
	}
	return restore.Gather(ctx, client, client, attempt.Clock{WithDelayedExecution: clock.RealClock{}}, namespace, cluster)
}

func (o *restoreOptions) answer(cmd *cobra.Command, answer restore.Answer) error {
	p := o.printer(cmd.OutOrStdout())
	if !p.Structured() {
		restore.Print(p, answer)
	} else if err := p.Encode(answer); err != nil {
		return err
	}
	if err := o.outputs.save(answer); err != nil {
		return err
	}
	switch answer.Verdict {
	case restore.Refused:
		return exitError(exitRefused)
	case restore.NotProven:
		return exitError(exitNotProven)
	case restore.Reachable:
	}
	return nil
}
