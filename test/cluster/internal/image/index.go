// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"bytes"
	"encoding/json"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// index holds one image for each architecture. It uses the types of the specification
// and not those of go-containerregistry: skopeo writes an index again after reading
// it, and only these bytes keep their digest.
type index struct {
	images []v1.Image
	raw    []byte
}

func newIndex(images []v1.Image) (index, error) {
	manifest := ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex}
	for _, img := range images {
		hash, err := img.Digest()
		if err != nil {
			return index{}, err
		}
		size, err := img.Size()
		if err != nil {
			return index{}, err
		}
		config, err := img.ConfigFile()
		if err != nil {
			return index{}, err
		}
		manifest.Manifests = append(manifest.Manifests, ocispec.Descriptor{
			MediaType: ocispec.MediaTypeImageManifest,
			Digest:    digest.Digest(hash.String()),
			Size:      size,
			Platform:  &ocispec.Platform{OS: config.OS, Architecture: config.Architecture},
		})
	}
	raw, err := json.Marshal(manifest)
	return index{images: images, raw: raw}, err
}

// The methods of described.

func (i index) MediaType() (types.MediaType, error) { return types.OCIImageIndex, nil }
func (i index) Size() (int64, error)                { return int64(len(i.raw)), nil }
func (i index) RawManifest() ([]byte, error)        { return i.raw, nil }
func (i index) Digest() (v1.Hash, error) {
	hash, _, err := v1.SHA256(bytes.NewReader(i.raw))
	return hash, err
}
