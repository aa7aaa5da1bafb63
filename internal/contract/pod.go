// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

const (
	// workspace is where the steps of a run share files.
	workspace = "/run/stanzaflow"
	// gracePeriod is how many seconds a stopped run has to end its backup and to report.
	gracePeriod = 60
	kindFlag    = "--kind="
	// ownNamespace is the argument with which a pod works in the namespace of its Workflow.
	ownNamespace = "--namespace={{workflow.namespace}}"
)

// identity are the arguments with which a run begins. With others it would fail, or back
// up something else than its labels say.
var identity = []string{
	ownNamespace,
	"--cluster={{workflow.parameters.cluster}}",
	"--repo={{workflow.parameters.repo}}",
	"--type={{workflow.parameters.type}}",
	"--trigger={{workflow.parameters.trigger}}",
	"--workflow={{workflow.name}}",
	"--run={{workflow.uid}}",
	"--created={{workflow.creationTimestamp.RFC3339}}",
}

// pod is a template that becomes a pod.
type pod struct {
	template   *wfv1.Template
	containers []container
	// mounts are the volumes of all containers.
	mounts []corev1.VolumeMount
	// steps of ours that its containers run, none if it is a pod of somebody else.
	steps []string
}

type container struct {
	name  string
	words []string
}

// stepCommand finds the steps in a command line, also in one for a shell.
var stepCommand = regexp.MustCompile(`(?:^|\s)step((?:\s+(?:begin|precheck|backup|expire|verify|restore-point))+)(?:\s|$)`)

func readPod(template *wfv1.Template) pod {
	p := pod{template: template}
	add := func(c corev1.Container) {
		words := slices.Concat(c.Command, c.Args)
		for i, word := range words {
			words[i] = strings.NewReplacer("{{ ", "{{", " }}", "}}").Replace(word)
		}
		for _, match := range stepCommand.FindAllStringSubmatch(strings.Join(words, " "), -1) {
			p.steps = append(p.steps, strings.Fields(match[1])...)
		}
		p.containers = append(p.containers, container{name: c.Name, words: words})
		p.mounts = append(p.mounts, c.VolumeMounts...)
	}
	switch {
	case template.Container != nil:
		add(*template.Container)
	case template.ContainerSet != nil:
		p.mounts = slices.Clone(template.ContainerSet.VolumeMounts)
		for _, node := range template.ContainerSet.Containers {
			add(node.Container)
		}
	}
	return p
}

// checkBegin checks how the containers of a pod begin a run, and returns how many do.
func (c *check) checkBegin(e entrypoint, p pod) int {
	count := 0
	for _, container := range p.containers {
		i := slices.IndexFunc(container.words, func(word string) bool { return strings.HasPrefix(word, kindFlag) })
		if i < 0 {
			continue
		}
		count++
		if kind := strings.TrimPrefix(container.words[i], kindFlag); kind != string(e.kind) {
			c.find("container %s of template %s, below entrypoint %s, has %s%s, not %s", cmp.Or(container.name, "main"), p.template.Name, e.name, kindFlag, kind, e.kind)
		}
		for _, argument := range identity {
			if !slices.Contains(container.words, argument) {
				c.find("container %s of template %s has no argument %s", cmp.Or(container.name, "main"), p.template.Name, argument)
			}
		}
	}
	return count
}

// checkPod checks what every pod with steps of ours needs.
func (c *check) checkPod(p pod) {
	if !slices.ContainsFunc(p.mounts, func(m corev1.VolumeMount) bool { return m.MountPath == workspace }) {
		c.find("template %s mounts no volume at %s, where the steps share files", p.template.Name, workspace)
	}
	patches := []string{p.template.PodSpecPatch, "", c.spec.PodSpecPatch}
	if c.spec.TemplateDefaults != nil {
		patches[1] = c.spec.TemplateDefaults.PodSpecPatch
	}
	for _, patch := range patches {
		var spec struct {
			TerminationGracePeriodSeconds *int64 `json:"terminationGracePeriodSeconds"`
		}
		if err := yaml.Unmarshal([]byte(patch), &spec); err != nil {
			c.find("podSpecPatch of template %s cannot be read", p.template.Name)
			return
		}
		if seconds := spec.TerminationGracePeriodSeconds; seconds != nil {
			if *seconds < gracePeriod {
				c.find("podSpecPatch of template %s has terminationGracePeriodSeconds %d, less than %d: a stopped run could not end its backup", p.template.Name, *seconds, gracePeriod)
			}
			return
		}
	}
	c.find("podSpecPatch of template %s has no terminationGracePeriodSeconds, of %d or more: a stopped run could not end its backup", p.template.Name, gracePeriod)
}
