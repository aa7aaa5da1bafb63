// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package archiving

import (
	"fmt"
	"hash/fnv"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// How many watches Argo keeps. The newest one has everything that is known.
const (
	keptGood   = int32(1)
	keptFailed = int32(3)
)

// CheckInterval refuses what no cron expression can say: an interval that is not a number
// of whole minutes that divides an hour. Zero means no watch.
func CheckInterval(interval time.Duration) error {
	if interval == 0 || interval >= time.Minute && interval%time.Minute == 0 && time.Hour%interval == 0 {
		return nil
	}
	return fmt.Errorf("%s is not an interval of the watch: it must divide an hour into whole minutes, such as 1m, 5m, 15m or 1h, or be 0 for no watch", interval)
}

// CronWorkflow starts the watch of a namespace. It has nothing but a reference to the
// WorkflowTemplate of the watch, so the policies can compare it as a whole.
//
// A watch that was missed is started once, while it is younger than the next one. One that
// still runs is left to itself: its template has a deadline.
func CronWorkflow(namespace string, interval time.Duration) wfv1.CronWorkflow {
	labels := manifest.Labels("")
	labels[vocab.LabelKind] = string(vocab.RunWatch)
	return wfv1.CronWorkflow{
		TypeMeta: metav1.TypeMeta{APIVersion: wfv1.SchemeGroupVersion.String(), Kind: manifest.KindCronWorkflow},
		ObjectMeta: metav1.ObjectMeta{
			Name: vocab.WatchTemplate, Namespace: namespace, Labels: labels,
			Annotations: map[string]string{
				vocab.AnnotationTitle:       "watch " + namespace,
				vocab.AnnotationDescription: "asks every cluster of the namespace whether its WAL is archived and what its repos list; makes no backup",
			},
		},
		Spec: wfv1.CronWorkflowSpec{
			Schedules:                  []string{expression(namespace, interval)},
			Timezone:                   "UTC",
			ConcurrencyPolicy:          wfv1.ForbidConcurrent,
			StartingDeadlineSeconds:    new(int64(interval / time.Second)),
			SuccessfulJobsHistoryLimit: new(keptGood),
			FailedJobsHistoryLimit:     new(keptFailed),
			WorkflowSpec:               wfv1.WorkflowSpec{WorkflowTemplateRef: &wfv1.WorkflowTemplateRef{Name: vocab.WatchTemplate}},
		},
	}
}

// expression fires at an interval. The name of the namespace decides at which minutes, so
// that the watches of many namespaces do not start at once.
func expression(namespace string, interval time.Duration) string {
	const hour = 60
	every := uint32(interval / time.Minute) //nolint:gosec // CheckInterval: 1 to 60
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(namespace)) // fnv never fails
	first := hash.Sum32() % every
	switch every {
	case 1:
		return "* * * * *"
	case hour:
		return fmt.Sprintf("%d * * * *", first)
	}
	return fmt.Sprintf("%d-%d/%d * * * *", first, hour-1, every)
}
