// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/clock"

	"github.com/stanzaflow/stanzaflow/internal/rollout"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

const dryRunServer = "server"

// templatesOptions are the flags of the commands for the templates of many namespaces.
type templatesOptions struct {
	inspectOptions
	file, folder, image, mode string
	selector, names           string
	dryRun                    string
	how                       rollout.How
	targets                   []string
}

// add adds the flags that say what is applied, and where.
func (o *templatesOptions) add(command *cobra.Command, clk clock.PassiveClock, selector string) {
	o.inspectOptions.add(command, clk)
	flags := command.Flags()
	flags.Lookup("namespace").Usage = "one namespace"
	flags.StringVar(&o.names, "namespaces", "", "several namespaces, separated by commas")
	flags.StringVarP(&o.selector, "selector", "l", selector, "the namespaces with these labels")
	flags.StringVarP(&o.file, "filename", "f", "", "file with what is applied, such as workflows.yaml of a release; - for stdin. By default what this program brings")
	flags.StringVarP(&o.folder, "kustomize", "k", "", "folder with a kustomization, which kubectl kustomize renders")
	flags.StringVar(&o.image, "image", "", "image of the operator in what this program brings; by default "+rollout.Image("VERSION")+" of this program")
	flags.StringVar(&o.mode, "mode", vocab.ModeStandalone, "that of the operator, for what this program brings: "+modeHelp)
	command.PreRunE = o.check
}

// check refuses flags that contradict each other.
func (o *templatesOptions) check(cmd *cobra.Command, _ []string) error {
	given := func(names ...string) (found []string) {
		for _, name := range names {
			if cmd.Flags().Changed(name) {
				found = append(found, "--"+name)
			}
		}
		return found
	}
	for _, one := range [][]string{{"namespace", "namespaces", "selector"}, {"filename", "kustomize", "image"}, {"filename", "kustomize", "mode"}} {
		if both := given(one...); len(both) > 1 {
			return usageError(cmd, "takes only one of %s", strings.Join(both, " and "))
		}
	}
	err := o.readTarget(cmd)
	if err == nil {
		_, err = provisionerOf(o.mode)
	}
	if err != nil {
		return usageError(cmd, "%v", err)
	}
	return nil
}

// readTarget reads which namespaces are meant.
func (o *templatesOptions) readTarget(cmd *cobra.Command) (err error) {
	switch changed := cmd.Flags().Changed; {
	case changed("namespace"):
		o.targets = []string{o.kubectl.overrides.Context.Namespace}
	case changed("namespaces"):
		o.targets, err = namespaceList(o.names)
		if err == nil && len(o.targets) == 0 {
			return errors.New("--namespaces is empty")
		}
	case changed("selector") && o.selector == "":
		return errors.New("--selector is empty, and that would be every namespace")
	case changed("selector"):
		if _, err := labels.Parse(o.selector); err != nil {
			return fmt.Errorf("--selector: %w", err)
		}
	}
	return err
}

func (o *templatesOptions) target() rollout.Target {
	return rollout.Target{Names: o.targets, Selector: o.selector}
}

// session reads the bundle and finds the API server.
func (o *templatesOptions) session(cmd *cobra.Command) (*rollout.Session, error) {
	bundle, err := o.bundle(cmd.Context())
	if err != nil {
		return nil, fail(cmd, err)
	}
	config, _, err := o.kubectl.load()
	if err != nil {
		return nil, fail(cmd, err)
	}
	client, err := rollout.NewClient(config)
	if err != nil {
		return nil, fail(cmd, err)
	}
	return &rollout.Session{Cluster: client, Bundle: bundle, By: o.by(), How: o.how, Warn: func(sentence string) { warn(cmd, []string{sentence}) }}, nil
}

// by is whose bundle this program brings, empty for one of the person.
func (o *templatesOptions) by() vocab.Provisioner {
	if o.file != "" || o.folder != "" {
		return ""
	}
	by, _ := provisionerOf(o.mode) // check has refused another one
	return by
}

// bundle reads what is applied.
func (o *templatesOptions) bundle(ctx context.Context) (rollout.Bundle, error) {
	var from io.Reader
	what := o.file
	switch {
	case o.folder != "":
		what = o.folder
		text, err := kustomize(ctx, o.folder)
		if err != nil {
			return rollout.Bundle{}, err
		}
		from = bytes.NewReader(text)
	case o.file == "-":
		what, from = "stdin", os.Stdin
	case o.file != "":
		file, err := os.Open(o.file)
		if err != nil {
			return rollout.Bundle{}, err
		}
		defer func() { _ = file.Close() }()
		from = file
	default:
		return o.own()
	}
	objects, err := rollout.Read(from)
	if err != nil {
		return rollout.Bundle{}, fmt.Errorf("%s: %w", what, err)
	}
	bundle, err := rollout.New(objects)
	if err != nil {
		return bundle, fmt.Errorf("%s cannot be applied to many namespaces, and nothing was applied: %w", what, err)
	}
	return bundle, nil
}

// own is what this program brings.
func (o *templatesOptions) own() (rollout.Bundle, error) {
	image := o.image
	if image == "" {
		if version == "dev" {
			return rollout.Bundle{}, errors.New("this program is of no release, so its image is not known: name it with --image, or give -k or -f")
		}
		image = rollout.Image(version)
	}
	return rollout.Own(o.by(), image)
}

// kustomize renders a folder by the kubectl of the person.
func kustomize(ctx context.Context, folder string) ([]byte, error) {
	command := exec.CommandContext(ctx, "kubectl", "kustomize", folder) //nolint:gosec // The person names the folder.
	var problems bytes.Buffer
	command.Stderr = &problems
	text, err := command.Output()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return nil, errors.New("-k needs kubectl in your PATH; or render the folder by something else, and give it with -f -")
	case err != nil:
		return nil, fmt.Errorf("kubectl kustomize %s: %s", folder, strings.TrimSpace(problems.String()))
	}
	return text, nil
}
