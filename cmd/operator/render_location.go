// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate"
)

// takenLocations returns, for each cluster of the input, which of its locations
// another cluster of the input had first.
func (in *input) takenLocations() map[types.NamespacedName]map[string]string {
	at := map[string][]translate.Claimant{}
	claimants := make(map[types.NamespacedName]translate.Claimant, len(in.clusters))
	for _, object := range in.clusters {
		name := nameOf(object)
		if _, twice := claimants[name]; twice {
			continue
		}
		cluster, _ := cpo.Decode(object)
		u := unstructured.Unstructured{Object: object}
		c := translate.Claimant{Cluster: cluster, Created: u.GetCreationTimestamp().Time, Known: in.stanzas[name].object.Status.Repos}
		claimants[name] = c
		for _, key := range translate.LocationKeys(cluster) {
			at[key] = append(at[key], c)
		}
	}
	taken := make(map[types.NamespacedName]map[string]string, len(claimants))
	for name, c := range claimants {
		var others []translate.Claimant
		for _, key := range translate.LocationKeys(c.Cluster) {
			if len(at[key]) > 1 {
				others = append(others, at[key]...)
			}
		}
		taken[name] = translate.TakenLocations(c, others)
	}
	return taken
}
