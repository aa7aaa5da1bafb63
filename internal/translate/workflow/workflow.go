// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package workflow

import (
	"cmp"
	"maps"
	"math/bits"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// priorities order the runs that wait for one cluster: the most valuable goes
// first. They do not affect a run that does not wait: if a full and an incr are due
// at 02:30, the one that Argo sees first runs first, and both make their backup.
var priorities = map[string]int32{cpo.Full: 20, cpo.Diff: 10, cpo.Incr: 0}

const (
	// mostAhead keeps an overdue run behind the runs of the next type.
	mostAhead = 9
	// beforeDeploy is the priority of a pre-deploy run: a deploy waits for it.
	beforeDeploy = int32(30)
)

// Run is one run of a cluster.
type Run struct {
	// Cluster is the name of the postgresql.
	Cluster string
	// Template is the name of the WorkflowTemplate, TemplateName.
	Template string
	// Kind of the run. Zero means a backup, which the template makes by itself.
	Kind       vocab.RunKind
	Repo, Type string
	// Form of a run that makes a backup, FormOf. Zero means a pod, which the template makes
	// by itself. The other kinds have only that one.
	Form vocab.RunForm
	// Trigger is what started it: the value of vocab.ParamTrigger.
	Trigger string
	// Overdue is how long the backup has been due that this run makes up for, zero for any
	// other run.
	Overdue time.Duration
	// MaxAge and RestorePoint are for a pre-deploy run. Empty means the default of the
	// template.
	MaxAge, RestorePoint string
}

// TemplateName returns the name of the WorkflowTemplate to which the runs of a Stanza
// refer.
func TemplateName(stanza stanzaflowv1alpha1.StanzaSpec) string {
	return cmp.Or(stanza.WorkflowTemplate, vocab.DefaultWorkflowTemplate)
}

// FormOf returns in which form a Stanza wants the backups of a type.
func FormOf(stanza stanzaflowv1alpha1.StanzaSpec, backupType string) vocab.RunForm {
	form, otherwise := stanza.Runs.Incr, vocab.FormPod
	switch backupType {
	case cpo.Full:
		form, otherwise = stanza.Runs.Full, vocab.FormDAG
	case cpo.Diff:
		form, otherwise = stanza.Runs.Diff, vocab.FormDAG
	}
	return cmp.Or(vocab.RunForm(form), otherwise)
}

// Labels of the Workflow.
func (r Run) Labels() map[string]string {
	labels := manifest.Labels(r.Cluster)
	labels[vocab.LabelRepo], labels[vocab.LabelType], labels[vocab.LabelTrigger] = r.Repo, r.Type, r.Trigger
	return labels
}

// Name returns a name for the Workflow: what a schedule would call it, with a suffix that
// no other run may have.
func (r Run) Name(suffix string) string {
	what := r.Type
	if r.Kind == vocab.RunPredeploy {
		what = string(r.Kind)
	}
	return manifest.CronWorkflowName(r.Cluster, r.Repo, what) + "-" + suffix
}

// Title is what Argo's lists show instead of a name: what differs comes first.
func Title(what, cluster, repo string) string { return what + " " + cluster + " " + repo }

// Annotations of the Workflow.
func (r Run) Annotations() map[string]string {
	what := r.Type
	if r.Kind == vocab.RunPredeploy {
		what = string(r.Kind)
	}
	return map[string]string{vocab.AnnotationTitle: Title(what, r.Cluster, r.Repo)}
}

// priority among the runs that wait. Of the overdue runs of a type the most overdue goes
// first: an hour counts 1, and so does each time that it doubles.
func (r Run) priority() int32 {
	if r.Kind == vocab.RunPredeploy {
		return beforeDeploy
	}
	hours := max(r.Overdue, 0) / time.Hour
	return priorities[r.Type] + int32(min(bits.Len64(uint64(hours)), mostAhead)) //nolint:gosec // both are small and not negative
}

// Spec has only the arguments for the WorkflowTemplate, and no field that a controller
// with templateReferencing Strict refuses.
func (r Run) Spec() wfv1.WorkflowSpec {
	spec := wfv1.WorkflowSpec{
		WorkflowTemplateRef: &wfv1.WorkflowTemplateRef{Name: r.Template},
		Priority:            new(r.priority()),
		Arguments: wfv1.Arguments{Parameters: []wfv1.Parameter{
			{Name: vocab.ParamCluster, Value: wfv1.AnyStringPtr(r.Cluster)},
			{Name: vocab.ParamRepo, Value: wfv1.AnyStringPtr(r.Repo)},
			{Name: vocab.ParamType, Value: wfv1.AnyStringPtr(r.Type)},
			{Name: vocab.ParamTrigger, Value: wfv1.AnyStringPtr(r.Trigger)},
		}},
	}
	switch {
	case r.Kind != "" && r.Kind != vocab.RunBackup:
		spec.Entrypoint = string(r.Kind)
	case r.Form != "" && r.Form != vocab.FormPod: // which has the entrypoint of the template
		spec.Entrypoint = r.Form.Entrypoint()
	}
	for _, p := range []struct{ name, value string }{{vocab.ParamMaxAge, r.MaxAge}, {vocab.ParamRestorePoint, r.RestorePoint}} {
		if p.value != "" {
			spec.Arguments.Parameters = append(spec.Arguments.Parameters, wfv1.Parameter{Name: p.name, Value: wfv1.AnyStringPtr(p.value)})
		}
	}
	return spec
}

// Workflow returns the Workflow of the run, with a name and more annotations. Its kind
// is in a label from the start: until Argo has taken up the Workflow, the template has
// not set it yet, and a run that makes no backup would read as one that does.
func (r Run) Workflow(namespace, name string, annotations map[string]string) *wfv1.Workflow {
	workflow := &wfv1.Workflow{
		TypeMeta: metav1.TypeMeta{APIVersion: wfv1.SchemeGroupVersion.String(), Kind: manifest.KindWorkflow},
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: namespace, Labels: r.Labels(), Annotations: r.Annotations(),
		},
		Spec: r.Spec(),
	}
	workflow.Labels[vocab.LabelKind] = string(cmp.Or(r.Kind, vocab.RunBackup))
	maps.Copy(workflow.Annotations, annotations)
	return workflow
}
