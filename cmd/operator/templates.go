// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/utils/clock"

	"github.com/stanzaflow/stanzaflow/internal/inspect/printer"
	"github.com/stanzaflow/stanzaflow/internal/rollout"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

const templatesHelp = `Bring the WorkflowTemplates, and the ServiceAccounts and Roles of their pods, into many
namespaces, and see which namespaces have them.`

// templatesCommand has the commands for the templates of many namespaces.
func templatesCommand(clk clock.PassiveClock, program string) *cobra.Command {
	command := &cobra.Command{
		Use:   "templates",
		Short: "Bring the WorkflowTemplates into many namespaces, and see which namespaces have them",
		Long:  templatesHelp,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError(cmd, "there is no command %q", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	command.AddCommand(templatesApplyCommand(clk, program), templatesStatusCommand(clk, program))
	return command
}

const templatesApplyHelp = `Apply the WorkflowTemplates, and the ServiceAccounts and Roles of their pods, server-side
to every namespace with the label ` + vocab.LabelTemplates + `=` + vocab.TemplatesEnabled + `, to those of --selector, or to
those that you name. Run it again whenever you like: it writes only what differs.

By default it applies what this program brings, with the image of its version; --image
is for your registry. To apply your own kustomization of workflows/, give it with -k, or
what you have rendered with -f.

It works with your rights: those to write these objects, and every right that they give.
It takes no field that another manager has set, such as Argo CD, unless you say
--force-conflicts. A namespace in which something is refused stays as it was, and the
others continue.

Exit codes:
  0  every namespace has the templates, or would with --dry-run; one that was deleted
     meanwhile needs none
  1  a namespace does not have them, or no namespace was found
  2  the command line is wrong; nothing was applied`

const templatesApplyExamples = `  # Each namespace with the label gets them
  kubectl label namespace shop ` + vocab.LabelTemplates + `=` + vocab.TemplatesEnabled + `
  %[1]s templates apply

  # What would change, with your own kustomization?
  %[1]s templates apply -k mine/workflows --dry-run

  # What another program has rendered, into two namespaces
  kustomize build mine/workflows | %[1]s templates apply -f - --namespaces shop,billing`

const templatesStatusHelp = `Show of each namespace how its WorkflowTemplates, with the ServiceAccounts and Roles of
their pods, stand to those that templates apply would apply with the same flags.

  current     they are the same
  missing     there is none of them
  incomplete  some are missing
  behind      they are of an older contract or release
  ahead       they are of a newer contract or release
  changed     templates apply has applied them, and somebody has changed them since
  different   they are of another kustomization, or of a release that is not known
  unknown     they could not be looked at

It looks at the namespaces with a Stanza, with a template of ours, or with the label
` + vocab.LabelTemplates + `=` + vocab.TemplatesEnabled + `, at those of --selector, or at those that you name. It writes nothing.`

const templatesStatusExamples = `  # Which namespaces are behind?
  %[1]s templates status

  # Compared with your own kustomization, with each field that differs
  %[1]s templates status -k mine/workflows -o wide`

func templatesApplyCommand(clk clock.PassiveClock, program string) *cobra.Command {
	var options templatesOptions
	command := &cobra.Command{
		Use:     "apply",
		Short:   "Apply the WorkflowTemplates with their rights to many namespaces",
		Long:    templatesApplyHelp,
		Example: fmt.Sprintf(templatesApplyExamples, program),
		Args:    noArguments,
		RunE:    options.apply,
	}
	options.add(command, clk, vocab.LabelTemplates+"="+vocab.TemplatesEnabled)
	flags := command.Flags()
	flags.StringVar(&options.dryRun, "dry-run", "none", "server: ask the API server whether it would work, show what would change, and write nothing; or none")
	flags.Lookup("dry-run").NoOptDefVal = dryRunServer
	flags.BoolVar(&options.how.Force, "force-conflicts", false, "take the fields that other managers have set. Never do that where Argo CD, Flux or Helm applies the templates")
	flags.StringVar(&options.how.Manager, "field-manager", vocab.TemplatesManager, "who owns the fields; kubectl, if you applied the templates by kubectl apply --server-side before")
	options.addOutput(command, printer.JSON, printer.YAML)
	return command
}

func templatesStatusCommand(clk clock.PassiveClock, program string) *cobra.Command {
	var options templatesOptions
	command := &cobra.Command{
		Use:     "status",
		Short:   "Show which namespaces have the WorkflowTemplates, and which are behind or changed",
		Long:    templatesStatusHelp + exitCodesOfAnAnswer,
		Example: fmt.Sprintf(templatesStatusExamples, program),
		Args:    noArguments,
		RunE:    options.status,
	}
	options.add(command, clk, "")
	options.addOutput(command, printer.Formats...)
	return command
}

func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError(cmd, "takes no arguments, and has %q; --namespaces names namespaces", args)
	}
	return nil
}

func (o *templatesOptions) apply(cmd *cobra.Command, _ []string) error {
	switch o.dryRun {
	case dryRunServer:
		o.how.DryRun = true
	case "none":
	default:
		return usageError(cmd, "--dry-run is %q, must be %s or none", o.dryRun, dryRunServer)
	}
	if o.how.Manager == "" {
		return usageError(cmd, "--field-manager must not be empty")
	}
	session, err := o.session(cmd)
	if err != nil {
		return err
	}
	p := o.printer(cmd.OutOrStdout())
	results := []rollout.Result{}
	err = session.Apply(cmd.Context(), o.target(), func(r rollout.Result) {
		results = append(results, r)
		if !p.Structured() {
			rollout.PrintResult(p, r, o.how.DryRun)
		}
	})
	if p.Structured() && (err == nil || len(results) > 0) {
		if err := p.List(results); err != nil {
			return err
		}
	}
	switch failures := rollout.FailedIn(results); {
	case err != nil:
		return fail(cmd, err)
	case len(results) == 0:
		return fail(cmd, fmt.Errorf("no namespace has the label %s: kubectl label namespace NAME %[1]s", o.selector))
	default:
		if !p.Structured() {
			printLine(cmd.OutOrStdout(), "\n%s", rollout.Summary(results))
		}
		if failures > 0 {
			return exitError(exitFailed)
		}
	}
	return nil
}

func (o *templatesOptions) status(cmd *cobra.Command, _ []string) error {
	session, err := o.session(cmd)
	if err != nil {
		return err
	}
	states, err := session.Status(cmd.Context(), o.target())
	p := o.printer(cmd.OutOrStdout())
	switch {
	case err != nil:
		return fail(cmd, err)
	case p.Structured():
		return p.List(states)
	case len(states) == 0:
		printLine(cmd.ErrOrStderr(), "No namespace found.")
		return nil
	}
	return p.Print(rollout.StateTable(states))
}
