// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/option"
)

// retentionOf reads the options of one repo, and adds them by their present names.
func retentionOf(p *cpo.PgBackRest, repo string, set map[string]string) (pgbackrest.Retention, []string) {
	var r pgbackrest.Retention
	var notes []string
	number := map[string]*int{"repo-retention-full": &r.Full, "repo-retention-diff": &r.Diff, "repo-retention-archive": &r.Archive}
	for _, key := range slices.Sorted(maps.Keys(p.Global)) {
		name, err := option.Parse(key)
		if err != nil || "repo"+strconv.Itoa(name.Number) != repo || !strings.HasPrefix(name.Option.Name, "repo-retention-") {
			continue
		}
		value := p.Global[key]
		set[name.String()] = value
		switch to, isNumber := number[name.Option.Name]; {
		case isNumber:
			if *to, err = strconv.Atoi(value); err != nil || *to < 1 {
				*to = 0
				notes = append(notes, name.String()+" is not a number, and counts as not set here")
			}
		case name.Option.Name == "repo-retention-full-type":
			r.ByTime = value == "time"
		case name.Option.Name == "repo-retention-archive-type":
			r.ArchiveType = value
		}
	}
	if p.Secret != "" {
		notes = append(notes, "options in the files of Secret "+p.Secret+" are not read; a retention that is set there is not considered")
	}
	if r.Full == 0 {
		notes = append(notes, repo+"-retention-full is not set: pgBackRest keeps every full, and the repo grows")
	}
	return r, notes
}

// stored gives the backups to the rules. The second result is true if a time was taken
// from a label.
func stored(backups []Backup) (all []pgbackrest.Backup, estimated bool) {
	for _, b := range backups {
		one := pgbackrest.Backup{Label: b.Label, Type: b.Type}
		if b.StopTime != nil {
			one.Stop = b.StopTime.Time
		} else {
			one.Stop, estimated = labelTime(b.Label), true
		}
		all = append(all, one)
	}
	return all, estimated
}

const labelLayout = "20060102-150405"

// labelTime is when a backup began, by its label.
func labelTime(label string) time.Time {
	_, last, dependent := strings.Cut(label, "_")
	if !dependent {
		last = label
	}
	at, _ := time.Parse(labelLayout, strings.TrimRight(last, "FDI")) // Another label has no time.
	return at
}
