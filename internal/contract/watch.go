// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// watchLabels are those by which the operator finds a run of the watch, and takes it for
// nothing else. That of the cluster is empty: the run belongs to no single cluster.
var watchLabels = map[string]string{
	vocab.LabelCluster: "",
	vocab.LabelKind:    string(vocab.RunWatch),
}

// watchOutputs are what the operator and people read of a run of the watch.
var watchOutputs = []string{vocab.OutputReport, vocab.OutputMessage}

// watchCommand finds the command in a command line, also in one for a shell.
var watchCommand = regexp.MustCompile(`(?:^|\s)watch(?:\s|$)`)

// CheckWatch returns what is missing or wrong in a template of the watch, a sentence each
// that names it. None means that the template keeps the contract vocab.WatchContract.
func CheckWatch(template *wfv1.WorkflowTemplate) []string {
	c := newCheck(template)
	for _, p := range c.spec.Arguments.Parameters {
		if p.Value == nil && p.ValueFrom == nil {
			c.find("parameter %s has no default, and the operator passes none", p.Name)
		}
	}
	if c.spec.ServiceAccountName == "" {
		c.find("spec.serviceAccountName is missing: the pod could ask no cluster")
	}
	c.checkWatchLabels()
	c.checkWatchEntrypoint()
	return c.findings
}

// WatchSentence says all findings of a template of the watch, after its name.
func WatchSentence(findings []string) string {
	return "does not keep the contract " + vocab.WatchContract + " (docs/watch.md#contract), so no cluster of the namespace is watched: " + strings.Join(findings, "; ")
}

func (c *check) checkWatchLabels() {
	metadata := c.spec.WorkflowMetadata
	if metadata == nil {
		metadata = &wfv1.WorkflowMetadata{}
	}
	for _, label := range slices.Sorted(maps.Keys(watchLabels)) {
		want := watchLabels[label]
		have, there := metadata.Labels[label]
		if _, replaced := metadata.LabelsFrom[label]; !there || replaced || have != want {
			c.find("label %s in workflowMetadata.labels is not %q: the operator would not find the run, or take it for a backup", label, want)
		}
	}
}

func (c *check) checkWatchEntrypoint() {
	first := c.templates[c.spec.Entrypoint]
	if first == nil {
		c.find("entrypoint %q is missing", c.spec.Entrypoint)
		return
	}
	reached := walk{check: c, seen: map[way]bool{}}
	reached.enter(first, nil)
	published, asks := map[string]bool{}, false
	for _, v := range reached.visits {
		for _, output := range v.template.Outputs.Parameters {
			published[output.GlobalName] = true
		}
		for _, container := range readPod(v.template).containers {
			if !watchCommand.MatchString(strings.Join(container.words, " ")) {
				continue
			}
			asks = true
			if !slices.Contains(container.words, ownNamespace) {
				c.find("the container of template %s that runs operator watch has no argument %s", v.template.Name, ownNamespace)
			}
		}
	}
	if !asks {
		c.find("no container below entrypoint %s runs operator watch", c.spec.Entrypoint)
	}
	for _, name := range watchOutputs {
		if !published[name] {
			c.find("output %s is missing below entrypoint %s: no template publishes it with globalName %s", name, c.spec.Entrypoint, name)
		}
	}
}
