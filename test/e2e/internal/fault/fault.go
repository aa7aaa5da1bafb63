// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package fault is the list of faults that the cluster tests try, a file for each part
// that breaks: the pod of a run, the end of that pod, the cluster, the database, the
// repository, the object store, what starts runs, what people write, the template among
// it, and Argo's archive. Package trial tries them.
//
// The faults are also stories (Worlds), and TestFaults tries every fault with many seeds
// (Sweep).
package fault

import (
	"testing"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/fault/trial"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// All returns every fault, in the order of the table.
func All() []trial.Fault {
	var all []trial.Fault
	for _, some := range [][]trial.Fault{podFaults, endFaults, clusterFaults, databaseFaults, repoFaults, storeFaults, eventFaults, resourceFaults, templateFaults, archiveFaults} {
		all = append(all, some...)
	}
	return all
}

// moments is one moment or several.
func moments(some ...trial.Moment) []trial.Moment { return some }

// kubectl runs kubectl in the namespace of the trial, and repeats it while the API server
// is down.
func kubectl(t *testing.T, tr *trial.Trial, args ...string) {
	t.Helper()
	program.RetryKubectl(t, append([]string{"-n", tr.World.Kit.Namespace}, args...)...)
}

// setRole gives a pod a role.
func setRole(t *testing.T, tr *trial.Trial, pod, role string) {
	t.Helper()
	kubectl(t, tr, "label", "pod", pod, "--overwrite", cpo.LabelRole+"="+role)
}

// patch changes an object with a JSON patch.
func patch(t *testing.T, tr *trial.Trial, kind, name, patch string) {
	t.Helper()
	kubectl(t, tr, "patch", kind, name, "--type=json", "-p", patch)
}

// fakePgBackRest puts a pgbackrest before the real one. It repeats that while the pod is
// down.
func fakePgBackRest(t *testing.T, tr *trial.Trial, pod, branch string) {
	t.Helper()
	wait.Retry(t, "pgbackrest is faked in "+pod, func() error { return tr.World.Kit.TryFakePgBackRest(t.Context(), pod, branch) })
}

// count is 1 for something that hit.
func count(hit bool) int {
	if hit {
		return 1
	}
	return 0
}
