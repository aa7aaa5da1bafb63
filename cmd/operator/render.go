// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/clock"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile"
	"github.com/stanzaflow/stanzaflow/internal/submit"
	"github.com/stanzaflow/stanzaflow/internal/translate"
	"github.com/stanzaflow/stanzaflow/internal/translate/drill"
	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
	"github.com/stanzaflow/stanzaflow/internal/translate/schedule"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Exit codes of render. Its help and docs/render.md explain them.
const (
	exitProblems   = 1
	exitUnreadable = 2
)

// exitUsage is the exit code of a command line that is wrong.
const exitUsage = submit.ExitUsage

// Output formats of render.
const (
	outputYAML    = "yaml"
	outputSummary = "summary"
)

const renderHelp = `Print what the operator would create for postgresql resources, without a cluster.

It reads files, directories and standard input: YAML or JSON, several documents in
one file, and lists as kubectl get prints them. It uses the Stanzas that it finds
there, and the windows that WorkflowTemplates set. It ignores other objects. It does
not show the values of a Secret. It cannot know whether a cluster is CPO's: --mode
says so for all of them.

Problems go to standard error, one a line: object, field, reason, sentence. What
cannot be read goes there too, with its file and document. Everything else is still
printed. A line that begins with Warning is about something that works, and perhaps
not as you expect. It does not change the exit code.

Exit codes:
  0  everything is understood
  1  a resource has a Problem that is not a warning
  2  something could not be read, or there is no postgresql resource`

const renderExamples = `  # What the operator would create for one cluster
  operator render -f cluster.yaml

  # The next runs of every cluster of a repository
  operator render -R -f clusters/ -o summary

  # The same for the clusters that are running
  kubectl get postgresql,stanza -A -o yaml | operator render -f - -o summary

  # What the operator would create beside CPO, and what CPO breaks
  operator render -f cluster.yaml --mode alongside`

// renderOptions are the flags of render.
type renderOptions struct {
	files     []string
	recursive bool
	namespace string
	output    string
	mode      string
	window    time.Duration
}

func renderCommand(clk clock.PassiveClock, program string) *cobra.Command {
	var options renderOptions
	command := &cobra.Command{
		Use:     "render -f FILENAME",
		Short:   "Print what the operator would create for a postgresql resource, without a cluster",
		Long:    renderHelp,
		Example: strings.ReplaceAll(renderExamples, programName+" render", program+" render"),
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError(cmd, "unexpected arguments %q; every file needs its own -f", args)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case len(options.files) == 0:
				return usageError(cmd, "must specify -f")
			case !slices.Contains([]string{outputYAML, outputSummary}, options.output):
				return usageError(cmd, "unknown output format %q, allowed formats are: %s,%s", options.output, outputYAML, outputSummary)
			}
			provisioner, err := provisionerOf(options.mode)
			if err != nil {
				return usageError(cmd, "%v", err)
			}
			if err := schedule.CheckWindow(options.window); err != nil {
				return usageError(cmd, "--%s %v", flagWindow, err)
			}
			in := readInput(options, cmd.InOrStdin())
			in.provisioner, in.window = provisioner, options.window
			return render(in, options.output, clk.Now(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	command.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usageError(cmd, "%v", err) })
	flags := command.Flags()
	flags.StringSliceVarP(&options.files, "filename", "f", nil, "file or directory with the resources, - for standard input; may be repeated")
	flags.BoolVarP(&options.recursive, "recursive", "R", false, "read the directories in a directory, too")
	flags.StringVarP(&options.namespace, "namespace", "n", "default", "namespace of resources that name none")
	flags.StringVar(&options.mode, "mode", vocab.ModeStandalone, modeHelp)
	addWindowFlag(flags, &options.window)
	flags.StringVarP(&options.output, "output", "o", outputYAML, "yaml, or summary: one line for each schedule with its next runs")
	return command
}

func usageError(cmd *cobra.Command, format string, args ...any) error {
	printLine(cmd.ErrOrStderr(), "error: "+format, args...)
	printLine(cmd.ErrOrStderr(), "See '%s --help' for usage.", cmd.CommandPath())
	return exitError(exitUsage)
}

func printLine(out io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(out, format+"\n", args...)
}

// rendered is what the operator would do for one cluster.
type rendered struct {
	cluster cpo.Postgresql
	// stanza is true if the operator would create the Stanza.
	stanza bool
	plan   translate.Plan
	// template is the name of the WorkflowTemplate.
	template string
	// noPod: the pod of its drills is left out, because nothing says how the pods of
	// PostgreSQL are.
	noPod bool
}

// renderedImage stands for the image in the WorkflowTemplate of the drills, which may be
// from any registry.
const renderedImage = "ghcr.io/stanzaflow/operator"

// databaseBytes is the size of the database in its newest proven backup, if the Stanza has
// its status.
func databaseBytes(status stanzaflowv1alpha1.StanzaStatus) int64 {
	if status.LastBackup == nil {
		return 0
	}
	return status.LastBackup.DatabaseBytes
}

// render prints the Plan of every cluster in the input, and reports what is wrong.
func render(in input, output string, now time.Time, out, errors io.Writer) error {
	var all []rendered
	rejected := false
	taken := in.takenLocations()
	for _, object := range in.clusters {
		name := nameOf(object)
		if stanza := in.stanzas[name]; stanza.broken {
			// Without its Stanza the time zone of the schedules would be a guess.
			in.fail(stanza.position, "postgresql %s is left out, because its Stanza cannot be read", name)
			continue
		}
		r := in.renderCluster(object, taken[name])
		all = append(all, r)
		rejected = rejected || len(r.plan.Problems.Mistakes()) > 0
	}
	if err := printRendered(all, output, now, out); err != nil {
		in.fail("standard output", "%v", err)
	}
	for _, line := range in.errors {
		printLine(errors, "error: %s", line)
	}
	if len(in.clusters) == 0 && len(in.errors) == 0 {
		printLine(errors, "error: found no postgresql resource (apiVersion %s)", cpo.GroupVersionKind.GroupVersion())
	}
	for _, line := range in.warnings() {
		printLine(errors, "Warning: %s", line)
	}
	for _, r := range all {
		if r.noPod {
			printLine(errors, "Warning: postgresql %s/%s: the ConfigMap with the pod of its drills is left out: add its StatefulSet to the input (kubectl get statefulset -o yaml)", r.cluster.Namespace, r.cluster.Name)
		}
		for _, p := range r.plan.Problems {
			r.printProblem(p, errors)
		}
	}
	switch {
	case len(in.errors) > 0, len(in.clusters) == 0:
		return exitError(exitUnreadable)
	case rejected:
		return exitError(exitProblems)
	}
	return nil
}

func (r rendered) printProblem(p problem.Problem, errors io.Writer) {
	prefix, name := "", r.cluster.Name
	if p.Severity == problem.Warning {
		prefix = "Warning: "
	}
	if p.Kind == problem.KindTemplate {
		name = r.template
	}
	printLine(errors, prefix+"%s %s/%s: %s: %s: %s", p.Kind, r.cluster.Namespace, name, p.Field, p.Reason, p.Message)
}

func (in *input) renderCluster(object map[string]any, taken map[string]string) rendered {
	cluster, fieldErrors := cpo.Decode(object)
	stanza := in.stanzas[nameOf(object)]
	template := templateOf(cluster.Namespace, stanza.object.Spec)
	r := rendered{cluster: cluster, template: template.Name}
	set := in.sets[nameOf(object)]
	r.noPod = drill.Asked(stanza.object.Spec) && set == nil
	r.plan = translate.Translate(translate.Input{
		Drill:       drill.Observed{Source: set, SourceUnknown: set == nil, Image: renderedImage, DatabaseBytes: databaseBytes(stanza.object.Status)},
		Provisioner: in.provisioner, Cluster: cluster, FieldErrors: fieldErrors,
		Stanza: stanza.object.Spec, Known: stanza.object.Status.Repos, Taken: taken,
		Window: translate.Window{Template: in.windows[template], Default: in.window},
	})
	r.stanza = stanza.position == "" && reconcile.NeedsStanza(&unstructured.Unstructured{Object: object}, r.plan)
	return r
}

func printRendered(all []rendered, output string, now time.Time, out io.Writer) error {
	if output == outputSummary {
		return printSummary(out, all, now)
	}
	for _, r := range all {
		if err := printYAML(out, r); err != nil {
			return err
		}
	}
	return nil
}
