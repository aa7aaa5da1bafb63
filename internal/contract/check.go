// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// required are the parameters that whoever starts a run must pass. With a default for the
// cluster, a run that passes none would back up another one than was meant.
var required = []string{vocab.ParamCluster}

// passed are the parameters that everything of ours passes. A default is only for people.
var passed = []string{vocab.ParamRepo, vocab.ParamType}

// optional are the parameters that some pass, so the template must have a default.
var optional = []string{vocab.ParamTrigger, vocab.ParamMaxAge, vocab.ParamRestorePoint}

// KindExpression is the expression of the label vocab.LabelKind.
const KindExpression = `workflow.mainEntrypoint in ["predeploy", "stanza"] ? workflow.mainEntrypoint : "backup"`

// labelExpressions are those of the labels by which the operator finds a run, and what
// it is.
var labelExpressions = map[string]string{
	vocab.LabelCluster: "workflow.parameters." + vocab.ParamCluster,
	vocab.LabelRepo:    "workflow.parameters." + vocab.ParamRepo,
	vocab.LabelType:    "workflow.parameters." + vocab.ParamType,
	vocab.LabelTrigger: "workflow.parameters." + vocab.ParamTrigger,
	vocab.LabelKind:    KindExpression,
}

// Check returns what is missing or wrong in a template, a sentence each that names it.
// None means that the template keeps the contract vocab.TemplateContract.
func Check(template *wfv1.WorkflowTemplate) []string {
	c := newCheck(template)
	c.checkParameters()
	c.checkSpec()
	c.checkLabels()
	c.checkSemaphores()
	for _, e := range entrypoints {
		c.checkEntrypoint(e)
	}
	return c.findings
}

// Sentence says all findings of a template, after its name.
func Sentence(findings []string) string {
	return "does not keep the contract " + vocab.TemplateContract + " (docs/gitops.md#contract), so no run is started from it: " + strings.Join(findings, "; ")
}

type check struct {
	// namespace of the template and of its runs, empty if it is not known.
	namespace string
	spec      *wfv1.WorkflowSpec
	templates map[string]*wfv1.Template
	findings  []string
}

func newCheck(template *wfv1.WorkflowTemplate) *check {
	c := &check{namespace: template.Namespace, spec: &template.Spec, templates: map[string]*wfv1.Template{}}
	for i := range template.Spec.Templates {
		c.templates[template.Spec.Templates[i].Name] = &template.Spec.Templates[i]
	}
	return c
}

// find adds a finding. Two entrypoints may share a pod, and so its findings.
func (c *check) find(format string, args ...any) {
	if finding := fmt.Sprintf(format, args...); !slices.Contains(c.findings, finding) {
		c.findings = append(c.findings, finding)
	}
}

func (c *check) checkParameters() {
	declared := map[string]bool{}
	for _, p := range c.spec.Arguments.Parameters {
		declared[p.Name] = true
		hasDefault := p.Value != nil || p.ValueFrom != nil
		switch {
		case slices.Contains(required, p.Name):
			if hasDefault {
				c.find("parameter %s has a default, which a run that does not pass it would use", p.Name)
			}
		case slices.Contains(passed, p.Name):
		case !hasDefault:
			c.find("parameter %s has no default, and not every run passes it", p.Name)
		}
	}
	for _, name := range slices.Concat(required, passed, optional) {
		if !declared[name] {
			c.find("parameter %s is missing", name)
		}
	}
	for _, name := range c.usedParameters() {
		if !declared[name] {
			c.find("parameter %s is missing", name)
		}
	}
}

// tag is what Argo evaluates, and parameterUse a parameter of the workflow in it. In an
// expression, only a name without hyphens can stand like that.
var (
	tag          = regexp.MustCompile(`\{\{.*?\}\}`)
	parameterUse = regexp.MustCompile(`\bworkflow\.parameters\.([A-Za-z0-9_-]+)`)
)

// usedParameters are those of the workflow that the template refers to, sorted.
func (c *check) usedParameters() []string {
	text, err := json.Marshal(c.spec)
	if err != nil {
		c.find("the template cannot be read: %v", err)
	}
	used := map[string]bool{}
	for _, tag := range tag.FindAll(text, -1) {
		for _, match := range parameterUse.FindAllSubmatch(tag, -1) {
			used[string(match[1])] = true
		}
	}
	return slices.Sorted(maps.Keys(used))
}

func (c *check) checkSpec() {
	if c.spec.Entrypoint != vocab.EntrypointBackup {
		c.find("spec.entrypoint is %q, not %s: a run that names none would be another kind of run", c.spec.Entrypoint, vocab.EntrypointBackup)
	}
	if c.spec.ServiceAccountName == "" {
		c.find("spec.serviceAccountName is missing: the pods could not find the cluster")
	}
	if holdsMutex(c.spec.Synchronization) {
		c.find("spec.synchronization has mutex %s: a run that is terminated while it waits would be Succeeded; the templates hold it", mutex)
	}
}

func (c *check) checkLabels() {
	metadata := c.spec.WorkflowMetadata
	if metadata == nil {
		metadata = &wfv1.WorkflowMetadata{}
	}
	for _, label := range slices.Sorted(maps.Keys(labelExpressions)) {
		want, from := labelExpressions[label], metadata.LabelsFrom[label]
		switch {
		case from.Expression == "":
			c.find("label %s is missing in workflowMetadata.labelsFrom: the operator would not find the run, or take it for another", label)
		case !sameWords(from.Expression, want):
			c.find("label %s in workflowMetadata.labelsFrom is not %s: the operator would take the run for another", label, want)
		}
	}
	if metadata.Labels[vocab.LabelResult] != string(vocab.ShownRunning) {
		c.find("label %s in workflowMetadata.labels is not %s: a run that is submitted again would show how the one before it ended", vocab.LabelResult, vocab.ShownRunning)
	}
}

// sameWords compares two expressions, whatever their spaces and lines.
func sameWords(a, b string) bool {
	return strings.Join(strings.Fields(a), " ") == strings.Join(strings.Fields(b), " ")
}
