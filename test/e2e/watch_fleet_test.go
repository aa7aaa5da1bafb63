// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	corev1 "k8s.io/api/core/v1"

	"github.com/stanzaflow/stanzaflow/internal/run/runtest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/fault/trial"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// watchFleet is how many clusters one watch asks.
const watchFleet = 100

// standIn is a cluster as the watch sees it: a postgresql, and a pod in which psql and
// pgbackrest are scripts. It is suspended, so that the operator starts no run of it.
const standIn = `
apiVersion: stanzaflow.dev/v1alpha1
kind: Stanza
metadata: {name: NAME}
spec: {suspend: true}
---
apiVersion: cpo.opensource.cybertec.at/v1
kind: postgresql
metadata: {name: NAME}
spec:
  backup:
    pgbackrest:
      global: {repo1-path: /NAME}
      configuration: {secret: none}
      repos: [{name: repo1, storage: s3, resource: bucket, endpoint: "https://object-store:9000", region: zurich}]
---
apiVersion: v1
kind: Pod
metadata:
  name: NAME-0
  labels:
    application: cpo
    cluster.cpo.opensource.cybertec.at/name: NAME
    member.cpo.opensource.cybertec.at/type: postgresql
    member.cpo.opensource.cybertec.at/role: master
spec:
  terminationGracePeriodSeconds: 0
  automountServiceAccountToken: false
  enableServiceLinks: false
  securityContext: {runAsNonRoot: true, runAsUser: 26, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: postgres
      image: stanzaflow.local/postgres:17-pgbackrest-2.55
      imagePullPolicy: IfNotPresent
      command: [sleep, "7200"]
      env: [{name: PATH, value: "/stand-in:/usr/bin:/bin"}, {name: HANGS, value: "IT-HANGS"}]
      securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
      volumeMounts:
        - {name: stand-in, mountPath: /stand-in}
        - {name: info, mountPath: /info}
        - {name: wal, mountPath: /home/postgres/pgdata/pgroot/data/pg_wal}
  volumes:
    - name: stand-in
      configMap: {name: stand-in, defaultMode: 0555}
    - name: info
      configMap: {name: info}
    - name: wal
      emptyDir: {}
`

// testWatchFleet has one pod ask a hundred clusters, of which one hangs, within the limit
// of its memory.
func testWatchFleet(t *testing.T) {
	k := kit.New(t, "e2e-watch-fleet")
	k.CreateNamespace(t)
	if err := k.TryApply(t.Context(), "watch-fleet"); err != nil {
		t.Fatal(err)
	}
	info, err := json.Marshal(runtest.InfoOf(map[int]int{1: 30}))
	if err != nil {
		t.Fatal(err)
	}
	quoted, err := json.Marshal(string(info))
	if err != nil {
		t.Fatal(err)
	}
	k.ApplyText(t, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: info}\ndata: {info.json: "+string(quoted)+"}\n")
	const hangs = "db-042"
	var all strings.Builder
	for i := range watchFleet {
		name, does := fmt.Sprintf("db-%03d", i), ""
		if name == hangs {
			does = "yes"
		}
		all.WriteString(strings.NewReplacer("IT-HANGS", does, "NAME", name).Replace(standIn) + "---")
	}
	k.ApplyText(t, strings.TrimSuffix(all.String(), "---"))
	wait.Until(t, 10*time.Minute, "the pods of all clusters are ready", func() (bool, string) {
		var pods corev1.PodList
		if err := k.TryList(t.Context(), &pods); err != nil {
			return false, err.Error()
		}
		ready := 0
		for _, pod := range pods.Items {
			if len(pod.Status.ContainerStatuses) == 1 && pod.Status.ContainerStatuses[0].Ready && pod.Labels["application"] == "cpo" {
				ready++
			}
		}
		return ready == watchFleet, fmt.Sprintf("%d of %d", ready, watchFleet)
	})

	name := submitWatch(t, k)
	workflow, memory := followWatch(t, k, name)
	found := watched(t, workflow)
	var last time.Duration
	asked := 0
	for cluster, sample := range found.Clusters {
		switch {
		case cluster == hangs && sample.WAL == nil && sample.Message != "":
		case cluster != hangs && sample.WAL != nil && sample.Volume != nil && len(sample.Repos["repo1"].Labels) == 30 && sample.Message == "":
			asked++
			last = max(last, sample.Time.Sub(found.Start))
		default:
			t.Errorf("%s: %+v", cluster, sample)
		}
	}
	status := workflow.Status
	fmt.Printf("MEASURED watch of %d clusters, one of them hanging: %.1f s, its Workflow %.0f s; the last of the others was asked after %.1f s; peak memory %s; report of %d bytes\n",
		len(found.Clusters), found.End.Sub(found.Start).Seconds(), status.FinishedAt.Sub(status.StartedAt.Time).Seconds(), last.Seconds(), memory, len(kit.Output(workflow, vocab.OutputReport)))
	if asked != watchFleet-1 {
		t.Errorf("%d clusters were asked, want all but one of %d", asked, watchFleet)
	}
	if got, want := kit.Output(workflow, vocab.OutputMessage), fmt.Sprintf("%d clusters: %d archive, 1 not reached (%s)", watchFleet, watchFleet-1, hangs); got != want {
		t.Errorf("the watch says %q, want %q", got, want)
	}
}

// followWatch waits for the end of a watch, and returns how much memory its process had at
// most, as far as it was seen: with its file, and without.
func followWatch(t *testing.T, k *kit.Kit, name string) (workflow *wfv1.Workflow, memory string) {
	t.Helper()
	workflow, memory = &wfv1.Workflow{}, "not seen"
	ended, got := wait.Watch(10*time.Minute, func() (bool, string) {
		var pods corev1.PodList
		if err := k.TryList(t.Context(), &pods, kit.PodsOfRun(name)); err == nil {
			for _, pod := range pods.Items {
				for _, pid := range trial.Processes(pod, "/operator\x00watch\x00") {
					if peak, file := readMemory(pid); peak > 0 {
						memory = fmt.Sprintf("%d KiB, of that %d KiB of its file", peak, file)
					}
				}
			}
		}
		err := k.TryGet(t.Context(), name, workflow)
		return err == nil && workflow.Status.Fulfilled(), fmt.Sprintf("%v, %s", err, kit.DescribeRun(workflow))
	})
	if !ended {
		t.Fatalf("the watch does not end: %s", got)
	}
	return workflow, memory
}

// readMemory reads the peak of the resident memory of a process, and how much of it is the
// file of the program now, in KiB. It is zero for a process that has ended.
func readMemory(pid int) (peak, file int) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(status)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		value, _ := strconv.Atoi(fields[1]) // Other lines have texts.
		switch fields[0] {
		case "VmHWM:":
			peak = value
		case "RssFile:":
			file = value
		}
	}
	return peak, file
}
