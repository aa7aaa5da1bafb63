// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// acceptsVolume checks a repo with storage pvc. A resource is let pass, and not
// used: two of CPO's four schemas demand one for every storage.
func (t *translation) acceptsVolume(r repo) bool {
	ok := !t.refusesUnused(r, fieldEndpoint, fieldRegion, fieldAccount, fieldKey, fieldKeyType)
	refuse := func(field, message string) {
		t.problem(r.path+"."+field, vocab.ReasonInvalidVolume, "%s", message)
		ok = false
	}
	if r.Volume == nil {
		refuse("volume", "is required for storage pvc, with a size such as 15Gi")
		return false
	}
	if size, valid := volumeSize(r.Volume.Size); !valid || size.Sign() <= 0 {
		refuse("volume.size", "must be a size such as 15Gi")
	}
	if class := r.Volume.StorageClass; class != "" && len(validation.IsDNS1123Subdomain(class)) > 0 {
		refuse("volume.storageClass", "is not the name of a StorageClass: lower-case letters, digits, - and . only")
	}
	if _, err := metav1.LabelSelectorAsSelector(r.Volume.Selector); err != nil {
		refuse("volume.selector", "must have matchLabels, or matchExpressions with key, operator (In, NotIn, Exists, DoesNotExist) and values")
	}
	return ok
}

func volumeSize(text string) (resource.Quantity, bool) {
	if !cpo.IsQuantity(text) {
		return resource.Quantity{}, false
	}
	size, err := resource.ParseQuantity(text)
	return size, err == nil
}

// claim is the volume of a repo. One pod writes to it, as CPO has it.
func (t *translation) claim(r repo) corev1.PersistentVolumeClaim {
	cluster := t.in.Cluster.Name
	size, _ := volumeSize(r.Volume.Size)
	claim := corev1.PersistentVolumeClaim{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "PersistentVolumeClaim"},
		ObjectMeta: t.newMeta(ClaimName(cluster, r.Name)),
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
