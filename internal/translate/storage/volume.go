// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// volume is a PersistentVolumeClaim of the repo host. A resource is accepted and
// not used: two of CPO's four schemas demand one for every storage.
var volume = Storage{
	Name:       cpo.StoragePVC,
	OnRepoHost: true,
	unused:     []string{fieldEndpoint, fieldRegion, fieldAccount, fieldKey, fieldKeyType},
	location: func(cluster string, r Repo) (holder, dir string) {
		return manifest.ClaimName(cluster, r.Name), "/"
	},
	check: func(s Storage, _ cpo.Postgresql, r Repo) problem.List {
		return append(checkUnused(s, r), checkVolume(r)...)
	},
}

func checkVolume(r Repo) problem.List {
	var problems problem.List
	refuse := func(field, message string) {
		problems.Add(r.Path+"."+field, vocab.ReasonInvalidVolume, "%s", message)
	}
	if r.Volume == nil {
		refuse("volume", "is required for storage pvc, with a size such as 15Gi")
		return problems
	}
	if size, ok := VolumeSize(r.Volume); !ok || size.Sign() <= 0 {
		refuse("volume.size", "must be a size such as 15Gi"+problem.Not(r.Volume.Size, nil))
	}
	if class := r.Volume.StorageClass; class != "" && len(validation.IsDNS1123Subdomain(class)) > 0 {
		refuse("volume.storageClass", "is not a valid name of a StorageClass; use only lower-case letters, digits, dashes and dots")
	}
	if _, err := metav1.LabelSelectorAsSelector(r.Volume.Selector); err != nil {
		refuse("volume.selector", "must have matchLabels, or matchExpressions with key, operator (In, NotIn, Exists, DoesNotExist) and values")
	}
	return problems
}

// VolumeSize returns the size of a volume, false where it is not a quantity.
func VolumeSize(v *cpo.Volume) (resource.Quantity, bool) {
	if !cpo.IsQuantity(v.Size) {
		return resource.Quantity{}, false
	}
	size, err := resource.ParseQuantity(v.Size)
	return size, err == nil
}
