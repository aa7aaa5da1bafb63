// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
)

// maxWatch bounds a decoded report of a watch, in bytes: 10,000 clusters.
const maxWatch = 64 << 20

// Watch is the report of one run of the watch: what it found in the clusters of a
// namespace.
type Watch struct {
	// Start and End of the run.
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	// Clusters by the name of the postgresql resource.
	Clusters map[string]Sample `json:"clusters"`
}

// Sample is one cluster at one moment.
type Sample struct {
	// Time is just before PostgreSQL read its LSN, by the clock of the pod of the watch:
	// every commit before it is at or before the LSN. Without an answer it is when the
	// watch gave up.
	Time time.Time `json:"time"`
	// Message says in one line what could not be asked, and what to do. What could not be
	// asked is nil below.
	Message string `json:"message,omitempty"`
	// WAL is what the primary says.
	WAL *WAL `json:"wal,omitempty"`
	// Volume of pg_wal.
	Volume *Volume `json:"volume,omitempty"`
	// Repos by their names, repo1 to repo4. Nil if pgbackrest info did not answer.
	Repos map[string]RepoSample `json:"repos,omitempty"`
	// Progress is the percent of a running backup, nil if none runs or pgBackRest does
	// not say.
	Progress *int `json:"progress,omitempty"`
}

// WAL is the state of the archiving on the primary. Sizes are bytes.
type WAL struct {
	Timeline int32 `json:"timeline"`
	// LSN is the current insert position, such as 0/3000148. With nothing in the current
	// segment it is the end of the one before.
	LSN string `json:"lsn"`
	// Snapshot is xmin:xmax:xip of the running transactions. If it is equal at two
	// moments, nothing was committed between them.
	Snapshot string `json:"snapshot"`
	// LastArchived is the newest archived segment, and LastArchivedTime when it was.
	LastArchived     string     `json:"lastArchived,omitempty"`
	LastArchivedTime *time.Time `json:"lastArchivedTime,omitempty"`
	// LastFailed is the segment of the newest failed attempt. FailedCount counts them since
	// the statistics were reset.
	LastFailed     string     `json:"lastFailed,omitempty"`
	LastFailedTime *time.Time `json:"lastFailedTime,omitempty"`
	FailedCount    int64      `json:"failedCount,omitempty"`
	// Waiting is how many segments wait to be archived.
	Waiting int32 `json:"waiting,omitempty"`
	// StalledSeconds is how long segments wait, and none of them was archived, by the clock
	// of PostgreSQL.
	StalledSeconds int64 `json:"stalledSeconds,omitempty"`
	// Bytes is the size of pg_wal, SegmentBytes that of a segment.
	Bytes        int64 `json:"bytes"`
	SegmentBytes int64 `json:"segmentBytes"`
	// ArchivingOff says that archive_mode is off or archive_command does nothing.
	ArchivingOff bool `json:"archivingOff,omitempty"`
}

// Volume is a file system, in bytes.
type Volume struct {
	Size int64 `json:"size"`
	Free int64 `json:"free"`
}

// RepoSample is one repo, as pgbackrest info lists it.
type RepoSample struct {
	// Message is pgBackRest's, if the repo is not ok.
	Message string `json:"message,omitempty"`
	// Unread: pgBackRest could not read the repo, so that it lists no backup shows nothing.
	Unread bool   `json:"unread,omitempty"`
	Cipher string `json:"cipher,omitempty"`
	// Labels are those of all backups, the oldest first.
	Labels []string `json:"labels,omitempty"`
	Fulls  int      `json:"fulls,omitempty"`
	// Oldest is when the oldest backup without errors was complete.
	Oldest *time.Time `json:"oldest,omitempty"`
	// Newest are the ten newest backups, the newest first.
	Newest []stanzaflowv1alpha1.ListedBackup `json:"newest,omitempty"`
	// ArchiveMin and ArchiveMax are the first and the last segment of the archive of the
	// current database.
	ArchiveMin string `json:"archiveMin,omitempty"`
	ArchiveMax string `json:"archiveMax,omitempty"`
	// Volume of the repo host. Nil for an object store.
	Volume *Volume `json:"volume,omitempty"`
}

// Encode gives the report as an output parameter: JSON, compressed, because that of a
// hundred clusters is too long for a Workflow, in base64.
func (w Watch) Encode() ([]byte, error) {
	text, err := json.Marshal(w)
	if err != nil {
		return nil, fmt.Errorf("cannot encode report: %w", err)
	}
	var packed bytes.Buffer
	writer, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return nil, fmt.Errorf("cannot compress report: %w", err)
	}
	if _, err := writer.Write(text); err != nil {
		return nil, fmt.Errorf("cannot compress report: %w", err)
	}
	if err := writer.Close(); err != nil {
		return nil, fmt.Errorf("cannot compress report: %w", err)
	}
	return base64.StdEncoding.AppendEncode(nil, packed.Bytes()), nil
}

// DecodeWatch reads what Encode wrote. It refuses a report without a time: nothing may
// read as fresh by a default.
func DecodeWatch(text string) (Watch, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return Watch{}, errors.New("the watch left no report")
	}
	packed, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return Watch{}, fmt.Errorf("cannot decode report: %w", err)
	}
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return Watch{}, fmt.Errorf("cannot decompress report: %w", err)
	}
	plain, err := io.ReadAll(io.LimitReader(reader, maxWatch))
	if err != nil {
		return Watch{}, fmt.Errorf("cannot decompress report: %w", err)
	}
	var w Watch
	if err := json.Unmarshal(plain, &w); err != nil {
		return Watch{}, fmt.Errorf("cannot decode report: %w", err)
	}
	if w.Start.IsZero() || w.End.IsZero() {
		return Watch{}, errors.New("report of a watch without its start and its end")
	}
	for name, sample := range w.Clusters {
		if sample.Time.IsZero() {
			return Watch{}, fmt.Errorf("report has a sample of cluster %s without a time", name)
		}
	}
	return w, nil
}
