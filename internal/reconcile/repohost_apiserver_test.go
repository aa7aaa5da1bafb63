//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

func TestRepoHost(t *testing.T) {
	s := startServer(t, argoCRDs(t, "minimal")...)
	for _, class := range []string{"fast", "slow"} {
		if err := s.client.Create(t.Context(), &storagev1.StorageClass{
			ObjectMeta: metav1.ObjectMeta{Name: class}, Provisioner: "example.com/" + class, AllowVolumeExpansion: new(true),
		}); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]func(*world){
		"is made and then left in peace":              testRepoHostCreates,
		"reads no secret of others":                   testReadsNoSecret,
		"grows a claim and never shrinks it":          testClaimGrows,
		"says what a claim cannot become":             testClaimMismatch,
		"outlives the cluster":                        testOutlivesCluster,
		"outlives the backup section":                 testOutlivesBackup,
		"outlives its storage":                        testOutlivesStorage,
		"outlives the name of its repo":               testOutlivesRename,
		"takes no claim that is not its own":          testForeignClaim,
		"takes no repo host that is not its own":      testForeignStatefulSet,
		"does not take a claim with a similar name":   testSimilarName,
		"gets a second volume later":                  testSecondRepo,
		"is put right":                                testRepoHostRepairs,
		"is kept by a problem":                        testRepoHostKept,
		"converges after a crash between two writes":  testRepoHostCrash,
		"has certificates":                            testCertificates,
		"has certificates without the cluster":        testCertificatesOutlive,
		"has its certificates put right":              testCertificatesRepaired,
		"leaves the secret of somebody else":          testForeignSecret,
		"issues again when its authority is lost":     testAuthorityLost,
		"leaves somebody else's authority":            testForeignAuthority,
		"makes backups without its authority":         testAuthorityUnreadable,
		"asks for cert-manager":                       testCertManager,
		"keeps a credential in a secret":              testCredentialSecret,
		"remembers what runs have found in its repos": testRepoStatus,
	} {
		t.Run(name, func(t *testing.T) { test(s.world(t)) })
	}
}

// hostKinds are the kinds whose objects stay when everything else is gone.
var hostKinds = []schema.GroupVersionKind{object.ConfigMap, object.Service, object.Claim, object.StatefulSet, object.Secret}

// left returns every object of the namespace that backups and restores need.
func (w *world) left() []*unstructured.Unstructured {
	w.Helper()
	var all []*unstructured.Unstructured
	for _, kind := range hostKinds {
		objects, err := object.List(w.Context(), w.client, kind, w.namespace, client.MatchingLabels{vocab.LabelCluster: reconciletest.Cluster})
		if err != nil {
			w.Fatal(err)
		}
		all = append(all, objects...)
	}
	return all
}

func (w *world) wantAllUntouched(objects []*unstructured.Unstructured) {
	w.Helper()
	if len(objects) < 7 {
		w.Errorf("%d objects, which cannot be all", len(objects))
	}
	for _, o := range objects {
		w.wantUntouched(o)
	}
}

// makeHost creates a cluster with a repo host, and settles.
func (w *world) makeHost() *unstructured.Unstructured {
	w.Helper()
	postgresql := w.setUp(reconciletest.Hosted(w.T, w.namespace))
	w.setReady(1)
	w.settle()
	w.recorder.take()
	return postgresql
}

// setReady does what the StatefulSet controller does.
func (w *world) setReady(replicas int32) {
	w.Helper()
	host := &appsv1.StatefulSet{}
	if err := w.client.Get(w.Context(), w.key(reconciletest.Host), host); err != nil {
		w.Fatal(err)
	}
	host.Status.Replicas, host.Status.ReadyReplicas = 1, replicas
	if err := w.client.Status().Update(w.Context(), host); err != nil {
		w.Fatal(err)
	}
}

// bind does what the volume controller does. Only a bound claim can grow.
func (w *world) bind(name string) {
	w.Helper()
	w.patch(w.get(object.Claim, name), "volume-controller", `{"spec": {"volumeName": "pv-`+w.namespace+`"}}`)
	claim := &corev1.PersistentVolumeClaim{}
	if err := w.client.Get(w.Context(), w.key(name), claim); err != nil {
		w.Fatal(err)
	}
	claim.Status.Phase = corev1.ClaimBound
	claim.Status.Capacity = claim.Spec.Resources.Requests
	if err := w.client.Status().Update(w.Context(), claim); err != nil {
		w.Fatal(err)
	}
}

// setVolume changes the volume of repo1.
func (w *world) setVolume(postgresql *unstructured.Unstructured, volume map[string]any) {
	w.Helper()
	reconciletest.Repo1(postgresql)["volume"] = volume
	w.update(postgresql)
}

// restart drops everything that the process knew.
func (w *world) restart() {
	w.controller = w.newController(w.controller.client.(client.WithWatch))
}

func testRepoHostCreates(w *world) {
	postgresql := w.makeHost()
	var names []string
	for _, o := range w.left() {
		names = append(names, object.ID(o))
		if len(o.GetOwnerReferences())+len(o.GetFinalizers()) > 0 && o.GetKind() != object.Claim.Kind {
			w.Errorf("%s has an owner or a finalizer", object.ID(o))
		}
	}
	want := []string{
		"ConfigMap shop-pgbackrest-config", "ConfigMap shop-pgbackrest-repohost-config",
		"Service shop-clusterpods", "Service shop-pgbackrest-primary",
		"PersistentVolumeClaim repo1-shop-pgbackrest-repo-host-0",
		"StatefulSet shop-pgbackrest-repo-host",
		"Secret shop-pgbackrest-cert",
	}
	if !slices.Equal(names, want) {
		w.Errorf("there are %q, want %q", names, want)
	}
	w.want(vocab.ConditionReady, "Unknown", vocab.ReasonNoBackupYet)
	status := w.stanza().Status
	if len(status.OrphanedClaims) > 0 || len(status.Repos) != 1 || status.Repos[0].Location != "pvc://"+reconciletest.Claim || status.Certificate == nil {
		w.Errorf("status is %s", reconciletest.JSON(status))
	}
	before := w.left()
	for range 3 {
		w.wantQuiet()
	}
	// A restart, and the next look at the Secret: nothing changes.
	w.restart()
	if n := w.reconcile(); n != 1 {
		w.Errorf("a restart made %d writes, want the one of the Secret", n)
	}
	w.clock.SetTime(w.clock.Now().Add(secretCheck))
	w.reconcile()
	if notes := w.recorder.take(); len(notes) > 0 {
		w.Errorf("events are %q", notes)
	}
	w.wantAllUntouched(before)

	// A label of the user is the user's.
	w.patch(postgresql, "user", `{"metadata": {"labels": {"team": "dba"}}}`)
	w.wantQuiet()
	w.wantAllUntouched(before)
}

// testReadsNoSecret uses all rights of the operator.
func testReadsNoSecret(w *world) {
	const content = "ThisIsTheKeyOfTheBucket"
	operator := w.controller.client
	for name, labels := range map[string]map[string]string{
		"theirs":                 nil,
		"other-pgbackrest-cert":  {"team": "dba"},
		"third-pgbackrest-cert":  {vocab.LabelManagedBy: "somebody"},
		"labelled-as-if-it-were": {vocab.LabelManagedBy: vocab.ManagedBy},
	} {
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}, StringData: map[string]string{"key": content}}
		w.create(secret)
		there := func() *corev1.Secret {
			return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: w.namespace}}
		}
		got := there()
		if err := operator.Get(w.Context(), w.key(name), got); !apierrors.IsForbidden(err) {
			w.Errorf("get %s: %v", name, err)
		}
		for _, patch := range []struct {
			kind types.PatchType
			body string
		}{
			{types.MergePatchType, `{}`},
			{types.StrategicMergePatchType, `{}`},
			{types.JSONPatchType, `[]`},
			{types.MergePatchType, `{"metadata": {"labels": {"` + vocab.LabelManagedBy + `": "` + vocab.ManagedBy + `"}}}`},
			{types.ApplyPatchType, `{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "` + name + `"}}`},
			{types.ApplyPatchType, `{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "` + name + `", "labels": {"` + vocab.LabelManagedBy + `": "` + vocab.ManagedBy + `"}}}`},
		} {
			for _, options := range [][]client.PatchOption{{}, {client.DryRunAll}} {
				got := there()
				options = append(options, client.FieldOwner("thief"))
				if patch.kind == types.ApplyPatchType {
					options = append(options, client.ForceOwnership)
				}
				err := operator.Patch(w.Context(), got, client.RawPatch(patch.kind, []byte(patch.body)), options...)
				if !apierrors.IsInvalid(err) || len(got.Data) > 0 || strings.Contains(fmt.Sprint(err), content) {
					w.Errorf("patch %s with %s %s: %v, %v", name, patch.kind, patch.body, err, got.Data)
				}
			}
		}
		w.wantUntouchedSecret(secret)
	}
	list := &corev1.SecretList{}
	if err := operator.List(w.Context(), list, client.InNamespace(w.namespace)); !apierrors.IsForbidden(err) {
		w.Errorf("list: %v", err)
	}
	// Kubernetes would fill in the token of any ServiceAccount.
	token := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: w.namespace, Name: "x-pgbackrest-cert", Labels: object.Labels("x"),
			Annotations: map[string]string{corev1.ServiceAccountNameKey: "default"},
		},
		Type: corev1.SecretTypeServiceAccountToken,
	}
	if err := operator.Create(w.Context(), token); !apierrors.IsInvalid(err) {
		w.Errorf("create a token: %v", err)
	}
	unlabelled := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "x-pgbackrest-cert"}}
	if err := operator.Create(w.Context(), unlabelled); !apierrors.IsInvalid(err) {
		w.Errorf("create one without a label: %v", err)
	}
	// The policy is for the operator alone.
	if err := w.client.Create(w.Context(), unlabelled); err != nil {
		w.Errorf("create as somebody else: %v", err)
	}
}

func (w *world) wantUntouchedSecret(was *corev1.Secret) {
	w.Helper()
	is := &corev1.Secret{}
	if err := w.client.Get(w.Context(), client.ObjectKeyFromObject(was), is); err != nil || is.ResourceVersion != was.ResourceVersion {
		w.Errorf("Secret %s was touched: %v", was.Name, err)
	}
}

func testClaimGrows(w *world) {
	postgresql := w.makeHost()
	w.bind(reconciletest.Claim)
	claim := w.get(object.Claim, reconciletest.Claim)
	w.wantQuiet()

	w.setVolume(postgresql, map[string]any{"size": "3Gi", "storageClass": "fast"})
	w.settle()
	grown := w.get(object.Claim, reconciletest.Claim)
	if got, _, _ := unstructured.NestedString(grown.Object, "spec", "resources", "requests", "storage"); got != "3Gi" || grown.GetUID() != claim.GetUID() {
		w.Errorf("the claim has %s", got)
	}
	if notes := w.recorder.take(); !has(notes, "Normal Updated: Updated PersistentVolumeClaim "+reconciletest.Claim) {
		w.Errorf("events are %q", notes)
	}
	w.want(vocab.ConditionReady, "Unknown", vocab.ReasonNoBackupYet)
	w.wantQuiet()

	w.setVolume(postgresql, map[string]any{"size": "1Gi", "storageClass": "fast"})
	w.settle()
	w.wantUntouched(grown)
	c := w.want(vocab.ConditionProgrammed, "False", vocab.ReasonVolumeClaimMismatch)
	want := "PersistentVolumeClaim " + reconciletest.Claim + " has 3Gi, and the resource asks for 1Gi: a volume cannot shrink, so set the size back to 3Gi"
	if c.Message != want {
		w.Errorf("message is %q, want %q", c.Message, want)
	}
	w.recorder.take()
	w.wantQuiet()

	// A claim that another owner made larger than the resource stays so.
	w.setVolume(postgresql, map[string]any{"size": "3Gi", "storageClass": "fast"})
	w.patch(grown, "user", `{"spec": {"resources": {"requests": {"storage": "4Gi"}}}}`)
	w.settle()
	if got, _, _ := unstructured.NestedString(w.get(object.Claim, reconciletest.Claim).Object, "spec", "resources", "requests", "storage"); got != "4Gi" {
		w.Errorf("the claim has %s", got)
	}
}

func testClaimMismatch(w *world) {
	postgresql := w.makeHost()
	w.bind(reconciletest.Claim)
	claim := w.get(object.Claim, reconciletest.Claim)
	w.setVolume(postgresql, map[string]any{
		"size": "2Gi", "storageClass": "slow", "selector": map[string]any{"matchLabels": map[string]any{"tier": "gold"}},
	})
	w.settle()
	w.wantUntouched(claim)
	c := w.want(vocab.ConditionProgrammed, "False", vocab.ReasonVolumeClaimMismatch)
	for _, part := range []string{reconciletest.Claim + ` has storage class "fast", and the resource asks for "slow"`, "another selector than the resource asks for"} {
		if !strings.Contains(c.Message, part) {
			w.Errorf("message %q does not say %q", c.Message, part)
		}
	}
	w.recorder.take()
	w.wantQuiet()
	// A resource without class and selector accepts any.
	w.setVolume(postgresql, map[string]any{"size": "2Gi"})
	w.settle()
	w.wantUntouched(claim)
	w.want(vocab.ConditionReady, "Unknown", vocab.ReasonNoBackupYet)
}

func testOutlivesCluster(w *world) {
	postgresql := w.makeHost()
	before := w.left()
	w.delete(postgresql)
	w.settle()
	w.wantAllUntouched(before)
	// The Stanza lists the claims, for as long as there are any.
	status := w.stanza().Status
	if !slices.Equal(status.OrphanedClaims, []string{reconciletest.Claim}) || len(status.Repos) != 1 || status.Certificate == nil {
		w.Errorf("status is %s", reconciletest.JSON(status))
	}
	w.want(vocab.ConditionAccepted, "False", vocab.ReasonClusterNotFound)
	w.recorder.take()
	w.wantQuiet()
	w.restart()
	w.reconcile()
	w.wantAllUntouched(before)

	// It comes back to the same volume.
	again := reconciletest.Hosted(w.T, w.namespace)
	w.create(again)
	w.settle()
	w.wantAllUntouched(before)
	w.want(vocab.ConditionReady, "Unknown", vocab.ReasonNoBackupYet)
	if got := w.stanza().Status.OrphanedClaims; len(got) > 0 {
		w.Errorf("orphaned are %q", got)
	}

	// Somebody removes the volume permanently.
	w.delete(again)
	w.settle()
	w.patch(w.get(object.Claim, reconciletest.Claim), "user", `{"metadata": {"finalizers": null}}`)
	w.delete(w.get(object.Claim, reconciletest.Claim))
	w.settle()
	if w.find(object.Stanza, reconciletest.Cluster) != nil {
		w.Error("the Stanza is still there")
	}
}

func testOutlivesBackup(w *world) {
	postgresql := w.makeHost()
	before := w.left()
	w.patch(postgresql, "user", `{"spec": {"backup": null}}`)
	w.settle()
	w.wantAllUntouched(before)
	w.want(vocab.ConditionProgrammed, "True", vocab.ReasonProgrammed)
	if got := w.stanza().Status.OrphanedClaims; !slices.Equal(got, []string{reconciletest.Claim}) {
		w.Errorf("orphaned are %q", got)
	}
	w.recorder.take()
	w.wantQuiet()
}

func testOutlivesStorage(w *world) {
	postgresql := w.makeHost()
	before := w.left()
	s3 := reconciletest.Postgresql(w.T, w.namespace)
	postgresql.Object["spec"] = s3.Object["spec"]
	w.update(postgresql)
	w.settle()
	for _, o := range before {
		// What PostgreSQL archives by is another place now.
		if o.GetName() != reconciletest.ConfigMap {
			w.wantUntouched(o)
		}
	}
	status := w.stanza().Status
	if !slices.Equal(status.OrphanedClaims, []string{reconciletest.Claim}) || len(status.Repos) != 1 || status.Repos[0].Storage != "s3" || status.Certificate == nil {
		w.Errorf("status is %s", reconciletest.JSON(status))
	}
	w.recorder.take()
	w.wantQuiet()
}

func testOutlivesRename(w *world) {
	postgresql := w.makeHost()
	claim := w.get(object.Claim, reconciletest.Claim)
	reconciletest.Repo1(postgresql)["name"] = "repo2"
	_ = unstructured.SetNestedStringMap(postgresql.Object, map[string]string{"repo2-retention-full": "7"}, "spec", "backup", "pgbackrest", "global")
	w.update(postgresql)
	w.settle()
	w.wantUntouched(claim)
	w.get(object.Claim, "repo2-shop-pgbackrest-repo-host-0")
	status := w.stanza().Status
	if !slices.Equal(status.OrphanedClaims, []string{reconciletest.Claim}) || len(status.Repos) != 1 || status.Repos[0].Name != "repo2" {
		w.Errorf("status is %s", reconciletest.JSON(status))
	}
	if text := reconciletest.JSON(w.get(object.StatefulSet, reconciletest.Host).Object["spec"]); strings.Contains(text, reconciletest.Claim) || !strings.Contains(text, "repo2-") {
		w.Errorf("the repo host has other volumes: %s", text)
	}
	w.recorder.take()
	w.wantQuiet()
}

// makeClaim returns a claim that a person or CPO created.
func makeClaim(name string, labels map[string]string) *unstructured.Unstructured {
	u := object.New(object.Claim)
	u.SetName(name)
	u.SetLabels(labels)
	u.Object["spec"] = map[string]any{
		"accessModes": []any{"ReadWriteOnce"}, "storageClassName": "fast",
		"resources": map[string]any{"requests": map[string]any{"storage": "2Gi"}},
	}
	return u
}

func testForeignClaim(w *world) {
	foreign := makeClaim(reconciletest.Claim, map[string]string{"application": "cpo"})
	w.create(foreign)
	postgresql := w.setUp(reconciletest.Hosted(w.T, w.namespace))
	w.wantUntouched(foreign)
	c := w.want(vocab.ConditionProgrammed, "False", vocab.ReasonNotOwned)
	want := "kubectl label pvc -n " + w.namespace + " " + reconciletest.Claim + " app.kubernetes.io/managed-by=stanzaflow stanzaflow.dev/cluster=shop"
	if !strings.Contains(c.Message, want) || strings.Contains(c.Message, "remove") {
		w.Errorf("message is %q", c.Message)
	}
	if w.find(object.StatefulSet, reconciletest.Host) != nil {
		w.Error("a repo host writes into somebody else's volume")
	}
	w.recorder.take()
	w.wantQuiet()
	w.delete(postgresql)
	w.settle()
	w.wantUntouched(foreign)
	w.create(reconciletest.Hosted(w.T, w.namespace))
	w.settle()

	// Handed over, with the labels that the message names.
	w.patch(foreign, "user", `{"metadata": {"labels": {"app.kubernetes.io/managed-by": "stanzaflow", "stanzaflow.dev/cluster": "shop"}}}`)
	claim := w.get(object.Claim, reconciletest.Claim)
	w.settle()
	w.want(vocab.ConditionReady, "Unknown", vocab.ReasonNoBackupYet)
	w.get(object.StatefulSet, reconciletest.Host)
	w.wantUntouched(claim)
}

func testForeignStatefulSet(w *world) {
	foreign := object.New(object.StatefulSet)
	foreign.SetName(reconciletest.Host)
	labels := map[string]any{"app": "x"}
	foreign.Object["spec"] = map[string]any{
		"serviceName": "x", "selector": map[string]any{"matchLabels": labels},
		"template": map[string]any{
			"metadata": map[string]any{"labels": labels},
			"spec":     map[string]any{"containers": []any{map[string]any{"name": "x", "image": "x"}}},
		},
	}
	w.create(foreign)
	postgresql := w.setUp(reconciletest.Postgresql(w.T, w.namespace))
	configMap := w.get(object.ConfigMap, reconciletest.ConfigMap)
	// A repo on a volume joins: PostgreSQL is not led to a foreign host.
	hosted := reconciletest.Repo1(reconciletest.Hosted(w.T, w.namespace))
	hosted["name"] = "repo2"
	reconciletest.SetRepos(postgresql, reconciletest.Repo1(postgresql), hosted)
	_ = unstructured.SetNestedField(postgresql.Object, "registry.example.com/pgbackrest:17", "spec", "backup", "pgbackrest", "image")
	w.update(postgresql)
	w.settle()
	w.wantUntouched(foreign)
	w.wantUntouched(configMap)
	c := w.want(vocab.ConditionProgrammed, "False", vocab.ReasonNotOwned)
	if !strings.Contains(c.Message, "StatefulSet "+reconciletest.Host) {
		w.Errorf("message is %q", c.Message)
	}
	w.recorder.take()
	w.wantQuiet()
	w.delete(foreign)
	w.settle()
	w.want(vocab.ConditionReady, "Unknown", vocab.ReasonNoBackupYet)
	w.get(object.StatefulSet, reconciletest.Host)
}

// testSimilarName: CPO believes that a claim belongs to a cluster if its name
// contains that of the cluster.
func testSimilarName(w *world) {
	const other = "repo1-my-shop-pgbackrest-repo-host-0"
	mine := makeClaim(other, object.Labels("my-shop"))
	w.create(mine)
	postgresql := w.makeHost()
	w.delete(postgresql)
	w.settle()
	if got := w.stanza().Status.OrphanedClaims; !slices.Equal(got, []string{reconciletest.Claim}) {
		w.Errorf("orphaned are %q", got)
	}
	w.wantUntouched(mine)
}

func testSecondRepo(w *world) {
	postgresql := w.makeHost()
	before := w.left()
	second := reconciletest.Hosted(w.T, w.namespace)
	hosted := reconciletest.Repo1(second)
	hosted["name"], hosted["volume"] = "repo3", map[string]any{"size": "1Gi", "storageClass": "slow"}
	reconciletest.SetRepos(postgresql, reconciletest.Repo1(postgresql), hosted)
	w.update(postgresql)
	w.settle()
	w.want(vocab.ConditionReady, "Unknown", vocab.ReasonNoBackupYet)
	w.get(object.Claim, "repo3-shop-pgbackrest-repo-host-0")
	for _, o := range before {
		if kind := o.GetKind(); kind != object.ConfigMap.Kind && kind != object.StatefulSet.Kind {
			w.wantUntouched(o)
		}
	}
	host := w.get(object.StatefulSet, reconciletest.Host)
	text := reconciletest.JSON(host.Object["spec"])
	for _, part := range []string{reconciletest.Claim, "repo3-shop-pgbackrest-repo-host-0", "/data/pgbackrest/repo1", "/data/pgbackrest/repo3"} {
		if !strings.Contains(text, part) {
			w.Errorf("the repo host has no %s: %s", part, text)
		}
	}
	w.recorder.take()
	w.wantQuiet()
}

func testRepoHostRepairs(w *world) {
	postgresql := w.makeHost()
	host, service, configMap := w.get(object.StatefulSet, reconciletest.Host), w.get(object.Service, "shop-clusterpods"), w.get(object.ConfigMap, "shop-pgbackrest-repohost-config")
	spec := reconciletest.JSON(host.Object["spec"])
	w.patch(host, "user", `{"spec": {"replicas": 0}, "metadata": {"labels": {"`+vocab.LabelPartOf+`": null}}}`)
	w.patch(service, "user", `{"spec": {"selector": {"application": "other"}}}`)
	w.patch(configMap, "user", `{"data": {"more.conf": "[global]"}}`)
	w.settle()
	if got := reconciletest.JSON(w.get(object.StatefulSet, reconciletest.Host).Object["spec"]); got != spec {
		w.Errorf("the spec is %s, was %s", got, spec)
	}
	if selector, _, _ := unstructured.NestedStringMap(w.get(object.Service, "shop-clusterpods").Object, "spec", "selector"); selector["application"] != "cpo" {
		w.Errorf("selector is %v", selector)
	}
	if data, _, _ := unstructured.NestedStringMap(w.get(object.ConfigMap, configMap.GetName()).Object, "data"); data["more.conf"] != "" {
		w.Errorf("data is %v", data)
	}
	w.recorder.take()
	w.wantQuiet()

	// Labels that others add are theirs.
	w.patch(w.get(object.StatefulSet, reconciletest.Host), "mesh", `{"spec": {"template": {"metadata": {"annotations": {"mesh": "on"}}}}, "metadata": {"annotations": {"team": "dba"}}}`)
	w.wantQuiet()

	// What is no longer planned goes.
	_ = unstructured.SetNestedSlice(postgresql.Object, []any{map[string]any{"key": "db", "operator": "Exists"}}, "spec", "tolerations")
	w.update(postgresql)
	w.settle()
	if !strings.Contains(reconciletest.JSON(w.get(object.StatefulSet, reconciletest.Host).Object["spec"]), "tolerations") {
		w.Error("no tolerations")
	}
	unstructured.RemoveNestedField(postgresql.Object, "spec", "tolerations")
	w.update(postgresql)
	w.settle()
	if strings.Contains(reconciletest.JSON(w.get(object.StatefulSet, reconciletest.Host).Object["spec"]), "tolerations") {
		w.Error("the tolerations are still there")
	}
	if w.get(object.StatefulSet, reconciletest.Host).GetAnnotations()["team"] != "dba" {
		w.Error("the annotation of the user is gone")
	}
	w.recorder.take()
	w.wantQuiet()

	// A deleted one is created again.
	w.delete(w.get(object.StatefulSet, reconciletest.Host))
	w.delete(w.get(object.Service, "shop-clusterpods"))
	w.settle()
	w.get(object.StatefulSet, reconciletest.Host)
	w.get(object.Service, "shop-clusterpods")
	w.want(vocab.ConditionReady, "Unknown", vocab.ReasonNoBackupYet)
}

func testRepoHostKept(w *world) {
	postgresql := w.makeHost()
	before := w.left()
	status := w.stanza().Status
	reconciletest.Repo1(postgresql)["volume"] = map[string]any{"size": "0Gi"}
	w.update(postgresql)
	w.settle()
	w.wantAllUntouched(before)
	c := w.want(vocab.ConditionAccepted, "False", vocab.ReasonInvalidVolume)
	for _, part := range []string{"ConfigMap " + reconciletest.ConfigMap + " stays unchanged", "StatefulSet " + reconciletest.Host + " stays unchanged"} {
		if !strings.Contains(c.Message, part) {
			w.Errorf("message %q does not say %q", c.Message, part)
		}
	}
	after := w.stanza().Status
	if len(after.OrphanedClaims) > 0 || reconciletest.JSON(after.Repos) != reconciletest.JSON(status.Repos) || reconciletest.JSON(after.Certificate) != reconciletest.JSON(status.Certificate) {
		w.Errorf("status is %s", reconciletest.JSON(after))
	}
	w.recorder.take()
	w.wantQuiet()
}

func testRepoHostCrash(w *world) {
	for n := 1; ; n++ {
		w := w.world(w.T)
		hit := w.crashFirstPass(n, reconciletest.Hosted(w.T, w.namespace))
		var published []*unstructured.Unstructured
		if secret := w.find(object.Secret, reconciletest.Cert); secret != nil {
			published = append(published, secret)
		}
		w.restart()
		w.settle()
		w.want(vocab.ConditionReady, "Unknown", vocab.ReasonNoBackupYet)
		// What pods may have taken up is what was kept.
		for _, secret := range published {
			w.wantUntouched(secret)
		}
		if got := w.left(); len(got) != 7 {
			w.Errorf("write %d: %d objects", n, len(got))
		}
		w.wantPublished()
		if !hit {
			// Stanza, our own Secret, a look at the other and its making, six
			// more objects, two CronWorkflows, status.
			if n != 14 {
				w.Errorf("a pass has %d writes, want 13", n-1)
			}
			return
		}
	}
}

func testCredentialSecret(w *world) {
	const key = "VGhpc0lzVGhlS2V5T2ZUaGVDb250YWluZXI="
	w.create(reconciletest.Template(w.namespace))
	postgresql := reconciletest.Postgresql(w.T, w.namespace)
	azure := map[string]any{
		"name": "repo1", "storage": "azure", "resource": "backups", "account": "shop", "endpoint": "blob.core.windows.net", "key": key,
		"schedule": map[string]any{"full": "30 2 * * *"},
	}
	reconciletest.SetRepos(postgresql, azure)
	_ = unstructured.SetNestedStringMap(postgresql.Object, map[string]string{"repo1-path": "/shop"}, "spec", "backup", "pgbackrest", "global")
	w.create(postgresql)
	w.settle()
	secret := w.get(object.Secret, reconciletest.Credential)
	if !strings.Contains(w.secretFile(reconciletest.Credential, "pgbackrest_credential.conf"), key) {
		w.Errorf("the Secret holds no key: %s", reconciletest.JSON(w.stanza().Status))
	}
	w.recorder.take()
	w.wantQuiet()
	written := reconciletest.JSON(w.stanza())
	for _, o := range w.left() {
		if o.GetKind() != object.Secret.Kind {
			written += reconciletest.JSON(o)
		}
	}
	if strings.Contains(written, key) {
		w.Error("the key is elsewhere")
	}

	// Another key, and a file that is not ours.
	w.patch(secret, "user", `{"stringData": {"more.conf": "[global]"}}`)
	azure["key"] = strings.ToLower(key)
	reconciletest.SetRepos(postgresql, azure)
	w.update(postgresql)
	w.settle()
	if got := w.secretFile(reconciletest.Credential, "pgbackrest_credential.conf"); !strings.Contains(got, strings.ToLower(key)) || w.secretFile(reconciletest.Credential, "more.conf") != "" {
		w.Errorf("the Secret is %s", got)
	}
	if notes := w.recorder.take(); !has(notes, "Normal Updated: Updated Secret "+reconciletest.Credential) || has(notes, key) || has(notes, strings.ToLower(key)) {
		w.Errorf("events are %q", notes)
	}

	// While a Problem keeps it, it stays; nothing is deleted afterwards.
	was := w.get(object.Secret, reconciletest.Credential)
	azure["key"] = strings.ToUpper(key)
	reconciletest.SetRepos(postgresql, azure)
	_ = unstructured.SetNestedField(postgresql.Object, "x", "spec", "backup", "pgbackrest", "global", "repo1-s3-key")
	w.update(postgresql)
	w.settle()
	w.want(vocab.ConditionAccepted, "False", vocab.ReasonCredentialInGlobal)
	w.wantUntouched(was)
	w.delete(postgresql)
	w.settle()
	w.wantUntouched(was)
}

func (w *world) secretFile(name, file string) string {
	w.Helper()
	secret := &corev1.Secret{}
	if err := w.client.Get(w.Context(), w.key(name), secret); err != nil {
		w.Fatal(err)
	}
	return string(secret.Data[file])
}

func testRepoStatus(w *world) {
	w.makeHost()
	full := w.get(object.CronWorkflow, reconciletest.Full)
	started := w.clock.Now()
	run := reconciletest.Workflow(w.namespace, reconciletest.Run{Name: reconciletest.Full + "-1", Type: "full", Phase: "Running", CronWorkflow: full, Started: started})
	w.create(run)
	reconciletest.SetRun(run, reconciletest.Run{
		Type: "full", Phase: "Succeeded", Started: started, Result: stanzaflowv1alpha1.RunSucceeded,
		Storage: "pvc", Location: "pvc://" + reconciletest.Claim,
	})
	w.update(run)
	w.settle()
	status := w.stanza().Status
	if len(status.Repos) != 1 || status.Repos[0].Cipher != "none" || status.Repos[0].Backups != 5 || status.Repos[0].Fulls != 2 ||
		status.Repos[0].LastBackup == nil || status.Repos[0].OldestBackupTime == nil {
		w.Errorf("repos are %s", reconciletest.JSON(status.Repos))
	}
	w.delete(run)
	w.recorder.take()
	w.wantQuiet()
	if got := w.stanza().Status; reconciletest.JSON(got.Repos) != reconciletest.JSON(status.Repos) {
		w.Errorf("repos are %s, were %s", reconciletest.JSON(got.Repos), reconciletest.JSON(status.Repos))
	}
}
