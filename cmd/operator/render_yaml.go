// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"

	"sigs.k8s.io/yaml"

	"github.com/stanzaflow/stanzaflow/internal/translate"
	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
)

// printYAML prints every object that the operator would create for a cluster.
func printYAML(out io.Writer, r rendered) error {
	var objects []any
	if r.stanza {
		objects = append(objects, translate.DefaultStanza(r.cluster))
	}
	objects = append(objects, r.plan.Provision.Objects()...)
	for _, cron := range r.plan.Schedules {
		objects = append(objects, cron)
	}
	if config := r.plan.Drills.ConfigMap; config != nil {
		objects = append(objects, config)
	}
	for _, cron := range r.plan.Drills.CronWorkflows {
		objects = append(objects, cron)
	}
	for _, object := range objects {
		if err := printObject(out, object); err != nil {
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
