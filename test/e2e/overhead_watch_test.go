// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
)

// milestone is something that the API server shows of a run.
type milestone string

const (
	podCreated milestone = "pod created"
	mainBegun  milestone = "main runs"
	mainEnded  milestone = "main ended"
	podEnded   milestone = "pod ended"
	nodeEnded  milestone = "node ended"
	runEnded   milestone = "run ended"
)

// milestones notes when the API server first shows them: what it stores has whole seconds.
type milestones struct {
	mutex sync.Mutex
	seen  map[string]map[milestone]time.Time
}

// watchMilestones notes those of all runs of a namespace until the benchmark ends.
func watchMilestones(b *testing.B, k *kit.Kit) *milestones {
	b.Helper()
	c, err := client.NewWithWatch(k.Config, client.Options{Scheme: k.Client.Scheme()})
	if err != nil {
		b.Fatal(err)
	}
	m := &milestones{seen: map[string]map[milestone]time.Time{}}
	m.follow(b, c, k.Namespace, &corev1.PodList{}, m.seePod)
	m.follow(b, c, k.Namespace, &wfv1.WorkflowList{}, m.seeWorkflow)
	return m
}

func (m *milestones) follow(b *testing.B, c client.WithWatch, namespace string, list client.ObjectList, see func(runtime.Object)) {
	b.Helper()
	changes, err := c.Watch(b.Context(), list, client.InNamespace(namespace))
	if err != nil {
		b.Fatal(err)
	}
	go func() {
		for change := range changes.ResultChan() {
			see(change.Object)
		}
	}()
	b.Cleanup(changes.Stop)
}

func (m *milestones) note(workflow string, what milestone) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.seen[workflow] == nil {
		m.seen[workflow] = map[milestone]time.Time{}
	}
	// In the form dag the last pod decides when it ended, and the first when it began.
	if _, known := m.seen[workflow][what]; !known || what == mainEnded || what == podEnded || what == nodeEnded {
		m.seen[workflow][what] = time.Now()
	}
}

func (m *milestones) seePod(object runtime.Object) {
	pod, ok := object.(*corev1.Pod)
	if !ok || pod.DeletionTimestamp != nil || pod.Labels[kit.LabelWorkflow] == "" {
		return
	}
	workflow := pod.Labels[kit.LabelWorkflow]
	m.note(workflow, podCreated)
	for _, status := range pod.Status.ContainerStatuses {
		if status.Name != "main" {
			continue
		}
		if status.State.Running != nil {
			m.note(workflow, mainBegun)
		}
		if status.State.Terminated != nil {
			m.noteOnce(workflow, mainEnded+milestone(" "+pod.Name), mainEnded)
		}
	}
	if pod.Status.Phase == corev1.PodSucceeded {
		m.noteOnce(workflow, podEnded+milestone(" "+pod.Name), podEnded)
	}
}

// noteOnce notes a milestone the first time that a part of the run has come to it.
func (m *milestones) noteOnce(workflow string, part, what milestone) {
	m.mutex.Lock()
	_, known := m.seen[workflow][part]
	m.mutex.Unlock()
	if !known {
		m.note(workflow, part)
		m.note(workflow, what)
	}
}

func (m *milestones) seeWorkflow(object runtime.Object) {
	workflow, ok := object.(*wfv1.Workflow)
	if !ok {
		return
	}
	for id, node := range workflow.Status.Nodes {
		if node.Type == wfv1.NodeTypePod && node.Fulfilled() {
			m.noteOnce(workflow.Name, nodeEnded+milestone(" "+id), nodeEnded)
		}
	}
	if workflow.Status.Fulfilled() {
		m.note(workflow.Name, runEnded)
	}
}

// of returns those of a run.
func (m *milestones) of(workflow string) map[milestone]time.Time {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.seen[workflow]
}

// commandsOf returns what the steps of a run log about the time of their commands.
func commandsOf(b *testing.B, k *kit.Kit, workflow string) (lines []string) {
	b.Helper()
	var pods corev1.PodList
	k.List(b, &pods, kit.PodsOfRun(workflow))
	for _, pod := range pods.Items {
		for _, container := range pod.Spec.Containers {
			if len(kit.StepsOf(container)) == 0 {
				continue
			}
			log, err := k.Core.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{Container: container.Name}).Stream(context.WithoutCancel(b.Context()))
			if err != nil {
				b.Logf("no log of %s: %v", pod.Name, err)
				continue
			}
			text, _ := io.ReadAll(log)
			_ = log.Close()
			for line := range strings.Lines(string(text)) {
				if _, took, ok := strings.Cut(line, " commands: "); ok {
					lines = append(lines, container.Name+": "+strings.TrimSpace(took))
				}
			}
		}
	}
	return lines
}
