// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

var errUsage = errors.New("usage: argocd sync NAMESPACE REVISION <manifests.yaml | argocd health SCRIPTS.yaml <object.yaml")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:gocritic // The process ends, and with it what stop would release.
	}
}

func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	if len(args) == 0 {
		return errUsage
	}
	text, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	switch rest := args[1:]; {
	case args[0] == "sync" && len(rest) == 2:
		return syncAll(ctx, rest[0], rest[1], text, out)
	case args[0] == "health" && len(rest) == 1:
		scripts, err := readScripts(rest[0])
		if err != nil {
			return err
		}
		return printHealth(scripts, text, out)
	}
	return errUsage
}
