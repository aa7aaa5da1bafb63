// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	gracePeriod    = 300
	serviceAccount = "cpo-pod"
	configVolume   = "pgbackrest-config"
	configFolder   = "/etc/pgbackrest/conf.d"
	yes            = "true"
)

func (p *Postgresql) serviceName() string     { return p.Name + "-clusterpods" }
func (p *Postgresql) repoHostName() string    { return p.Name + "-pgbackrest-repo-host" }
func (p *Postgresql) certificateName() string { return p.Name + "-pgbackrest-cert" }

// service is the headless Service of the cluster. Those of the primary and of the
// replicas are left out.
func (o Options) service(p *Postgresql) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: p.meta(p.serviceName(), o.labels(p, "", "")),
		Spec: corev1.ServiceSpec{
			Selector: o.selector(p, "", ""), ClusterIP: corev1.ClusterIPNone, Type: corev1.ServiceTypeClusterIP, PublishNotReadyAddresses: true,
		},
	}
}

// certificate is the Secret for TLS. It has no labels and no owner. The certificates
// are left out.
func (o Options) certificate(p *Postgresql) *corev1.Secret {
	data := map[string][]byte{}
	for _, key := range []string{"key", "pgbackrest.ca-roots", clientCert + ".crt", clientCert + ".key", repoHostCert + ".crt", repoHostCert + ".key"} {
		data[key] = []byte("DUMMY")
	}
	return &corev1.Secret{ObjectMeta: p.meta(p.certificateName(), nil), Data: data}
}

// repoHost is the StatefulSet of the repo host. A claim has the name of its repo, and
// its mount the index of the repo: with another name they do not fit, and Kubernetes
// refuses the StatefulSet.
func (o Options) repoHost(p *Postgresql) *appsv1.StatefulSet {
	mounts, claims := o.repoVolumes(p)
	set := o.statefulSet(p, p.repoHostName(), typeRepoHost, 1)
	set.Spec.UpdateStrategy.Type = appsv1.RollingUpdateStatefulSetStrategyType
	set.Spec.VolumeClaimTemplates = claims
	set.Spec.Template.Spec.Volumes = []corev1.Volume{p.configVolume(p.repoHostConfigName()), p.certificateVolume()}
	set.Spec.Template.Spec.Containers = []corev1.Container{{
		Name: "pgbackrest", Image: p.backup().Image, Ports: ports(),
		Env: slices.Concat([]corev1.EnvVar{{Name: "USE_PGBACKREST", Value: yes}, {Name: "MODE", Value: "repo"}}, p.backup().Env, p.Spec.Env),
		VolumeMounts: append(
			mounts,
			corev1.VolumeMount{Name: configVolume, MountPath: configFolder}, corev1.VolumeMount{Name: certificateVolume, MountPath: certificates},
		),
		Resources: p.backup().Resources.orDefaults(), ImagePullPolicy: corev1.PullIfNotPresent, SecurityContext: securityContext(false),
	}}
	o.AdjustPod(&set.Spec.Template)
	return set
}

const certificateVolume = "cert-secret"

func (o Options) repoVolumes(p *Postgresql) (mounts []corev1.VolumeMount, claims []corev1.PersistentVolumeClaim) {
	for i, repo := range p.backup().Repos {
		if repo.Storage == storagePVC {
			byIndex := "repo" + string(rune('1'+i))
			mounts = append(mounts, corev1.VolumeMount{Name: byIndex, MountPath: "/data/pgbackrest/" + byIndex})
			claims = append(claims, o.claim(p, repo.Name, repo.Volume))
		}
	}
	return mounts, claims
}

// database is the StatefulSet of PostgreSQL. The environment, the probe and the init
// container of its pods are left out.
func (o Options) database(p *Postgresql) *appsv1.StatefulSet {
	set := o.statefulSet(p, p.Name, typePostgresql, p.Spec.NumberOfInstances)
	set.Spec.UpdateStrategy.Type = appsv1.OnDeleteStatefulSetStrategyType
	set.Spec.VolumeClaimTemplates = []corev1.PersistentVolumeClaim{o.claim(p, "pgdata", p.Spec.Volume)}
	container := corev1.Container{
		Name: "postgres", Image: "containers.cybertec.at/cybertec-pg-container/postgres:rocky9-18.3-2", Ports: ports(),
		VolumeMounts:    []corev1.VolumeMount{{Name: "pgdata", MountPath: postgresqlData}},
		ImagePullPolicy: corev1.PullIfNotPresent, SecurityContext: securityContext(false),
	}
	if p.backup() != nil {
		set.Spec.Template.Spec.Volumes = append(set.Spec.Template.Spec.Volumes, p.configVolume(p.configName()))
		container.VolumeMounts = append(container.VolumeMounts, corev1.VolumeMount{Name: configVolume, MountPath: configFolder})
	}
	if p.hasRepoHost() {
		set.Spec.Template.Spec.Volumes = append(set.Spec.Template.Spec.Volumes, p.certificateVolume())
		container.VolumeMounts = append(container.VolumeMounts, corev1.VolumeMount{Name: certificateVolume, MountPath: certificates})
	}
	set.Spec.Template.Spec.Containers = []corev1.Container{container}
	o.AdjustPod(&set.Spec.Template)
	return set
}

// statefulSet is what both have in common.
func (o Options) statefulSet(p *Postgresql, name, memberType string, replicas int32) *appsv1.StatefulSet {
	meta := p.meta(name, o.labels(p, labelType, memberType))
	meta.OwnerReferences = p.owner()
	return &appsv1.StatefulSet{
		ObjectMeta: meta,
		Spec: appsv1.StatefulSetSpec{
			Replicas: new(replicas), ServiceName: p.serviceName(), PodManagementPolicy: appsv1.OrderedReadyPodManagement,
			Selector: &metav1.LabelSelector{MatchLabels: o.selector(p, labelType, memberType)},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Labels: o.podLabels(p, memberType), Annotations: maps.Clone(p.Spec.PodAnnotations)},
				Spec: corev1.PodSpec{
					TerminationGracePeriodSeconds: new(int64(gracePeriod)), ServiceAccountName: serviceAccount, Tolerations: p.Spec.Tolerations,
				},
			},
			PersistentVolumeClaimRetentionPolicy: &appsv1.StatefulSetPersistentVolumeClaimRetentionPolicy{
				WhenDeleted: appsv1.RetainPersistentVolumeClaimRetentionPolicyType, WhenScaled: appsv1.RetainPersistentVolumeClaimRetentionPolicyType,
			},
		},
	}
}

func (o Options) claim(p *Postgresql, name string, volume Volume) corev1.PersistentVolumeClaim {
	return corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: o.labels(p, "", "")},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes:      []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources:        corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(volume.Size)}},
			StorageClassName: volume.StorageClass,
		},
	}
}

// configVolume is a ConfigMap and the Secret of the user, if there is one.
func (p *Postgresql) configVolume(configMap string) corev1.Volume {
	sources := []corev1.VolumeProjection{{ConfigMap: &corev1.ConfigMapProjection{
		LocalObjectReference: corev1.LocalObjectReference{Name: configMap}, Optional: new(true),
	}}}
	if secret := p.backup().Configuration.Secret; secret != "" {
		sources = append(sources, secretSource(secret))
	}
	return projected(configVolume, sources)
}

func (p *Postgresql) certificateVolume() corev1.Volume {
	return projected(certificateVolume, []corev1.VolumeProjection{secretSource(p.certificateName())})
}

func secretSource(name string) corev1.VolumeProjection {
	return corev1.VolumeProjection{Secret: &corev1.SecretProjection{LocalObjectReference: corev1.LocalObjectReference{Name: name}, Optional: new(true)}}
}

func projected(name string, sources []corev1.VolumeProjection) corev1.Volume {
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: sources, DefaultMode: new(int32(0o640))}}}
}

// ports are on every container of CPO.
func ports() []corev1.ContainerPort {
	var all []corev1.ContainerPort
	for _, port := range []int32{8008, 5432, 8080} {
		all = append(all, corev1.ContainerPort{ContainerPort: port, Protocol: corev1.ProtocolTCP})
	}
	return all
}

func securityContext(readOnly bool) *corev1.SecurityContext {
	return &corev1.SecurityContext{Privileged: new(false), ReadOnlyRootFilesystem: new(readOnly), AllowPrivilegeEscalation: new(true)}
}

// orDefaults fills in default_cpu_request and the like.
func (r Resources) orDefaults() corev1.ResourceRequirements {
	with := func(defaults, own map[string]string) corev1.ResourceList {
		list := corev1.ResourceList{}
		for name, quantity := range defaults {
			list[corev1.ResourceName(name)] = resource.MustParse(quantity)
		}
		for name, quantity := range own {
			list[corev1.ResourceName(name)] = resource.MustParse(quantity)
		}
		return list
	}
	return corev1.ResourceRequirements{
		Requests: with(map[string]string{"cpu": "100m", "memory": "100Mi"}, r.Requests),
		Limits:   with(map[string]string{"cpu": "1", "memory": "500Mi"}, r.Limits),
	}
}
