// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

const (
	// overdueTolerance is how long after the starting deadline a run may
	// still show up: Argo's queue, our cache, a restart of either. With the
	// deadline of translate, a sixth of the gap, a schedule of every half hour
	// is overdue after 10 minutes and a daily one after 65.
	overdueTolerance = 5 * time.Minute
	// clockSkew between the API server, Argo and us. A run may seem to have
	// started this much before it was due.
	clockSkew = 30 * time.Second
)

// overdue reports whether a schedule was due and did not run, and when to look
// again. A run that was due while another of the same schedule went on is not
// missed: that is what concurrencyPolicy Forbid does.
func overdue(cronWorkflow *unstructured.Unstructured, last *stanzaflowv1alpha1.RunStatus, now time.Time) (bool, time.Time) {
	if suspended(cronWorkflow) {
		return false, time.Time{}
	}
	times, allowance := timetableOf(cronWorkflow), startingDeadline(cronWorkflow)+overdueTolerance
	lookAgain := times.next(now.Add(-allowance))
	if !lookAgain.IsZero() {
		lookAgain = lookAgain.Add(allowance)
	}
	due := times.latest(now.Add(-allowance))
	switch {
	case due.IsZero(), due.Before(changedAt(cronWorkflow)):
		return false, lookAgain
	case last == nil:
		return true, lookAgain
	case !outcome.Finished(last), !before(last.StartTime, due.Add(-clockSkew)), !before(last.FinishTime, due):
		return false, lookAgain
	}
	return true, lookAgain
}

func before(t *metav1.Time, moment time.Time) bool {
	return t == nil || t.Time.Before(moment)
}

func startingDeadline(cronWorkflow *unstructured.Unstructured) time.Duration {
	seconds, _, _ := unstructured.NestedInt64(cronWorkflow.Object, fieldSpec, "startingDeadlineSeconds")
	return time.Duration(seconds) * time.Second
}

// changedAt is when a CronWorkflow got the spec that it has: when it was made,
// or when we last changed it, which the API server notes for each manager.
func changedAt(cronWorkflow *unstructured.Unstructured) time.Time {
	at := cronWorkflow.GetCreationTimestamp().Time
	for _, entry := range cronWorkflow.GetManagedFields() {
		if entry.Manager == vocab.FieldManager && entry.Time != nil && entry.Time.After(at) {
			at = entry.Time.Time
		}
	}
	return at
}
