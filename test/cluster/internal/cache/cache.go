// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package cache keeps the directories of finished builds from growing forever.
// Each change of a source leaves an older build behind, of up to 240 MB.
package cache

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// unused is how long a build may stay that nobody asks for: long enough to
// switch between branches, or clones, without building again.
const unused = 7 * 24 * time.Hour

// tempMark is in the name of everything that is not finished.
const tempMark = ".tmp"

// Temp is the name under which the build of path is written, to be renamed when
// it is whole.
func Temp(path string) string { return path + tempMark }

// Touch notes that a build is in use, and says whether it is there.
func Touch(path string) (bool, error) {
	now := time.Now()
	err := os.Chtimes(path, now, now)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Prune deletes from the directories what was not used for a week, and what an
// interrupted build left. Nothing may be building: the caller holds the lock.
func Prune(dirs ...string) error {
	var problems []error
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				problems = append(problems, err)
			}
			continue
		}
		for _, e := range entries {
			info, err := e.Info()
			if err != nil || info.Mode()&fs.ModeSymlink != 0 {
				continue
			}
			if strings.Contains(e.Name(), tempMark) || time.Since(info.ModTime()) > unused {
				problems = append(problems, os.RemoveAll(filepath.Join(dir, e.Name())))
			}
		}
	}
	return errors.Join(problems...)
}
