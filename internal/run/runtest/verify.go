// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package runtest

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

const (
	// BackupBytes is what each backup of a world takes in the repo.
	BackupBytes = 4534133
	// WALBytes is what an archived segment takes there.
	WALBytes = 30000
)

// repoFiles lists what the repo holds below a directory.
func (w *World) repoFiles(c Call, dir string) error {
	type object = map[string]any
	files := object{".": object{"type": "path"}}
	for _, b := range w.Backups {
		if dir == "backup/"+vocab.PgBackRestStanza+"/"+b.Label {
			files["pg_data"] = object{"type": "path"}
			files["pg_data/PG_VERSION.gz"] = object{"type": "file", "size": 23}
			files["pg_data/base/1/1247.gz"] = object{"type": "file", "size": BackupBytes - 23 - w.LostBytes[b.Label]}
			files["backup.manifest"] = object{"type": "file", "size": 164479}
			files["backup.manifest.copy"] = object{"type": "file", "size": 164479}
		}
	}
	if dir == "archive/"+vocab.PgBackRestStanza {
		for segment := range w.Segments {
			files["16-1/"+segment[:16]+"/"+segment+".gz"] = object{"type": "file", "size": WALBytes}
		}
	}
	return c.PrintJSON(files)
}

// verify finds that all is well, with the newest database.
func (w *World) verify(c Call) error {
	_, label, _ := strings.Cut(strings.Join(c.Argv, " "), "--set=")
	label, _, _ = strings.Cut(label, " ")
	text := VerifyOutput("ok", VerifyCounts{Segments: 2}, VerifiedBackup{Label: label})
	return c.Print(strings.ReplaceAll(text, "archiveId: 16-1", "archiveId: "+w.Databases[len(w.Databases)-1].archive()))
}

// VerifyCounts is how many files pgbackrest verify finds, and what is wrong with
// some.
type VerifyCounts struct{ Segments, Missing, Checksum, Size, Other int }

// VerifiedBackup is what pgbackrest verify says of a backup.
type VerifiedBackup struct {
	Label, Status string
	VerifyCounts
}

const allFiles = 970

func (c VerifyCounts) text(total int) (valid int, line string) {
	return total - c.Missing - c.Checksum - c.Size - c.Other,
		fmt.Sprintf("    missing: %d, checksum invalid: %d, size invalid: %d, other: %d\n", c.Missing, c.Checksum, c.Size, c.Other)
}

// VerifyOutput returns what pgBackRest prints: the result in its log, and again.
func VerifyOutput(status string, wal VerifyCounts, backups ...VerifiedBackup) string {
	valid, line := wal.text(wal.Segments)
	var text strings.Builder
	fmt.Fprintf(&text, "stanza: %s\nstatus: %s\n  archiveId: 16-1, total WAL checked: %d, total valid WAL: %d\n%s", vocab.PgBackRestStanza, status, wal.Segments, valid, line)
	for _, b := range backups {
		valid, line := b.text(allFiles)
		if b.Status == "" {
			b.Status = "valid"
		}
		fmt.Fprintf(&text, "  backup: %s, status: %s, total files checked: %d, total valid files: %d\n%s", b.Label, b.Status, allFiles, valid, line)
	}
	result := text.String()
	const stamp = "2026-03-01 01:00:00.000 P00   INFO: "
	indented := strings.ReplaceAll(strings.TrimSuffix(result, "\n"), "\n", "\n"+strings.Repeat(" ", len(stamp)))
	return stamp + "verify command begin 2.55.1\n" + stamp + indented + "\n" + result + stamp + "verify command end: completed successfully (1093ms)\n"
}

// Finds answers with an output of verify.
func Finds(logged string, status string, wal VerifyCounts, backups ...VerifiedBackup) Script {
	return func(_ context.Context, c Call) error {
		return c.Print(logged + VerifyOutput(status, wal, backups...))
	}
}

// Prints answers with a text.
func Prints(text string) Script {
	return func(_ context.Context, c Call) error { return c.Print(text) }
}

// BreaksAfter loses the stream after a text.
func BreaksAfter(text string) Script {
	return func(_ context.Context, c Call) error {
		_ = c.Print(text)
		return io.ErrUnexpectedEOF
	}
}
