// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	"cmp"
	"maps"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// historyLimit is how many successful runs, and how many failed ones, Argo keeps
// for each schedule.
const historyLimit = int32(3)

// startingDeadline is how late Argo may start a missed run: longer than any gap of
// a schedule that fires every year. Argo starts only the newest missed run of a
// schedule, and only once. So an outage or a suspension of any length leaves one
// run, and no daily or weekly full waits for its next slot.
const startingDeadline = 366 * 24 * time.Hour

// priorities order the runs that wait for one cluster: the most valuable goes
// first. They do not affect a run that does not wait: if a full and an incr are due
// at 02:30, the one that Argo sees first runs first, and both make their backup.
var priorities = map[string]int32{cpo.Full: 20, cpo.Diff: 10, cpo.Incr: 0}

// cronWorkflow returns a CronWorkflow with only the arguments for the
// WorkflowTemplate, and no field that a controller with templateReferencing Strict
// refuses.
func cronWorkflow(in Input, repo, backupType, expression string) wfv1.CronWorkflow {
	cluster := in.Cluster.Name
	labels := manifest.Labels(cluster)
	labels[vocab.LabelRepo], labels[vocab.LabelType] = repo, backupType
	runLabels := maps.Clone(labels)
	runLabels[vocab.LabelTrigger] = vocab.TriggerSchedule
	var annotations map[string]string
	if in.TemplateVersion != "" {
		annotations = map[string]string{vocab.AnnotationTemplate: in.TemplateVersion}
	}
	return wfv1.CronWorkflow{
		TypeMeta: metav1.TypeMeta{APIVersion: wfv1.SchemeGroupVersion.String(), Kind: manifest.KindCronWorkflow},
		ObjectMeta: metav1.ObjectMeta{
			Name:        manifest.CronWorkflowName(cluster, repo, backupType),
			Namespace:   in.Cluster.Namespace,
			Labels:      labels,
			Annotations: annotations,
		},
		Spec: wfv1.CronWorkflowSpec{
			Schedules:                  []string{expression},
			Timezone:                   cmp.Or(in.Stanza.TimeZone, "UTC"),
			Suspend:                    in.Stanza.Suspend,
			ConcurrencyPolicy:          wfv1.ForbidConcurrent,
			StartingDeadlineSeconds:    new(int64(startingDeadline / time.Second)),
			SuccessfulJobsHistoryLimit: new(historyLimit),
			FailedJobsHistoryLimit:     new(historyLimit),
			WorkflowMetadata: &metav1.ObjectMeta{
				Labels:      runLabels,
				Annotations: map[string]string{vocab.AnnotationTitle: cluster + " / " + repo + " / " + backupType},
			},
			WorkflowSpec: wfv1.WorkflowSpec{
				WorkflowTemplateRef: &wfv1.WorkflowTemplateRef{Name: TemplateName(in.Stanza)},
				Priority:            new(priorities[backupType]),
				Arguments: wfv1.Arguments{Parameters: []wfv1.Parameter{
					{Name: vocab.ParamCluster, Value: wfv1.AnyStringPtr(cluster)},
					{Name: vocab.ParamRepo, Value: wfv1.AnyStringPtr(repo)},
					{Name: vocab.ParamType, Value: wfv1.AnyStringPtr(backupType)},
					{Name: vocab.ParamTrigger, Value: wfv1.AnyStringPtr(vocab.TriggerSchedule)},
				}},
			},
		},
	}
}

// TemplateName returns the name of the WorkflowTemplate that the schedules of a
// Stanza refer to.
func TemplateName(stanza stanzaflowv1alpha1.StanzaSpec) string {
	return cmp.Or(stanza.WorkflowTemplate, vocab.DefaultWorkflowTemplate)
}
