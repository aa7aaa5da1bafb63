// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

// services give names in DNS: to each pod of the cluster, ready or not, because
// a server that starts must archive; and to the primary, which is one only
// while it is ready.
func (t *translation) services() []corev1.Service {
	cluster := t.in.Cluster.Name
	return []corev1.Service{
		t.headless(ClusterPodsServiceName(cluster), cpo.MemberSelector(cluster), true),
		t.headless(PrimaryServiceName(cluster), cpo.PrimarySelector(cluster), false),
	}
}

func (t *translation) headless(name string, selector map[string]string, notReady bool) corev1.Service {
	return corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: t.newMeta(name),
		Spec: corev1.ServiceSpec{
			ClusterIP:                corev1.ClusterIPNone,
			PublishNotReadyAddresses: notReady,
			Selector:                 selector,
			Ports: []corev1.ServicePort{{
				Name: cpo.ContainerRepoHost, Protocol: corev1.ProtocolTCP,
				Port: serverPort, TargetPort: intstr.FromInt32(serverPort),
			}},
		},
	}
}
