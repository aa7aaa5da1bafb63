// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	"k8s.io/utils/clock"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/inspect"
	"github.com/stanzaflow/stanzaflow/internal/inspect/printer"
	"github.com/stanzaflow/stanzaflow/internal/nearmiss"
)

// exitFailed is the exit code of a command that could not answer.
const exitFailed = 1

const exitCodesOfAnAnswer = `

Exit codes:
  0  it was answered, whatever the answer is
  1  it could not be answered
  2  the command line is wrong`

// inspectOptions are the flags of the commands that only read.
type inspectOptions struct {
	kubectl kubectlFlags
	clock   clock.PassiveClock
	output  string
	// allNamespaces is false for a command without that flag.
	allNamespaces bool
}

// add adds the flags that these commands share.
func (o *inspectOptions) add(command *cobra.Command, clk clock.PassiveClock) {
	o.clock = clk
	o.kubectl.add(command.Flags())
	command.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usageError(cmd, "%v", err) })
	command.Flags().SortFlags = false
}

// addOutput adds the flag for the form of the answer.
func (o *inspectOptions) addOutput(command *cobra.Command, formats ...string) {
	command.Flags().StringVarP(&o.output, "output", "o", "", "form of the answer: "+strings.Join(formats, ", ")+"; by default a text for people")
	_ = command.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp)) // The flag exists.
	check := command.PreRunE
	command.PreRunE = func(cmd *cobra.Command, args []string) error {
		if o.output != "" && !slices.Contains(formats, o.output) {
			return usageError(cmd, "--output is %q, must be one of %s%s", o.output, strings.Join(formats, ", "), nearmiss.DidYouMean(o.output, formats))
		}
		if check != nil {
			return check(cmd, args)
		}
		return nil
	}
}

// addAllNamespaces adds the flag -A.
func (o *inspectOptions) addAllNamespaces(command *cobra.Command) {
	command.Flags().BoolVarP(&o.allNamespaces, "all-namespaces", "A", false, "all namespaces, whatever -n says")
}

// takeOne makes a command refuse everything but one argument, or none if it is optional.
func takeOne(what string, optional bool) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) == 1, optional && len(args) == 0:
			return nil
		case optional:
			return usageError(cmd, "takes the name of one %s at most, and has %d arguments: %q", what, len(args), args)
		}
		return usageError(cmd, "needs the name of one %s, and has %d arguments: %q", what, len(args), args)
	}
}

// printer returns what prints the answer.
func (o *inspectOptions) printer(out io.Writer) printer.Printer {
	return printer.Printer{Out: out, Format: o.output, Colour: showsColours(out)}
}

// showsColours reports whether somebody sees them: https://no-color.org has the variable.
func showsColours(out io.Writer) bool {
	file, ok := out.(*os.File)
	return ok && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(file.Fd()))
}

// source returns the API server, and the namespace that is meant, empty for all.
func (o *inspectOptions) source() (inspect.Source, string, error) {
	config, namespace, err := o.kubectl.load()
	if err != nil {
		return nil, "", err
	}
	if o.allNamespaces {
		namespace = ""
	}
	client, err := inspect.NewClient(config)
	return client, namespace, err
}

// fail says why there is no answer.
func fail(cmd *cobra.Command, err error) error {
	printLine(cmd.ErrOrStderr(), "error: %v", err)
	return exitError(exitFailed)
}

// stanzas returns the one that is asked for, or all of the namespace.
func (o *inspectOptions) stanzas(ctx context.Context, args []string) (inspect.Source, string, []*stanzaflowv1alpha1.Stanza, error) {
	source, namespace, err := o.source()
	if err != nil {
		return nil, "", nil, err
	}
	if len(args) == 0 {
		all, err := inspect.Stanzas(ctx, source, namespace)
		return source, namespace, all, err
	}
	one, err := inspect.Stanza(ctx, source, namespace, args[0])
	return source, namespace, []*stanzaflowv1alpha1.Stanza{one}, err
}

// completeClusters completes the name of a cluster.
func (o *inspectOptions) completeClusters(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return o.complete(cmd, args, inspect.Names)
}

// completeRuns completes the name of a run.
func (o *inspectOptions) completeRuns(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return o.complete(cmd, args, inspect.RunNames)
}

func (o *inspectOptions) complete(cmd *cobra.Command, args []string, names func(context.Context, inspect.Source, string) []string) ([]cobra.Completion, cobra.ShellCompDirective) {
	source, namespace, err := o.source()
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return names(cmd.Context(), source, namespace), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}

// warn prints sentences about what the answer does not have.
func warn(cmd *cobra.Command, sentences []string) {
	for _, sentence := range sentences {
		printLine(cmd.ErrOrStderr(), "Warning: %s", printer.Clean(sentence))
	}
}
