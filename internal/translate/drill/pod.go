// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/stanzaflow/stanzaflow/internal/drill"
	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
)

// pod returns the podSpecPatch of the pod that restores, as JSON. The template has the
// command; everything that only the cluster knows is here.
func (in Input) pod(m mounted) (string, error) {
	binary := corev1.VolumeMount{Name: drill.BinaryVolume, MountPath: drill.BinaryMount}
	data := corev1.VolumeMount{Name: drill.DataVolume, MountPath: drill.DataMount}
	spec := corev1.PodSpec{
		Volumes: slices.Concat(m.volumes, []corev1.Volume{
			in.scratch(),
			{Name: drill.BinaryVolume, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
		}),
		InitContainers: []corev1.Container{{
			Name: drill.BinaryInit, Image: in.Image, Command: []string{"/operator", "copy", drill.Binary},
			VolumeMounts: []corev1.VolumeMount{binary}, Resources: small(), SecurityContext: unprivileged(),
		}},
		Containers: []corev1.Container{{
			Name: drill.ContainerName, Image: in.image(),
			VolumeMounts:    slices.Concat(m.mounts, []corev1.VolumeMount{data, binary}),
			SecurityContext: unprivileged(),
		}},
	}
	if asked := in.restorePod().Resources; asked != nil {
		spec.Containers[0].Resources = *asked.DeepCopy()
	}
	in.placed(&spec)
	text, err := json.Marshal(spec)
	if err != nil {
		return "", fmt.Errorf("cannot encode the pod of the drills: %w", err)
	}
	var object map[string]any
	if err := json.Unmarshal(text, &object); err != nil {
		return "", fmt.Errorf("cannot decode the pod of the drills: %w", err)
	}
	object = manifest.Compact(object)
	object["securityContext"] = in.security()
	text, err = json.Marshal(object)
	if err != nil {
		return "", fmt.Errorf("cannot encode the pod of the drills: %w", err)
	}
	return string(text), nil
}

// placed says where the pod may run: where PostgreSQL may.
func (in Input) placed(spec *corev1.PodSpec) {
	if in.Source == nil {
		at := in.Cluster.Scheduling
		spec.Tolerations, spec.PriorityClassName = at.Tolerations, at.PriorityClassName
		if at.NodeAffinity != nil {
			spec.Affinity = &corev1.Affinity{NodeAffinity: at.NodeAffinity.DeepCopy()}
		}
		return
	}
	from := in.Source.Pod.DeepCopy()
	spec.ImagePullSecrets, spec.Tolerations, spec.NodeSelector, spec.PriorityClassName = from.ImagePullSecrets, from.Tolerations, from.NodeSelector, from.PriorityClassName
	if from.Affinity != nil && from.Affinity.NodeAffinity != nil {
		spec.Affinity = &corev1.Affinity{NodeAffinity: from.Affinity.NodeAffinity}
	}
}

// security is that of the pod. A null takes away what the template has, so that the image
// decides.
func (in Input) security() map[string]any {
	u := in.Source.user()
	security := map[string]any{
		"runAsNonRoot": true, "fsGroupChangePolicy": string(corev1.FSGroupChangeOnRootMismatch),
		"seccompProfile": map[string]any{"type": string(corev1.SeccompProfileTypeRuntimeDefault)},
	}
	for name, id := range map[string]*int64{"runAsUser": u.id, "runAsGroup": u.group, "fsGroup": u.volumes} {
		security[name] = nil
		if id != nil {
			security[name] = *id
		}
	}
	return security
}

func unprivileged() *corev1.SecurityContext {
	return &corev1.SecurityContext{
		RunAsNonRoot: new(true), AllowPrivilegeEscalation: new(false), Privileged: new(false),
		Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
	}
}

// small is enough to copy a program.
func small() corev1.ResourceRequirements {
	return corev1.ResourceRequirements{
		Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("10m"), corev1.ResourceMemory: resource.MustParse("32Mi")},
		Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("128Mi")},
	}
}

// image with PostgreSQL and pgBackRest. Empty if nobody says which.
func (in Input) image() string { return cmp.Or(in.restorePod().Image, in.Source.postgres().Image) }

// size of the volume.
func (in Input) size() resource.Quantity {
	if asked := in.restorePod().Volume.Size; asked != nil {
		return asked.DeepCopy()
	}
	return size(in.DatabaseBytes)
}

// StorageClass of the volume. Empty means the default of the Kubernetes cluster.
func (in Input) StorageClass() string {
	class := in.restorePod().Volume.StorageClassName
	if in.Source != nil {
		class = cmp.Or(class, in.Source.StorageClass)
	}
	return class
}
