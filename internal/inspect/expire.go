// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
)

// After says after which backup the retention is applied.
const (
	AfterNext = "next"
	AfterNone = "none"
)

// Afters are the values of After.
var Afters = []string{AfterNext, AfterNone, cpo.Full, cpo.Diff, cpo.Incr}

// Fate is what a retention does to a backup.
type Fate struct {
	Label string `json:"label"`
	Type  string `json:"type"`
	// StopTime is nil for the backup that is yet to be made, and if only the label is
	// known.
	StopTime *metav1.Time `json:"stopTime,omitempty"`
	Removed  bool         `json:"removed"`
	// Why says by which rule it is removed, or to what a kept one can be restored.
	Why string `json:"why"`
}

// RepoRetention is what the retention of one repo does.
type RepoRetention struct {
	Repo string `json:"repo"`
	// Options of the retention that the postgresql sets.
	Options map[string]string `json:"options"`
	// After says in words which backup is made before.
	After   string `json:"after"`
	Backups []Fate `json:"backups,omitempty"`
	// Recoverable says in words what stays recoverable.
	Recoverable string `json:"recoverable,omitempty"`
	// Unknown says why nothing can be said of the repo.
	Unknown string `json:"unknown,omitempty"`
	// Notes are what a person should know beside it.
	Notes []string `json:"notes,omitempty"`
}

// Expire returns what the next retention of each repo does.
func Expire(f Facts, after string) []RepoRetention {
	listings := Listings(f.Stanza, f.Watches)
	all := make([]RepoRetention, 0, len(listings))
	for _, l := range listings {
		all = append(all, expireRepo(f, l, after))
	}
	return all
}

func expireRepo(f Facts, l Listing, after string) RepoRetention {
	r := RepoRetention{Repo: l.Repo, Options: map[string]string{}}
	switch {
	case f.Postgresql == nil || f.Postgresql.PgBackRest == nil:
		r.Unknown = "the options of the retention are in " + cpo.Section + ".global of the postgresql, which cannot be read: " + strings.Join(append(f.Unknown, gone(f)...), "; ")
		return r
	case l.Incomplete != "":
		r.Unknown = fmt.Sprintf("not all backups of %s are known, %s; pgBackRest itself says it: %s", l.Repo, l.Incomplete, dryRun(f, l.Repo))
		return r
	case len(l.Backups) == 0:
		r.Unknown = l.Repo + " holds no backup, as far as is known"
		return r
	}
	retention, notes := retentionOf(f.Postgresql.PgBackRest, l.Repo, r.Options)
	backups, estimated := stored(l.Backups)
	r.Notes = notes
	if estimated && retention.ByTime {
		r.Notes = append(r.Notes, "the watch does not say when the backups before the newest ten were complete, so their age is taken from their labels, as UTC")
	}
	made, at := nextBackup(f, l.Repo, after, backups)
	r.After = afterText(made, at, after, f.Now)
	if made != nil {
		backups = append(backups, *made)
	}
	r.tell(retention.Apply(backups, at), l, made)
	return r
}

func gone(f Facts) []string {
	switch {
	case f.Gone:
		return []string{"there is no such postgresql"}
	case f.Postgresql != nil:
		return []string{"it has no such section"}
	}
	return nil
}

// dryRun is the command that has pgBackRest say the same.
func dryRun(f Facts, repo string) string {
	return fmt.Sprintf("kubectl -n %s exec <pod of the primary or the repo host> -- pgbackrest expire --stanza=db --repo=%s --dry-run --log-level-console=detail", f.Namespace, strings.TrimPrefix(repo, "repo"))
}

// nextBackup is the backup after which the retention is applied, nil for none, and when.
func nextBackup(f Facts, repo, after string, backups []pgbackrest.Backup) (*pgbackrest.Backup, time.Time) {
	at, backupType := f.Now, after
	switch after {
	case AfterNone:
		return nil, at
	case AfterNext:
		var next *metav1.Time
		for i := range f.Stanza.Status.Schedules {
			entry := &f.Stanza.Status.Schedules[i]
			if entry.Repo == repo && entry.NextRunTime != nil && (next == nil || entry.NextRunTime.Before(next)) {
				next, backupType = entry.NextRunTime, entry.Type
			}
		}
		if next == nil {
			return nil, at
		}
		at = next.Time
	}
	label := at.UTC().Format(labelLayout)
	newest := ""
	for _, b := range backups {
		if pgbackrest.TypeOf(b.Label) == pgbackrest.TypeFull && b.Label > newest {
			newest = b.Label
		}
	}
	letters := map[string]string{cpo.Diff: "D", cpo.Incr: "I"}
	if letter, ok := letters[backupType]; ok && newest != "" {
		return &pgbackrest.Backup{Label: newest + "_" + label + letter, Type: backupType, Stop: at}, at
	}
	return &pgbackrest.Backup{Label: label + "F", Type: cpo.Full, Stop: at}, at
}

func afterText(made *pgbackrest.Backup, at time.Time, after string, now time.Time) string {
	switch {
	case made == nil && after == AfterNext:
		return "now, because no schedule of the repo is about to fire"
	case made == nil:
		return "now"
	case after == AfterNext:
		return fmt.Sprintf("after the next run, %s at %s", made.Type, exact(at, now))
	}
	return "as if a " + made.Type + " had been made now"
}

// tell puts what expire does into words.
func (r *RepoRetention) tell(e pgbackrest.Expiry, l Listing, made *pgbackrest.Backup) {
	from := ""
	if len(e.WAL) > 0 {
		from = e.WAL[len(e.WAL)-1].From
	}
	fates := map[string]Fate{}
	for _, gone := range e.Removed {
		fates[gone.Label] = Fate{Removed: true, Why: removalText(gone, r)}
	}
	older := 0
	for _, kept := range e.Kept {
		fate := Fate{Why: "any moment from its end"}
		if kept.Label < from {
			fate.Why = "its own end, no later moment"
			older++
		}
		fates[kept.Label] = fate
	}
	byLabel := map[string]Backup{}
	for _, b := range l.Backups {
		byLabel[b.Label] = b
	}
	for _, label := range slices.Sorted(maps.Keys(fates)) {
		fate := fates[label]
		fate.Label, fate.Type, fate.StopTime = label, pgbackrest.TypeOf(label), byLabel[label].StopTime
		if made != nil && label == made.Label {
			fate.Label = "(the " + made.Type + " that is made)"
		}
		r.Backups = append(r.Backups, fate)
	}
	r.Recoverable = recoverableText(e, from, byLabel, older)
}

func removalText(gone pgbackrest.Removal, r *RepoRetention) string {
	rule := map[string]string{
		pgbackrest.ByCount: "-retention-full", pgbackrest.ByAge: "-retention-full", pgbackrest.ByDiffs: "-retention-diff",
	}[gone.Rule]
	key := r.Repo + rule
	text := key + "=" + r.Options[key]
	if gone.Rule == pgbackrest.ByAge {
		text += " days"
	}
	if gone.With != gone.Label {
		text = "builds on " + gone.With
	}
	return text
}

// recoverableText says what stays recoverable after the retention.
func recoverableText(e pgbackrest.Expiry, from string, byLabel map[string]Backup, older int) string {
	if len(e.Kept) == 0 {
		return "nothing"
	}
	if from == "" {
		from = e.Kept[0].Label
	}
	since := "the end of " + from
	if b, ok := byLabel[from]; ok && b.StopTime != nil {
		since = b.StopTime.UTC().Format(time.RFC3339) + ", " + since
	}
	text := "any moment from " + since
	if older > 0 {
		text += fmt.Sprintf("; and the ends of %d older backups", older)
	}
	return text
}
