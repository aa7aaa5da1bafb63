// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/run/step"
)

func stepCommand() *cobra.Command {
	var parameters step.Parameters
	var workspace, terminationLog string
	var poll time.Duration
	command := &cobra.Command{
		Use:       "step NAME...",
		Short:     "Run a step of a run, or several one after the other; the WorkflowTemplate pgbackrest-backup calls it",
		ValidArgs: step.Names,
		Args:      cobra.MatchAll(cobra.MinimumNArgs(1), cobra.OnlyValidArgs),
		RunE: func(cmd *cobra.Command, args []string) error {
			config, err := rest.InClusterConfig()
			if err != nil {
				return err
			}
			client, err := remote.New(config)
			if err != nil {
				return err
			}
			env := step.Env{
				Finder: client, Workflows: client, Executor: client, Servers: client, Clock: clock.RealClock{}, Log: cmd.OutOrStdout(),
				Workspace: step.Workspace(workspace), Poll: poll, TerminationLog: terminationLog, Requests: client.Requests,
				// Argo names the file from which it reads the progress of a node.
				ProgressFile: os.Getenv("ARGO_PROGRESS_FILE"),
				// The template takes it from the annotation of the pod.
				Progress: os.Getenv("STANZAFLOW_PROGRESS"),
			}
			if code := step.RunAll(cmd.Context(), args, env, parameters); code != 0 {
				return exitError(code)
			}
			return nil
		},
	}
	// A parameter that is no number does not get better by itself.
	command.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		_, _ = fmt.Fprintln(cmd.ErrOrStderr(), err)
		return exitError(step.ExitStop)
	})
	flags := command.Flags()
	flags.StringVar(&parameters.Kind, "kind", "", "kind of the run: backup, predeploy or stanza")
	flags.StringVar(&parameters.Form, "form", "", "form of the run: pod, or dag, in which every step has the parameters; pod if empty")
	flags.IntVar(&parameters.Retries, "retries", 0, "form dag: how often Argo has tried the step before")
	flags.StringVar(&parameters.Namespace, "namespace", "", "namespace of the postgresql resource")
	flags.StringVar(&parameters.Cluster, "cluster", "", "name of the postgresql resource")
	flags.StringVar(&parameters.Repo, "repo", "", "repo1, repo2, repo3 or repo4")
	flags.StringVar(&parameters.Type, "type", "", "full, diff or incr")
	flags.StringVar(&parameters.Trigger, "trigger", "", "what started the run: schedule, manual, initial, or the name of a trigger")
	flags.StringVar(&parameters.Workflow, "workflow", "", "name of the Workflow")
	flags.StringVar(&parameters.Created, "created", "", "when the Workflow was created, such as 2026-11-22T02:30:00Z")
	flags.DurationVar(&parameters.Limit, "limit", 470*time.Minute, "how long after its start the run must have ended; after its creation if it has none")
	flags.StringVar(&parameters.Verify, "verify", "10Gi", "largest size in the repo at which a backup and those it builds on are read back")
	flags.StringVar(&parameters.Run, "run", "", "UID of the Workflow, which identifies its backup")
	flags.DurationVar(&parameters.MaxAge, "max-age", 15*time.Minute, "predeploy: how long ago a proven backup may have ended to be reused")
	flags.StringVar(&parameters.RestorePoint, "restore-point", "predeploy", "predeploy: how the name of the restore point begins")
	flags.BoolVar(&parameters.OnlyReuse, "only-reuse", false, "predeploy: reuse a fresh backup, and make none")
	flags.StringVar(&workspace, "workspace", "/run/stanzaflow", "directory that the steps of a run share")
	flags.IntVar(&parameters.Attempts, "attempts", 6, "how often the step is tried, at least 1")
	flags.DurationVar(&parameters.Backoff, "backoff", 10*time.Second, "wait before the second attempt; it doubles up to 5m")
	flags.DurationVar(&poll, "poll", 2*time.Second, "wait between two looks at a running backup")
	flags.StringVar(&terminationLog, "termination-log", "/dev/termination-log", "file that Kubernetes reads the message of the container from")
	return command
}
