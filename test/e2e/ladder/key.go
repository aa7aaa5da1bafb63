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

// Key returns a digest of a name and of all files below the paths of a checkout. It skips
// Markdown, unless a path is the file itself: a document changes no test. It also skips
// links: what they lead to is below a path too.
func Key(name string, checkout fs.FS, paths ...string) (string, error) {
	digest := sha256.New()
	_, _ = fmt.Fprintf(digest, "%q\n", name)
	for _, top := range slices.Sorted(slices.Values(paths)) {
		err := fs.WalkDir(checkout, top, func(file string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() || path.Ext(file) == ".md" && file != top {
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
