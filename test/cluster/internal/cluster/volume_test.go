// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseClaim(t *testing.T) {
	t.Parallel()
	got, err := ParseClaim("e2e-fault/pgdata-cluster-0")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Claim{"e2e-fault", "pgdata-cluster-0"}, got); diff != "" {
		t.Errorf("ParseClaim (-want +got):\n%s", diff)
	}
	// The name becomes the name of a file below the state.
	for _, s := range []string{"", "claim", "/claim", "namespace/", "../claim", "namespace/../../pki", "a.b/claim", "a/b/c", "Upper/claim"} {
		if got, err := ParseClaim(s); err == nil {
			t.Errorf("ParseClaim(%q) = %s, want an error", s, got)
		}
	}
}

func TestParseSize(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]int64{"16Mi": 16 << 20, "3Gi": 3 << 30} {
		if got, err := ParseSize(s); err != nil || got.bytes != want || got.text != s {
			t.Errorf("ParseSize(%q) = %+v, %v, want %d bytes", s, got, err, want)
		}
	}
	for _, s := range []string{"", "0Mi", "-1Mi", "16", "16M", "1.5Gi", "16 Mi", "9999999Gi"} {
		if got, err := ParseSize(s); err == nil {
			t.Errorf("ParseSize(%q) = %+v, want an error", s, got)
		}
	}
}

// The volume is for this claim on this node, and stays when the claim is deleted.
func TestPersistentVolume(t *testing.T) {
	t.Parallel()
	got, err := persistentVolume(Claim{"ns", "claim"}, Size{text: "16Mi"}, "default", "/state/bounded/ns.claim/volume")
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"apiVersion":"v1","kind":"PersistentVolume","metadata":{"name":"ns.claim"},"spec":{` +
		`"accessModes":["ReadWriteOnce"],"capacity":{"storage":"16Mi"},` +
		`"claimRef":{"apiVersion":"v1","kind":"PersistentVolumeClaim","name":"claim","namespace":"ns"},` +
		`"local":{"path":"/state/bounded/ns.claim/volume"},` +
		`"nodeAffinity":{"required":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"kubernetes.io/hostname","operator":"In","values":["node1"]}]}]}},` +
		`"persistentVolumeReclaimPolicy":"Retain","storageClassName":"default"}}`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("persistentVolume (-want +got):\n%s", diff)
	}
}
