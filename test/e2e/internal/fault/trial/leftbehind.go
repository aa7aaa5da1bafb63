// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package trial

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// findLeftBehind finds what a run must not leave behind: processes, sessions and pods.
func (w *World) findLeftBehind(t *testing.T) []string {
	t.Helper()
	clean, got := wait.Try(time.Minute, func() (bool, string) {
		var found []string
		for _, pod := range slices.Compact([]string{w.Primary, w.HostPod()}) {
			// The archiver and the TLS server are always running.
			if out := w.findProcesses(t, pod, "^[^ ]*pgbackrest .*(backup|expire|stanza-create|verify|check)( |$)"); out != "" {
				found = append(found, pod+" runs "+Tail(out))
			}
		}
		if n := w.RetryPSQL(t, w.Primary, "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pgBackRest [%' AND application_name NOT LIKE '%[archive-%'"); n != "0" {
			found = append(found, n+" sessions of pgBackRest")
		}
		var ofRuns corev1.PodList
		if err := w.Kit.TryList(t.Context(), &ofRuns, client.HasLabels{kit.LabelWorkflow}); err != nil {
			found = append(found, err.Error())
		}
		for _, pod := range ofRuns.Items {
			if pod.Status.Phase == corev1.PodRunning || pod.Status.Phase == corev1.PodPending {
				found = append(found, "pod "+pod.Name+" is "+string(pod.Status.Phase))
			}
		}
		return len(found) == 0, strings.Join(found, ", ")
	})
	if clean {
		return nil
	}
	return []string{"left behind: " + got}
}

// findProcesses lists the processes whose command line matches. An error is not a proof
// that there are none, so it returns the error as if it were one.
func (w *World) findProcesses(t testing.TB, pod, pattern string) string {
	t.Helper()
	out, err := w.Kit.TryExec(t.Context(), pod, "pgrep", "--list-full", "--full", pattern)
	if exit, ok := errors.AsType[*remote.ExitError](err); ok && exit.Code == 1 {
		return "" // None matched.
	}
	if err != nil {
		return fmt.Sprintf("%v %s", err, out)
	}
	return out
}
