// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package archiving

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/schedule"
	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
)

// TestCronWorkflow shows the CronWorkflow of the watch as the API server gets it.
// deploy/base/policy/objects.yaml allows no other.
func TestCronWorkflow(t *testing.T) {
	t.Parallel()
	const want = `
apiVersion: argoproj.io/v1alpha1
kind: CronWorkflow
metadata:
  name: pgbackrest-watch
  namespace: shop
  labels:
    app.kubernetes.io/managed-by: stanzaflow
    app.kubernetes.io/part-of: stanzaflow
    stanzaflow.dev/cluster: ""
    stanzaflow.dev/kind: watch
  annotations:
    workflows.argoproj.io/title: watch shop
    workflows.argoproj.io/description: asks every cluster of the namespace whether its WAL is archived and what its repos list; makes no backup
spec:
  schedules: [2-59/5 * * * *]
  timezone: UTC
  suspend: false
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: 300
  successfulJobsHistoryLimit: 1
  failedJobsHistoryLimit: 3
  workflowSpec:
    workflowTemplateRef: {name: pgbackrest-watch}
`
	var expected map[string]any
	if err := yaml.Unmarshal([]byte(want), &expected); err != nil {
		t.Fatal(err)
	}
	got, err := manifest.Object(CronWorkflow("shop", 5*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(expected, got); diff != "" {
		t.Errorf("CronWorkflow (-want +got):\n%s", diff)
	}
}

// TestEveryIntervalFires: each interval that is accepted fires that often, whatever the
// namespace, and those of many namespaces are spread.
func TestEveryIntervalFires(t *testing.T) {
	t.Parallel()
	for minutes := -1; minutes <= 61; minutes++ {
		interval := time.Duration(minutes) * time.Minute
		err := CheckInterval(interval)
		if ok := minutes == 0 || minutes > 0 && 60%minutes == 0; ok != (err == nil) {
			t.Errorf("an interval of %s: %v", interval, err)
		}
		if err != nil || minutes == 0 {
			continue
		}
		firsts := map[time.Time]bool{}
		for i := range 50 {
			expressions := []string{expression(fmt.Sprintf("namespace-%d", i), interval)}
			runs := schedule.NextRuns("UTC", expressions, day, 50)
			firsts[runs[0]] = true
			for i := range runs[1:] {
				if gap := runs[i+1].Sub(runs[i]); gap != interval {
					t.Fatalf("%s fires after %s, want %s", expressions, gap, interval)
				}
			}
		}
		if len(firsts) < min(minutes, 15) {
			t.Errorf("the watches of 50 namespaces begin at %d minutes of %d", len(firsts), minutes)
		}
	}
	for _, interval := range []time.Duration{time.Second, 90 * time.Second, 2 * time.Hour, -time.Minute} {
		if CheckInterval(interval) == nil {
			t.Errorf("an interval of %s is accepted", interval)
		}
	}
}
