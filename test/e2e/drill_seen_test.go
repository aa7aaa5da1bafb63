// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	corev1 "k8s.io/api/core/v1"

	"github.com/stanzaflow/stanzaflow/internal/drill"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// seen is what was seen of a drill while it ran.
type seen struct {
	// address of the pod that restores.
	address string
	// holders of the slot, and how often each was seen.
	holders map[string]int
	// open and refused are the attempts to connect to the pod's port, answer the last one.
	open, refused int
	answer        string
	// token are the files of the ServiceAccount in the container of the drill.
	token     string
	tokenSeen bool
	// waiting are runs that waited for a mutex.
	waiting []string
}

// watch looks at a drill, and at runs beside it, until all have ended.
func (p *production) watch(t *testing.T, name string, beside []string) seen {
	t.Helper()
	s := seen{holders: map[string]int{}}
	done, got := wait.Watch(10*time.Minute, func() (bool, string) {
		s.holders[p.holder(t)]++
		p.lookAtPod(t, name, &s)
		over, text := true, ""
		for _, run := range append([]string{name}, beside...) {
			var workflow wfv1.Workflow
			err := p.TryGet(t.Context(), run, &workflow)
			over = over && err == nil && workflow.Status.Fulfilled()
			text += fmt.Sprintf("%s: %v %s\n", run, err, kit.DescribeRun(&workflow))
			if m := workflow.Status.Synchronization; m != nil && m.Mutex != nil && len(m.Mutex.Waiting) > 0 && !slices.Contains(s.waiting, run) {
				s.waiting = append(s.waiting, run)
			}
		}
		return over, text
	})
	if !done {
		t.Fatalf("the drill or a run beside it has not ended: %s\nseen: %+v", got, s)
	}
	return s
}

// lookAtPod looks at the pod that restores while its container runs.
func (p *production) lookAtPod(t *testing.T, workflow string, s *seen) {
	t.Helper()
	var pods corev1.PodList
	p.List(t, &pods, kit.PodsOfRun(workflow))
	for i := range pods.Items {
		pod := &pods.Items[i]
		if pod.Labels["app.kubernetes.io/component"] != "pgbackrest-drill" || !isRunning(pod) {
			continue
		}
		s.address = pod.Status.PodIP
		s.answer = ""
		out, err := p.dial(t, s.address)
		switch {
		case err == nil && isStill(t, p, pod):
			s.open++
		case strings.Contains(out, "refused"):
			s.refused++
		default:
			s.answer = fmt.Sprintf("%v %s", err, out)
		}
		if !s.tokenSeen {
			s.token, s.tokenSeen = p.tokenFiles(t, pod)
		}
	}
}

// isStill says whether a pod is there that was there before.
func isStill(t *testing.T, p *production, pod *corev1.Pod) bool {
	t.Helper()
	var now corev1.Pod
	return p.TryGet(t.Context(), pod.Name, &now) == nil && now.UID == pod.UID && isRunning(&now)
}

// isRunning says whether the container that restores runs.
func isRunning(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.ContainerStatuses, func(c corev1.ContainerStatus) bool {
		return c.Name == drill.ContainerName && c.State.Running != nil
	})
}

// dial connects from production to port 5432 of an address.
func (p *production) dial(t *testing.T, address string) (string, error) {
	t.Helper()
	return p.TryExec(t.Context(), kit.Primary, "timeout", "2", "bash", "-c", "</dev/tcp/"+address+"/5432")
}

// tokenFiles lists the directory in which a token would be, and the volumes of the container
// that have one. ok is false if the container has ended.
func (p *production) tokenFiles(t *testing.T, pod *corev1.Pod) (files string, ok bool) {
	t.Helper()
	out, err := program.TryKubectl(t.Context(), nil, "exec", "-n", p.Namespace, pod.Name, "-c", drill.ContainerName, "--", "ls", "-A", "/var/run/secrets/kubernetes.io/serviceaccount")
	if err != nil {
		return out, false
	}
	var mounted []string
	for _, c := range pod.Spec.Containers {
		for _, m := range c.VolumeMounts {
			if c.Name == drill.ContainerName && hasToken(pod, m.Name) {
				mounted = append(mounted, m.MountPath)
			}
		}
	}
	return strings.TrimSpace(out + strings.Join(mounted, " ")), true
}

// hasToken says whether a volume has a token of a ServiceAccount.
func hasToken(pod *corev1.Pod, volume string) bool {
	for _, v := range pod.Spec.Volumes {
		if v.Name == volume && v.Projected != nil {
			return slices.ContainsFunc(v.Projected.Sources, func(s corev1.VolumeProjection) bool { return s.ServiceAccountToken != nil })
		}
	}
	return false
}
