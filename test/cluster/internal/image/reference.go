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
)

// Reference is the name and the digest of an image or an index.
type Reference struct {
	Name   string
	Digest string
}

// ReadReferences returns the images that a tarball declares in its index.json.
// An old docker archive has none; then the result is empty.
func ReadReferences(file string) ([]Reference, error) {
	f, err := os.Open(file) //nolint:gosec // The caller names the file.
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
