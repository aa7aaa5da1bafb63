// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"maps"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

// Volumes of the repo host beside those of its repos.
const (
	volumeConfig = "pgbackrest-config"
	volumeCerts  = "pgbackrest-certs"
	volumeTmp    = "tmp"
)

// statefulSet runs pgBackRest's TLS server beside the volumes. Its template
// holds nothing of the configuration, not even a hash: pgBackRest reads a
// changed one without a restart, which would end a backup. There is no
// PodDisruptionBudget: with one replica it could only stop the drain of a node,
// and a backup that a drain interrupts is resumed by the next attempt.
//
// The claims are ordinary volumes: those of a volumeClaimTemplate cannot be
// added to, and a second repo may come later.
func (t *translation) statefulSet(hosted []repo, secret string) appsv1.StatefulSet {
	cluster := t.in.Cluster.Name
	selector := cpo.RepoHostSelector(cluster)
	// CPO's labels, as on CPO's own repo host: backups look for it by them.
	labels := clusterLabels(cluster)
	maps.Copy(labels, selector)
	meta := t.newMeta(RepoHostName(cluster))
	maps.Copy(meta.Labels, selector)
	return appsv1.StatefulSet{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "StatefulSet"},
		ObjectMeta: meta,
		Spec: appsv1.StatefulSetSpec{
			Replicas:    new(int32(1)),
			ServiceName: ClusterPodsServiceName(cluster),
			Selector:    &metav1.LabelSelector{MatchLabels: selector},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       t.repoHostPod(hosted, secret),
			},
		},
	}
}

func (t *translation) repoHostPod(hosted []repo, secret string) corev1.PodSpec {
	scheduling := t.in.Cluster.Scheduling
	pod := corev1.PodSpec{
		Containers:                    []corev1.Container{t.repoHostContainer(hosted)},
		Volumes:                       t.repoHostVolumes(hosted, secret),
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
						LabelSelector: &metav1.LabelSelector{MatchLabels: cpo.PostgreSQLSelector(t.in.Cluster.Name)},
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

// repoHostContainer has a command, because the entry point of CPO's image would
// make a stanza and a backup of its own.
func (t *translation) repoHostContainer(hosted []repo) corev1.Container {
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
		Image:           t.in.Cluster.PgBackRest.Image,
		Command:         []string{"sh", cpo.ConfigDir + "/" + ServerScriptName},
		Ports:           []corev1.ContainerPort{{Name: cpo.ContainerRepoHost, ContainerPort: serverPort, Protocol: corev1.ProtocolTCP}},
		Resources:       repoHostResources(t.in.Cluster.PgBackRest.Resources),
		VolumeMounts:    mounts,
		ReadinessProbe:  ping(10, 3),
		LivenessProbe:   ping(30, 4),
		SecurityContext: containerSecurity(),
	}
}

// ping asks the server whether it answers over TLS. It reads no configuration:
// one that somebody has broken does not stop a running server, nor the backup
// that runs through it, and must not make Kubernetes do so. The address is there
// because pgBackRest 2.45 listens on IPv4 only, and without one may ask ::1.
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

// repoHostVolumes: none of the sources is optional. A server without its
// configuration or its certificates serves nobody, and a pod that waits for
// them says what it waits for.
func (t *translation) repoHostVolumes(hosted []repo, secret string) []corev1.Volume {
	cluster := t.in.Cluster.Name
	files := []corev1.VolumeProjection{{ConfigMap: &corev1.ConfigMapProjection{
		LocalObjectReference: corev1.LocalObjectReference{Name: cpo.RepoHostConfigMapName(cluster)},
	}}}
	if secret != "" {
		files = append(files, projectedSecret(secret))
	}
	if t.plan.Credential != nil {
		files = append(files, projectedSecret(t.plan.Credential.Name))
	}
	certs := projectedSecret(cpo.CertSecretName(cluster))
	if t.in.Stanza.Certificate.IssuerRef != nil {
		certs = projectedSecret(IssuedSecretName(cluster, EndRepoHost),
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
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: ClaimName(cluster, r.Name)},
		}})
	}
	return volumes
}

func projectedSecret(name string, items ...corev1.KeyToPath) corev1.VolumeProjection {
	return corev1.VolumeProjection{Secret: &corev1.SecretProjection{
		LocalObjectReference: corev1.LocalObjectReference{Name: name}, Items: items,
	}}
}

// projected are files that the group of pgBackRest may read: it refuses a key
// that others can.
func projected(name string, sources ...corev1.VolumeProjection) corev1.Volume {
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{
		Projected: &corev1.ProjectedVolumeSource{Sources: sources, DefaultMode: new(int32(0o640))},
	}}
}
