// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
)

// Released is the image of the operator that the manifests of a checkout name.
const Released = "ghcr.io/stanzaflow/operator:v0.1.0"

// Apply creates the namespace, renders a folder of testdata with kustomize, applies it
// and waits until the primary is ready. replace are pairs of texts: what the folder says,
// and what to apply instead.
func (k *Kit) Apply(t testing.TB, folder string, replace ...string) {
	t.Helper()
	k.CreateNamespace(t)
	if err := k.TryApply(t.Context(), folder, replace...); err != nil {
		t.Fatal(err)
	}
	k.AwaitPod(t, Primary)
}

// Start is New and Apply: the namespace is e2e- and the name of the folder.
func Start(t testing.TB, folder string) *Kit {
	t.Helper()
	k := New(t, "e2e-"+folder)
	k.Apply(t, folder)
	return k
}

// TryApply is Apply for a namespace that exists. It does not wait, and returns the error.
func (k *Kit) TryApply(ctx context.Context, folder string, replace ...string) error {
	manifests, err := program.TryKubectl(ctx, nil, "kustomize", filepath.Join("testdata", folder))
	if err != nil {
		return fmt.Errorf("kubectl kustomize %s: %w: %s", folder, err, manifests)
	}
	// Nine stories run at once. With the CPU requests of the examples their PostgreSQLs
	// would take the whole of a node with two processors, and pods would wait.
	replace = append(replace, "cpu: 100m", "cpu: 20m")
	replace = append(replace, Released, k.Image, "e2e-store", k.Namespace)
	manifests = strings.NewReplacer(replace...).Replace(manifests)
	if !k.InitialBackup && strings.Contains(manifests, "\nkind: postgresql\n") {
		if err := k.DisableInitialBackup(ctx); err != nil {
			return err
		}
	}
	if out, err := program.TryKubectl(ctx, []byte(manifests), "apply", "--server-side", "--force-conflicts", "-f", "-"); err != nil {
		return fmt.Errorf("kubectl apply of %s: %w: %s", folder, err, out)
	}
	return nil
}

// ApplyText applies manifests to the namespace.
func (k *Kit) ApplyText(t testing.TB, manifests string) {
	t.Helper()
	if out, err := program.TryKubectl(t.Context(), []byte(manifests), "apply", "--server-side", "-n", k.Namespace, "-f", "-"); err != nil {
		t.Fatalf("kubectl apply: %v\n%s", err, out)
	}
}

// DisableInitialBackup makes a Stanza that turns the first backup off, before the
// operator sees the cluster. The operator then makes only the stanza in each repo. The
// CRD of an older release drops the field.
func (k *Kit) DisableInitialBackup(ctx context.Context) error {
	s := &unstructured.Unstructured{}
	s.SetGroupVersionKind(stanzaflowv1alpha1.GroupVersion.WithKind("Stanza"))
	s.SetNamespace(k.Namespace)
	s.SetName("cluster")
	s.Object["spec"] = map[string]any{"initialBackup": false}
	return k.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(s), client.FieldOwner("e2e-initial-backup"), client.ForceOwnership)
}

// WriteSecret writes a Secret as a whole, as a user does.
func (k *Kit) WriteSecret(t testing.TB, name string, data map[string]string) {
	t.Helper()
	secret := &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: k.Namespace}, Data: map[string][]byte{},
	}
	// Not as stringData: a key that was in that and is not any more would stay.
	for file, text := range data {
		secret.Data[file] = []byte(text)
	}
	b, err := json.Marshal(secret)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Client.Patch(t.Context(), secret, client.RawPatch(types.ApplyPatchType, b), client.FieldOwner("e2e"), client.ForceOwnership); err != nil {
		t.Fatal(err)
	}
}

// ReadSecret reads one key of a Secret.
func (k *Kit) ReadSecret(t testing.TB, name, key string) string {
	t.Helper()
	var secret corev1.Secret
	k.Get(t, name, &secret)
	return string(secret.Data[key])
}

// RestartDeployment replaces the pods of a Deployment and waits for the new ones.
func (k *Kit) RestartDeployment(t testing.TB, name string) {
	t.Helper()
	program.Kubectl(t, "rollout", "restart", "-n", k.Namespace, "deployment/"+name)
	program.Kubectl(t, "rollout", "status", "-n", k.Namespace, "deployment/"+name, "--timeout=180s")
}
