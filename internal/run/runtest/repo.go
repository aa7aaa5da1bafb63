// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package runtest

import (
	"cmp"
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Backup as the repo lists it.
type Backup struct {
	Label, Type, Prior string
	Reference          []string
	Annotation         map[string]string
	Error              bool
	Stop               time.Time
	WALStart, WALStop  string
	RepoKey            int
	DatabaseID         int
}

// Made returns the backup that a command line asks for.
func (w *World) Made(argv []string) Backup {
	b := Backup{RepoKey: 1, Annotation: map[string]string{}, Stop: w.Clock.Now().Truncate(time.Second)}
	for _, a := range argv {
		if kv, ok := strings.CutPrefix(a, "--annotation="); ok {
			key, value, _ := strings.Cut(kv, "=")
			b.Annotation[key] = value
		}
		if typ, ok := strings.CutPrefix(a, "--type="); ok {
			b.Type = typ
		}
		if repo, ok := strings.CutPrefix(a, "--repo="); ok {
			b.RepoKey, _ = strconv.Atoi(repo)
		}
	}
	return b
}

// List adds a backup to the repo, with its WAL in the archive.
func (w *World) List(b Backup) {
	stamp := b.Stop.Format("20060102-150405")
	b.DatabaseID = cmp.Or(b.DatabaseID, w.Databases[len(w.Databases)-1].ID)
	last := func(typ string) string {
		for _, other := range slices.Backward(w.Backups) {
			if other.Type == typ && other.DatabaseID == b.DatabaseID {
				return other.Label
			}
		}
		return ""
	}
	if full := last(cpo.Full); b.Type != cpo.Full && full != "" {
		b.Label, b.Prior, b.Reference = full+"_"+stamp+strings.ToUpper(b.Type[:1]), full, []string{full}
	} else {
		b.Label, b.Type = stamp+"F", cpo.Full
	}
	b.WALStart = w.segment()
	w.nextSegment++
	b.WALStop = w.segment()
	w.nextSegment++
	w.Segments[b.WALStart] = []string{Sum("a")}
	w.Segments[b.WALStop] = []string{Sum("b")}
	w.Backups = append(w.Backups, b)
}

// Sum returns what looks like the SHA-1 in the name of a file of the archive.
func Sum(letter string) string { return strings.Repeat(letter, 40) }

// AnswerInfo answers pgbackrest info.
func (w *World) AnswerInfo(c Call) error {
	if w.OnInfo != nil {
		w.OnInfo()
	}
	only := 0
	for _, a := range c.Argv {
		if repo, ok := strings.CutPrefix(a, "--repo="); ok {
			only, _ = strconv.Atoi(repo)
		}
	}
	status := pgbackrest.Status{Message: "ok"}
	here := c.At.Container == w.workplace()
	switch {
	case w.HostStatus != nil && here:
		status = *w.HostStatus
	case w.RepoStatus != nil:
		status = *w.RepoStatus
	case !w.StanzaExists:
		status = MissingStanza
	case len(w.Backups) == 0:
		status = pgbackrest.Status{Code: pgbackrest.StatusNoBackups, Message: "no valid backups"}
	}
	type object = map[string]any
	statusJSON := object{"code": status.Code, "message": status.Message}
	stanza := object{
		"name": vocab.PgBackRestStanza, "cipher": "none",
		"status": object{
			"code": status.Code, "message": status.Message,
			"lock": object{"backup": object{"held": w.Lock && here || w.OtherLocks[c.At.Pod], "size": w.Size, "size-cplt": w.Done}},
		},
		"repo": []object{}, "backup": []object{}, "archive": []object{}, "db": []object{},
	}
	var repos []object
	if !w.NoRepo {
		repos = []object{{"key": 1, "cipher": w.Cipher, "status": statusJSON}}
	}
	for _, repo := range slices.Sorted(maps.Keys(w.Others)) {
		if only == pgbackrest.AllRepos {
			repos = append(repos, object{"key": repo, "cipher": "none", "status": object{"code": w.Others[repo].Code, "message": w.Others[repo].Message}})
		}
	}
	stanza["repo"] = repos
	if w.RepoStatus == nil && w.StanzaExists {
		stanza["archive"], stanza["db"] = w.databases()
		var backups []object
		for _, b := range w.Backups {
			if only != pgbackrest.AllRepos && b.RepoKey != only {
				continue
			}
			backups = append(backups, object{
				"label": b.Label, "type": b.Type, "prior": b.Prior, "reference": b.Reference, "annotation": b.Annotation, "error": b.Error,
				"database": object{"id": b.DatabaseID, "repo-key": b.RepoKey}, "backrest": object{"version": "2.55.1"},
				"timestamp": object{"start": b.Stop.Unix(), "stop": b.Stop.Unix()},
				"archive":   object{"start": b.WALStart, "stop": b.WALStop},
				"lsn":       object{"start": "0/2000028", "stop": "0/3000050"},
				"info":      object{"size": 22992758, "delta": 22992758, "repository": object{"size": BackupBytes, "delta": BackupBytes}},
			})
		}
		stanza["backup"] = backups
	}
	return c.PrintJSON([]object{stanza})
}

// databases returns what info says of the archives and of the databases.
func (w *World) databases() (archives, databases []map[string]any) {
	for _, d := range w.Databases {
		archives = append(archives, map[string]any{"database": map[string]any{"id": d.ID, "repo-key": 1}, "id": d.archive(), "min": nil, "max": nil})
		databases = append(databases, map[string]any{"id": d.ID, "repo-key": 1, "version": d.Version, "system-id": json.Number(d.SystemID)})
	}
	return archives, databases
}

func (w *World) repoLS(c Call) error {
	dir := c.Argv[len(c.Argv)-1]
	if slices.Contains(c.Argv, "--recurse") {
		return w.repoFiles(c, dir)
	}
	files := map[string]any{".": map[string]string{"type": "path"}}
	for segment, sums := range w.Segments {
		if path.Base(dir) != segment[:16] {
			continue
		}
		for _, sum := range sums {
			files[segment+"-"+sum+".zst"] = map[string]string{"type": "file"}
		}
	}
	return c.PrintJSON(files)
}
