// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/run/step"
)

func stepCommand() *cobra.Command {
	var options step.Options
	var workspace, terminationLog string
	var poll, limit time.Duration
	var created, verify string
	command := &cobra.Command{
		Use:       "step NAME",
		Short:     "Runs one step of a backup; the WorkflowTemplate pgbackrest-backup calls it",
		ValidArgs: step.Names,
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := bounds(&options, created, limit, verify); err != nil {
				_, _ = fmt.Fprintln(cmd.ErrOrStderr(), err)
				return exitError(step.ExitStop)
			}
			config, err := rest.InClusterConfig()
			if err != nil {
				return err
			}
			client, err := remote.New(config)
			if err != nil {
				return err
			}
			env := step.Env{
				Finder: client, Executor: client, Clock: clock.RealClock{}, Log: cmd.OutOrStdout(),
				Workspace: step.Workspace(workspace), Poll: poll, TerminationLog: terminationLog,
				// Argo says here where it reads the progress of a node.
				ProgressFile: os.Getenv("ARGO_PROGRESS_FILE"),
			}
			if code := step.Run(cmd.Context(), args[0], env, options); code != 0 {
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
	flags.StringVar(&options.Namespace, "namespace", "", "namespace of the postgresql resource")
	flags.StringVar(&options.Cluster, "cluster", "", "name of the postgresql resource")
	flags.StringVar(&options.Repo, "repo", "", "repo1, repo2, repo3 or repo4")
	flags.StringVar(&options.Type, "type", "", "full, diff or incr")
	flags.StringVar(&options.Trigger, "trigger", "", "what started the run: schedule or manual")
	flags.StringVar(&options.Workflow, "workflow", "", "name of the Workflow")
	flags.StringVar(&created, "created", "", "when the Workflow was created, as in 2026-11-22T02:30:00Z")
	flags.DurationVar(&limit, "limit", 470*time.Minute, "how long after that the run must be over")
	flags.StringVar(&verify, "verify", "10Gi", "up to which size in the repo a backup and those it builds on are read back")
	flags.StringVar(&options.Run, "run", "", "UID of the Workflow, by which the backup is proven to be its own")
	flags.StringVar(&workspace, "workspace", "/run/stanzaflow", "directory that the steps of a run share")
	flags.IntVar(&options.Attempts, "attempts", 6, "how often the step is tried, at least 1")
	flags.DurationVar(&options.Backoff, "backoff", 10*time.Second, "wait before the second attempt; it doubles up to 5m")
	flags.DurationVar(&poll, "poll", 2*time.Second, "wait between two looks at a backup that is running")
	flags.StringVar(&terminationLog, "termination-log", "/dev/termination-log", "file that Kubernetes reads the message of the container from")
	return command
}

// bounds reads what only begin is given; the other steps find it in the workspace.
func bounds(options *step.Options, created string, limit time.Duration, verify string) error {
	if created == "" {
		return nil
	}
	at, err := time.Parse(time.RFC3339, created)
	if err != nil {
		return fmt.Errorf("--created is %q, must be a time such as 2026-11-22T02:30:00Z", created)
	}
	if limit <= 0 {
		return fmt.Errorf("parameter limit is %s, must be more than 0, such as 470m", limit)
	}
	size, err := resource.ParseQuantity(verify)
	if err != nil || size.Sign() < 0 {
		return fmt.Errorf("parameter verify is %q, must be a size such as 10Gi, or 0", verify)
	}
	options.Deadline, options.Limit, options.VerifyBytes = at.Add(limit), limit, size.Value()
	return nil
}
