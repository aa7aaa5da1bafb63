// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"

	"github.com/stanzaflow/stanzaflow/internal/inspect"
	"github.com/stanzaflow/stanzaflow/internal/nearmiss"
	"github.com/stanzaflow/stanzaflow/internal/submit"
)

const logsHelp = `Print what the steps of a run have printed, in the order of the steps, whatever its form.

A line begins with its step. The logs are those of the pods: when Argo has deleted
them, they are gone, unless it archives logs (docs/run.md#artifacts).

It needs the rights get on workflows.argoproj.io and pods/log, which the ClusterRole
view has.`

const logsExamples = `  # What has the run printed?
  %[1]s logs pgbackrest-orders-repo1-full-1795919400 -n shop

  # Follow it until it is over
  %[1]s logs pgbackrest-orders-repo1-full-1795919400 -n shop -f`

func logsCommand(clk clock.PassiveClock, program string) *cobra.Command {
	var options inspectOptions
	var follow bool
	command := &cobra.Command{
		Use:     "logs RUN",
		Short:   "Print what the steps of a run have printed",
		Long:    logsHelp + exitCodesOfAnAnswer,
		Example: fmt.Sprintf(logsExamples, program),
		Args:    takeOne("run", false),
		RunE:    func(cmd *cobra.Command, args []string) error { return options.logs(cmd, args[0], follow) },
	}
	options.add(command, clk)
	command.Flags().BoolVarP(&follow, "follow", "f", false, "print what is to come, until the run is over")
	command.ValidArgsFunction = options.completeRuns
	return command
}

func (o *inspectOptions) logs(cmd *cobra.Command, run string, follow bool) error {
	config, namespace, err := o.kubectl.load()
	if err != nil {
		return fail(cmd, err)
	}
	client, err := submit.NewClient(config)
	if err != nil {
		return fail(cmd, err)
	}
	workflow, err := client.Get(cmd.Context(), namespace, run)
	if err != nil {
		return fail(cmd, o.explainRun(cmd, namespace, run, err))
	}
	printed := submit.Follower{Workflows: client, Logs: client, Clock: clock.RealClock{}, Out: cmd.OutOrStdout(), Pause: submitPause}
	if !follow {
		printed.Logs = client.Printed()
	}
	if err := printed.Print(cmd.Context(), workflow, follow); err != nil && !errors.Is(err, submit.ErrStopped) {
		return fail(cmd, err)
	}
	return nil
}

// explainRun says which run was probably meant.
func (o *inspectOptions) explainRun(cmd *cobra.Command, namespace, run string, err error) error {
	if !apierrors.IsNotFound(err) {
		return fmt.Errorf("cannot read Workflow %s/%s: %w", namespace, run, err)
	}
	names := []string(nil)
	if source, _, err := o.source(); err == nil {
		names = inspect.RunNames(cmd.Context(), source, namespace)
	}
	hint := nearmiss.DidYouMean(run, names)
	const few = 3
	if hint == "" && len(names) > 0 {
		hint = "; the newest are " + strings.Join(names[:min(few, len(names))], ", ")
	}
	return fmt.Errorf("there is no Workflow %s in namespace %s%s; Argo deletes Workflows of old runs, and runs lists what the Stanza remembers of them", run, namespace, hint)
}
