// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdin, os.Stdout); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: argoevents SENSOR.yaml <body.json")
	}
	text, err := os.ReadFile(args[0]) //nolint:gosec // The caller says which.
	if err != nil {
		return err
	}
	s, err := readSensor(text)
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	body, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		clientcmd.NewDefaultClientConfigLoadingRules(), &clientcmd.ConfigOverrides{}).ClientConfig()
	if err != nil {
		return err
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	created, err := s.receive(ctx, client, body)
	if err != nil {
		return err
	}
	if created == nil {
		_, err = fmt.Fprintln(out, "not selected")
		return err
	}
	_, err = fmt.Fprintln(out, created.GetName())
	return err
}
