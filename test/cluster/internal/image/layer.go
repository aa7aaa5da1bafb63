// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"archive/tar"
	"bytes"
	"cmp"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// epoch is the time of every file. A real time would change the digest.
var epoch = time.Unix(0, 0).UTC()

// Entry is one file, directory or link of a layer.
type Entry struct {
	Path string
	Mode int64 // permission bits; 0 means 0644 for files and 0755 for directories and programs
	UID  int
	GID  int

	// At most one of these is set. Without any, the entry is a directory.
	Content   []byte // a file with this content
	Source    string // a file of this machine
	Component string // a program of the component table, known once it is built
	Link      string // a symbolic link
}

// writeLayer writes the entries as a tar and returns it as a layer.
func writeLayer(file string, entries []Entry) (v1.Layer, error) {
	if err := writeTar(file, entries); err != nil {
		return nil, err
	}
	return openLayer(file)
}

// writeTar writes the entries as a tar, and adds the directories that lead to them.
func writeTar(file string, entries []Entry) error {
	f, err := os.Create(file) //nolint:gosec // The caller says where to.
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	tw := tar.NewWriter(f)
	for _, e := range withParents(entries) {
		if err := e.write(tw); err != nil {
			return err
		}
	}
	if err := tw.Close(); err != nil {
		return err
	}
	return f.Close()
}

// withParents adds missing directories and sorts, so that a directory comes
// before what is in it and the order does not depend on the caller.
func withParents(entries []Entry) []Entry {
	byPath := map[string]Entry{}
	for _, e := range entries {
		e.Path = strings.Trim(path.Clean("/"+e.Path), "/")
		byPath[e.Path] = e
		for dir := path.Dir(e.Path); dir != "."; dir = path.Dir(dir) {
			if _, ok := byPath[dir]; !ok {
				byPath[dir] = Entry{Path: dir}
			}
		}
	}
	var all []Entry
	for _, e := range byPath {
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b Entry) int { return cmp.Compare(a.Path, b.Path) })
	return all
}

func (e Entry) write(tw *tar.Writer) error {
	h := &tar.Header{Name: e.Path, Mode: e.Mode, Uid: e.UID, Gid: e.GID, ModTime: epoch, Format: tar.FormatPAX}
	var content io.Reader
	switch {
	case e.Link != "":
		h.Typeflag, h.Linkname = tar.TypeSymlink, e.Link
		h.Mode = 0o777
	case e.Content != nil:
		h.Typeflag, h.Size = tar.TypeReg, int64(len(e.Content))
		h.Mode = cmp.Or(h.Mode, 0o644)
		content = bytes.NewReader(e.Content)
	case e.Source != "":
		f, err := os.Open(e.Source)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		info, err := f.Stat()
		if err != nil {
			return err
		}
		h.Typeflag, h.Size = tar.TypeReg, info.Size()
		h.Mode = cmp.Or(h.Mode, 0o644)
		content = f
	default:
		h.Typeflag, h.Name = tar.TypeDir, e.Path+"/"
		h.Mode = cmp.Or(h.Mode, 0o755)
	}
	if err := tw.WriteHeader(h); err != nil {
		return err
	}
	if content == nil {
		return nil
	}
	_, err := io.Copy(tw, content)
	return err
}

// fileLayer is a layer in an uncompressed tar on disk. Compression would only cost
// time, because the tarball is read once, on this machine.
type fileLayer struct {
	path string
	hash v1.Hash
	size int64
}

func openLayer(path string) (v1.Layer, error) {
	f, err := os.Open(path) //nolint:gosec // A file that was just created.
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	hash, size, err := v1.SHA256(f)
	if err != nil {
		return nil, err
	}
	return &fileLayer{path: path, hash: hash, size: size}, nil
}

// The methods of v1.Layer.

func (l *fileLayer) Digest() (v1.Hash, error)             { return l.hash, nil }
func (l *fileLayer) DiffID() (v1.Hash, error)             { return l.hash, nil }
func (l *fileLayer) Compressed() (io.ReadCloser, error)   { return os.Open(l.path) }
func (l *fileLayer) Uncompressed() (io.ReadCloser, error) { return os.Open(l.path) }
func (l *fileLayer) Size() (int64, error)                 { return l.size, nil }
func (l *fileLayer) MediaType() (types.MediaType, error)  { return types.OCIUncompressedLayer, nil }
