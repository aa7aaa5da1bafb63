// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package pgbackrest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Status codes of pgbackrest info, of a stanza and of each repository.
const (
	StatusOK                = 0
	StatusMissingStanzaPath = 1
	StatusNoBackups         = 2
	StatusMissingStanzaData = 3
	// StatusMixed is only for a stanza: its repositories differ. Ask each.
	StatusMixed            = 4
	StatusDatabaseMismatch = 5
	StatusBackupNotFound   = 6
	// StatusOther comes with a message that starts with "[XxxError]". We also
	// use it where pgBackRest gave no status, which must not read as ok.
	StatusOther = 99
)

// Backup types, as pgBackRest spells them.
const (
	TypeFull = "full"
	TypeDiff = "diff"
	TypeIncr = "incr"
)

// Ciphers of a repository, as pgBackRest spells them.
const (
	CipherNone      = "none"
	CipherAES256CBC = "aes-256-cbc"
)

// Info is what pgbackrest info says about one stanza in the repositories that it
// was asked about.
type Info struct {
	Stanza string
	Status Status
	// Running is true while a process with the same lock path holds the
	// lock for backup and expire. A process in another pod is not seen.
	Running bool
	// RunningBytes and RunningDone are the size of the running backup and
	// how much of it is done. pgBackRest 2.45 gives neither, and the second
	// moves only when a file is done.
	RunningBytes, RunningDone uint64
	Repos                     []RepoInfo
	Archives                  []Archive
	// Backups of these repositories, in pgBackRest's order: oldest first.
	Backups   []Backup
	Databases []Database
}

// Status is pgBackRest's own verdict.
type Status struct {
	Code    int
	Message string
}

// RepoInfo is one repository.
type RepoInfo struct {
	Key    int
	Cipher string
	Status Status
}

// Archive is the WAL archive of one database in one repository.
type Archive struct {
	RepoKey, DatabaseID int
	// ID names the directory, 15-1. Min and Max are the first and the last
	// segment, empty without WAL. They do not say that nothing is missing
	// in between.
	ID, Min, Max string
}

// Backup is one backup in one repository.
type Backup struct {
	Label, Type string
	// Prior is the backup this one builds on, empty for a full.
	Prior string
	// Reference lists every backup that holds files of this one.
	Reference  []string
	Annotation map[string]string
	// Error is true after page checksum errors; pgBackRest exits 0 then.
	// It is absent, and false here, in backups of very old versions.
	Error               bool
	Start, Stop         time.Time
	LSNStart, LSNStop   string
	WALStart, WALStop   string
	RepoKey, DatabaseID int
	// DatabaseBytes is the size of the database, DatabaseDeltaBytes the part
	// of it that this backup copied.
	DatabaseBytes, DatabaseDeltaBytes int64
	// RepoBytes is what the backup and all it refers to take in the
	// repository; 0 where pgBackRest does not know (bundles with block
	// incremental). RepoDeltaBytes is what this backup alone takes.
	RepoBytes, RepoDeltaBytes int64
	// Version of the pgBackRest that made it.
	Version string
}

// Database is one PostgreSQL system that a repository has seen.
type Database struct {
	RepoKey, ID int
	// SystemID exceeds 2^53: a float64 would change it.
	SystemID uint64
	Version  string
}

// ParseInfo reads the output of InfoCommand. A stanza that is not in the output, as
// in the "[]" of an empty repository, has StatusMissingStanzaPath; so an error
// always means that the output is not that of pgbackrest info.
func ParseInfo(stdout []byte, stanza string) (Info, error) {
	var entries []stanzaJSON
	if err := unmarshal(stdout, '[', &entries); err != nil {
		return Info{}, fmt.Errorf("cannot read the output of pgbackrest info: %w", err)
	}
	for _, entry := range entries {
		if entry.Name == stanza {
			return entry.info(), nil
		}
	}
	return Info{
		Stanza: stanza,
		Status: Status{Code: StatusMissingStanzaPath, Message: "missing stanza path"},
	}, nil
}

// Repo finds a repository by its number.
func (i Info) Repo(key int) (RepoInfo, bool) {
	for _, repo := range i.Repos {
		if repo.Key == key {
			return repo, true
		}
	}
	return RepoInfo{}, false
}

// Archive finds the WAL archive of a database in a repository.
func (i Info) Archive(repo, databaseID int) (Archive, bool) {
	for _, archive := range i.Archives {
		if archive.RepoKey == repo && archive.DatabaseID == databaseID {
			return archive, true
		}
	}
	return Archive{}, false
}

// Backup finds a backup by its label. Labels repeat across repositories.
func (i Info) Backup(repo int, label string) (Backup, bool) {
	for _, backup := range i.Backups {
		if backup.RepoKey == repo && backup.Label == label {
			return backup, true
		}
	}
	return Backup{}, false
}

// ByAnnotation returns the backups in a repository that carry the annotation.
func (i Info) ByAnnotation(repo int, key, value string) []Backup {
	var found []Backup
	for _, backup := range i.Backups {
		if have, ok := backup.Annotation[key]; ok && have == value && backup.RepoKey == repo {
			found = append(found, backup)
		}
	}
	return found
}

// Newest returns the backup in a repository that stopped last, of one type or,
// with an empty type, of any. Backups with page checksum errors do not count.
func (i Info) Newest(repo int, typ string) (Backup, bool) {
	var newest Backup
	found := false
	for _, backup := range i.Backups {
		if backup.RepoKey != repo || backup.Error || (typ != "" && backup.Type != typ) {
			continue
		}
		if !found || backup.later(newest) {
			newest, found = backup, true
		}
	}
	return newest, found
}

// later orders by the time of stop. Times are whole seconds, so two backups
// may share one; labels carry their order then.
func (b Backup) later(other Backup) bool {
	if !b.Stop.Equal(other.Stop) {
		return b.Stop.After(other.Stop)
	}
	return b.Label > other.Label
}

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
		Archive []struct {
			Database databaseKeyJSON `json:"database"`
			ID       string          `json:"id"`
			Min      string          `json:"min"`
			Max      string          `json:"max"`
		} `json:"archive"`
		Backup []backupJSON `json:"backup"`
		DB     []struct {
			databaseKeyJSON
			SystemID uint64 `json:"system-id"`
			Version  string `json:"version"`
		} `json:"db"`
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
			Delta      int64 `json:"delta"`
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
	for _, a := range s.Archive {
		info.Archives = append(info.Archives, Archive{
			RepoKey: a.Database.RepoKey, DatabaseID: a.Database.ID, ID: a.ID, Min: a.Min, Max: a.Max,
		})
	}
	for _, b := range s.Backup {
		info.Backups = append(info.Backups, b.backup())
	}
	for _, d := range s.DB {
		info.Databases = append(info.Databases, Database{
			RepoKey: d.RepoKey, ID: d.ID, SystemID: d.SystemID, Version: d.Version,
		})
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
		DatabaseBytes: b.Info.Size, DatabaseDeltaBytes: b.Info.Delta,
		RepoBytes: b.Info.Repository.Size, RepoDeltaBytes: b.Info.Repository.Delta,
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

// Files are the labels of the backups that hold the files of b, itself first.
func (b Backup) Files() []string {
	labels := []string{b.Label}
	for _, label := range b.Reference {
		if !slices.Contains(labels, label) {
			labels = append(labels, label)
		}
	}
	return labels
}

// BlockIncremental: only then info does not tell the size.
func (b Backup) BlockIncremental() bool { return b.RepoBytes == 0 }
