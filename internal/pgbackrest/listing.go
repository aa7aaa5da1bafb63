// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package pgbackrest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
)

// RepoFiles is how many files a directory of a repository holds, and their size.
// The manifest of a backup, which is not in its size in info either, does not
// count. Either of its copies serves a restore.
type RepoFiles struct {
	Count    int
	Bytes    int64
	Manifest bool
}

var manifests = map[string]bool{"backup.manifest": true, "backup.manifest.copy": true}

// ParseRepoFiles adds up the output of RepoFilesCommand as it comes: a backup can
// have a million files. A directory that does not exist has none.
func ParseRepoFiles(stdout io.Reader) (RepoFiles, error) {
	files, err := addUp(json.NewDecoder(stdout))
	if err != nil {
		return RepoFiles{}, fmt.Errorf("cannot read the output of pgbackrest repo-ls: %w", err)
	}
	return files, nil
}

func addUp(decoder *json.Decoder) (RepoFiles, error) {
	var files RepoFiles
	begin, err := decoder.Token()
	if err != nil {
		return files, err
	}
	if begin != json.Delim('{') {
		return files, errors.New("it is not a list of files")
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return files, err
		}
		var file struct {
			Type string `json:"type"`
			Size *int64 `json:"size"`
		}
		if err := decoder.Decode(&file); err != nil {
			return files, err
		}
		if file.Type != "file" {
			continue
		}
		if file.Size == nil || *file.Size < 0 || *file.Size > math.MaxInt64-files.Bytes {
			return files, fmt.Errorf("file %q has no size", name)
		}
		if path, _ := name.(string); manifests[path] {
			files.Manifest = files.Manifest || *file.Size > 0
			continue
		}
		files.Count++
		files.Bytes += *file.Size
	}
	if _, err := decoder.Token(); err != nil { // The end of the list.
		return files, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return files, errors.New("something follows the list")
	}
	return files, nil
}

// ParseRepoLS returns the names in the output of RepoLSCommand, sorted. A directory
// that does not exist has none: pgBackRest exits 0 for it.
func ParseRepoLS(stdout []byte) ([]string, error) {
	var entries map[string]struct{}
	if err := unmarshal(stdout, '{', &entries); err != nil {
		return nil, fmt.Errorf("cannot read the output of pgbackrest repo-ls: %w", err)
	}
	delete(entries, ".") // The directory itself.
	if _, ok := entries[""]; ok {
		return nil, errors.New("cannot read the output of pgbackrest repo-ls: a file has no name")
	}
	return slices.Sorted(maps.Keys(entries)), nil
}
