// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package pgbackrest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// The JSON of pgbackrest info. Keys that we do not know are ignored.
type (
	stanzaJSON struct {
		Name   string `json:"name"`
		Status struct {
			statusJSON
			Lock struct {
				Backup struct {
					Held bool   `json:"held"`
					Size uint64 `json:"size"`
					Done uint64 `json:"size-cplt"`
				} `json:"backup"`
			} `json:"lock"`
		} `json:"status"`
		Repo []struct {
			Key    int        `json:"key"`
			Cipher string     `json:"cipher"`
			Status statusJSON `json:"status"`
		} `json:"repo"`
		DB []struct {
			databaseKeyJSON
			Version  string `json:"version"`
			SystemID uint64 `json:"system-id"`
		} `json:"db"`
		Archive []struct {
			Database databaseKeyJSON `json:"database"`
			ID       string          `json:"id"`
			Min      string          `json:"min"`
			Max      string          `json:"max"`
		} `json:"archive"`
		Backup []backupJSON `json:"backup"`
	}
	// statusJSON has a pointer because 0 means ok and absent does not.
	statusJSON struct {
		Code    *int   `json:"code"`
		Message string `json:"message"`
	}
	databaseKeyJSON struct {
		ID      int `json:"id"`
		RepoKey int `json:"repo-key"`
	}
	backupJSON struct {
		Label      string            `json:"label"`
		Type       string            `json:"type"`
		Prior      string            `json:"prior"`
		Reference  []string          `json:"reference"`
		Annotation map[string]string `json:"annotation"`
		Error      bool              `json:"error"`
		Database   databaseKeyJSON   `json:"database"`
		Timestamp  struct {
			Start int64 `json:"start"`
			Stop  int64 `json:"stop"`
		} `json:"timestamp"`
		LSN      rangeJSON `json:"lsn"`
		Archive  rangeJSON `json:"archive"`
		Backrest struct {
			Version string `json:"version"`
		} `json:"backrest"`
		Info struct {
			Size       int64 `json:"size"`
			Repository struct {
				Size  int64 `json:"size"`
				Delta int64 `json:"delta"`
			} `json:"repository"`
		} `json:"info"`
	}
	rangeJSON struct {
		Start string `json:"start"`
		Stop  string `json:"stop"`
	}
)

func (s stanzaJSON) info() Info {
	lock := s.Status.Lock.Backup
	info := Info{
		Stanza:       s.Name,
		Status:       s.Status.status(),
		Running:      lock.Held,
		RunningBytes: lock.Size,
		RunningDone:  lock.Done,
	}
	for _, r := range s.Repo {
		info.Repos = append(info.Repos, RepoInfo{Key: r.Key, Cipher: r.Cipher, Status: r.Status.status()})
	}
	for _, d := range s.DB {
		info.Databases = append(info.Databases, Database{RepoKey: d.RepoKey, ID: d.ID, Version: d.Version, SystemID: d.SystemID})
	}
	for _, a := range s.Archive {
		info.Archives = append(info.Archives, Archive{
			RepoKey: a.Database.RepoKey, DatabaseID: a.Database.ID, ID: a.ID, Min: a.Min, Max: a.Max,
		})
	}
	for _, b := range s.Backup {
		info.Backups = append(info.Backups, b.backup())
	}
	return info
}

func (s statusJSON) status() Status {
	if s.Code == nil {
		return Status{Code: StatusOther, Message: "no status given"}
	}
	return Status{Code: *s.Code, Message: s.Message}
}

func (b backupJSON) backup() Backup {
	return Backup{
		Label: b.Label, Type: b.Type, Prior: b.Prior, Reference: b.Reference,
		Annotation: b.Annotation, Error: b.Error,
		Start: unixTime(b.Timestamp.Start), Stop: unixTime(b.Timestamp.Stop),
		LSNStart: b.LSN.Start, LSNStop: b.LSN.Stop,
		WALStart: b.Archive.Start, WALStop: b.Archive.Stop,
		RepoKey: b.Database.RepoKey, DatabaseID: b.Database.ID,
		DatabaseBytes: b.Info.Size,
		RepoBytes:     b.Info.Repository.Size, RepoDeltaBytes: b.Info.Repository.Delta,
		Version: b.Backrest.Version,
	}
}

// unixTime keeps an absent time absent instead of making it 1970.
func unixTime(seconds int64) time.Time {
	if seconds <= 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

// unmarshal reads JSON as pgBackRest prints it. With a wrong cipher passphrase
// the message holds pieces of the encrypted file, raw control bytes included,
// and that is not JSON. Outside of strings control bytes are only white space,
// so they can go everywhere.
func unmarshal(stdout []byte, first byte, value any) error {
	text := make([]byte, 0, len(stdout))
	for _, b := range stdout {
		if b >= ' ' {
			text = append(text, b)
		}
	}
	start := strings.TrimLeft(string(text), " ")
	switch {
	case start == "":
		return errors.New("it is empty")
	case start[0] != first:
		return fmt.Errorf("it does not start with %q", first)
	}
	return json.Unmarshal(text, value)
}
