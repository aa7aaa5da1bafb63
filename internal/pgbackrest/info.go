// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package pgbackrest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Status codes of pgbackrest info, of a stanza and of each repository.
const (
	StatusOK                = 0
	StatusMissingStanzaPath = 1
	StatusNoBackups         = 2
	StatusMissingStanzaData = 3
	// StatusOther comes with a message that starts with "[XxxError]". We also
	// use it where pgBackRest gave no status, which must not read as ok.
	StatusOther = 99
)

// Empty reports that pgBackRest has read a repository, and that no backup of the stanza
// is there. The whole repository may be gone: pgBackRest calls that a missing stanza, too.
func (s Status) Empty() bool {
	return s.Code == StatusMissingStanzaPath || s.Code == StatusNoBackups || s.Code == StatusMissingStanzaData
}

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
	Databases                 []Database
	Archives                  []Archive
	// Backups of these repositories, in pgBackRest's order: oldest first.
	Backups []Backup
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

// Database is one that a repository holds backups or WAL of, or is prepared for. A major
// upgrade of PostgreSQL makes another one, with the next ID.
type Database struct {
	RepoKey, ID int
	// Version of PostgreSQL, such as 16 or 9.6.
	Version string
	// SystemID is its system identifier. It is too large for some readers of JSON.
	SystemID uint64
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
	// Very old versions do not have it, and it is false here.
	Error               bool
	Start, Stop         time.Time
	LSNStart, LSNStop   string
	WALStart, WALStop   string
	RepoKey, DatabaseID int
	// DatabaseBytes is the size of the database.
	DatabaseBytes int64
	// RepoBytes is what the backup and all it refers to take in the
	// repository; 0 if pgBackRest does not know (bundles with block
	// incremental). RepoDeltaBytes is what this backup alone takes.
	RepoBytes, RepoDeltaBytes int64
	// Version of the pgBackRest that made it.
	Version string
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

// Repo returns a repository by its number.
func (i Info) Repo(key int) (RepoInfo, bool) {
	for _, repo := range i.Repos {
		if repo.Key == key {
			return repo, true
		}
	}
	return RepoInfo{}, false
}

// Database returns a database of a repository.
func (i Info) Database(repo, id int) (Database, bool) {
	for _, database := range i.Databases {
		if database.RepoKey == repo && database.ID == id {
			return database, true
		}
	}
	return Database{}, false
}

// NewestDatabase returns the database for which a repository is prepared now.
func (i Info) NewestDatabase(repo int) (Database, bool) {
	var newest Database
	for _, database := range i.Databases {
		if database.RepoKey == repo && database.ID > newest.ID {
			newest = database
		}
	}
	return newest, newest.ID > 0
}

// Major returns the major version, 16 or 9, and 0 if it cannot be read.
func (d Database) Major() int {
	text, _, _ := strings.Cut(d.Version, ".")
	major, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return major
}

// Archive returns the WAL archive of a database in a repository.
func (i Info) Archive(repo, databaseID int) (Archive, bool) {
	for _, archive := range i.Archives {
		if archive.RepoKey == repo && archive.DatabaseID == databaseID {
			return archive, true
		}
	}
	return Archive{}, false
}

// Backup returns a backup by its label. Labels repeat across repositories.
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

// Files returns the labels of the backups that hold the files of b, itself first.
func (b Backup) Files() []string {
	labels := []string{b.Label}
	for _, label := range b.Reference {
		if !slices.Contains(labels, label) {
			labels = append(labels, label)
		}
	}
	return labels
}

// BlockIncremental reports whether the backup stores changed blocks of a file
// instead of the whole file. Only for those info gives no size in the repository.
func (b Backup) BlockIncremental() bool { return b.RepoBytes == 0 }
