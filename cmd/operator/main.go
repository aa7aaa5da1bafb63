// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Command operator is all of Stanzaflow: manager runs in the cluster, step runs in
// the pods of a run, watch in the pod that asks all clusters of a namespace, drill-step in
// the pods of a drill, into which copy brings the program, backup and predeploy start a run
// and wait for its verdict, status, explain, backups, runs, logs, expire, restore plan and
// doctor answer questions and change nothing, templates brings the WorkflowTemplates into
// many namespaces, render shows what the manager would create, release gives CPO's
// CronJobs back, and version prints what must fit the manager. As kubectl-stanzaflow it is
// a plugin of kubectl.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // The image has no zone database, and schedules need one.

	"github.com/spf13/cobra"
	"k8s.io/utils/clock"
)

// version is set by the linker.
var version = "dev"

// exitError ends the process with a code that says more than success or failure.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, clock.RealClock{}, os.Args)
	cancel()
	os.Exit(code)
}

// run runs the program. The first argument is the file that was run. Only the
// commands that show something use the clock.
func run(ctx context.Context, clk clock.PassiveClock, args []string) int {
	program := nameOfProgram(args[0])
	root := &cobra.Command{
		Use:           programName,
		Short:         "Turn the pgBackRest schedules of postgresql resources into Argo CronWorkflows that prove each backup",
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(managerCommand(), releaseCommand(), stepCommand(), watchCommand(), drillStepCommand(), copyCommand(), backupCommand(program), predeployCommand(program), drillCommand(program), renderCommand(clk, program), versionCommand())                                         //nolint:contextcheck // cobra passes the context
	root.AddCommand(statusCommand(clk, program), explainCommand(clk, program), backupsCommand(clk, program), runsCommand(clk, program), logsCommand(clk, program), expireCommand(clk, program), restoreCommand(clk, program), doctorCommand(clk, program), templatesCommand(clk, program)) //nolint:contextcheck // cobra passes the context
	if program == pluginName {
		asPlugin(root)
	}
	root.SetArgs(args[1:])
	err := root.ExecuteContext(ctx)
	var status exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	default:
		_, _ = fmt.Fprintf(os.Stderr, "%s: %v\n", program, err)
		return 1
	}
}
