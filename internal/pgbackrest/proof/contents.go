// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/failure"
)

// remedy is what to do about broken files.
const remedy = "make a new full backup, and look at the store"

// hasItsFiles compares the files with info, which says what the manifest said when
// the backup was made, whatever has happened to the files since. They must not take
// less now. More is no loss: with repo-hardlink a backup also lists what it shares
// with others.
func hasItsFiles(in Input, b pgbackrest.Backup) []string {
	var reasons []string
	for _, label := range b.Files() {
		link, ok := in.Info.Backup(in.Repo, label)
		if !ok {
			continue // hasItsChain says so.
		}
		files, listed := in.Files[label]
		if !listed {
			reasons = append(reasons, reason("The files of backup %s in repo%d have not been listed.", label, in.Repo)...)
			continue
		}
		if !files.Manifest {
			reasons = append(reasons, reason("Backup %s%s has no manifest in repo%d: %s.", label, builtOn(label, b), in.Repo, remedy)...)
		}
		if files.Bytes < link.RepoDeltaBytes {
			reasons = append(reasons, reason("Backup %s%s lacks %d of its %d bytes in repo%d, files are missing or cut short: %s.",
				label, builtOn(label, b), link.RepoDeltaBytes-files.Bytes, link.RepoDeltaBytes, in.Repo, remedy)...)
		}
	}
	return reasons
}

func builtOn(label string, b pgbackrest.Backup) string {
	if label == b.Label {
		return ""
	}
	return ", on which " + b.Label + " builds,"
}

// hasItsContents checks that pgBackRest has read every file back, and each has its
// checksum. There is no Verification if that was more than was asked for.
func hasItsContents(in Input, b pgbackrest.Backup) []string {
	var reasons []string
	for _, found := range in.verified(b) {
		reasons = append(reasons, found.text)
	}
	return reasons
}

// OnlyUnread reports whether the only reason against the backup is that verify could
// not read files, or gave no result: another try may. No file is known to be broken.
func (in Input) OnlyUnread() bool {
	if in.Verification == nil {
		return false
	}
	without := in
	without.Verification = nil
	backup, reasons := Prove(without)
	return len(reasons) == 0 && !slices.ContainsFunc(in.verified(backup), func(f flaw) bool { return f.broken })
}

// flaw is a reason that a Verification gives. It is broken if reading again cannot
// help.
type flaw struct {
	text   string
	broken bool
}

func (in Input) verified(b pgbackrest.Backup) []flaw {
	if in.Verification == nil {
		return nil
	}
	var flaws []flaw
	for _, remark := range in.Verification.Remarks {
		flaws = append(flaws, flaw{text: fmt.Sprintf("pgbackrest verify of repo%d says: %s.", in.Repo, remark)})
	}
	flaws = append(flaws, in.verifiedFiles(b)...)
	flaws = append(flaws, in.verifiedWAL(b)...)
	if len(flaws) == 0 && !in.Verification.OK && !in.othersBroken(b) {
		flaws = append(flaws, flaw{text: fmt.Sprintf("pgbackrest verify of repo%d ends with status error and does not say why; run it by hand.", in.Repo)})
	}
	return flaws
}

// verifiedFiles returns the flaws in the files of b. The result of a backup includes
// the files that it refers to. With block incremental the backups that it builds on
// have results of their own.
func (in Input) verifiedFiles(b pgbackrest.Backup) []flaw {
	var flaws []flaw
	for _, label := range b.Files() {
		checked, ok := in.Verification.Backups[label]
		switch {
		case !ok && (label == b.Label || b.BlockIncremental()):
			flaws = append(flaws, flaw{text: fmt.Sprintf("pgbackrest verify has not read backup %s in repo%d.", label, in.Repo)})
		case ok && !checked.valid():
			broken := checked.Status == VerifyManifestMissing || checked.broken() || in.brokenBelow(label)
			flaws = append(flaws, flaw{broken: broken, text: fmt.Sprintf("Backup %s%s is not whole in repo%d, pgbackrest verify finds %s%s: %s.",
				label, builtOn(label, b), in.Repo, checked.loss("files"), in.firstBelow(b.Files()...), remedy)})
		}
	}
	return flaws
}

// verifiedWAL returns the flaws in the WAL of b. Up to 2.54 verify reads the whole
// archive, in which a segment that this backup does not need may be broken.
func (in Input) verifiedWAL(b pgbackrest.Backup) []flaw {
	archive, ok := in.Info.Archive(in.Repo, b.DatabaseID)
	segments, err := Segments(b.WALStart, b.WALStop, in.SegmentBytes)
	if !ok || archive.ID == "" || err != nil {
		return nil // hasAnArchive and hasItsWAL say so.
	}
	checked := in.Verification.Archives[archive.ID]
	if checked.Total < len(segments) {
		return []flaw{{text: fmt.Sprintf("pgbackrest verify has read %d of the %d WAL segments that backup %s in repo%d needs.",
			checked.Total, len(segments), b.Label, in.Repo)}}
	}
	foreign := 0
	for _, file := range in.Verification.Broken {
		own := slices.ContainsFunc(segments, func(name string) bool { return strings.HasPrefix(path.Base(file.Path), name) })
		if below(file, archive.ID) && !own {
			foreign++
		}
	}
	if checked.whole() || foreign > 0 && foreign == checked.Total-checked.Valid {
		return nil
	}
	return []flaw{{broken: checked.broken() || in.brokenBelow(archive.ID), text: fmt.Sprintf(
		"Backup %s cannot be restored, pgbackrest verify finds in repo%d %s%s: %s.",
		b.Label, in.Repo, checked.loss("segments"), in.firstBelow(archive.ID), remedy)}}
}

// othersBroken reports whether something is broken that b does not need.
func (in Input) othersBroken(b pgbackrest.Backup) bool {
	for label, checked := range in.Verification.Backups {
		if !slices.Contains(b.Files(), label) && !checked.valid() {
			return true
		}
	}
	for _, checked := range in.Verification.Archives {
		if !checked.whole() {
			return true
		}
	}
	return false
}

// brokenBelow reports whether a file there could not be read for a reason that
// stays, as when it cannot be decompressed.
func (in Input) brokenBelow(dir string) bool {
	return slices.ContainsFunc(in.Verification.Broken, func(f BrokenFile) bool { return below(f, dir) && f.Failure.Class == failure.Stop })
}

// firstBelow names the first broken file there.
func (in Input) firstBelow(dirs ...string) string {
	for _, file := range in.Verification.Broken {
		if slices.ContainsFunc(dirs, func(dir string) bool { return below(file, dir) }) {
			return ", such as " + failure.Shorten(file.Path, maxRemark)
		}
	}
	return ""
}

func below(file BrokenFile, dir string) bool { return strings.HasPrefix(file.Path, dir+"/") }
