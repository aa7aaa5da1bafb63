// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/drill"
	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// configuration is the folder in whose files pgBackRest finds the repos.
var configuration = path.Dir(cpo.ConfigDir)

// fileOptions end the names of the options that name a file with a key or a certificate.
var fileOptions = []string{"-ca-file", "-cert-file", "-key-file", "-gcs-key"}

// mounted are the volumes with the configuration of pgBackRest and with the files that it
// names, and where they are mounted. Skipped are those of them that a drill may not have.
type mounted struct {
	volumes []corev1.Volume
	mounts  []corev1.VolumeMount
	skipped []string
}

func (in Input) mounted() mounted {
	if in.Source == nil {
		return in.mountedWithout()
	}
	var m mounted
	needed := append(in.files(), configuration)
	for _, mount := range in.Source.postgres().VolumeMounts {
		if !slices.ContainsFunc(needed, func(file string) bool { return holds(mount.MountPath, file) }) && !holds(configuration, mount.MountPath) {
			continue
		}
		i := slices.IndexFunc(in.Source.Pod.Volumes, func(v corev1.Volume) bool { return v.Name == mount.Name })
		if i < 0 {
			m.skipped = append(m.skipped, mount.MountPath)
			continue
		}
		volume, ok := in.copied(in.Source.Pod.Volumes[i])
		if !ok {
			m.skipped = append(m.skipped, mount.MountPath)
			continue
		}
		if !slices.ContainsFunc(m.volumes, func(v corev1.Volume) bool { return v.Name == volume.Name }) {
			m.volumes = append(m.volumes, volume)
		}
		mount.ReadOnly, mount.MountPropagation = true, nil
		m.mounts = append(m.mounts, mount)
	}
	return m
}

// files are those that options of the cluster name.
func (in Input) files() []string {
	var files []string
	for key, value := range in.Cluster.PgBackRest.Global {
		if slices.ContainsFunc(fileOptions, func(suffix string) bool { return strings.HasSuffix(key, suffix) }) && strings.HasPrefix(value, "/") {
			files = append(files, path.Clean(value))
		}
	}
	return files
}

// holds reports whether a file is in a folder, or is it.
func holds(folder, file string) bool {
	folder = path.Clean(folder)
	return folder == file || strings.HasPrefix(file, strings.TrimSuffix(folder, "/")+"/")
}

// copied returns a volume without what a drill may not have. Files are all that it needs.
func (in Input) copied(volume corev1.Volume) (corev1.Volume, bool) {
	volume = *volume.DeepCopy()
	switch {
	case volume.ConfigMap != nil:
	case volume.EmptyDir != nil:
	case volume.Secret != nil:
		volume.Secret.SecretName = in.secret(volume.Secret.SecretName)
	case volume.Projected != nil:
		volume.Projected.Sources = slices.DeleteFunc(volume.Projected.Sources, func(s corev1.VolumeProjection) bool {
			return s.Secret == nil && s.ConfigMap == nil
		})
		for i := range volume.Projected.Sources {
			if secret := volume.Projected.Sources[i].Secret; secret != nil {
				secret.Name = in.secret(secret.Name)
			}
		}
	default:
		return volume, false
	}
	return volume, true
}

// secret returns the Secret that a drill uses in place of one.
func (in Input) secret(name string) string {
	if replacement := in.restorePod().Secret; replacement != "" && name == in.Cluster.PgBackRest.Secret {
		return replacement
	}
	return name
}

const (
	volumeConfig = "pgbackrest-config"
	volumeCerts  = "pgbackrest-certs"
	fileMode     = int32(0o640)
)

// mountedWithout is what the resource alone says, without a StatefulSet.
func (in Input) mountedWithout() mounted {
	section := in.Cluster.PgBackRest
	sources := []corev1.VolumeProjection{{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: corev1.LocalObjectReference{Name: cpo.ConfigMapName(in.Cluster.Name)}}}}
	if name := in.secret(section.Secret); name != "" {
		sources = append(sources, secretProjection(name, false))
	}
	sources = append(sources, secretProjection(manifest.CredentialName(in.Cluster.Name), true))
	m := mounted{
		volumes: []corev1.Volume{projected(volumeConfig, sources...)},
		mounts:  []corev1.VolumeMount{{Name: volumeConfig, MountPath: cpo.ConfigDir, ReadOnly: true}},
	}
	if slices.ContainsFunc(section.Repos, func(r cpo.Repo) bool { return r.Storage == cpo.StoragePVC }) {
		m.volumes = append(m.volumes, projected(volumeCerts, secretProjection(cpo.CertSecretName(in.Cluster.Name), false)))
		m.mounts = append(m.mounts, corev1.VolumeMount{Name: volumeCerts, MountPath: cpo.CertDir, ReadOnly: true})
	}
	return m
}

func secretProjection(name string, optional bool) corev1.VolumeProjection {
	p := &corev1.SecretProjection{LocalObjectReference: corev1.LocalObjectReference{Name: name}}
	if optional {
		p.Optional = new(true)
	}
	return corev1.VolumeProjection{Secret: p}
}

// projected returns a volume whose files only PostgreSQL can read: pgBackRest refuses a key
// that others can read.
func projected(name string, sources ...corev1.VolumeProjection) corev1.Volume {
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: sources, DefaultMode: new(fileMode)}}}
}

// scratch takes the restored database, and is deleted with the pod.
func (in Input) scratch() corev1.Volume {
	claim := &corev1.PersistentVolumeClaimTemplate{Spec: corev1.PersistentVolumeClaimSpec{
		AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
		Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: in.size()}},
	}}
	// The claim is the pod's. With the label of our objects it would be one of a repo.
	claim.Labels = map[string]string{vocab.LabelCluster: in.Cluster.Name, vocab.LabelKind: string(vocab.RunDrill)}
	if class := in.StorageClass(); class != "" {
		claim.Spec.StorageClassName = &class
	}
	return corev1.Volume{Name: drill.DataVolume, VolumeSource: corev1.VolumeSource{Ephemeral: &corev1.EphemeralVolumeSource{VolumeClaimTemplate: claim}}}
}
