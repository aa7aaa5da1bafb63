// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package runtest

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

// RepoHostAddress is the address of the server in RepoHost.
const RepoHostAddress = "10.0.0.7:8432"

// RepoHost returns the pod of a repo host that is ready.
func RepoHost(name string) corev1.Pod {
	return corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: Namespace, Labels: cpo.DefaultLabels().RepoHost(Cluster)},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: cpo.ContainerRepoHost}}},
		Status: corev1.PodStatus{
			PodIP: "10.0.0.7", ContainerStatuses: []corev1.ContainerStatus{{Name: cpo.ContainerRepoHost, Ready: true, State: runs}},
		},
	}
}

// Primary returns a pod that is ready and carries the labels of a primary.
func Primary(name string) corev1.Pod {
	return corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: Namespace, Labels: cpo.DefaultLabels().Primary(Cluster)},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: cpo.ContainerPostgreSQL}, {Name: "sidecar"}}},
		Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{
			{Name: cpo.ContainerPostgreSQL, Ready: true, State: runs}, {Name: "sidecar", Ready: false, State: runs},
		}},
	}
}

// Replica returns the same without the label of the primary.
func Replica(name string) corev1.Pod {
	p := Primary(name)
	delete(p.Labels, cpo.LabelRole)
	return p
}

// Unready returns a pod whose containers run and are not ready.
func Unready(p corev1.Pod) corev1.Pod {
	for i := range p.Status.ContainerStatuses {
		p.Status.ContainerStatuses[i].Ready = false
	}
	return p
}

// Terminating returns a pod that is being deleted.
func Terminating(p corev1.Pod) corev1.Pod {
	p.DeletionTimestamp = &metav1.Time{Time: Start}
	return p
}

var runs = corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
