// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package workflow

import (
	"cmp"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Drill is one restore drill of a cluster.
type Drill struct {
	// Cluster is the name of the postgresql.
	Cluster string
	// Name of the drill in the Stanza. Empty for one by hand that is none of the Stanza.
	Name string
	// Target replaces the target of the drill. Empty means that of the drill.
	Target string
	// Trigger is what started it: the value of vocab.ParamTrigger.
	Trigger string
}

// Labels of the Workflow.
func (d Drill) Labels() map[string]string {
	labels := manifest.Labels(d.Cluster)
	labels[vocab.LabelKind], labels[vocab.LabelDrill], labels[vocab.LabelTrigger] = string(vocab.RunDrill), d.Name, d.Trigger
	return labels
}

// WorkflowName returns a name for a drill by hand: what its schedule would call it, with a
// suffix that no other run may have.
func (d Drill) WorkflowName(suffix string) string {
	return manifest.DrillName(d.Cluster, cmp.Or(d.Name, "by-hand")) + "-" + suffix
}

// Annotations of the Workflow.
func (d Drill) Annotations() map[string]string {
	return map[string]string{vocab.AnnotationTitle: Title("drill", d.Cluster, d.Name)}
}

// Spec has only the arguments for the WorkflowTemplate of the drills.
func (d Drill) Spec() wfv1.WorkflowSpec {
	spec := wfv1.WorkflowSpec{
		WorkflowTemplateRef: &wfv1.WorkflowTemplateRef{Name: vocab.DrillTemplate},
		Arguments: wfv1.Arguments{Parameters: []wfv1.Parameter{
			{Name: vocab.ParamCluster, Value: wfv1.AnyStringPtr(d.Cluster)},
			{Name: vocab.ParamDrill, Value: wfv1.AnyStringPtr(d.Name)},
			{Name: vocab.ParamTrigger, Value: wfv1.AnyStringPtr(d.Trigger)},
		}},
	}
	if d.Target != "" {
		spec.Arguments.Parameters = append(spec.Arguments.Parameters, wfv1.Parameter{Name: vocab.ParamTarget, Value: wfv1.AnyStringPtr(d.Target)})
	}
	return spec
}

// Workflow returns the Workflow of a drill, with a name.
func (d Drill) Workflow(namespace, name string) *wfv1.Workflow {
	return &wfv1.Workflow{
		TypeMeta:   metav1.TypeMeta{APIVersion: wfv1.SchemeGroupVersion.String(), Kind: manifest.KindWorkflow},
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace, Labels: d.Labels(), Annotations: d.Annotations()},
		Spec:       d.Spec(),
	}
}
