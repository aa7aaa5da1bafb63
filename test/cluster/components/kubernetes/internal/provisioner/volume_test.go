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
	"k8s.io/apimachinery/pkg/api/resource"
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

// The test goes from a claim to a directory and a volume, and back to nothing.
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

func TestBound(t *testing.T) {
	t.Parallel()
	now := metav1.Now()
	good := func(c *corev1.PersistentVolumeClaim) {
		c.Spec.VolumeName, c.Status.Phase = "v", corev1.ClaimBound
	}
	cases := map[string]struct {
		change func(*corev1.PersistentVolumeClaim)
		want   bool
	}{
		"Bound":        {change: func(*corev1.PersistentVolumeClaim) {}, want: true},
		"NotYet":       {change: func(c *corev1.PersistentVolumeClaim) { c.Status.Phase = corev1.ClaimPending }},
		"VolumeLost":   {change: func(c *corev1.PersistentVolumeClaim) { c.Status.Phase = corev1.ClaimLost }},
		"NoVolume":     {change: func(c *corev1.PersistentVolumeClaim) { c.Spec.VolumeName = "" }},
		"BeingDeleted": {change: func(c *corev1.PersistentVolumeClaim) { c.DeletionTimestamp = &now }},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := claim(good)
			tc.change(c)
			if got := bound(c); got != tc.want {
				t.Errorf("bound = %v, want %v", got, tc.want)
			}
		})
	}
}

// A claim requests 2Gi. The cases are what volume and claim show before and after.
func TestGrownClaim(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		change                func(*corev1.PersistentVolume)
		volume, claim         string
		wantVolume, wantClaim string
	}{
		"Grown":              {volume: "1Gi", claim: "1Gi", wantVolume: "2Gi", wantClaim: "2Gi"},
		"DiedBetweenWrites":  {volume: "2Gi", claim: "1Gi", wantVolume: "2Gi", wantClaim: "2Gi"},
		"NothingToDo":        {volume: "2Gi", claim: "2Gi", wantVolume: "2Gi", wantClaim: "2Gi"},
		"NeverSmaller":       {volume: "3Gi", claim: "3Gi", wantVolume: "3Gi", wantClaim: "3Gi"},
		"AnotherProvisioner": {volume: "1Gi", claim: "1Gi", wantVolume: "1Gi", wantClaim: "1Gi", change: func(v *corev1.PersistentVolume) { v.Annotations = nil }},
		"AnotherClaims":      {volume: "1Gi", claim: "1Gi", wantVolume: "1Gi", wantClaim: "1Gi", change: func(v *corev1.PersistentVolume) { v.Spec.ClaimRef.UID = "5678" }},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storage := func(size string) corev1.ResourceList {
				return corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(size)}
			}
			grown := claim(func(c *corev1.PersistentVolumeClaim) {
				c.Spec.VolumeName = "pvc-1234"
				c.Spec.Resources.Requests = storage("2Gi")
				c.Status = corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound, Capacity: storage(tc.claim)}
			})
			volume := volumeFor(grown, &storagev1.StorageClass{}, "/")
			volume.Spec.Capacity = storage(tc.volume)
			if tc.change != nil {
				tc.change(volume)
			}
			client := fake.NewClientset(grown, volume)
			c := newController(client, t.TempDir())
			c.informers.Start(t.Context().Done())
			c.informers.WaitForCacheSync(t.Context().Done())

			// Run it twice: the caches are stale the second time, the result must be the same.
			for range 2 {
				if err := c.sync(t.Context(), key{claim: true, namespace: grown.Namespace, name: grown.Name}); err != nil {
					t.Fatal(err)
				}
			}
			gotVolume, err := client.CoreV1().PersistentVolumes().Get(t.Context(), volume.Name, metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			gotClaim, err := client.CoreV1().PersistentVolumeClaims(grown.Namespace).Get(t.Context(), grown.Name, metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if v, c := gotVolume.Spec.Capacity.Storage().String(), gotClaim.Status.Capacity.Storage().String(); v != tc.wantVolume || c != tc.wantClaim {
				t.Errorf("volume has %s and claim shows %s, want %s and %s", v, c, tc.wantVolume, tc.wantClaim)
			}
		})
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
