// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/utils/clock"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/submit"
)

const (
	// submitPause is the wait before the API server is asked again.
	submitPause = 2 * time.Second
	// suffixLength makes a name of a Workflow that no other run has.
	suffixLength = 10
)

const exitCodesOfARun = `

Exit codes:
  0  %s
  1  nothing is proven: the run was refused or has failed, or how it ended is unknown
  2  the command line is wrong; nothing was started
  3  the run was held: no backup can or may be made now`

// submitOptions are the flags of the commands that start a run.
type submitOptions struct {
	submit.Options
	kubectl kubectlFlags
}

// add adds the flags of the commands that may make a backup.
func (o *submitOptions) add(command *cobra.Command) {
	flags := command.Flags()
	o.kubectl.add(flags)
	flags.StringVar(&o.Type, "type", cpo.Incr, "full, diff or incr; diff and incr become a full where there is none to build on")
	flags.StringVar(&o.Repo, "repo", "", "repo of the backup, such as 1 or repo1; by default the first one of the postgresql")
	o.addLog(command)
}

// addCommon adds the flags that all commands share which start a run.
func (o *submitOptions) addCommon(command *cobra.Command) {
	o.kubectl.add(command.Flags())
	o.addLog(command)
}

func (o *submitOptions) addLog(command *cobra.Command) {
	flags := command.Flags()
	flags.BoolVar(&o.Logs, "log", false, "print the logs of the steps; needs the right get on pods/log")
	command.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usageError(cmd, "needs the name of one postgresql, and has %d arguments: %q", len(args), args)
		}
		return nil
	}
	command.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usageError(cmd, "%v", err) })
	command.Flags().SortFlags = false
}

// check refuses flags that no run can have.
func (o *submitOptions) check(cmd *cobra.Command) error {
	if err := cpo.CheckBackupType(o.Type); err != nil {
		return usageError(cmd, "--type is %q, %v", o.Type, err)
	}
	if !cmd.Flags().Changed("repo") {
		return nil
	}
	repo, err := submit.RepoName(o.Repo)
	if err != nil {
		return usageError(cmd, "--repo is %q, %v", o.Repo, err)
	}
	o.Repo = repo
	return nil
}

// run starts the run and follows it.
func (o *submitOptions) run(ctx context.Context, cmd *cobra.Command, cluster string) error {
	config, namespace, err := o.kubectl.load()
	if err != nil {
		printLine(cmd.ErrOrStderr(), "error: %v", err)
		return exitError(submit.ExitFailed)
	}
	client, err := submit.NewClient(config)
	if err != nil {
		printLine(cmd.ErrOrStderr(), "error: %v", err)
		return exitError(submit.ExitFailed)
	}
	o.Cluster, o.Namespace = cluster, namespace
	session := submit.Session{
		Finder: client, Workflows: client, Logs: client, Clock: clock.RealClock{}, Out: cmd.OutOrStdout(), Err: cmd.ErrOrStderr(),
		Suffix: rand.String(suffixLength), Pause: submitPause,
	}
	if o.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, o.Timeout, submit.ErrTimeout)
		defer cancel()
	}
	if code := session.Run(ctx, o.Options); code != submit.ExitProven {
		return exitError(code)
	}
	return nil
}
