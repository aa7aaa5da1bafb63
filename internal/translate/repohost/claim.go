// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package repohost

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
	"github.com/stanzaflow/stanzaflow/internal/translate/storage"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// claim is the volume of a repo. One pod writes to it, as with CPO.
func claim(cluster cpo.Postgresql, r storage.Repo) corev1.PersistentVolumeClaim {
	size, _ := storage.VolumeSize(r.Volume)
	claim := corev1.PersistentVolumeClaim{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "PersistentVolumeClaim"},
		ObjectMeta: manifest.Meta(cluster, manifest.ClaimName(cluster.Name, r.Name)),
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			VolumeMode:  new(corev1.PersistentVolumeFilesystem),
			Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: size}},
			Selector:    r.Volume.Selector.DeepCopy(),
		},
	}
	claim.Labels[vocab.LabelRepo] = r.Name
	if class := r.Volume.StorageClass; class != "" {
		claim.Spec.StorageClassName = &class
	}
	return claim
}
