// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// ours is how the names of the tests' namespaces begin, and of the volumes that
// are made for claims in them.
const ours = "e2e-"

// removeLeftovers clears away what tests that were killed, or that failed, have
// left: their pods ask for the processors that these tests need. It is for the
// local cluster, where nobody else has such namespaces.
func removeLeftovers(t *testing.T) {
	t.Helper()
	// A story that takes Argo away may have been killed before it brought it back.
	kubectlSoon(t, "scale", "-n", "argo", "deployment/workflow-controller", "--replicas=1")
	k := connect(t)
	var namespaces corev1.NamespaceList
	if err := k.List(t.Context(), &namespaces); err != nil {
		t.Fatal(err)
	}
	var left []*kit
	for _, ns := range namespaces.Items {
		if strings.HasPrefix(ns.Name, ours) {
			other := *k
			other.namespace = ns.Name
			left = append(left, &other)
		}
	}
	for _, other := range left {
		fmt.Printf("removing namespace %s, which an earlier run has left\n", other.namespace)
		other.beginToDelete(t)
	}
	for _, other := range left {
		other.deleteNamespace(t)
	}
	var volumes corev1.PersistentVolumeList
	if err := k.List(t.Context(), &volumes); err != nil {
		t.Fatal(err)
	}
	for _, volume := range volumes.Items {
		// localCluster makes them, named NAMESPACE.CLAIM; a provisioner has other names.
		if claim, found := strings.CutPrefix(volume.Name, ours); found {
			namespace, name, _ := strings.Cut(claim, ".")
			localCluster(t, "volume", "remove", ours+namespace+"/"+name)
		}
	}
}
