// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// FromBinary writes an image with one static program, as the operator's is: it
// runs as a user without rights and brings certificates and a /tmp.
func FromBinary(ctx context.Context, name, binary, out string) error {
	if err := requireStatic(binary); err != nil {
		return err
	}
	// Beside the result, so that the last step is a rename.
	work, err := os.MkdirTemp(filepath.Dir(out), ".image-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()
	return Build(ctx, Image{
		Accounts:   []account{rootAccount, nonrootAccount},
		Entries:    []Entry{{Path: "/operator", Source: binary, Mode: 0o755}},
		User:       "65532:65532",
		Entrypoint: []string{"/operator"},
	}, name, out, work, "")
}

// requireStatic refuses a program that asks for a dynamic linker: there is none
// in the image, and the container would fail with "no such file or directory".
func requireStatic(binary string) error {
	f, err := elf.Open(binary)
	if err != nil {
		if _, ok := errors.AsType[*elf.FormatError](err); ok {
			return fmt.Errorf("%s is not a program for Linux: %w", binary, err)
		}
		return err
	}
	defer func() { _ = f.Close() }()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return fmt.Errorf("%s is not static, build it with CGO_ENABLED=0", binary)
		}
	}
	return nil
}
