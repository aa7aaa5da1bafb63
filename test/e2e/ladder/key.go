// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package ladder

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"slices"
)

// Key is a digest of a name and of all files below the folders of a checkout,
// but for Markdown: a document changes no test.
func Key(name string, checkout fs.FS, folders ...string) (string, error) {
	digest := sha256.New()
	_, _ = fmt.Fprintf(digest, "%q\n", name)
	for _, folder := range slices.Sorted(slices.Values(folders)) {
		err := fs.WalkDir(checkout, folder, func(file string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || path.Ext(file) == ".md" {
				return err
			}
			b, err := fs.ReadFile(checkout, file)
			_, _ = fmt.Fprintf(digest, "%q %x\n", file, sha256.Sum256(b))
			return err
		})
		if err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(digest.Sum(nil)[:8]), nil
}
