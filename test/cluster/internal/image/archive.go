// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// The annotations by which containerd and others learn the name of an image.
const (
	annContainerdName = "io.containerd.image.name"
	annRefName        = "org.opencontainers.image.ref.name"
)

const indexFile = "index.json"

// writeArchive writes the image under a name as a tarball. index.json comes
// first, so that readName needs to read only the head of the file.
func writeArchive(file, name string, img v1.Image) error {
	manifest, err := img.RawManifest()
	if err != nil {
		return err
	}
	config, err := img.RawConfigFile()
	if err != nil {
		return err
	}
	parsed, err := img.Manifest()
	if err != nil {
		return err
	}
	digest, err := img.Digest()
	if err != nil {
		return err
	}
	layers, err := img.Layers()
	if err != nil {
		return err
	}

	index, err := json.Marshal(v1.IndexManifest{
		SchemaVersion: 2,
		MediaType:     types.OCIImageIndex,
		Manifests: []v1.Descriptor{{
			MediaType:   parsed.MediaType,
			Digest:      digest,
			Size:        int64(len(manifest)),
			Annotations: map[string]string{annContainerdName: name, annRefName: name},
		}},
	})
	if err != nil {
		return err
	}
	docker := dockerManifest{Config: blobPath(parsed.Config.Digest), RepoTags: []string{name}}
	for _, l := range parsed.Layers {
		docker.Layers = append(docker.Layers, blobPath(l.Digest))
	}
	dockerIndex, err := json.Marshal([]dockerManifest{docker})
	if err != nil {
		return err
	}

	f, err := os.Create(file) //nolint:gosec // The caller says where to.
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	tw := tar.NewWriter(f)
	for _, e := range []Entry{
		{Path: indexFile, Content: index},
		{Path: "oci-layout", Content: []byte(`{"imageLayoutVersion":"1.0.0"}`)},
		{Path: "manifest.json", Content: dockerIndex},
		{Path: blobPath(digest), Content: manifest},
		{Path: blobPath(parsed.Config.Digest), Content: config},
	} {
		if err := e.write(tw); err != nil {
			return err
		}
	}
	written := map[v1.Hash]bool{}
	for _, l := range layers {
		if err := writeBlob(tw, l, written); err != nil {
			return err
		}
	}
	if err := tw.Close(); err != nil {
		return err
	}
	return f.Close()
}

// dockerManifest is an element of a docker archive's manifest.json.
type dockerManifest struct {
	Config   string
	RepoTags []string
	Layers   []string
}

func blobPath(h v1.Hash) string { return "blobs/" + h.Algorithm + "/" + h.Hex }

func writeBlob(tw *tar.Writer, l v1.Layer, written map[v1.Hash]bool) error {
	hash, err := l.Digest()
	if err != nil || written[hash] {
		return err
	}
	written[hash] = true
	size, err := l.Size()
	if err != nil {
		return err
	}
	r, err := l.Compressed()
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	header := &tar.Header{Typeflag: tar.TypeReg, Name: blobPath(hash), Mode: 0o644, Size: size, ModTime: epoch, Format: tar.FormatPAX}
	if err := tw.WriteHeader(header); err != nil {
		return err
	}
	_, err = io.Copy(tw, r)
	return err
}

// Reference is an image's name and the digest of what the name means.
type Reference struct {
	Name   string
	Digest string
}

// ReadReferences returns the images that a tarball declares in its index.json.
// A docker archive of the old kind has none: the answer is empty then.
func ReadReferences(file string) ([]Reference, error) {
	f, err := os.Open(file) //nolint:gosec // The caller says which.
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	tr := tar.NewReader(f)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s is not an image tarball: %w", file, err)
		}
		if h.Name != indexFile {
			continue
		}
		var index v1.IndexManifest
		if err := json.NewDecoder(tr).Decode(&index); err != nil {
			return nil, fmt.Errorf("%s: cannot read %s: %w", file, indexFile, err)
		}
		var refs []Reference
		for _, m := range index.Manifests {
			refs = append(refs, Reference{Name: m.Annotations[annContainerdName], Digest: m.Digest.String()})
		}
		return refs, nil
	}
}
