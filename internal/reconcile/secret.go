// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// The operator may create and patch Secrets, and read none. So it cannot watch
// its own; it looks at them, which is a patch that changes nothing, as a dry
// run, with an answer that holds the metadata only. The version in it tells
// whether anybody has changed the Secret since we wrote it. A Secret that is not
// ours cannot be looked at either where the policy of deploy/base is installed,
// and shows the lack of our labels where it is not.

// secretCheck is how often a Secret is looked at that nothing speaks against.
// Pods that run keep what they have mounted when it is deleted, so there is
// time; a look costs the API server one request.
const secretCheck = 10 * time.Minute

// secretCheckWaiting is the same while the repo host is not ready: that may be
// because a Secret that it mounts has gone.
const secretCheckWaiting = 15 * time.Second

// secretTask is a Secret of ours in the namespace of the cluster.
type secretTask struct {
	Want *unstructured.Unstructured
	// CreateOnly: one that exists stays as it is.
	CreateOnly bool
}

// secretRecord is what we know of a Secret that we wrote.
type secretRecord struct {
	// digest of what we wrote; it never leaves the process.
	digest [sha256.Size]byte
	// version that it has since.
	version string
	// owner is the UID of the postgresql that it was written for: with another
	// one, as in a namespace that was made anew, the Secret may have gone too.
	owner   types.UID
	checked time.Time
}

// secretMemory remembers for as long as the process lives.
type secretMemory struct {
	mu      sync.Mutex
	records map[types.NamespacedName]secretRecord
}

func (m *secretMemory) get(key types.NamespacedName) secretRecord {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.records[key]
}

func (m *secretMemory) set(key types.NamespacedName, record secretRecord) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.records == nil {
		m.records = map[types.NamespacedName]secretRecord{}
	}
	m.records[key] = record
}

// secret brings a Secret to what it should be. It reports whether it is.
func (a *application) secret(ctx context.Context, task secretTask) bool {
	key := client.ObjectKeyFromObject(task.Want)
	record, wanted, owner := a.secrets.get(key), secretDigest(task.Want), a.state.owner()
	known := record.digest == wanted && record.owner == owner
	if due := record.checked.Add(a.state.secretCheck()); known && a.now.Before(due) && !a.now.Before(record.checked) {
		a.done.Wake = earliest(a.done.Wake, due)
		return true
	}
	version, err := a.bringSecret(ctx, task, record, wanted)
	switch {
	case errors.Is(err, errForeign):
		a.done.Refused = append(a.done.Refused, task.Want)
		return false
	case err != nil:
		a.failOn("apply", task.Want, withoutContent(err))
		return false
	}
	a.secrets.set(key, secretRecord{digest: wanted, version: version, owner: owner, checked: a.now})
	a.done.Wake = earliest(a.done.Wake, a.now.Add(a.state.secretCheck()))
	return true
}

// owner is the UID of the postgresql, empty without one.
func (s State) owner() types.UID {
	if s.Postgresql == nil {
		return ""
	}
	return s.Postgresql.GetUID()
}

// secretCheck is how soon a Secret is looked at again.
func (s State) secretCheck() time.Duration {
	for _, host := range s.StatefulSets {
		if ready, _, _ := unstructured.NestedInt64(host.Object, "status", "readyReplicas"); ready == 0 {
			return secretCheckWaiting
		}
	}
	return secretCheck
}

// errForeign: a Secret of that name is not ours.
var errForeign = errors.New("not ours")

// bringSecret gives the version of the Secret afterwards.
func (a *application) bringSecret(ctx context.Context, task secretTask, record secretRecord, wanted [sha256.Size]byte) (string, error) {
	there, err := a.lookAtSecret(ctx, task.Want)
	switch {
	case apierrors.IsNotFound(err):
		return a.createSecret(ctx, task.Want)
	case err != nil:
		return "", err
	case task.CreateOnly, record.digest == wanted && record.version == there.ResourceVersion:
		return there.ResourceVersion, nil
	}
	return a.writeSecret(ctx, task.Want, there)
}

// lookAtSecret gives the metadata of a Secret that is ours.
func (a *application) lookAtSecret(ctx context.Context, want *unstructured.Unstructured) (*metav1.PartialObjectMetadata, error) {
	there := newMetadata(secretKind)
	there.Namespace, there.Name = want.GetNamespace(), want.GetName()
	err := a.client.Patch(ctx, there, client.RawPatch(types.MergePatchType, []byte("{}")), client.DryRunAll, client.FieldOwner(vocab.FieldManager))
	switch {
	// The policy refuses the patch of what has not our label; a patch that is
	// empty can be invalid in no other way.
	case apierrors.IsInvalid(err):
		return nil, errForeign
	case err != nil:
		return nil, err
	case !contains(there.Labels, ourLabels(a.state.Key.Name)):
		return nil, errForeign
	}
	return there, nil
}

// createSecret creates and does not apply: an apply would merge into a Secret
// that turned up since we looked.
func (a *application) createSecret(ctx context.Context, want *unstructured.Unstructured) (string, error) {
	object := want.DeepCopy()
	if err := a.client.Create(ctx, object, client.FieldOwner(vocab.FieldManager)); err != nil {
		return "", err
	}
	a.done.Events = append(a.done.Events, changeEvent(vocab.ReasonCreated, metadataOnly(object)))
	return object.GetResourceVersion(), nil
}

// writeSecret replaces all data of the Secret that we looked at. It is a patch
// and no apply, so that a key that is not planned any more goes, and so that the
// answer can be the metadata only.
func (a *application) writeSecret(ctx context.Context, want *unstructured.Unstructured, there *metav1.PartialObjectMetadata) (string, error) {
	patch := []operation{{opTest, "/metadata/uid", there.UID}, {opAdd, "/data", secretData(want)}}
	for _, key := range slices.Sorted(maps.Keys(want.GetLabels())) {
		// A label of ours is there, so there is something to add to.
		patch = append(patch, operation{opAdd, "/metadata/labels/" + strings.ReplaceAll(key, "/", "~1"), want.GetLabels()[key]})
	}
	body, err := json.Marshal(patch)
	if err != nil {
		return "", errors.New("cannot encode the patch")
	}
	after := newMetadata(secretKind)
	after.Namespace, after.Name = there.Namespace, there.Name
	err = a.client.Patch(ctx, after, client.RawPatch(types.JSONPatchType, body), client.FieldOwner(vocab.FieldManager))
	if apierrors.IsInvalid(err) {
		// It is another one by now, or not ours any more.
		return "", apierrors.NewConflict(secretResource, want.GetName(), errors.New("the Secret has changed"))
	}
	if err != nil {
		return "", err
	}
	if after.ResourceVersion != there.ResourceVersion {
		a.done.Events = append(a.done.Events, changeEvent(vocab.ReasonUpdated, metadataOnly(want)))
	}
	return after.ResourceVersion, nil
}

var secretResource = secretKind.GroupVersion().WithResource("secrets").GroupResource()

// secretData of a Secret as it is applied.
func secretData(want *unstructured.Unstructured) map[string]any {
	data, _, _ := unstructured.NestedMap(want.Object, "data")
	if data == nil {
		data = map[string]any{}
	}
	return data
}

// metadataOnly is an object that an event can be made of.
func metadataOnly(object *unstructured.Unstructured) *unstructured.Unstructured {
	only := newObject(object.GroupVersionKind())
	only.SetNamespace(object.GetNamespace())
	only.SetName(object.GetName())
	return only
}

func secretDigest(want *unstructured.Unstructured) [sha256.Size]byte {
	data, err := json.Marshal(map[string]any{"labels": want.GetLabels(), "data": secretData(want)})
	if err != nil {
		// It was made of JSON.
		panic(err)
	}
	return sha256.Sum256(data)
}

// withoutContent keeps of an error what cannot quote the body of a request.
func withoutContent(err error) error {
	status := apierrors.APIStatus(nil)
	if !errors.As(err, &status) || quiet(err) || apierrors.IsForbidden(err) || apierrors.IsNotFound(err) {
		return err
	}
	s := status.Status()
	s.Message = fmt.Sprintf("the API server refused it, reason %s, code %d", s.Reason, s.Code)
	s.Details = nil
	return &apierrors.StatusError{ErrStatus: s}
}

func ourLabels(cluster string) map[string]string {
	return map[string]string{vocab.LabelManagedBy: vocab.ManagedBy, vocab.LabelCluster: cluster}
}
