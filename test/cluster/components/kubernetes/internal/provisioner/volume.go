// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package provisioner

import (
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// Name is the name of this provisioner in a storage class.
const Name = "stanzaflow.local/directory"

// Annotations of the contract between Kubernetes and provisioners.
const (
	annSelectedNode  = "volume.kubernetes.io/selected-node"
	annProvisioner   = "volume.kubernetes.io/storage-provisioner"
	annProvisionedBy = "pv.kubernetes.io/provisioned-by"
)

// wanted reports whether the claim waits for a volume from us.
func wanted(claim *corev1.PersistentVolumeClaim) bool {
	return claim.DeletionTimestamp == nil &&
		claim.Spec.VolumeName == "" &&
		claim.Annotations[annProvisioner] == Name &&
		claim.Annotations[annSelectedNode] != ""
}

// bound reports whether the claim has its volume.
func bound(claim *corev1.PersistentVolumeClaim) bool {
	return claim.DeletionTimestamp == nil &&
		claim.Spec.VolumeName != "" &&
		claim.Status.Phase == corev1.ClaimBound
}

// belongs reports whether the volume is ours and was created for this claim.
func belongs(volume *corev1.PersistentVolume, claim *corev1.PersistentVolumeClaim) bool {
	return volume.Annotations[annProvisionedBy] == Name &&
		volume.Spec.ClaimRef != nil &&
		volume.Spec.ClaimRef.UID == claim.UID
}

// disposable reports whether the volume is ours and its claim is permanently gone.
func disposable(volume *corev1.PersistentVolume) bool {
	return volume.DeletionTimestamp == nil &&
		volume.Annotations[annProvisionedBy] == Name &&
		volume.Spec.PersistentVolumeReclaimPolicy == corev1.PersistentVolumeReclaimDelete &&
		volume.Status.Phase == corev1.VolumeReleased
}

// volumeFor plans the volume of a claim. Its name follows from the claim's UID,
// so that a second attempt after a crash finds the first one's volume instead of
// creating another. The directory's name shows a person whose it is.
func volumeFor(claim *corev1.PersistentVolumeClaim, class *storagev1.StorageClass, root string) *corev1.PersistentVolume {
	name := "pvc-" + string(claim.UID)
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{
			Name:        name,
			Annotations: map[string]string{annProvisionedBy: Name},
		},
		Spec: corev1.PersistentVolumeSpec{
			StorageClassName:              class.Name,
			AccessModes:                   claim.Spec.AccessModes,
			Capacity:                      corev1.ResourceList{corev1.ResourceStorage: claim.Spec.Resources.Requests[corev1.ResourceStorage]},
			PersistentVolumeReclaimPolicy: ptr.Deref(class.ReclaimPolicy, corev1.PersistentVolumeReclaimDelete),
			VolumeMode:                    ptr.To(corev1.PersistentVolumeFilesystem),
			ClaimRef: &corev1.ObjectReference{
				APIVersion: "v1", Kind: "PersistentVolumeClaim",
				Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID,
			},
			PersistentVolumeSource: corev1.PersistentVolumeSource{
				Local: &corev1.LocalVolumeSource{Path: filepath.Join(root, claim.Namespace+"_"+claim.Name+"_"+name)},
			},
			NodeAffinity: &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{
				NodeSelectorTerms: []corev1.NodeSelectorTerm{{
					MatchExpressions: []corev1.NodeSelectorRequirement{{
						Key: corev1.LabelHostname, Operator: corev1.NodeSelectorOpIn,
						Values: []string{claim.Annotations[annSelectedNode]},
					}},
				}},
			}},
		},
	}
}
