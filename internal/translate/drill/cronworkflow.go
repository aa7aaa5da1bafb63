// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
	"github.com/stanzaflow/stanzaflow/internal/translate/schedule"
	"github.com/stanzaflow/stanzaflow/internal/translate/workflow"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// cronWorkflow returns a CronWorkflow with only the arguments for the WorkflowTemplate.
func (in Input) cronWorkflow(d stanzaflowv1alpha1.Drill, moved schedule.Moved) wfv1.CronWorkflow {
	run := workflow.Drill{Cluster: in.Cluster.Name, Name: d.Name, Trigger: vocab.TriggerSchedule}
	annotations := run.Annotations()
	annotations[vocab.AnnotationDescription] = "restores a backup of postgresql " + in.Cluster.Name + " into a pod of its own and checks what it finds; makes no backup"
	if in.TemplateVersion != "" {
		annotations[vocab.AnnotationTemplate] = in.TemplateVersion
	}
	moved.Annotate(annotations)
	spec := schedule.Spec(in.Stanza, moved, &metav1.ObjectMeta{Labels: run.Labels(), Annotations: run.Annotations()}, run.Spec())
	// A drill of a cluster that no drill can restore would only be held.
	spec.Suspend = spec.Suspend || in.Cluster.Operation.Encrypted
	return wfv1.CronWorkflow{
		TypeMeta: metav1.TypeMeta{APIVersion: wfv1.SchemeGroupVersion.String(), Kind: manifest.KindCronWorkflow},
		ObjectMeta: metav1.ObjectMeta{
			Name: manifest.DrillName(in.Cluster.Name, d.Name), Namespace: in.Cluster.Namespace, Labels: run.Labels(), Annotations: annotations,
		},
		Spec: spec,
	}
}
