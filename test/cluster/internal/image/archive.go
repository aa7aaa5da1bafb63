// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"archive/tar"
	"encoding/json"
	"fmt"
	"io"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/cache"
)

// The annotations by which containerd and others learn the name of an image.
const (
	annContainerdName = "io.containerd.image.name"
	annRefName        = "org.opencontainers.image.ref.name"
)

const indexFile = "index.json"

// described is an image, or an index with one image for each architecture.
type described interface {
	MediaType() (types.MediaType, error)
	Digest() (v1.Hash, error)
	Size() (int64, error)
	RawManifest() ([]byte, error)
}

// writeArchive writes an image or an index under a name as a tarball, completely or
// not at all.
func writeArchive(file, name string, what described) error {
	temp := cache.Temp(file)
	f, err := os.Create(temp) //nolint:gosec // The caller names the file.
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	a := &archive{Writer: tar.NewWriter(f), written: map[v1.Hash]bool{}}
	if err := a.layout(name, what); err != nil {
		return err
	}
	if err := a.Close(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(temp, file)
}

// archive is a tarball while it is written.
type archive struct {
	*tar.Writer
	written map[v1.Hash]bool
}

// layout writes everything. index.json comes first, so that ReadReferences needs
// to read only the head of the file.
func (a *archive) layout(name string, what described) error {
	mediaType, err := what.MediaType()
	if err != nil {
		return err
	}
	digest, err := what.Digest()
	if err != nil {
		return err
	}
	size, err := what.Size()
	if err != nil {
		return err
	}
	index, err := json.Marshal(v1.IndexManifest{
		SchemaVersion: 2,
		MediaType:     types.OCIImageIndex,
		Manifests: []v1.Descriptor{{
			MediaType:   mediaType,
			Digest:      digest,
			Size:        size,
			Annotations: map[string]string{annContainerdName: name, annRefName: name},
		}},
	})
	if err != nil {
		return err
	}
	if err := a.file(indexFile, index); err != nil {
		return err
	}
	if err := a.file("oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`)); err != nil {
		return err
	}
	return a.content(name, what)
}

func (a *archive) content(name string, what described) error {
	switch what := what.(type) {
	case v1.Image:
		if err := a.docker(name, what); err != nil {
			return err
		}
		return a.image(what)
	case index:
		return a.index(what)
	default:
		return fmt.Errorf("cannot write a %T", what)
	}
}

// dockerManifest is an element of a docker archive's manifest.json.
type dockerManifest struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// docker makes the tarball a docker archive, too. An index gets no such file, because
// a docker archive holds one architecture, and a reader would miss the others.
func (a *archive) docker(name string, img v1.Image) error {
	manifest, err := img.Manifest()
	if err != nil {
		return err
	}
	docker := dockerManifest{Config: blobPath(manifest.Config.Digest), RepoTags: []string{name}}
	for _, l := range manifest.Layers {
		docker.Layers = append(docker.Layers, blobPath(l.Digest))
	}
	content, err := json.Marshal([]dockerManifest{docker})
	if err != nil {
		return err
	}
	return a.file("manifest.json", content)
}

// index writes the blobs of all its images.
func (a *archive) index(all index) error {
	if err := a.manifest(all); err != nil {
		return err
	}
	for _, img := range all.images {
		if err := a.image(img); err != nil {
			return err
		}
	}
	return nil
}

// image writes the blobs of an image.
func (a *archive) image(img v1.Image) error {
	if err := a.manifest(img); err != nil {
		return err
	}
	digest, err := img.ConfigName()
	if err != nil {
		return err
	}
	config, err := img.RawConfigFile()
	if err != nil {
		return err
	}
	if err := a.file(blobPath(digest), config); err != nil {
		return err
	}
	layers, err := img.Layers()
	if err != nil {
		return err
	}
	for _, l := range layers {
		if err := a.layer(l); err != nil {
			return err
		}
	}
	return nil
}

func (a *archive) manifest(what described) error {
	digest, err := what.Digest()
	if err != nil {
		return err
	}
	manifest, err := what.RawManifest()
	if err != nil {
		return err
	}
	return a.file(blobPath(digest), manifest)
}

func (a *archive) file(path string, content []byte) error {
	return Entry{Path: path, Content: content}.write(a.Writer)
}

func blobPath(h v1.Hash) string { return "blobs/" + h.Algorithm + "/" + h.Hex }

func (a *archive) layer(l v1.Layer) error {
	hash, err := l.Digest()
	if err != nil || a.written[hash] {
		return err
	}
	a.written[hash] = true
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
	if err := a.WriteHeader(header); err != nil {
		return err
	}
	_, err = io.Copy(a, r)
	return err
}
