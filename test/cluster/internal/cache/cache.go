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

// unused is how long an unused build stays: long enough to switch between branches,
// or clones, without building again.
const unused = 7 * 24 * time.Hour

// tempMark is in the name of every unfinished build.
const tempMark = ".tmp"

// Temp returns the name under which to write the build of path until it is complete
// and gets its own name.
func Temp(path string) string { return path + tempMark }

// Touch records that a build is in use, and reports whether it exists.
func Touch(path string) (bool, error) {
	now := time.Now()
	err := os.Chtimes(path, now, now)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Prune deletes builds that were not used for a week, and the rest of interrupted
// builds. The caller holds the lock, so that nothing is being built.
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
