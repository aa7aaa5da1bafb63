//go:build pgbackrest

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package pgbackrest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/utils/clock"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/restoreplan"
	"github.com/stanzaflow/stanzaflow/internal/restore"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
)

// TestRestoreFromManyRepos: what pgBackRest does without --repo with segments of which the
// copies differ, and whether the plans know it. The backup is in repo1 alone. Before 2.55 it
// does not look for the history where the backup is, so there a refusal is too careful.
func TestRestoreFromManyRepos(t *testing.T) {
	for image := range strings.FieldsSeq(os.Getenv("PGBACKREST_IMAGES")) {
		t.Run(strings.TrimSuffix(filepath.Base(image), ".tar"), func(t *testing.T) {
			p := newPast(t, newHost(t, image), *seed)
			p.commit(t, 3)
			p.backup(t, 1)
			p.passSecond(t)
			for range 3 {
				p.commit(t, 3)
				p.primary.sql(t, "SELECT pg_switch_wal()")
				p.passSecond(t)
			}
			p.commit(t, 3)
			p.beat(t)
			at := p.now.rows[len(p.now.rows)-3].at
			first, second := p.after(t, 1), p.after(t, 2)
			const refused = "Gap"
			for name, tc := range map[string]struct {
				damage func(t *testing.T)
				want   string
				exact  bool
			}{
				"one is missing in repo1": {func(t *testing.T) { p.hide(t, p.path(t, 1, first)) }, "Reachable", true},
				"one is cut short in repo1": {func(t *testing.T) {
					name := strings.TrimSuffix(p.hide(t, p.path(t, 1, first)), ".lz4")
					p.put(t, name, p.content(t, first)[:300_000])
				}, refused, false},
				"one is in repo1 with two contents": {func(t *testing.T) { p.put(t, p.foreign(t, 1, first), p.content(t, second)) }, refused, false},
				"one has another content in each repo": {func(t *testing.T) {
					p.put(t, p.foreign(t, 1, second), p.content(t, first))
					p.hide(t, p.path(t, 1, second))
					p.hide(t, p.path(t, 1, first))
				}, refused, false},
				"one has another content in repo2": {func(t *testing.T) {
					p.put(t, p.foreign(t, 2, first), p.content(t, second))
				}, "NotProven", true},
			} {
				t.Run(name, func(t *testing.T) {
					tc.damage(t)
					p.carryOut(t, at, tc.want, tc.exact)
				})
			}
			t.Run("the history is in repo2 alone", func(t *testing.T) {
				p.commit(t, 3)
				p.rewind(t)
				p.passSecond(t)
				p.commit(t, 2)
				p.beat(t)
				p.hide(t, filepath.Join(p.archive(t, 1), "00000002.history"))
				version := strings.Fields(p.primary.run(t, "pgbackrest", "version"))
				p.carryOut(t, p.now.rows[len(p.now.rows)-2].at, refused, version[1] < "2.55")
			})
		})
	}
}

// passSecond makes the next second begin: the times of backups and of the archive are whole
// ones.
func (p *past) passSecond(t *testing.T) {
	t.Helper()
	p.primary.sql(t, "SELECT pg_sleep(1.1)")
}

// carryOut plans a restore to a moment, and carries it out, or that without --repo if it is
// refused.
func (p *past) carryOut(t *testing.T, at time.Time, want string, exact bool) {
	t.Helper()
	facts, err := restore.Gather(t.Context(), p, p.primary, attempt.Clock{WithDelayedExecution: clock.RealClock{}}, "cpo", "cluster")
	if err != nil {
		t.Fatal(err)
	}
	plan, refusal := restoreplan.For(facts.Input, restoreplan.Target{Kind: restoreplan.Time, Time: at})
	got := string(plan.Answer)
	if refusal != nil {
		got, plan = string(refusal.Reason), p.anyway(facts.Input, at)
		t.Log(refusal)
	}
	if got != want {
		t.Errorf("the answer is %s, want %s: %s%v", got, want, plan.Why, plan.Notes)
	}
	rows, why := p.restore(t, plan)
	t.Logf("pgbackrest restore %v: %s", plan.Args(), why)
	if got := why == "" && slices.Equal(rows, p.truth(at)); got != exact {
		t.Errorf("pgbackrest restore %v gives %v: exactly the rows of %s is %t, want %t: %s", plan.Args(), rows, at, got, exact, why)
	}
}

// archive is the directory of the archive in a repo.
func (p *past) archive(t *testing.T, repo int) string {
	t.Helper()
	return p.only(t, filepath.Join("repo"+string(rune('0'+repo)), "archive/db/*-1"))
}

// path is the file of a segment.
func (p *past) path(t *testing.T, repo int, segment string) string {
	t.Helper()
	return p.only(t, filepath.Join(p.archive(t, repo), segment[:16], segment+"-*.lz4"))
}

func (p *past) only(t *testing.T, pattern string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(p.primary.root, pattern))
	if err != nil || len(files) != 1 {
		t.Fatalf("%s is %q, %v, want one", pattern, files, err)
	}
	return strings.TrimPrefix(files[0], p.primary.root)
}

// foreign is where another database archives a segment with the same name.
func (p *past) foreign(t *testing.T, repo int, segment string) string {
	t.Helper()
	return filepath.Join(p.archive(t, repo), segment[:16], segment+"-"+strings.Repeat("9", 40))
}

// after is the name of a segment that was archived after the backup: of the first, or of a
// later one.
func (p *past) after(t *testing.T, n int) string {
	t.Helper()
	labels, err := filepath.Glob(filepath.Join(p.primary.root, p.archive(t, 1), "*/*.backup"))
	files, filesErr := filepath.Glob(filepath.Join(p.primary.root, p.archive(t, 1), "*/*.lz4"))
	if err != nil || filesErr != nil || len(labels) != 1 {
		t.Fatal(labels, err, filesErr)
	}
	backup := filepath.Base(labels[0])[:24]
	names := slices.DeleteFunc(files, func(file string) bool { return filepath.Base(file)[:24] <= backup })
	return filepath.Base(names[n])[:24]
}

// content is a segment as PostgreSQL has written it.
func (p *past) content(t *testing.T, segment string) string {
	t.Helper()
	p.primary.run(t, "pgbackrest", "--stanza=db", "archive-get", segment, "/tmp/"+segment)
	text, err := os.ReadFile(filepath.Join(p.primary.root, "tmp", segment))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// hide removes a file until the test ends, and returns its name.
func (p *past) hide(t *testing.T, name string) string {
	t.Helper()
	file, hidden := filepath.Join(p.primary.root, name), filepath.Join(t.TempDir(), "hidden")
	if err := os.Rename(file, hidden); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Rename(hidden, file); err != nil {
			t.Error(err)
		}
	})
	return name
}

// put writes a file until the test ends.
func (p *past) put(t *testing.T, name, content string) {
	t.Helper()
	p.primary.write(t, name, content)
	t.Cleanup(func() { _ = os.Remove(filepath.Join(p.primary.root, name)) })
}
