// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package beside

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

// PostgresImage has PostgreSQL and pgBackRest. The manifests in testdata name it, too.
const PostgresImage = "stanzaflow.local/postgres:17-pgbackrest-2.55"

// Labels of CPO's pods.
const (
	labelType = "member.cpo.opensource.cybertec.at/type"
	labelRole = "member.cpo.opensource.cybertec.at/role"
)

// user is that of the image.
const user = int64(26)

// adjust lets a pod of CPO run here.
func adjust(template *corev1.PodTemplateSpec, operator string) {
	container := &template.Spec.Containers[0]
	template.Spec.TerminationGracePeriodSeconds = new(int64(5))
	template.Spec.SecurityContext = &corev1.PodSecurityContext{
		RunAsNonRoot: new(true), RunAsUser: new(user), RunAsGroup: new(user), FSGroup: new(user),
		SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
	container.SecurityContext = &corev1.SecurityContext{
		AllowPrivilegeEscalation: new(false), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
	}
	container.Resources = corev1.ResourceRequirements{}
	switch template.Labels[labelType] {
	case "postgresql":
		adjustPostgreSQL(template, container)
	case "repo-host":
		container.Image = PostgresImage
		container.Command = []string{"bash", "-c", "mkdir -p /data/pgbackrest/repo1/log && exec pgbackrest server"}
	default:
		container.Image, container.Command = operator, []string{"/operator", "version"}
	}
}

// adjustPostgreSQL does without Patroni: the only pod is the primary.
func adjustPostgreSQL(template *corev1.PodTemplateSpec, container *corev1.Container) {
	template.Labels[labelRole] = "master"
	container.Image, container.Command = PostgresImage, []string{"bash", "/etc/postgres/run.sh"}
	container.ReadinessProbe = &corev1.Probe{
		ProbeHandler:  corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"pg_isready", "--quiet", "--username=postgres"}}},
		PeriodSeconds: 2,
	}
	container.VolumeMounts = append(
		container.VolumeMounts,
		corev1.VolumeMount{Name: "run", MountPath: "/etc/postgres"},
		corev1.VolumeMount{Name: "socket", MountPath: cpo.PGSocketPath},
	)
	template.Spec.Volumes = append(
		template.Spec.Volumes,
		corev1.Volume{Name: "run", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: "cluster-postgres"},
		}}},
		corev1.Volume{Name: "socket", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{Medium: corev1.StorageMediumMemory}}},
	)
}
