// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Command operator is the whole of Stanzaflow: the manager that runs in the
// cluster, the steps that the pods of a run execute, render, which shows
// what the manager would create, and version.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // Time zones of schedules, in an image without a zone database.

	"github.com/spf13/cobra"
)

// version is set by the linker.
var version = "dev"

// exitError ends the process with a code that is more than success or failure.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:])
	cancel()
	os.Exit(code)
}

func run(ctx context.Context, args []string) int {
	root := &cobra.Command{
		Use:           "operator",
		Short:         "Turns the pgBackRest schedules of postgresql resources into Argo CronWorkflows that prove each backup",
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(managerCommand(), stepCommand(), renderCommand(), versionCommand()) //nolint:contextcheck // cobra passes the context
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var status exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	default:
		_, _ = fmt.Fprintln(os.Stderr, "operator:", err)
		return 1
	}
}
