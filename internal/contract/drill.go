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

// drillParameters are those that whoever starts a drill may pass, beside the cluster.
var drillParameters = []string{vocab.ParamDrill, vocab.ParamTarget, vocab.ParamTrigger}

// DrillKindExpression is the expression of the label vocab.LabelKind: a plan of a restore,
// which the template also makes, is no drill.
const DrillKindExpression = `workflow.mainEntrypoint == "` + vocab.EntrypointPlanRestore + `" ? "` + string(vocab.RunRestorePlan) + `" : "` + string(vocab.RunDrill) + `"`

// drillLabels are those by which lists show a drill.
var drillLabels = map[string]string{
	vocab.LabelResult: string(vocab.ShownRunning),
}

// drillExpressions are the labels by which the operator finds a drill, and takes it for
// nothing else.
var drillExpressions = map[string]string{
	vocab.LabelCluster: "workflow.parameters." + vocab.ParamCluster,
	vocab.LabelDrill:   "workflow.parameters." + vocab.ParamDrill,
	vocab.LabelTrigger: "workflow.parameters." + vocab.ParamTrigger,
	vocab.LabelKind:    DrillKindExpression,
}

// drillOutputs are what the operator and people read of a drill.
var drillOutputs = []string{vocab.OutputReport, vocab.OutputResult, vocab.OutputMessage}

// drillIdentity are the arguments with which a drill is planned.
var drillIdentity = []string{
	ownNamespace,
	"--cluster={{workflow.parameters.cluster}}",
	"--drill={{workflow.parameters.drill}}",
	"--target={{workflow.parameters.target}}",
	"--trigger={{workflow.parameters.trigger}}",
	"--workflow={{workflow.name}}",
	"--run={{workflow.uid}}",
	"--created={{workflow.creationTimestamp.RFC3339}}",
}

// drillConfigMap describes the pod that restores.
const drillConfigMap = "{{workflow.parameters." + vocab.ParamCluster + "}}" + vocab.DrillConfigSuffix

// drillCommand finds the steps of a drill in a command line, also in one for a shell.
var drillCommand = regexp.MustCompile(`(?:^|\s)drill-step\s+(plan|restore)(?:\s|$)`)

// runsDrill reports whether a template runs a step of a drill.
func runsDrill(template *wfv1.Template) bool {
	return slices.ContainsFunc(readPod(template).containers, func(c container) bool { return drillCommand.MatchString(strings.Join(c.words, " ")) })
}

// CheckDrill returns what is missing or wrong in a template of the drills, a sentence each
// that names it. None means that the template keeps the contract vocab.DrillContract.
func CheckDrill(template *wfv1.WorkflowTemplate) []string {
	c := newCheck(template)
	c.checkDrillParameters()
	if c.spec.ServiceAccountName == "" {
		c.find("spec.serviceAccountName is missing: the plan could not ask the cluster")
	}
	c.checkDrillLabels()
	c.checkDrillEntrypoint()
	c.checkPlanRestore()
	return c.findings
}

// DrillSentence says all findings of a template of the drills, after its name.
func DrillSentence(findings []string) string {
	return "does not keep the contract " + vocab.DrillContract + " (docs/drills.md#contract), so no drill is started from it: " + strings.Join(findings, "; ")
}

func (c *check) checkDrillParameters() {
	declared := map[string]bool{}
	for _, p := range c.spec.Arguments.Parameters {
		declared[p.Name] = true
		hasDefault := p.Value != nil || p.ValueFrom != nil
		switch {
		case p.Name == vocab.ParamCluster && hasDefault:
			c.find("parameter %s has a default, which a drill that does not pass it would use", p.Name)
		case p.Name != vocab.ParamCluster && !hasDefault:
			c.find("parameter %s has no default, and not every drill passes it", p.Name)
		}
	}
	for _, name := range slices.Concat([]string{vocab.ParamCluster}, drillParameters, c.usedParameters()) {
		if !declared[name] {
			c.find("parameter %s is missing", name)
		}
	}
}

func (c *check) checkDrillLabels() {
	metadata := c.spec.WorkflowMetadata
	if metadata == nil {
		metadata = &wfv1.WorkflowMetadata{}
	}
	for _, label := range slices.Sorted(maps.Keys(drillLabels)) {
		want := drillLabels[label]
		if _, replaced := metadata.LabelsFrom[label]; replaced || metadata.Labels[label] != want {
			c.find("label %s in workflowMetadata.labels is not %q: a drill that is submitted again would show how the one before it ended", label, want)
		}
	}
	for _, label := range slices.Sorted(maps.Keys(drillExpressions)) {
		if want := drillExpressions[label]; !sameWords(metadata.LabelsFrom[label].Expression, want) {
			c.find("label %s in workflowMetadata.labelsFrom is not %s: the operator would take the drill for another, or for a backup", label, want)
		}
	}
}

func (c *check) checkDrillEntrypoint() {
	first := c.templates[c.spec.Entrypoint]
	if first == nil {
		c.find("entrypoint %q is missing", c.spec.Entrypoint)
		return
	}
	if holdsMutex(c.spec.Synchronization) {
		c.find("spec.synchronization has mutex %s, that of the backups: none could be made during a drill", mutex)
	}
	reached := walk{check: c, seen: map[way]bool{}}
	reached.enter(first, nil)
	published, steps := map[string]bool{}, map[string]bool{}
	for _, v := range reached.visits {
		if holdsMutex(v.template.Synchronization) {
			c.find("template %s has mutex %s, that of the backups: none could be made during a drill", v.template.Name, mutex)
		}
		c.checkDrillOutputs(v.template, published)
		c.checkDrillPod(v.template, steps)
	}
	for _, step := range []string{"plan", "restore"} {
		if !steps[step] {
			c.find("no container below entrypoint %s runs operator drill-step %s", c.spec.Entrypoint, step)
		}
	}
	for _, name := range drillOutputs {
		if !published[name] {
			c.find("output %s is missing below entrypoint %s: no template publishes it with globalName %s", name, c.spec.Entrypoint, name)
		}
	}
}

// checkDrillOutputs notes the global outputs of a template.
func (c *check) checkDrillOutputs(template *wfv1.Template, published map[string]bool) {
	for _, output := range template.Outputs.Parameters {
		published[output.GlobalName] = true
		if slices.Contains(drillOutputs, output.GlobalName) && output.ValueFrom != nil && output.ValueFrom.Path != "" && output.ValueFrom.Default == nil {
			c.find("output %s of template %s has no default: a drill that has none would lose its report", output.Name, template.Name)
		}
	}
}

// checkDrillPod checks a template that runs a step of a drill.
func (c *check) checkDrillPod(template *wfv1.Template, steps map[string]bool) {
	for _, container := range readPod(template).containers {
		match := drillCommand.FindStringSubmatch(strings.Join(container.words, " "))
		if match == nil {
			continue
		}
		steps[match[1]] = true
		if match[1] == "restore" {
			c.checkDrillRestore(template)
			continue
		}
		for _, argument := range drillIdentity {
			if !slices.Contains(container.words, argument) {
				c.find("the container of template %s that plans the drill has no argument %s", template.Name, argument)
			}
		}
	}
}

// checkDrillRestore checks that the pod which restores is the one that the operator
// describes, and that it has not the rights of a run: in it is a copy of production.
func (c *check) checkDrillRestore(template *wfv1.Template) {
	i := slices.IndexFunc(template.Inputs.Parameters, func(p wfv1.Parameter) bool {
		from := p.ValueFrom
		return from != nil && from.ConfigMapKeyRef != nil && from.ConfigMapKeyRef.Name == drillConfigMap && from.ConfigMapKeyRef.Key == vocab.DrillConfigPod &&
			strings.Contains(template.PodSpecPatch, "inputs.parameters."+p.Name)
	})
	switch {
	case i < 0:
		c.find("podSpecPatch of template %s is not key %s of ConfigMap %s: the pod would have no volume and no files of pgBackRest", template.Name, vocab.DrillConfigPod, drillConfigMap)
	case !sameWords(strings.NewReplacer("{{=", "", "}}", "").Replace(template.PodSpecPatch), c.drillPod(template.Inputs.Parameters[i].Name)):
		c.find("podSpecPatch of template %s is not {{=%s}}: whoever starts the template could begin with %s, and give the pod as an argument", template.Name, c.drillPod(template.Inputs.Parameters[i].Name), template.Name)
	}
	if template.ServiceAccountName == "" || template.ServiceAccountName == c.spec.ServiceAccountName {
		c.find("template %s has no serviceAccountName of its own: the pod with the restored database could run commands in production", template.Name)
	}
}

// drillPod is the expression of the podSpecPatch: arguments become the inputs of the
// entrypoint, which whoever starts the template chooses. Only below the entrypoint of the
// drills is the input what the ConfigMap says.
func (c *check) drillPod(input string) string {
	return `workflow.mainEntrypoint == "` + c.spec.Entrypoint + `" ? inputs.parameters.` + input + ` : "{}"`
}

// planCommand finds the plan of a restore in a command line.
var planCommand = regexp.MustCompile(`(?:^|\s)restore\s+plan(?:\s|$)`)

// planIdentity are the arguments with which a restore is planned.
var planIdentity = []string{ownNamespace, "{{workflow.parameters." + vocab.ParamCluster + "}}", "--outputs=" + workspace}

// checkPlanRestore checks the entrypoint that plans a restore. A template may lack it.
func (c *check) checkPlanRestore() {
	first := c.templates[vocab.EntrypointPlanRestore]
	if first == nil {
		return
	}
	planned := false
	reached := walk{check: c, seen: map[way]bool{}}
	reached.enter(first, nil)
	for _, v := range reached.visits {
		if holdsMutex(v.template.Synchronization) {
			c.find("template %s has mutex %s, that of the backups: the plan of a restore would wait for one", v.template.Name, mutex)
		}
		planned = c.checkPlanPod(v.template) || planned
	}
	if !planned {
		c.find("no container below entrypoint %s runs operator restore plan", vocab.EntrypointPlanRestore)
	}
}

// checkPlanPod checks a template that plans a restore, and reports whether it does.
func (c *check) checkPlanPod(template *wfv1.Template) bool {
	plans := false
	for _, container := range readPod(template).containers {
		if !planCommand.MatchString(strings.Join(container.words, " ")) {
			continue
		}
		plans = true
		for _, argument := range planIdentity {
			if !slices.Contains(container.words, argument) {
				c.find("the container of template %s that plans the restore has no argument %s", template.Name, argument)
			}
		}
	}
	return plans
}
