// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package provisioner

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/utils/ptr"
)

func claim(change func(*corev1.PersistentVolumeClaim)) *corev1.PersistentVolumeClaim {
	c := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "ns", Name: "data", UID: "1234",
			Annotations: map[string]string{annProvisioner: Name, annSelectedNode: "node1"},
		},
		Spec: corev1.PersistentVolumeClaimSpec{StorageClassName: ptr.To("local")},
	}
	if change != nil {
		change(c)
	}
	return c
}

func TestWanted(t *testing.T) {
	t.Parallel()
	now := metav1.Now()
	cases := map[string]struct {
		claim *corev1.PersistentVolumeClaim
		want  bool
	}{
		"Ours":               {claim: claim(nil), want: true},
		"NotPlacedYet":       {claim: claim(func(c *corev1.PersistentVolumeClaim) { delete(c.Annotations, annSelectedNode) })},
		"BoundAlready":       {claim: claim(func(c *corev1.PersistentVolumeClaim) { c.Spec.VolumeName = "v" })},
		"BeingDeleted":       {claim: claim(func(c *corev1.PersistentVolumeClaim) { c.DeletionTimestamp = &now })},
		"AnotherProvisioner": {claim: claim(func(c *corev1.PersistentVolumeClaim) { c.Annotations[annProvisioner] = "x" })},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := wanted(tc.claim); got != tc.want {
				t.Errorf("wanted = %v, want %v", got, tc.want)
			}
		})
	}
}

// From a claim to a directory and a volume, and back to nothing.
func TestLifeOfAVolume(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	ours := claim(nil)
	client := fake.NewClientset(ours, &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "local"}, Provisioner: Name})
	stopped := make(chan error, 1)
	go func() { stopped <- newController(client, root).run(t.Context()) }()

	volumes := client.CoreV1().PersistentVolumes()
	var volume *corev1.PersistentVolume
	eventually(t, "a volume", func() bool {
		var err error
		volume, err = volumes.Get(t.Context(), "pvc-1234", metav1.GetOptions{})
		return err == nil
	})
	info, err := os.Stat(volume.Spec.Local.Path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o777 || filepath.Dir(volume.Spec.Local.Path) != root {
		t.Errorf("directory %s has mode %v", volume.Spec.Local.Path, info.Mode())
	}

	volume.Status.Phase = corev1.VolumeReleased
	if _, err := volumes.UpdateStatus(t.Context(), volume, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the volume to be deleted", func() bool {
		_, err := volumes.Get(t.Context(), volume.Name, metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	})
	if _, err := os.Stat(volume.Spec.Local.Path); !os.IsNotExist(err) {
		t.Errorf("the directory is still there: %v", err)
	}
	select {
	case err := <-stopped:
		t.Errorf("the provisioner ended: %v", err)
	default:
	}
}

// A volume that somebody edited must not make us delete anything else.
func TestNeverDeletesOutsideOfTheRoot(t *testing.T) {
	t.Parallel()
	root, other := t.TempDir(), t.TempDir()
	volume := volumeFor(claim(nil), &storagev1.StorageClass{}, root)
	for _, path := range []string{other, root, filepath.Join(root, "..", filepath.Base(other)), "/"} {
		volume.Spec.Local.Path = path
		if err := newController(fake.NewClientset(), root).dispose(t.Context(), volume); err == nil {
			t.Errorf("no error for %s", path)
		}
		if _, err := os.Stat(path); err != nil {
			t.Fatalf("deleted %s", path)
		}
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no %s within 30 s", what)
		}
	}
}
