// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
)

// ours is how the names of the tests' namespaces begin, and of the volumes that are
// made for claims in them.
const ours = "e2e-"

// RemoveLeftovers removes what tests that were killed or failed have left: their pods
// use the processors that these tests need. It is for the local cluster, where nobody
// else has such namespaces.
func RemoveLeftovers(t testing.TB) {
	t.Helper()
	// A story that removes Argo may have been killed before it brought it back.
	program.RetryKubectl(t, "scale", "-n", "argo", "deployment/workflow-controller", "--replicas=1")
	// So may one with a stand-in for CPO: while CPO seems to run, nothing is provisioned.
	program.RetryKubectl(t, "delete", "crd", "operatorconfigurations.cpo.opensource.cybertec.at", "--ignore-not-found")
	k := Connect(t, "")
	var namespaces corev1.NamespaceList
	if err := k.Client.List(t.Context(), &namespaces); err != nil {
		t.Fatal(err)
	}
	var left []*Kit
	for _, ns := range namespaces.Items {
		if strings.HasPrefix(ns.Name, ours) {
			other := *k
			other.Namespace = ns.Name
			left = append(left, &other)
		}
	}
	for _, other := range left {
		fmt.Printf("removing namespace %s, which an earlier run has left\n", other.Namespace)
		other.startDeletingNamespace(t)
	}
	for _, other := range left {
		other.DeleteNamespace(t)
	}
	var volumes corev1.PersistentVolumeList
	if err := k.Client.List(t.Context(), &volumes); err != nil {
		t.Fatal(err)
	}
	for _, volume := range volumes.Items {
		// The local cluster names them NAMESPACE.CLAIM. A provisioner uses other names.
		if claim, found := strings.CutPrefix(volume.Name, ours); found {
			namespace, name, _ := strings.Cut(claim, ".")
			program.LocalCluster(t, "volume", "remove", ours+namespace+"/"+name)
		}
	}
}
