// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	config "github.com/stanzaflow/stanzaflow/internal/drill"
	"github.com/stanzaflow/stanzaflow/internal/run/drill"
	"github.com/stanzaflow/stanzaflow/internal/run/drillplan"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
)

const (
	outputsFlag        = "outputs"
	terminationLogFlag = "termination-log"
)

func drillStepCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "drill-step",
		Short: "Run one step of a drill; the WorkflowTemplate pgbackrest-drill calls it",
		Args:  cobra.NoArgs,
	}
	command.AddCommand(drillPlanCommand(), drillRestoreCommand())
	// A parameter that cannot be read does not get better by itself.
	command.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		_, _ = fmt.Fprintln(cmd.ErrOrStderr(), err)
		return exitError(drill.ExitStop)
	})
	return command
}

func drillPlanCommand() *cobra.Command {
	var options drillplan.Options
	command := &cobra.Command{
		Use:   "plan",
		Short: "Decide what a drill restores, and what it must find",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			restConfig, err := rest.InClusterConfig()
			if err != nil {
				return err
			}
			client, err := remote.New(restConfig)
			if err != nil {
				return err
			}
			random := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())) //nolint:gosec // a moment to test, and no secret
			env := drillplan.Env{Finder: client, Workflows: client, Executor: client, Clock: clock.RealClock{}, Random: random, Log: cmd.OutOrStdout()}
			return exitWith(drillplan.Run(cmd.Context(), env, options))
		},
	}
	flags := command.Flags()
	flags.StringVar(&options.Namespace, "namespace", "", "namespace of the postgresql resource")
	flags.StringVar(&options.Cluster, "cluster", "", "name of the postgresql resource")
	flags.StringVar(&options.Drill, "drill", "", "name of a drill of the Stanza; empty for one by hand")
	flags.StringVar(&options.Target, "target", "", "what to restore to: Newest, Random, Immediate or a moment with its offset from UTC; empty for the target of the drill")
	flags.StringVar(&options.Trigger, "trigger", "", "what started the drill: schedule or manual")
	flags.StringVar(&options.Workflow, "workflow", "", "name of the Workflow")
	flags.StringVar(&options.Run, "run", "", "UID of the Workflow")
	flags.StringVar(&options.Created, "created", "", "when the Workflow was created, such as 2026-11-22T02:30:00Z")
	flags.DurationVar(&options.Limit, "limit", 23*time.Hour, "how long after its start the drill must have ended")
	flags.StringVar(&options.Config, "config", "", "drills.json of the ConfigMap of the drills")
	flags.IntVar(&options.Attempts, "attempts", 6, "how often the plan is tried, at least 1")
	flags.DurationVar(&options.Backoff, "backoff", 10*time.Second, "wait before the second attempt; it doubles up to 5m")
	flags.StringVar((*string)(&options.Outputs), outputsFlag, "/run/stanzaflow", "directory that gets the outputs")
	flags.StringVar(&options.TerminationLog, terminationLogFlag, "/dev/termination-log", "file that Kubernetes reads the message of the container from")
	return command
}

func drillRestoreCommand() *cobra.Command {
	var options drill.Options
	command := &cobra.Command{
		Use:   "restore",
		Short: "Restore what the plan says into this container, check it and remove it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			env := drill.Env{Clock: clock.RealClock{}, Log: cmd.OutOrStdout(), Environ: os.Environ()}
			return exitWith(drill.Run(cmd.Context(), env, options))
		},
	}
	flags := command.Flags()
	flags.StringVar(&options.Plan, "plan", "", "output of step plan")
	flags.BoolVar(&options.Last, "last", false, "the drill is not made once more, whatever happens")
	flags.StringVar(&options.Mount, "mount", config.DataMount, "volume for the restored database")
	flags.StringVar(&options.Socket, "socket", "/run/stanzaflow/socket", "directory for the socket of PostgreSQL")
	flags.DurationVar(&options.Poll, "poll", 250*time.Millisecond, "wait between two questions whether recovery has ended")
	flags.StringVar((*string)(&options.Outputs), outputsFlag, "/run/stanzaflow", "directory that gets the outputs")
	flags.StringVar(&options.TerminationLog, terminationLogFlag, "/dev/termination-log", "file that Kubernetes reads the message of the container from")
	return command
}

// exitWith ends the process with a code.
func exitWith(code int) error {
	if code != 0 {
		return exitError(code)
	}
	return nil
}
