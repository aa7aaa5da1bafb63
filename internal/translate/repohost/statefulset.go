// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package repohost

import (
	"maps"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
	"github.com/stanzaflow/stanzaflow/internal/translate/storage"
)

// Volumes of the repo host in addition to those of its repos.
const (
	volumeConfig = "pgbackrest-config"
	volumeCerts  = "pgbackrest-certs"
	volumeTmp    = "tmp"
)

// statefulSet runs pgBackRest's TLS server with the volumes. Its template holds
// nothing of the configuration, not even a hash: pgBackRest reads a changed
// configuration without a restart, and a restart would end a backup. There is no
// PodDisruptionBudget: with one replica it could only block the drain of a node,
// and the next attempt resumes a backup that a drain interrupts.
//
// The claims are ordinary volumes. A volumeClaimTemplate cannot be added later, and
// a second repo may come later.
func statefulSet(in Input, hosted []storage.Repo) appsv1.StatefulSet {
	cluster := in.Cluster.Name
	selector := cpo.DefaultLabels().RepoHost(cluster)
	// CPO's labels, as on CPO's own repo host: runs find it by them.
	labels := manifest.Labels(cluster)
	maps.Copy(labels, selector)
	meta := manifest.Meta(in.Cluster, manifest.RepoHostName(cluster))
	maps.Copy(meta.Labels, selector)
	return appsv1.StatefulSet{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "StatefulSet"},
		ObjectMeta: meta,
		Spec: appsv1.StatefulSetSpec{
			Replicas:    new(int32(1)),
			ServiceName: manifest.ClusterPodsServiceName(cluster),
			Selector:    &metav1.LabelSelector{MatchLabels: selector},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       pod(in, hosted),
			},
		},
	}
}

func pod(in Input, hosted []storage.Repo) corev1.PodSpec {
	scheduling := in.Cluster.Scheduling
	pod := corev1.PodSpec{
		Containers:                    []corev1.Container{container(in.Cluster, hosted)},
		Volumes:                       volumes(in, hosted),
		SecurityContext:               podSecurity(),
		AutomountServiceAccountToken:  new(false),
		EnableServiceLinks:            new(false),
		TerminationGracePeriodSeconds: new(int64(30)),
		PriorityClassName:             scheduling.PriorityClassName,
		Affinity: &corev1.Affinity{
			NodeAffinity: scheduling.NodeAffinity.DeepCopy(),
			// A backup on the node of its database is lost with it.
			PodAntiAffinity: &corev1.PodAntiAffinity{
				PreferredDuringSchedulingIgnoredDuringExecution: []corev1.WeightedPodAffinityTerm{{
					Weight: 100,
					PodAffinityTerm: corev1.PodAffinityTerm{
						LabelSelector: &metav1.LabelSelector{MatchLabels: cpo.DefaultLabels().PostgreSQL(in.Cluster.Name)},
						TopologyKey:   corev1.LabelHostname,
					},
				}},
			},
		},
	}
	for _, toleration := range scheduling.Tolerations {
		pod.Tolerations = append(pod.Tolerations, *toleration.DeepCopy())
	}
	return pod
}

// container has a command, because the entry point of CPO's image would make a
// stanza and a backup by itself.
func container(cluster cpo.Postgresql, hosted []storage.Repo) corev1.Container {
	mounts := []corev1.VolumeMount{
		{Name: volumeConfig, MountPath: cpo.ConfigDir, ReadOnly: true},
		{Name: volumeCerts, MountPath: cpo.CertDir, ReadOnly: true},
		{Name: volumeTmp, MountPath: "/tmp"},
	}
	for _, r := range hosted {
		mounts = append(mounts, corev1.VolumeMount{Name: r.Name, MountPath: repoDir(r)})
	}
	return corev1.Container{
		Name:            cpo.ContainerRepoHost,
		Image:           cluster.PgBackRest.Image,
		Command:         []string{"sh", cpo.ConfigDir + "/" + ServerScriptName},
		Ports:           []corev1.ContainerPort{{Name: cpo.ContainerRepoHost, ContainerPort: serverPort, Protocol: corev1.ProtocolTCP}},
		Resources:       resources(cluster.PgBackRest.Resources),
		VolumeMounts:    mounts,
		ReadinessProbe:  ping(10, 3),
		LivenessProbe:   ping(30, 4),
		SecurityContext: containerSecurity(),
	}
}

// ping checks that the server answers over TLS. It reads no configuration: a broken
// one does not stop a running server, nor the backup that runs through it, and must
// not make Kubernetes stop them. It names the address because pgBackRest 2.45
// listens on IPv4 only, and would otherwise ask ::1.
func ping(period, failures int32) *corev1.Probe {
	return &corev1.Probe{
		ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{
			Command: []string{"pgbackrest", "server-ping", "--no-config", "--io-timeout=3", "--log-level-file=off", "127.0.0.1"},
		}},
		PeriodSeconds:    period,
		TimeoutSeconds:   10,
		FailureThreshold: failures,
	}
}

// volumes returns the volumes of the pod. No source is optional. A server without
// its configuration or its certificates is useless, and a pod that waits for them
// says what it waits for.
func volumes(in Input, hosted []storage.Repo) []corev1.Volume {
	cluster := in.Cluster.Name
	files := []corev1.VolumeProjection{{ConfigMap: &corev1.ConfigMapProjection{
		LocalObjectReference: corev1.LocalObjectReference{Name: cpo.RepoHostConfigMapName(cluster)},
	}}}
	for _, secret := range in.Secrets {
		files = append(files, projectedSecret(secret))
	}
	certs := projectedSecret(cpo.CertSecretName(cluster))
	if in.Certificate.IssuerRef != nil {
		certs = projectedSecret(manifest.IssuedSecretName(cluster, manifest.EndRepoHost),
			corev1.KeyToPath{Key: "ca.crt", Path: cpo.FileCARoots},
			corev1.KeyToPath{Key: corev1.TLSCertKey, Path: cpo.FileRepoHostCert},
			corev1.KeyToPath{Key: corev1.TLSPrivateKeyKey, Path: cpo.FileRepoHostKey})
	}
	volumes := []corev1.Volume{
		projected(volumeConfig, files...),
		projected(volumeCerts, certs),
		{Name: volumeTmp, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
	}
	for _, r := range hosted {
		volumes = append(volumes, corev1.Volume{Name: r.Name, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: manifest.ClaimName(cluster, r.Name)},
		}})
	}
	return volumes
}

func projectedSecret(name string, items ...corev1.KeyToPath) corev1.VolumeProjection {
	return corev1.VolumeProjection{Secret: &corev1.SecretProjection{
		LocalObjectReference: corev1.LocalObjectReference{Name: name}, Items: items,
	}}
}

// projected returns a volume of files that only the owner and the group of
// pgBackRest can read: it refuses a key that others can read.
func projected(name string, sources ...corev1.VolumeProjection) corev1.Volume {
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{
		Projected: &corev1.ProjectedVolumeSource{Sources: sources, DefaultMode: new(int32(0o640))},
	}}
}
