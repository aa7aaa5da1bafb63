// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package repohost

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
)

// services returns the Services that give names in DNS. One names each pod of the
// cluster, ready or not, because a server that starts must archive. The other names
// the primary, and only while it is ready.
func services(cluster cpo.Postgresql) []corev1.Service {
	labels := cpo.DefaultLabels()
	return []corev1.Service{
		headless(cluster, manifest.ClusterPodsServiceName(cluster.Name), labels.Members(cluster.Name), true),
		headless(cluster, manifest.PrimaryServiceName(cluster.Name), labels.Primary(cluster.Name), false),
	}
}

func headless(cluster cpo.Postgresql, name string, selector map[string]string, notReady bool) corev1.Service {
	return corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: manifest.Meta(cluster, name),
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
