// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package wal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// File is one file of an archive.
type File struct {
	// Size in the repository, in bytes.
	Size int64
	// Time at which the repository got it, in whole seconds, rounded down.
	Time time.Time
	// Plain says that a segment is stored as it is, without compression.
	Plain bool
	// Whole is false for a segment that no restore can read: it is there more than once
	// with different content, or it is empty.
	Whole bool
	// Sum is the checksum of the content of a segment, as its name has it. If it is there
	// with different content, it has all of them. Empty for other files.
	Sum string
}

// Readable reports whether a restore can read a segment of a size: it is whole, and not
// cut short. Encryption makes a file longer, never shorter.
func (f File) Readable(size Size) bool {
	return f.Whole && (!f.Plain || f.Size >= size.Bytes())
}

// Archive is what a repository holds of the WAL of one database.
type Archive struct {
	// Segments by their names of 24 digits.
	Segments map[string]File
	// Histories by their timelines.
	Histories map[uint32]File
	// Partials are the segments of which only the beginning was archived, at a promotion,
	// by their names. No recovery reads them by itself.
	Partials map[string]File
	// Labels are the .backup files, by the names of the segments at which the backups began.
	Labels map[string]File
}

// Listing is the archive of each database, by its ID: 15-1.
type Listing map[string]Archive

var (
	segmentFile = regexp.MustCompile(`^([^/]+)/[0-9A-F]{16}/([0-9A-F]{24})-([0-9a-f]{40})(\.(?:gz|lz4|zst|bz2))?$`)
	partialFile = regexp.MustCompile(`^([^/]+)/[0-9A-F]{16}/([0-9A-F]{24})\.partial-[0-9a-f]{40}(?:\.(?:gz|lz4|zst|bz2))?$`)
	labelFile   = regexp.MustCompile(`^([^/]+)/[0-9A-F]{16}/([0-9A-F]{24})\.[0-9A-F]{8}\.backup$`)
	historyFile = regexp.MustCompile(`^([^/]+)/([0-9A-F]{8})\.history$`)
)

// ParseListing reads the output of pgbackrest repo-ls --recurse --output=json of the
// archive of a stanza, as it comes: it can have a million files. What it does not know, as
// a file that is still being written, is left out.
func ParseListing(stdout io.Reader) (Listing, error) {
	listing := Listing{}
	if err := listing.read(json.NewDecoder(stdout)); err != nil {
		return nil, fmt.Errorf("cannot read the output of pgbackrest repo-ls: %w", err)
	}
	return listing, nil
}

// entry is one file as pgBackRest lists it. Size and time are missing for a path.
type entry struct {
	Type string `json:"type"`
	Size *int64 `json:"size"`
	Time *int64 `json:"time"`
}

func (l Listing) read(decoder *json.Decoder) error {
	begin, err := decoder.Token()
	if err != nil {
		return err
	}
	if begin != json.Delim('{') {
		return errors.New("it is not a list of files")
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return err
		}
		var e entry
		if err := decoder.Decode(&e); err != nil {
			return err
		}
		path, _ := name.(string)
		if e.Type != "file" {
			continue
		}
		if e.Size == nil || *e.Size < 0 || e.Time == nil {
			return fmt.Errorf("file %q has no size or no time", path)
		}
		l.add(path, File{Size: *e.Size, Time: time.Unix(*e.Time, 0).UTC(), Whole: true})
	}
	if _, err := decoder.Token(); err != nil { // The end of the list.
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the list")
	}
	return nil
}

// add files one file where it belongs.
func (l Listing) add(path string, file File) {
	if match := segmentFile.FindStringSubmatch(path); match != nil {
		file.Sum, file.Plain, file.Whole = match[3], match[4] == "", file.Size > 0
		l.addSegment(match[1], match[2], file)
		return
	}
	if match := historyFile.FindStringSubmatch(path); match != nil {
		if timeline, err := strconv.ParseUint(match[2], 16, 32); err == nil && timeline > 0 {
			l.of(match[1]).Histories[uint32(timeline)] = file
		}
		return
	}
	if match := partialFile.FindStringSubmatch(path); match != nil {
		l.of(match[1]).Partials[match[2]] = file
		return
	}
	if match := labelFile.FindStringSubmatch(path); match != nil {
		l.of(match[1]).Labels[match[2]] = file
	}
}

// addSegment adds a segment. pgBackRest refuses to restore one that is there twice with
// different content. Of two with the same it takes the one without compression.
func (l Listing) addSegment(id, name string, file File) {
	segments := l.of(id).Segments
	if have, ok := segments[name]; ok {
		if !strings.Contains(have.Sum, file.Sum) {
			file.Whole, file.Sum = false, have.Sum+" "+file.Sum
		} else {
			file.Whole, file.Sum = file.Whole && have.Whole, have.Sum
		}
		if have.Plain {
			file.Plain, file.Size = true, have.Size
		}
	}
	segments[name] = file
}

// of returns the archive of a database.
func (l Listing) of(id string) Archive {
	archive, ok := l[id]
	if !ok {
		archive = Archive{Segments: map[string]File{}, Histories: map[uint32]File{}, Partials: map[string]File{}, Labels: map[string]File{}}
		l[strings.Clone(id)] = archive
	}
	return archive
}
