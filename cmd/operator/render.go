// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate"
	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
)

func renderCommand() *cobra.Command {
	var file, namespace string
	command := &cobra.Command{
		Use:   "render -f FILE",
		Short: "Print what the operator would create for a postgresql resource, without a cluster",
		Long: `Print, as YAML, what the operator would create for the postgresql resources in
a file. It uses Stanzas in the same file and ignores other objects. It does not
show the values of a Secret. Problems go to standard error, one a line: object,
field, reason, sentence. Everything valid is still printed; the exit code is 1 if
something was rejected.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			in := cmd.InOrStdin()
			if file != "-" {
				f, err := os.Open(file) //nolint:gosec // the user names the file
				if err != nil {
					return err
				}
				defer func() { _ = f.Close() }()
				in = f
			}
			return render(in, cmd.OutOrStdout(), cmd.ErrOrStderr(), namespace)
		},
	}
	command.Flags().StringVarP(&file, "filename", "f", "", "file with the resources, - for standard input")
	command.Flags().StringVarP(&namespace, "namespace", "n", "default", "namespace of resources that name none")
	if err := command.MarkFlagRequired("filename"); err != nil {
		panic(err)
	}
	return command
}

// render prints the Plan of every postgresql resource in a stream of YAML or
// JSON documents.
func render(in io.Reader, out, problems io.Writer, namespace string) error {
	clusters, stanzas, err := readResources(in, namespace)
	if err != nil {
		return err
	}
	if len(clusters) == 0 {
		return errors.New("found no postgresql resource (apiVersion cpo.opensource.cybertec.at/v1)")
	}
	rejected := false
	for _, object := range clusters {
		cluster, fieldErrors := cpo.Decode(object)
		stanza, ok := stanzas[[2]string{cluster.Namespace, cluster.Name}]
		plan := translate.Translate(translate.Input{Provisioner: provisioner, Cluster: cluster, FieldErrors: fieldErrors, Stanza: stanza.Spec})
		if !ok {
			if err := printObject(out, translate.DefaultStanza(cluster)); err != nil {
				return err
			}
		}
		if err := printPlan(out, plan); err != nil {
			return err
		}
		for _, p := range plan.Problems {
			rejected = true
			_, _ = fmt.Fprintf(problems, "%s %s/%s: %s: %s: %s\n", p.Kind, cluster.Namespace, cluster.Name, p.Field, p.Reason, p.Message)
		}
	}
	if rejected {
		return exitError(1)
	}
	return nil
}

// readResources keeps the order of the postgresql resources.
func readResources(in io.Reader, namespace string) ([]map[string]any, map[[2]string]stanzaflowv1alpha1.Stanza, error) {
	var clusters []map[string]any
	stanzas := map[[2]string]stanzaflowv1alpha1.Stanza{}
	reader := utilyaml.NewYAMLReader(bufio.NewReader(in))
	for i := 1; ; i++ {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return clusters, stanzas, nil
		}
		if err != nil {
			return nil, nil, fmt.Errorf("cannot read document %d: %w", i, err)
		}
		if len(bytes.TrimSpace(document)) == 0 {
			continue
		}
		b, err := yaml.YAMLToJSONStrict(document)
		if err != nil {
			return nil, nil, fmt.Errorf("document %d is not valid YAML: %w", i, err)
		}
		var object map[string]any
		if err := json.Unmarshal(b, &object); err != nil {
			return nil, nil, fmt.Errorf("document %d is not an object", i)
		}
		switch gvk := [2]any{object["apiVersion"], object["kind"]}; gvk {
		case [2]any{cpo.GroupVersionKind.GroupVersion().String(), cpo.GroupVersionKind.Kind}:
			if metadata, ok := object["metadata"].(map[string]any); ok && metadata["namespace"] == nil {
				metadata["namespace"] = namespace
			}
			clusters = append(clusters, object)
		case [2]any{stanzaflowv1alpha1.GroupVersion.String(), "Stanza"}:
			stanza, err := decodeStanza(b)
			if err != nil {
				return nil, nil, fmt.Errorf("document %d is not a valid Stanza: %w", i, err)
			}
			stanzas[[2]string{cmp.Or(stanza.Namespace, namespace), stanza.Name}] = stanza
		}
	}
}

func printPlan(out io.Writer, plan translate.Plan) error {
	for _, typed := range plan.Provision.Objects() {
		if err := printObject(out, typed); err != nil {
			return err
		}
	}
	for _, cron := range plan.Schedules {
		if err := printObject(out, cron); err != nil {
			return err
		}
	}
	return nil
}

// redacted replaces every value of a Secret, because the output goes to terminals,
// tickets and pull requests.
const redacted = "<redacted>"

func printObject(out io.Writer, typed any) error {
	object, err := manifest.Object(typed)
	if err != nil {
		return err
	}
	if data, ok := object["data"].(map[string]any); ok && object["kind"] == "Secret" {
		for key := range data {
			data[key] = redacted
		}
	}
	b, err := yaml.Marshal(object)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "---\n%s", b)
	return err
}
