// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// The operator may create and patch Secrets, and may not read them. So it cannot
// watch its own. It probes them instead: it sends a patch that changes nothing,
// as a dry run, and asks for the metadata only. The version in the answer says
// whether anybody has changed the Secret since we wrote it. A Secret that is not
// ours cannot be probed where the policy of deploy/base is installed; elsewhere
// its labels show that it is not ours.

// secretCheck is how often to probe a Secret that seems to be in order. Running
// pods keep what they have mounted when it is deleted, so there is time; a probe
// costs the API server one request.
const secretCheck = 10 * time.Minute

// secretCheckWaiting is the same while the repo host is not ready: a Secret that
// it mounts may be missing.
const secretCheckWaiting = 15 * time.Second

// secretTask is a Secret of ours in the namespace of the cluster.
type secretTask struct {
	want *unstructured.Unstructured
	// createOnly: an existing one stays unchanged.
	createOnly bool
	// updateOnly: a missing one stays missing.
	updateOnly bool
}

// secretRecord is what we know of a Secret that we wrote.
type secretRecord struct {
	// digest of what we wrote; it never leaves the process.
	digest [sha256.Size]byte
	// version that it has since.
	version string
	// owner is the UID of the postgresql that it was written for. If it is
	// another one, as in a namespace that was created again, the Secret may be
	// gone too.
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

// ensureSecret makes a Secret what it should be. It reports whether it is.
func (a *application) ensureSecret(ctx context.Context, w *object.Writer, task secretTask) bool {
	key := client.ObjectKeyFromObject(task.want)
	record, digest, owner := a.secrets.get(key), secretDigest(task.want), ownerOf(w.State)
	known := record.digest == digest && record.owner == owner
	if due := record.checked.Add(checkAfter(w.State)); known && a.now.Before(due) && !a.now.Before(record.checked) {
		w.Done.Wake = object.Earliest(w.Done.Wake, due)
		return true
	}
	version, err := updateSecret(ctx, w, task, record, digest)
	switch {
	case task.updateOnly && (errors.Is(err, errForeign) || apierrors.IsNotFound(err)):
		return false
	case errors.Is(err, errForeign):
		w.Done.Refused = append(w.Done.Refused, task.want)
		return false
	case err != nil:
		w.FailOn("apply", task.want, withoutContent(err))
		return false
	}
	a.secrets.set(key, secretRecord{digest: digest, version: version, owner: owner, checked: a.now})
	w.Done.Wake = object.Earliest(w.Done.Wake, a.now.Add(checkAfter(w.State)))
	return true
}

// ownerOf is the UID of the postgresql, empty without one.
func ownerOf(state object.State) types.UID {
	if state.Postgresql == nil {
		return ""
	}
	return state.Postgresql.GetUID()
}

// checkAfter is how soon to probe a Secret again.
func checkAfter(state object.State) time.Duration {
	for _, host := range state.Objects[object.StatefulSet] {
		if ready, _, _ := unstructured.NestedInt64(host.Object, "status", "readyReplicas"); ready == 0 {
			return secretCheckWaiting
		}
	}
	return secretCheck
}

// errForeign: a Secret of that name is not ours.
var errForeign = errors.New("not ours")

// updateSecret returns the version of the Secret afterwards.
func updateSecret(ctx context.Context, w *object.Writer, task secretTask, record secretRecord, digest [sha256.Size]byte) (string, error) {
	there, err := probeSecret(ctx, w, task.want)
	switch {
	case apierrors.IsNotFound(err) && !task.updateOnly:
		return createSecret(ctx, w, task.want)
	case err != nil:
		return "", err
	case task.createOnly, record.digest == digest && record.version == there.ResourceVersion:
		return there.ResourceVersion, nil
	}
	return writeSecret(ctx, w, task.want, there)
}

// probeSecret returns the metadata of a Secret that is ours.
func probeSecret(ctx context.Context, w *object.Writer, want *unstructured.Unstructured) (*metav1.PartialObjectMetadata, error) {
	there := object.NewMetadata(object.Secret)
	there.Namespace, there.Name = want.GetNamespace(), want.GetName()
	err := w.Client.Patch(ctx, there, client.RawPatch(types.MergePatchType, []byte("{}")), client.DryRunAll, client.FieldOwner(vocab.FieldManager))
	switch {
	// The policy refuses a patch of an object without our label; an empty patch
	// can be invalid in no other way.
	case apierrors.IsInvalid(err) && !refusedByOthers(err):
		return nil, errForeign
	case err != nil:
		return nil, err
	case !object.Contains(there.Labels, object.Labels(w.State.Key.Name)):
		return nil, errForeign
	}
	return there, nil
}

// createSecret creates and does not apply: an apply would merge into a Secret
// that appeared since we looked.
func createSecret(ctx context.Context, w *object.Writer, want *unstructured.Unstructured) (string, error) {
	secret := want.DeepCopy()
	if err := w.Client.Create(ctx, secret, client.FieldOwner(vocab.FieldManager)); err != nil {
		return "", err
	}
	w.Tell(vocab.ReasonCreated, metadataOnly(secret))
	return secret.GetResourceVersion(), nil
}

// writeSecret replaces all data of the Secret that was probed. It patches and
// does not apply, so that a key that is not planned any more goes, and so that
// the answer can be the metadata only.
func writeSecret(ctx context.Context, w *object.Writer, want *unstructured.Unstructured, there *metav1.PartialObjectMetadata) (string, error) {
	patch := []object.Operation{{Op: object.OpTest, Path: "/metadata/uid", Value: there.UID}, {Op: object.OpAdd, Path: "/data", Value: secretData(want)}}
	for _, key := range slices.Sorted(maps.Keys(want.GetLabels())) {
		// A label of ours exists, so the patch can add to the labels.
		patch = append(patch, object.Operation{Op: object.OpAdd, Path: "/metadata/labels/" + strings.ReplaceAll(key, "/", "~1"), Value: want.GetLabels()[key]})
	}
	body, err := json.Marshal(patch)
	if err != nil {
		return "", errors.New("cannot encode the patch")
	}
	after := object.NewMetadata(object.Secret)
	after.Namespace, after.Name = there.Namespace, there.Name
	err = w.Client.Patch(ctx, after, client.RawPatch(types.JSONPatchType, body), client.FieldOwner(vocab.FieldManager))
	if apierrors.IsInvalid(err) && !refusedByOthers(err) {
		// It is another one by now, or not ours any more.
		return "", apierrors.NewConflict(secretResource, want.GetName(), errors.New("the Secret has changed"))
	}
	if err != nil {
		return "", err
	}
	if after.ResourceVersion != there.ResourceVersion {
		w.Tell(vocab.ReasonUpdated, metadataOnly(want))
	}
	return after.ResourceVersion, nil
}

// admission matches who refuses a request: the API server names it.
var admission = regexp.MustCompile(`ValidatingAdmissionPolicy '([^']+)'|admission webhook "[^"]+"`)

// refusedByOthers: an admission policy or webhook of somebody else refuses what we write.
// That says nothing about whose the object is.
func refusedByOthers(err error) bool {
	by := admission.FindStringSubmatch(err.Error())
	return by != nil && !slices.Contains(vocab.Policies(vocab.ProvisionedByUs), by[1])
}

var secretResource = object.Secret.GroupVersion().WithResource("secrets").GroupResource()

// secretData of a Secret as it is applied.
func secretData(want *unstructured.Unstructured) map[string]any {
	data, _, _ := unstructured.NestedMap(want.Object, "data")
	if data == nil {
		data = map[string]any{}
	}
	return data
}

// metadataOnly is an object that an event can be made of.
func metadataOnly(secret *unstructured.Unstructured) *unstructured.Unstructured {
	only := object.New(secret.GroupVersionKind())
	only.SetNamespace(secret.GetNamespace())
	only.SetName(secret.GetName())
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

// withoutContent removes from an error what may quote the body of a request.
func withoutContent(err error) error {
	status := apierrors.APIStatus(nil)
	if !errors.As(err, &status) || object.Quiet(err) || apierrors.IsForbidden(err) || apierrors.IsNotFound(err) {
		return err
	}
	s := status.Status()
	by := cmp.Or(admission.FindString(s.Message), "the API server")
	s.Message = fmt.Sprintf("%s refused it, reason %s, code %d", by, s.Reason, s.Code)
	s.Details = nil
	return &apierrors.StatusError{ErrStatus: s}
}
