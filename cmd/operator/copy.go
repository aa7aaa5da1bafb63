// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

func copyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "copy FILE",
		Short: "Copy this program to a file; the pod of a drill calls it to have it in the image of PostgreSQL",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			self, err := os.Executable()
			if err != nil {
				return fmt.Errorf("cannot find this program: %w", err)
			}
			return copyProgram(self, args[0])
		},
	}
}

// copyProgram copies a program that needs no library, so that it runs in every image. The
// file is complete as soon as it has its name.
func copyProgram(from, to string) (err error) {
	in, err := os.Open(from) //nolint:gosec // This program.
	if err != nil {
		return fmt.Errorf("cannot read this program: %w", err)
	}
	defer func() { _ = in.Close() }()
	next := to + ".next"
	out, err := os.OpenFile(next, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o755) //nolint:gosec // a program for another user
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", next, err)
	}
	_, err = io.Copy(out, in)
	// The umask may have taken rights away.
	if err := errors.Join(err, out.Chmod(0o755), out.Close()); err != nil {
		return fmt.Errorf("cannot write %s: %w", next, err)
	}
	if err := os.Rename(next, to); err != nil {
		return fmt.Errorf("cannot write %s: %w", to, err)
	}
	return nil
}
