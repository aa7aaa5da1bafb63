//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// runTakes is how long a pod of a run is there before it has succeeded.
const runTakes = 3 * time.Second

// node stands for the kubelets, the runner and Argo's executor: no container runs here. A
// pod of a run has proven a backup after some seconds.
type node struct {
	client client.Client
	stop   context.CancelFunc
	done   sync.WaitGroup

	mutex sync.Mutex
	// ended counts the pods that have succeeded.
	ended int
	// doubles are what was wrong: two pods of one cluster at once.
	doubles []string
}

// startNode looks for pods every second.
func startNode(b *testing.B, s *server) *node {
	b.Helper()
	ctx, stop := context.WithCancel(s.ctx)
	n := &node{client: s.client, stop: stop}
	n.done.Go(func() {
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				n.look(ctx)
			}
		}
	})
	b.Cleanup(n.end)
	return n
}

func (n *node) end() {
	n.stop()
	n.done.Wait()
}

func (n *node) sofar() (ended int, doubles []string) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	return n.ended, n.doubles
}

// look ends the pods that have run long enough. What fails, because the API server is dead,
// it tries again a second later.
func (n *node) look(ctx context.Context) {
	pods := &corev1.PodList{}
	if n.client.List(ctx, pods, client.MatchingFields{"status.phase": string(corev1.PodPending)}) != nil {
		return
	}
	running := map[string]string{}
	for i := range pods.Items {
		pod := &pods.Items[i]
		cluster, backupType, ok := clusterOfRun(pod)
		if !ok || pod.DeletionTimestamp != nil {
			continue
		}
		other, double := running[pod.Namespace+"/"+clusterName(cluster)]
		running[pod.Namespace+"/"+clusterName(cluster)] = pod.Name
		n.mutex.Lock()
		if double {
			n.doubles = append(n.doubles, fmt.Sprintf("pods %s and %s of namespace %s run at once", other, pod.Name, pod.Namespace))
		}
		n.mutex.Unlock()
		if time.Since(pod.CreationTimestamp.Time) > runTakes && n.succeed(ctx, pod, cluster, backupType) == nil {
			n.mutex.Lock()
			n.ended++
			n.mutex.Unlock()
		}
	}
}

var nameOfRun = regexp.MustCompile(`^pgbackrest-db-([0-9]+)-repo1-(full|diff|incr)-[0-9]+$`)

// clusterOfRun returns the number of the cluster and the type of the backup.
func clusterOfRun(pod *corev1.Pod) (cluster int, backupType string, ok bool) {
	match := nameOfRun.FindStringSubmatch(pod.Labels["workflows.argoproj.io/workflow"])
	if match == nil || len(pod.OwnerReferences) != 1 {
		return 0, "", false
	}
	cluster, err := strconv.Atoi(match[1])
	return cluster, match[2], err == nil
}

// succeed writes what Argo's executor writes, the outputs, and then what a kubelet writes.
func (n *node) succeed(ctx context.Context, pod *corev1.Pod, cluster int, backupType string) error {
	began, now := pod.CreationTimestamp, metav1.Now()
	text, err := proof(cluster, backupType, string(pod.OwnerReferences[0].UID), began.UTC(), now.UTC()).Encode()
	if err != nil {
		return err
	}
	result := &wfv1.WorkflowTaskResult{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: pod.Namespace, Name: pod.Annotations["workflows.argoproj.io/node-id"], OwnerReferences: pod.OwnerReferences,
			Labels: map[string]string{"workflows.argoproj.io/workflow": pod.OwnerReferences[0].Name, "workflows.argoproj.io/report-outputs-completed": "true"},
		},
		NodeResult: wfv1.NodeResult{Outputs: &wfv1.Outputs{Parameters: []wfv1.Parameter{
			{Name: vocab.OutputReport, GlobalName: vocab.OutputReport, Value: wfv1.AnyStringPtr(string(text))},
		}}},
	}
	if err := n.client.Create(ctx, result); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	pod.Status.Phase = corev1.PodSucceeded
	pod.Status.ContainerStatuses = nil
	for i := range pod.Spec.Containers {
		pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{
			Name: pod.Spec.Containers[i].Name, Image: pod.Spec.Containers[i].Image,
			State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Completed", StartedAt: began, FinishedAt: now}},
		})
	}
	return n.client.Status().Update(ctx, pod)
}
