// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"maps"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// historyLimit of runs that Argo keeps per schedule, good and bad each.
const historyLimit = int32(3)

// startingDeadline is for how long Argo may start a missed run late: longer than
// any gap of a schedule that fires every year. Argo starts the newest missed run
// of a schedule only, and once, so what an outage or a suspension leaves is one
// run, however long it was; and no daily or weekly full waits for its next slot.
const startingDeadline = 366 * 24 * time.Hour

// priorities order the runs that wait for one cluster: what is worth most goes
// first. A run that does not wait takes no part in it: of the full and the incr of
// 02:30, the one that Argo sees first runs first, and both make their backup.
var priorities = map[string]int32{cpo.Full: 20, cpo.Diff: 10, cpo.Incr: 0}

// cronWorkflow is thin: arguments for the WorkflowTemplate, and no field that a
// controller with templateReferencing Strict refuses.
func (t *translation) cronWorkflow(r repo, backupType, expression string) wfv1.CronWorkflow {
	cluster := t.in.Cluster.Name
	labels := clusterLabels(cluster)
	labels[vocab.LabelRepo], labels[vocab.LabelType] = r.Name, backupType
	runLabels := maps.Clone(labels)
	runLabels[vocab.LabelTrigger] = vocab.TriggerSchedule
	var annotations map[string]string
	if t.in.TemplateVersion != "" {
		annotations = map[string]string{vocab.AnnotationTemplate: t.in.TemplateVersion}
	}
	return wfv1.CronWorkflow{
		TypeMeta: metav1.TypeMeta{APIVersion: wfv1.SchemeGroupVersion.String(), Kind: kindCronWorkflow},
		ObjectMeta: metav1.ObjectMeta{
			Name:        CronWorkflowName(cluster, r.Name, backupType),
			Namespace:   t.in.Cluster.Namespace,
			Labels:      labels,
			Annotations: annotations,
		},
		Spec: wfv1.CronWorkflowSpec{
			Schedules:                  []string{expression},
			Timezone:                   t.timeZone(),
			Suspend:                    t.in.Stanza.Suspend,
			ConcurrencyPolicy:          wfv1.ForbidConcurrent,
			StartingDeadlineSeconds:    new(int64(startingDeadline / time.Second)),
			SuccessfulJobsHistoryLimit: new(historyLimit),
			FailedJobsHistoryLimit:     new(historyLimit),
			WorkflowMetadata: &metav1.ObjectMeta{
				Labels:      runLabels,
				Annotations: map[string]string{vocab.AnnotationTitle: cluster + " / " + r.Name + " / " + backupType},
			},
			WorkflowSpec: wfv1.WorkflowSpec{
				WorkflowTemplateRef: &wfv1.WorkflowTemplateRef{Name: WorkflowTemplateName(t.in.Stanza.WorkflowTemplate)},
				Priority:            new(priorities[backupType]),
				Arguments: wfv1.Arguments{Parameters: []wfv1.Parameter{
					{Name: vocab.ParamCluster, Value: wfv1.AnyStringPtr(cluster)},
					{Name: vocab.ParamRepo, Value: wfv1.AnyStringPtr(r.Name)},
					{Name: vocab.ParamType, Value: wfv1.AnyStringPtr(backupType)},
					{Name: vocab.ParamTrigger, Value: wfv1.AnyStringPtr(vocab.TriggerSchedule)},
				}},
			},
		},
	}
}
