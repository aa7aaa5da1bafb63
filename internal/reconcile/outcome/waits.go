// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package outcome

import (
	"strings"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
)

// WaitsFor returns who holds the lock that a run waits for, empty if it waits for
// none. Argo names a holder <namespace>/<workflow>/<node>; older versions use names
// that do not contain the Workflow.
func WaitsFor(workflow *wfv1.Workflow) string {
	locks := workflow.Status.Synchronization
	if locks == nil || locks.Mutex == nil || len(locks.Mutex.Waiting) == 0 {
		return ""
	}
	lock := locks.Mutex.Waiting[0]
	if holder := strings.Split(lock.Holder, "/"); len(holder) > 1 && holder[0] == workflow.Namespace {
		return "run " + holder[1]
	}
	return "the lock " + lock.Mutex
}
