// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package component

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"
)

// hashTree hashes the names and contents of the files below dir. It skips tests and
// documents, which do not go into a program.
func hashTree(dir string) (string, error) {
	h := sha256.New()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, ".md") {
			return nil
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path) //nolint:gosec // A source file of this repository.
		if err != nil {
			return err
		}
		h.Write(fmt.Appendf(nil, "%d:%s%d:%s", len(name), name, len(content), content))
		return nil
	})
	return hex.EncodeToString(h.Sum(nil)), err
}

// requiredVersion reads the required version of a module from a go.mod.
func requiredVersion(gomod, module string) (string, error) {
	content, err := os.ReadFile(gomod) //nolint:gosec // A source file of this repository.
	if err != nil {
		return "", err
	}
	f, err := modfile.ParseLax(gomod, content, nil)
	if err != nil {
		return "", err
	}
	for _, r := range f.Require {
		if r.Mod.Path == module {
			return r.Mod.Version, nil
		}
	}
	return "", fmt.Errorf("%s does not require %s", gomod, module)
}
