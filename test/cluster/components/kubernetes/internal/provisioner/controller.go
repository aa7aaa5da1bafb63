// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package provisioner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	storagelisters "k8s.io/client-go/listers/storage/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
)

// key names the object to look at; claims and volumes share one queue.
type key struct {
	claim     bool
	namespace string
	name      string
}

type controller struct {
	client    kubernetes.Interface
	root      string
	informers informers.SharedInformerFactory
	claims    corelisters.PersistentVolumeClaimLister
	volumes   corelisters.PersistentVolumeLister
	classes   storagelisters.StorageClassLister
	queue     workqueue.TypedRateLimitingInterface[key]
}

func newController(client kubernetes.Interface, root string) *controller {
	f := informers.NewSharedInformerFactory(client, 0)
	c := &controller{
		client:    client,
		root:      filepath.Clean(root),
		informers: f,
		claims:    f.Core().V1().PersistentVolumeClaims().Lister(),
		volumes:   f.Core().V1().PersistentVolumes().Lister(),
		classes:   f.Storage().V1().StorageClasses().Lister(),
		queue: workqueue.NewTypedRateLimitingQueue(
			workqueue.NewTypedItemExponentialFailureRateLimiter[key](100*time.Millisecond, 10*time.Second)),
	}
	enqueue := func(obj any) {
		switch o := obj.(type) {
		case *corev1.PersistentVolumeClaim:
			c.queue.Add(key{claim: true, namespace: o.Namespace, name: o.Name})
		case *corev1.PersistentVolume:
			c.queue.Add(key{name: o.Name})
		}
	}
	// Adding a handler fails only on a stopped informer; this one has not started.
	handler := cache.ResourceEventHandlerFuncs{AddFunc: enqueue, UpdateFunc: func(_, obj any) { enqueue(obj) }}
	_, _ = f.Core().V1().PersistentVolumeClaims().Informer().AddEventHandler(handler)
	_, _ = f.Core().V1().PersistentVolumes().Informer().AddEventHandler(handler)
	return c
}

func (c *controller) run(ctx context.Context) error {
	if err := os.MkdirAll(c.root, 0o755); err != nil {
		return err
	}
	c.informers.Start(ctx.Done())
	for kind, ok := range c.informers.WaitForCacheSync(ctx.Done()) {
		if !ok {
			return fmt.Errorf("cannot list %s", kind)
		}
	}
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() { wait.UntilWithContext(ctx, c.work, time.Second) })
	}
	<-ctx.Done()
	c.queue.ShutDown()
	workers.Wait()
	return nil
}

func (c *controller) work(ctx context.Context) {
	for {
		k, stopped := c.queue.Get()
		if stopped {
			return
		}
		err := c.sync(ctx, k)
		if err != nil {
			klog.FromContext(ctx).Error(err, "Cannot serve", "namespace", k.namespace, "name", k.name)
			c.queue.AddRateLimited(k)
		} else {
			c.queue.Forget(k)
		}
		c.queue.Done(k)
	}
}

func (c *controller) sync(ctx context.Context, k key) error {
	if k.claim {
		claim, err := c.claims.PersistentVolumeClaims(k.namespace).Get(k.name)
		switch {
		case err != nil:
			return ignoreNotFound(err)
		case wanted(claim):
			return c.provision(ctx, claim)
		case bound(claim):
			return c.expand(ctx, claim)
		}
		return nil
	}
	volume, err := c.volumes.Get(k.name)
	if err != nil || !disposable(volume) {
		return ignoreNotFound(err)
	}
	return c.dispose(ctx, volume)
}

// provision creates the directory first: nobody may see a volume before its
// directory exists, whereas a directory without a volume is found again.
func (c *controller) provision(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	if claim.Spec.StorageClassName == nil {
		return nil
	}
	class, err := c.classes.Get(*claim.Spec.StorageClassName)
	if err != nil {
		return err
	}
	volume := volumeFor(claim, class, c.root)
	dir := volume.Spec.Local.Path
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	// Set the mode despite the umask: pods of any user write here, as on a fresh disk
	// with fsGroup.
	if err := os.Chmod(dir, 0o777); err != nil {
		return err
	}
	_, err = c.client.CoreV1().PersistentVolumes().Create(ctx, volume, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// expand gives a claim that grew the size it requests. The directory has room
// already, so only the objects change. The volume comes first: a claim must never
// show more than its volume has.
func (c *controller) expand(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	volume, err := c.volumes.Get(claim.Spec.VolumeName)
	if err != nil || !belongs(volume, claim) {
		return ignoreNotFound(err)
	}
	asked := claim.Spec.Resources.Requests[corev1.ResourceStorage]
	if asked.Cmp(*volume.Spec.Capacity.Storage()) > 0 {
		volume = volume.DeepCopy()
		volume.Spec.Capacity[corev1.ResourceStorage] = asked
		if volume, err = c.client.CoreV1().PersistentVolumes().Update(ctx, volume, metav1.UpdateOptions{}); err != nil {
			return err
		}
	}
	has := volume.Spec.Capacity[corev1.ResourceStorage]
	if claim.Status.Capacity.Storage().Cmp(has) >= 0 {
		return nil
	}
	claim = claim.DeepCopy()
	claim.Status.Capacity = corev1.ResourceList{corev1.ResourceStorage: has}
	_, err = c.client.CoreV1().PersistentVolumeClaims(claim.Namespace).UpdateStatus(ctx, claim, metav1.UpdateOptions{})
	return ignoreNotFound(err)
}

// dispose removes the directory before the volume: when the volume is gone,
// nothing records the directory.
func (c *controller) dispose(ctx context.Context, volume *corev1.PersistentVolume) error {
	if volume.Spec.Local == nil {
		return nil
	}
	dir := filepath.Clean(volume.Spec.Local.Path)
	if filepath.Dir(dir) != c.root {
		return errors.New("volume " + volume.Name + " is not below " + c.root)
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return ignoreNotFound(c.client.CoreV1().PersistentVolumes().Delete(ctx, volume.Name, metav1.DeleteOptions{}))
}

func ignoreNotFound(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
