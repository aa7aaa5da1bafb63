// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"context"
	"embed"
	"encoding/json"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/command"
)

//go:embed azurite
var npmFiles embed.FS

// NPM is a program of the npm registry with the packages that it requires.
type NPM struct {
	Dir string // the directory beside this file with package.json and a lock with every checksum
	To  string // the directory in the image
}

// unusedSuffixes are the suffixes of files for developers, a third of all files.
var unusedSuffixes = []string{".map", ".ts", ".mts", ".cts", ".md"}

// MarshalJSON makes the files part of the image's key.
func (n NPM) MarshalJSON() ([]byte, error) {
	files := map[string]string{}
	err := fs.WalkDir(npmFiles, n.Dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := npmFiles.ReadFile(name)
		files[name] = string(content)
		return err
	})
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]any{"to": n.To, "files": files})
}

// install installs the packages below work and returns the files of the image.
func (n NPM) install(ctx context.Context, work, log string) ([]Entry, error) {
	files, err := fs.Sub(npmFiles, n.Dir)
	if err != nil {
		return nil, err
	}
	if err := os.CopyFS(work, files); err != nil {
		return nil, err
	}
	// Never run scripts of packages: we are root on somebody's machine.
	_, err = command.Cmd{
		Args: []string{"npm", "ci", "--ignore-scripts", "--omit=dev", "--no-install-links", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"},
		Dir:  work,
		Log:  log,
	}.Run(ctx)
	if err != nil {
		return nil, err
	}
	return n.entries(work)
}

// entries lists the installed files, with the same modes on every machine, whatever
// its umask.
func (n NPM) entries(work string) ([]Entry, error) {
	var all []Entry
	err := filepath.WalkDir(work, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		// Skip npm's own notes and its links to programs; the row links them itself.
		if d.Name() == ".package-lock.json" || filepath.Base(filepath.Dir(file)) == ".bin" {
			return nil
		}
		if slices.Contains(unusedSuffixes, filepath.Ext(file)) {
			return nil
		}
		name, err := filepath.Rel(work, file)
		if err != nil {
			return err
		}
		e := Entry{Path: path.Join(n.To, filepath.ToSlash(name)), Mode: 0o644}
		if d.Type()&fs.ModeSymlink != 0 {
			e.Link, err = os.Readlink(file)
			all = append(all, e)
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode()&0o111 != 0 {
			e.Mode = 0o755
		}
		e.Source = file
		all = append(all, e)
		return nil
	})
	return all, err
}
