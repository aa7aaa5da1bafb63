//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/walkthrough"
)

// TestFromCPOToStandalone runs the commands of docs/cpo.md with the real objects of
// CPO: the operator then writes the configuration, and nothing that holds backups has
// changed.
func TestFromCPOToStandalone(t *testing.T) {
	s := startServer(t, argoCRDs(t, "minimal")...)
	s.installCPO(t)
	kubeconfig := s.kubeconfig(t)
	for _, sample := range []string{"s3", "encrypted", "pvc"} {
		t.Run(sample, func(t *testing.T) { testFromCPO(s.world(t), sample, kubeconfig) })
	}
}

// The commands of docs/cpo.md for every cluster, and for one with a repo host.
const (
	handOverAny  = "NAMESPACE=cpo CLUSTER=cluster\n"
	handOverHost = "for object in configmap/"
)

// Names of the objects of CPO in the samples.
const (
	sampleHost  = sampleCluster + "-pgbackrest-repo-host"
	sampleClaim = "repo1-" + sampleHost + "-0"
)

func testFromCPO(w *world, sample, kubeconfig string) {
	w.createSample(sample, func() {})
	_, others := w.sample(sample)
	for i, o := range others {
		others[i] = w.get(o.GroupVersionKind(), o.GetName())
	}
	w.settleSample()
	w.wantReason(vocab.ConditionProgrammed, vocab.ReasonManagedByCPO)
	claim := w.find(object.Claim, sampleClaim)

	w.follow(kubeconfig, handOverAny)
	if claim != nil {
		w.follow(kubeconfig, handOverHost)
	}
	w.settleSample()

	w.wantReason(vocab.ConditionProgrammed, vocab.ReasonProgrammed)
	w.wantReason(vocab.ConditionAccepted, vocab.ReasonAccepted)
	configuration, _, _ := unstructured.NestedString(w.get(object.ConfigMap, cpo.ConfigMapName(sampleCluster)).Object, "data", cpo.ConfigFileName)
	if strings.Contains(configuration, " = ") {
		w.Errorf("the configuration is still CPO's:\n%s", configuration)
	}
	for _, o := range others {
		w.wantHandedOver(o)
	}
	if claim != nil {
		w.wantSameVolume(claim)
	}
	before := len(w.written())
	w.settleSample()
	if after := w.written(); len(after) > before {
		w.Errorf("nothing has changed, and the operator writes %v", after[before:])
	}
}

func (w *world) wantReason(condition string, want vocab.Reason) {
	w.Helper()
	stanza := &stanzaflowv1alpha1.Stanza{}
	if err := w.client.Get(w.Context(), w.key(sampleCluster), stanza); err != nil {
		w.Fatal(err)
	}
	if got := meta.FindStatusCondition(stanza.Status.Conditions, condition); got == nil || got.Reason != string(want) {
		w.Errorf("%s is %s, want %s", condition, reconciletest.JSON(got), want)
	}
}

// wantHandedOver checks what has become of an object of CPO: its CronJobs and its
// repo host are gone, and everything else is still the same object.
func (w *world) wantHandedOver(o *unstructured.Unstructured) {
	w.Helper()
	is := w.find(o.GroupVersionKind(), o.GetName())
	switch {
	case o.GetKind() == object.CronJobKind.Kind:
		// There is no garbage collector that would finish it.
		if is != nil && is.GetDeletionTimestamp() == nil {
			w.Errorf("%s still makes backups", object.ID(o))
		}
	case is == nil:
		w.Errorf("%s is gone", object.ID(o))
	case o.GetKind() == object.StatefulSet.Kind && o.GetName() == sampleHost:
		if is.GetUID() == o.GetUID() {
			w.Error("the repo host is still CPO's")
		}
	case is.GetUID() != o.GetUID():
		w.Errorf("%s is another one", object.ID(o))
	}
}

// wantSameVolume fails the test unless the repo host mounts the claim that was there.
func (w *world) wantSameVolume(claim *unstructured.Unstructured) {
	w.Helper()
	is := w.get(object.Claim, claim.GetName())
	if reconciletest.JSON(is.Object["spec"]) != reconciletest.JSON(claim.Object["spec"]) {
		w.Errorf("the claim is %s, was %s", reconciletest.JSON(is.Object["spec"]), reconciletest.JSON(claim.Object["spec"]))
	}
	host := w.get(object.StatefulSet, sampleHost)
	volumes, _, _ := unstructured.NestedSlice(host.Object, "spec", "template", "spec", "volumes")
	if !slices.ContainsFunc(volumes, func(volume any) bool {
		name, _, _ := unstructured.NestedString(volume.(map[string]any), "persistentVolumeClaim", "claimName")
		return name == claim.GetName()
	}) {
		w.Errorf("the repo host does not mount %s: %s", claim.GetName(), reconciletest.JSON(volumes))
	}
}

// follow runs a block of docs/cpo.md, for the namespace of the world.
func (w *world) follow(kubeconfig, begins string) {
	w.Helper()
	blocks, err := walkthrough.Blocks(readFile(w.T, "../../docs/cpo.md"))
	if err != nil {
		w.Fatal(err)
	}
	i := slices.IndexFunc(blocks, func(b walkthrough.Block) bool { return strings.HasPrefix(b.Text, begins) })
	if i < 0 {
		w.Fatalf("docs/cpo.md has no commands that begin with %q", begins)
	}
	text := strings.TrimPrefix(blocks[i].Text, handOverAny)
	// Without a garbage collector, nothing ends the wait.
	text = strings.ReplaceAll(text, "--cascade=orphan", "--cascade=orphan --wait=false")
	text = fmt.Sprintf("NAMESPACE=%s CLUSTER=%s\n%s", w.namespace, sampleCluster, text)
	command := exec.CommandContext(w.Context(), "bash", "-euo", "pipefail", "-c", text)
	command.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig, "PATH="+os.Getenv("KUBEBUILDER_ASSETS")+":"+os.Getenv("PATH"))
	if out, err := command.CombinedOutput(); err != nil {
		w.Fatalf("%v: %s\n%s", err, out, text)
	}
}

// kubeconfig writes one for an administrator.
func (s *server) kubeconfig(t *testing.T) string {
	t.Helper()
	config := clientcmdapi.NewConfig()
	config.Clusters["test"] = &clientcmdapi.Cluster{Server: s.config.Host, CertificateAuthorityData: s.config.CAData}
	config.AuthInfos["test"] = &clientcmdapi.AuthInfo{ClientCertificateData: s.config.CertData, ClientKeyData: s.config.KeyData}
	config.Contexts["test"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: "test"}
	config.CurrentContext = "test"
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, file); err != nil {
		t.Fatal(err)
	}
	return file
}
