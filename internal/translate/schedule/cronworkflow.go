// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	"cmp"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
	"github.com/stanzaflow/stanzaflow/internal/translate/workflow"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// historyLimit is how many successful runs, and how many failed ones, Argo keeps
// for each schedule: a month of daily runs, and the weekly fulls as long as the time to
// live of the template lets them.
const historyLimit = int32(30)

// startingDeadline is how late Argo may start a missed run: longer than any gap of
// a schedule that fires every year. Argo starts only the newest missed run of a
// schedule, and only once. So an outage or a suspension of any length leaves one
// run, and no daily or weekly full waits for its next slot.
const startingDeadline = 366 * 24 * time.Hour

// cronWorkflow returns a CronWorkflow with only the arguments for the
// WorkflowTemplate, and no field that a controller with templateReferencing Strict
// refuses.
func cronWorkflow(in Input, repo, backupType string, moved Moved) wfv1.CronWorkflow {
	cluster := in.Cluster.Name
	labels := manifest.Labels(cluster)
	labels[vocab.LabelRepo], labels[vocab.LabelType] = repo, backupType
	run := workflow.Run{
		Cluster: cluster, Template: workflow.TemplateName(in.Stanza), Repo: repo, Type: backupType, Form: workflow.FormOf(in.Stanza, backupType),
		Trigger: vocab.TriggerSchedule,
	}
	annotations := map[string]string{
		vocab.AnnotationTitle:       workflow.Title(backupType, cluster, repo),
		vocab.AnnotationDescription: "pgBackRest " + backupType + " backup of postgresql " + cluster + " in " + repo + ", proven after each run",
	}
	if in.TemplateVersion != "" {
		annotations[vocab.AnnotationTemplate] = in.TemplateVersion
	}
	moved.Annotate(annotations)
	return wfv1.CronWorkflow{
		TypeMeta: metav1.TypeMeta{APIVersion: wfv1.SchemeGroupVersion.String(), Kind: manifest.KindCronWorkflow},
		ObjectMeta: metav1.ObjectMeta{
			Name:        manifest.CronWorkflowName(cluster, repo, backupType),
			Namespace:   in.Cluster.Namespace,
			Labels:      labels,
			Annotations: annotations,
		},
		Spec: Spec(in.Stanza, moved, &metav1.ObjectMeta{Labels: run.Labels(), Annotations: run.Annotations()}, run.Spec()),
	}
}

// Spec is what the CronWorkflows of all schedules of a Stanza have in common: when they
// fire, and what becomes of runs that were missed. It notes in the metadata of the runs what
// a window has moved.
func Spec(stanza stanzaflowv1alpha1.StanzaSpec, moved Moved, metadata *metav1.ObjectMeta, run wfv1.WorkflowSpec) wfv1.CronWorkflowSpec {
	moved.annotateRun(metadata.Annotations)
	return wfv1.CronWorkflowSpec{
		Schedules:                  []string{moved.Expression},
		Timezone:                   cmp.Or(stanza.TimeZone, "UTC"),
		Suspend:                    stanza.Suspend,
		ConcurrencyPolicy:          wfv1.ForbidConcurrent,
		StartingDeadlineSeconds:    new(int64(startingDeadline / time.Second)),
		SuccessfulJobsHistoryLimit: new(historyLimit),
		FailedJobsHistoryLimit:     new(historyLimit),
		WorkflowMetadata:           metadata,
		WorkflowSpec:               run,
	}
}
