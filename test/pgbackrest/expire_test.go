//go:build pgbackrest

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package pgbackrest

import (
	"crypto/sha1"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
)

// TestExpire: what we say that a retention removes is what pgbackrest expire --dry-run
// removes, of a repository of many backups, and all WAL is kept since the same backup.
func TestExpire(t *testing.T) {
	const tries = 60
	for _, p := range programs {
		t.Run(p.release, func(t *testing.T) {
			random := rand.New(rand.NewPCG(*seed, 15))
			removed, ranges := 0, 0
			for i := range tries {
				backups, retention := randomBackups(random), randomRetention(random)
				// Whole days before now lie half a day away from every backup, so that the
				// time that the program takes does not matter.
				want := retention.Apply(backups, time.Now())
				conf := retentionOptions(retention)
				output := p.expire(t, newRepo(t, p.release, backups), conf)
				got := expired(output)
				var labels []string
				for _, r := range want.Removed {
					labels = append(labels, r.Label)
				}
				slices.Sort(labels)
				removed += len(labels)
				ranges += len(got.wal)
				if diff := cmp.Diff(labels, got.removed); diff != "" {
					t.Errorf("try %d, seed %d: removed (-ours +pgBackRest):\n%s", i, *seed, diff)
				}
				wal := since(want.WAL)
				if p.release == "2.45" && retention.ByTime && retention.Archive == 0 && !removedBy(pgbackrest.ByAge, want) && len(got.wal) == 0 {
					// 2.45 removes WAL by time only together with a full. What stays
					// recoverable is the same: there is no backup before that WAL.
					wal = nil
				}
				if diff := cmp.Diff(wal, got.wal); diff != "" {
					t.Errorf("try %d, seed %d: all WAL since (-ours +pgBackRest):\n%s", i, *seed, diff)
				}
				if t.Failed() {
					t.Fatalf("with\n%s%s", conf, output)
				}
			}
			if removed < tries || ranges < tries/2 {
				t.Errorf("pgBackRest removed %d backups and kept WAL %d times, which proves little", removed, ranges)
			}
		})
	}
}

// randomBackups are backups of some days, half a day away from now. The newer ones may be
// of a second database, after a major upgrade.
func randomBackups(random *rand.Rand) []pgbackrest.Backup {
	days := 1 + random.IntN(40)
	at := time.Now().UTC().Truncate(time.Second).AddDate(0, 0, -days).Add(-12 * time.Hour)
	database, full, last := 1, "", ""
	var backups []pgbackrest.Backup
	for day := range days {
		b := pgbackrest.Backup{Start: at.AddDate(0, 0, day), DatabaseID: database}
		b.Stop = b.Start.Add(10 * time.Minute)
		stamp := b.Start.Format("20060102-150405")
		kind := random.IntN(7)
		if full != "" && database == 1 && random.IntN(25) == 0 {
			database, full = 2, ""
			b.DatabaseID = database
		}
		switch {
		case full == "" || kind == 0:
			b.Label, full = stamp+"F", stamp+"F"
		case kind == 1:
			b.Label, b.Prior = full+"_"+stamp+"D", full
		case kind < 5:
			b.Label, b.Prior = full+"_"+stamp+"I", last
		default:
			continue
		}
		last = b.Label
		b.WALStart, b.WALStop = fmt.Sprintf("0000000100000000%08X", 4*day+1), fmt.Sprintf("0000000100000000%08X", 4*day+2)
		backups = append(backups, b)
	}
	return backups
}

func randomRetention(random *rand.Rand) pgbackrest.Retention {
	some := func(upTo int) int { return max(0, random.IntN(2*upTo)-upTo/2) % (upTo + 1) }
	r := pgbackrest.Retention{Full: some(8), Diff: some(6), Archive: some(5)}
	if random.IntN(3) == 0 {
		r.ByTime, r.Full = true, 1+random.IntN(30)
	}
	r.ArchiveType = []string{"", "", "full", "diff", "incr"}[random.IntN(5)]
	return r
}

// retentionOptions are the lines of a configuration.
func retentionOptions(r pgbackrest.Retention) string {
	var b strings.Builder
	number := func(name string, n int) {
		if n > 0 {
			fmt.Fprintf(&b, "repo1-retention-%s=%d\n", name, n)
		}
	}
	number("full", r.Full)
	number("diff", r.Diff)
	number("archive", r.Archive)
	if r.ByTime {
		b.WriteString("repo1-retention-full-type=time\n")
	}
	if r.ArchiveType != "" {
		fmt.Fprintf(&b, "repo1-retention-archive-type=%s\n", r.ArchiveType)
	}
	return b.String()
}

// newRepo writes a repository on the disk, as far as expire reads it.
func newRepo(t *testing.T, release string, backups []pgbackrest.Backup) place {
	t.Helper()
	p := place{dir: t.TempDir()}
	versions := map[int]string{1: "14", 2: "15"}
	current := backups[len(backups)-1].DatabaseID
	info := newInfo(release)
	for _, b := range backups {
		mkdir(t, filepath.Join(p.dir, "repo/backup/db", b.Label))
		touch(t, filepath.Join(p.dir, "repo/backup/db", b.Label, "backup.manifest"))
		value := map[string]any{
			"backrest-format": 5, "backrest-version": release, "backup-archive-start": b.WALStart, "backup-archive-stop": b.WALStop,
			"backup-error": false, "backup-info-repo-size": 1, "backup-info-repo-size-delta": 1, "backup-info-size": 1, "backup-info-size-delta": 1,
			"backup-timestamp-start": b.Start.Unix(), "backup-timestamp-stop": b.Stop.Unix(), "backup-type": pgbackrest.TypeOf(b.Label), "db-id": b.DatabaseID,
			"option-archive-check": true, "option-archive-copy": false, "option-backup-standby": false, "option-checksum-page": true,
			"option-compress": true, "option-hardlink": false, "option-online": true,
		}
		if b.Prior != "" {
			value["backup-prior"], value["backup-reference"] = b.Prior, []string{b.Prior}
		}
		info.add("backup:current", b.Label, value)
	}
	archive := newInfo(release)
	for _, i := range []*infoFile{info, archive} {
		i.add("db", "db-id", current)
		if i == info {
			i.add("db", "db-catalog-version", 1)
			i.add("db", "db-control-version", 1)
		}
		i.add("db", "db-system-id", 7000+current)
		i.add("db", "db-version", versions[current])
		for id := 1; id <= current; id++ {
			value := map[string]any{"db-version": versions[id]}
			if i == info {
				value["db-catalog-version"], value["db-control-version"], value["db-system-id"] = 1, 1, 7000+id
			} else {
				value["db-id"] = 7000 + id
			}
			i.add("db:history", fmt.Sprint(id), value)
		}
	}
	for id := 1; id <= current; id++ {
		mkdir(t, filepath.Join(p.dir, fmt.Sprintf("repo/archive/db/%s-%d/0000000100000000", versions[id], id)))
	}
	for _, name := range []string{"info", "info.copy"} {
		info.write(t, filepath.Join(p.dir, "repo/backup/db/backup."+name))
		archive.write(t, filepath.Join(p.dir, "repo/archive/db/archive."+name))
	}
	return p
}

func mkdir(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
}

func touch(t *testing.T, file string) {
	t.Helper()
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
}

// infoFile is a file of pgBackRest with a checksum.
type infoFile struct {
	sections []string
	keys     map[string][]string
	values   map[string]string
}

func newInfo(release string) *infoFile {
	i := &infoFile{keys: map[string][]string{}, values: map[string]string{}}
	i.add("backrest", "backrest-format", 5)
	i.add("backrest", "backrest-version", release)
	return i
}

func (i *infoFile) add(section, key string, value any) {
	if !slices.Contains(i.sections, section) {
		i.sections = append(i.sections, section)
	}
	text, err := json.Marshal(value) // Maps come with their keys sorted.
	if err != nil {
		panic(err)
	}
	i.keys[section] = append(i.keys[section], key)
	i.values[section+"/"+key] = string(text)
}

// write writes the file with its checksum, which is over the JSON of all sections.
func (i *infoFile) write(t *testing.T, file string) {
	t.Helper()
	var sum, text strings.Builder
	for n, section := range i.sections {
		slices.Sort(i.keys[section])
		fmt.Fprintf(&sum, "%s%q:{", []string{"{", "},"}[min(n, 1)], section)
		fmt.Fprintf(&text, "\n[%s]\n", section)
		for k, key := range i.keys[section] {
			value := i.values[section+"/"+key]
			fmt.Fprintf(&sum, "%s%q:%s", []string{"", ","}[min(k, 1)], key, value)
			fmt.Fprintf(&text, "%s=%s\n", key, value)
		}
	}
	sum.WriteString("}}")
	content := fmt.Sprintf("%s\n[backrest]\nbackrest-checksum=\"%x\"\n", strings.TrimPrefix(text.String(), "\n"), sha1.Sum([]byte(sum.String())))
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

var (
	expiredSet = regexp.MustCompile(`expire (?:full|diff|time-based) backup (?:set )?(.*)`)
	keptSince  = regexp.MustCompile(`repo1: [0-9.]+-([0-9]+) archive retention on backup (\S+), start = \w+$`)
)

// expiry is what pgBackRest says that it would do.
type expiry struct {
	removed []string
	// wal is "<database>: <label>", sorted.
	wal []string
}

func expired(output string) expiry {
	var e expiry
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		if match := expiredSet.FindStringSubmatch(line); match != nil {
			e.removed = append(e.removed, strings.Split(match[1], ", ")...)
		}
		if match := keptSince.FindStringSubmatch(line); match != nil {
			e.wal = append(e.wal, match[1]+": "+match[2])
		}
	}
	slices.Sort(e.removed)
	slices.Sort(e.wal)
	return e
}

func removedBy(rule string, e pgbackrest.Expiry) bool {
	return slices.ContainsFunc(e.Removed, func(r pgbackrest.Removal) bool { return r.Rule == rule })
}

// since is the same of ours.
func since(kept []pgbackrest.KeptWAL) []string {
	var texts []string
	for _, k := range kept {
		if k.From != "" {
			texts = append(texts, fmt.Sprintf("%d: %s", k.DatabaseID, k.From))
		}
	}
	return texts
}

// expire runs pgbackrest expire --dry-run.
func (p program) expire(t *testing.T, at place, options string) string {
	t.Helper()
	conf := "[global]\nrepo1-path=" + filepath.Join(at.dir, "repo") + "\nlock-path=" + at.lockPath() +
		"\nlog-level-file=off\nlog-level-console=detail\nlog-timestamp=n\n" + options + "[db]\npg1-path=/nowhere\n"
	dry := p
	dry.command = append(slices.Clone(p.command), "--dry-run")
	output, code := dry.run(t, at, "expire", conf)
	if code != 0 {
		t.Fatalf("pgbackrest expire ends with %d:\n%s\n%s", code, output, conf)
	}
	return output
}
