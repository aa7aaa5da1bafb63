// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version, and the contracts that must fit it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var settings []debug.BuildSetting
			if info, ok := debug.ReadBuildInfo(); ok {
				settings = info.Settings
			}
			return printVersion(cmd.OutOrStdout(), settings)
		},
	}
}

func printVersion(out io.Writer, settings []debug.BuildSetting) error {
	_, err := fmt.Fprintf(out, "version:           %s\ncommit:            %s\ngo:                %s %s/%s\ntemplate-contract: %s\nwatch-contract:    %s\npolicy-contract:   %s\n",
		version, commit(settings), runtime.Version(), runtime.GOOS, runtime.GOARCH, vocab.TemplateContract, vocab.WatchContract, vocab.PolicyContract)
	return err
}

// commit returns the commit that Go has recorded. A build with -buildvcs=false has
// none; then its version, from git describe, shows the commit.
func commit(settings []debug.BuildSetting) string {
	revision, dirty := "not recorded", ""
	for _, setting := range settings {
		switch {
		case setting.Key == "vcs.revision":
			revision = setting.Value
		case setting.Key == "vcs.modified" && setting.Value == "true":
			dirty = ", with changes"
		}
	}
	return revision + dirty
}
