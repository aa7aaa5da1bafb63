// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// operator is the row of the operator's image, without the program. It runs as an
// unprivileged user. It has no certificates of this machine, because the operator only
// talks to the API server, and checks its certificate with the bundle of the
// ServiceAccount.
var operator = Image{User: "65532:65532", Entrypoint: []string{"/operator"}}

// FromBinary writes an image with one static program, like the operator's, for a
// cluster on this machine.
func FromBinary(name, binary, out string) error {
	return inWork(out, func(work string) error {
		img, err := operatorImage(binary, work, openLayer)
		if err != nil {
			return err
		}
		return writeArchive(out, name, img)
	})
}

// IndexFromBinaries writes an index of such images, one for the architecture of each
// binary. Its layers are compressed, because people send it around.
func IndexFromBinaries(name string, binaries []string, out string) error {
	return inWork(out, func(work string) error {
		var images []v1.Image
		seen := map[string]string{}
		for _, binary := range binaries {
			img, err := operatorImage(binary, work, compressedLayer)
			if err != nil {
				return err
			}
			config, err := img.ConfigFile()
			if err != nil {
				return err
			}
			if other, twice := seen[config.Architecture]; twice {
				return fmt.Errorf("%s and %s are both for %s", other, binary, config.Architecture)
			}
			seen[config.Architecture] = binary
			images = append(images, img)
		}
		all, err := newIndex(images)
		if err != nil {
			return err
		}
		return writeArchive(out, name, all)
	})
}

// inWork runs in a directory beside the result, so that the last step is a rename.
func inWork(out string, build func(work string) error) error {
	work, err := os.MkdirTemp(filepath.Dir(out), ".image-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()
	return build(work)
}

func operatorImage(binary, work string, open func(path string) (v1.Layer, error)) (v1.Image, error) {
	architecture, err := staticFor(binary)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(work, architecture+".tar")
	if err := writeTar(path, append(minimal([]account{rootAccount, nonrootAccount}), Entry{Path: "/operator", Source: binary, Mode: 0o755})); err != nil {
		return nil, err
	}
	l, err := open(path)
	if err != nil {
		return nil, err
	}
	return assemble(operator, architecture, []v1.Layer{l})
}

func compressedLayer(path string) (v1.Layer, error) {
	return tarball.LayerFromFile(path, tarball.WithMediaType(types.OCILayer), tarball.WithCompressedCaching)
}

// architectures are Go's names of the supported architectures.
var architectures = map[elf.Machine]string{elf.EM_X86_64: "amd64", elf.EM_AARCH64: "arm64"}

// staticFor returns the architecture of a program. It refuses a program that needs a
// dynamic linker: the image has none, and the container would fail with "no such file
// or directory".
func staticFor(binary string) (string, error) {
	f, err := elf.Open(binary)
	if err != nil {
		if _, ok := errors.AsType[*elf.FormatError](err); ok {
			return "", fmt.Errorf("%s is not a program for Linux: %w", binary, err)
		}
		return "", err
	}
	defer func() { _ = f.Close() }()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return "", fmt.Errorf("%s is not static, build it with CGO_ENABLED=0", binary)
		}
	}
	architecture, ok := architectures[f.Machine]
	if !ok {
		return "", fmt.Errorf("%s is for %s, which we build no image for", binary, f.Machine)
	}
	return architecture, nil
}
