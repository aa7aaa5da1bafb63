//go:build pgbackrest

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package pgbackrest

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/restoreplan"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/wal"
	"github.com/stanzaflow/stanzaflow/internal/restore"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
)

var (
	pasts  = flag.Int("histories", 1, "How many histories TestRestorePlan lives through.")
	trials = flag.Int("restores", 5, "How many plans of a history TestRestorePlan carries out.")
)

// TestRestorePlan: a real PostgreSQL with a real pgBackRest and two repos, the second of
// them encrypted, is backed up, restored to the past and loses WAL. What the plan calls
// reachable is restored exactly, what it refuses is not there.
func TestRestorePlan(t *testing.T) {
	images := strings.Fields(os.Getenv("PGBACKREST_IMAGES"))
	slices.Reverse(images) // The newest first.
	for i := range *pasts {
		t.Run(fmt.Sprint("history ", i), func(t *testing.T) {
			image := images[i%len(images)]
			t.Logf("in %s, repeat with -seed=%d", filepath.Base(image), *seed+uint64(i))
			p := newPast(t, newHost(t, image), *seed+uint64(i))
			p.live(t)
			p.compare(t)
		})
	}
}

// TestRestoreWithoutTheBeginOfATimeline: right after a restore to the past the archive has
// the history of the new timeline and no segment of it. PostgreSQL then takes the segment of
// the fork from the timeline before, and follows what was left, without an error. The plan
// refuses that.
func TestRestoreWithoutTheBeginOfATimeline(t *testing.T) {
	for image := range strings.FieldsSeq(os.Getenv("PGBACKREST_IMAGES")) {
		t.Run(filepath.Base(image), func(t *testing.T) {
			p := newPast(t, newHost(t, image), *seed)
			p.commit(t, 3)
			p.backup(t, 1)
			for p.clock(t).Unix() <= p.gather(t).Info.Backups[0].Stop.Unix()+1 {
				p.commit(t, 1) // A target must be a second later than the backup.
			}
			p.commit(t, 12)
			p.rewind(t)
			p.beat(t) // Then all is archived.
			begin, err := filepath.Glob(filepath.Join(p.primary.root, "repo?/archive/db/*/00000002*/*"))
			if err != nil || len(begin) == 0 {
				t.Fatal(len(begin), err)
			}
			for _, file := range begin {
				if err := os.RemoveAll(file); err != nil {
					t.Fatal(err)
				}
			}
			in := p.gather(t)
			in.LastArchived, in.Known = "", nil // As before the first segment was archived.
			plan, refusal := restoreplan.For(in, restoreplan.Target{Kind: restoreplan.Newest})
			if refusal == nil || refusal.Reason != restoreplan.Gap || !strings.Contains(refusal.Message, "follow timeline 1") {
				t.Errorf("the end of the archive is not refused: %+v, %v", plan, refusal)
			}
			rows, why := p.restore(t, restoreplan.Plan{Stanza: "db", Repo: 1, Label: in.Info.Backups[0].Label, Type: restoreplan.TypeDefault, Timeline: 2})
			if why != "" || len(rows) <= len(p.now.rows) {
				t.Errorf("PostgreSQL gives %v, and %d rows were left at the fork: %s; if it no longer follows the timeline before, the plan may call this reachable", rows, len(p.now.rows), why)
			}
		})
	}
}

// row is one of the ledger, and when it was committed.
type row struct {
	id int
	at time.Time
}

// era is a time between two restores, and the rows that there were at its end.
type era struct {
	from, to time.Time
	rows     []row
}

// past is a database and what has happened to it.
type past struct {
	primary *server
	random  *rand.Rand
	next    int
	now     era
	before  []era
	beats   []restoreplan.Known
	stanza  stanzaflowv1alpha1.Stanza
	lost    []string
}

const pgBackRestConf = `[global]
repo1-path=/repo1
repo2-path=/repo2
repo2-cipher-type=aes-256-cbc
repo2-cipher-pass=secret
repo1-retention-full=9
repo2-retention-full=9
lock-path=/tmp/lock
spool-path=/tmp/spool
log-level-file=off
log-level-console=error
start-fast=y
archive-timeout=20
compress-type=lz4
repo1-bundle=y
[db]
pg1-path=` + cpo.PGDataPath + `
pg1-socket-path=` + cpo.PGSocketPath + `
`

const postgresConf = `
archive_mode = on
archive_command = 'pgbackrest --stanza=db archive-push %p'
track_commit_timestamp = on
unix_socket_directories = '` + cpo.PGSocketPath + `'
listen_addresses = ''
fsync = off
autovacuum = off
shared_buffers = 16MB
dynamic_shared_memory_type = mmap
log_timezone = UTC
timezone = 'Europe/Vienna'
min_wal_size = 2MB
max_wal_size = 64MB
`

// newPast starts an empty database.
func newPast(t *testing.T, h *host, seed uint64) *past {
	t.Helper()
	p := &past{primary: &server{h, cpo.PGDataPath, "5432"}, random: rand.New(rand.NewPCG(seed, 44))}
	p.stanza.Name = "cluster"
	h.write(t, "/etc/pgbackrest/pgbackrest.conf", pgBackRestConf)
	h.run(t, "initdb", "-D", cpo.PGDataPath, "-U", "postgres", "--auth=trust", "--no-sync", "--locale=C", "--wal-segsize=1")
	conf := filepath.Join(cpo.PGDataPath, "postgresql.conf")
	text, err := os.ReadFile(filepath.Join(h.root, conf))
	if err != nil {
		t.Fatal(err)
	}
	h.write(t, conf, string(text)+postgresConf)
	t.Cleanup(func() { p.primary.stop(t, "immediate") })
	if err := p.primary.start(t, ""); err != nil {
		t.Fatal(err, p.primary.log(t))
	}
	p.primary.sql(t, "CREATE TABLE ledger (id int PRIMARY KEY, fill text)")
	h.run(t, "pgbackrest", "--stanza=db", "stanza-create")
	p.now.from = p.clock(t)
	return p
}

// clock is that of the database.
func (p *past) clock(t *testing.T) time.Time {
	t.Helper()
	return parseMicros(t, p.primary.sql(t, "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"))
}

func parseMicros(t *testing.T, text string) time.Time {
	t.Helper()
	micros, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.UnixMicro(micros).UTC()
}

// live makes a past: backups in both repos, rows between them, a restore to a moment
// between, and some segments that get lost.
func (p *past) live(t *testing.T) {
	t.Helper()
	p.commit(t, 3)
	p.backup(t, 1)
	p.commit(t, 8)
	p.beat(t)
	p.backup(t, 2)
	p.commit(t, 8)
	p.beat(t)
	p.commit(t, 6)
	p.rewind(t)
	p.commit(t, 6)
	p.backup(t, 1+p.random.IntN(2))
	p.commit(t, 6)
	p.beat(t)
	p.lose(t)
}

// commit writes rows, each with up to a hundred kB of WAL.
func (p *past) commit(t *testing.T, n int) {
	t.Helper()
	for range n {
		p.next++
		p.primary.sql(t, fmt.Sprintf("INSERT INTO ledger SELECT %d, string_agg(md5(g::text || random()), '') FROM generate_series(1, %d) g", p.next, p.random.IntN(3000)))
		at := p.primary.sql(t, fmt.Sprintf("SELECT (extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000000)::bigint FROM ledger WHERE id = %d", p.next))
		p.now.rows = append(p.now.rows, row{p.next, parseMicros(t, at)})
		if p.random.IntN(5) == 0 {
			p.primary.sql(t, "SELECT pg_switch_wal()")
		}
	}
}

func (p *past) backup(t *testing.T, repo int) {
	t.Helper()
	p.primary.run(t, "pgbackrest", "--stanza=db", fmt.Sprintf("--repo=%d", repo), "--type=incr", "backup")
}

// beat writes a heartbeat and waits until it is archived.
func (p *past) beat(t *testing.T) {
	t.Helper()
	answer := p.primary.sql(t, "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, (SELECT timeline_id FROM pg_control_checkpoint()), pg_current_wal_insert_lsn(), pg_current_xact_id()")
	fields := strings.Split(answer, "|")
	timeline, err := strconv.Atoi(fields[1])
	if err != nil {
		t.Fatal(err)
	}
	p.primary.run(t, "pgbackrest", "--stanza=db", "check")
	at := parseMicros(t, fields[0])
	lsn, err := wal.ParseLSN(fields[2])
	if err != nil {
		t.Fatal(err)
	}
	p.beats = append(p.beats, restoreplan.Known{Time: at, Timeline: uint32(timeline), LSN: lsn, Heartbeat: true})
	known := &stanzaflowv1alpha1.RestorableStatus{Newest: metav1.NewMicroTime(at), Heartbeat: true, Timeline: int32(timeline), LSN: lsn.String()}
	p.stanza.Status.Repos = []stanzaflowv1alpha1.RepoStatus{{Name: "repo1", Restorable: known}, {Name: "repo2", Restorable: known}}
}

// rewind restores the database to a moment between its rows, and opens it.
func (p *past) rewind(t *testing.T) {
	t.Helper()
	p.now.to = p.clock(t)
	p.primary.stop(t, "fast")
	kept := len(p.now.rows) - 3 - p.random.IntN(6)
	target := p.now.rows[kept-1].at
	p.primary.run(t, "pgbackrest", "--stanza=db", "--delta", "--type=time", "--target="+restoreplan.FormatTarget(target), "--target-action=promote", "restore")
	if err := p.primary.start(t, ""); err != nil || !p.primary.opened(t) {
		t.Fatal(err, p.primary.log(t))
	}
	p.before = append(p.before, p.now)
	p.now = era{from: p.clock(t), rows: slices.Clone(p.now.rows[:kept])}
	p.primary.sql(t, "CHECKPOINT")
	p.primary.sql(t, "SELECT pg_switch_wal()")
}

// lose removes some segments from the repos.
func (p *past) lose(t *testing.T) {
	t.Helper()
	p.now.to = p.clock(t)
	for repo := 1; repo <= 2; repo++ {
		files, err := filepath.Glob(filepath.Join(p.primary.root, fmt.Sprintf("repo%d/archive/db/*/*/*-*", repo)))
		if err != nil || len(files) == 0 {
			t.Fatal(len(files), err)
		}
		for range p.random.IntN(3) {
			file := files[p.random.IntN(len(files))]
			if err := os.RemoveAll(file); err != nil {
				t.Fatal(err)
			}
			p.lost = append(p.lost, strings.TrimPrefix(file, p.primary.root))
		}
	}
}

// Postgresql implements restore.Source.
func (p *past) Postgresql(context.Context, string, string) (cpo.Postgresql, string, error) {
	return cpo.Postgresql{}, "", nil
}

// Stanza implements restore.Source.
func (p *past) Stanza(context.Context, string, string) (stanzaflowv1alpha1.Stanza, error) {
	return p.stanza, nil
}

// Pods implements restore.Source.
func (p *past) Pods(context.Context, string, map[string]string) ([]corev1.Pod, error) {
	return []corev1.Pod{{
		ObjectMeta: metav1.ObjectMeta{Name: "cluster-0", Namespace: "cpo"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: cpo.ContainerPostgreSQL}}},
		Status:     corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: cpo.ContainerPostgreSQL, Ready: true}}},
	}}, nil
}

// compare plans many moments, and carries some of the plans out.
func (p *past) compare(t *testing.T) {
	t.Helper()
	in := p.gather(t)
	for number, repo := range in.Repos {
		for id, archive := range repo.Archives {
			if len(repo.Histories[id]) != len(archive.Histories) || len(archive.Histories) != len(p.before) {
				t.Errorf("repo%d has %d histories in %s, and %d are read: %s", number, len(archive.Histories), id, len(repo.Histories[id]), repo.Problem)
			}
		}
	}
	in.Known = append(in.Known, p.beats...) // A status has the newest one only.
	targets := p.targets(in)
	p.random.Shuffle(len(targets), func(i, j int) { targets[i], targets[j] = targets[j], targets[i] })
	carried, answers := map[string]int{}, map[string]int{}
	p.checkEnd(t, in)
	p.checkImmediate(t, in)
	for _, at := range targets {
		plan, refusal := restoreplan.For(in, restoreplan.Target{Kind: restoreplan.Time, Time: at})
		answer := string(plan.Answer)
		if refusal != nil {
			answer = string(refusal.Reason)
		}
		answers[answer]++
		if carried["all"] == *trials || carried[answer] > *trials/3 {
			continue
		}
		if refusal != nil {
			if plan = p.anyway(in, at); plan.Label == "" {
				continue // No backup is old enough.
			}
		}
		carried["all"]++
		carried[answer]++
		rows, why := p.restore(t, plan)
		exact := why == "" && slices.Equal(rows, p.truth(at))
		switch {
		case refusal == nil && plan.Answer == restoreplan.Reachable && !exact:
			t.Errorf("%s is called reachable, and pgbackrest restore %v gives %v, want %v: %s", at, plan.Args(), rows, p.truth(at), why)
		case refusal != nil && exact:
			t.Errorf("%s is refused (%v), and pgbackrest restore %v gives its rows", at, refusal, plan.Args())
		case refusal == nil && plan.Answer == restoreplan.NotProven && why == "" && !exact:
			t.Errorf("%s is not proven, and pgbackrest restore %v gives %v, want %v", at, plan.Args(), rows, p.truth(at))
		}
	}
	t.Logf("answers %v, carried out %v, lost %v", answers, carried, p.lost)
	if carried["all"] < *trials/2 {
		t.Errorf("only %d plans were carried out, which proves little", carried["all"])
	}
}

// gather asks all that a plan needs.
func (p *past) gather(t *testing.T) restoreplan.Input {
	t.Helper()
	facts, err := restore.Gather(t.Context(), p, p.primary, attempt.Clock{WithDelayedExecution: clock.RealClock{}}, "cpo", "cluster")
	if err != nil {
		t.Fatal(err)
	}
	if len(facts.Unknown) > 0 {
		t.Errorf("not known: %q", facts.Unknown)
	}
	return facts.Input
}

// targets are moments of all eras, and the boundaries.
func (p *past) targets(in restoreplan.Input) []time.Time {
	var all []time.Time
	for _, e := range append(slices.Clone(p.before), p.now) {
		for range 20 {
			all = append(all, e.from.Add(time.Duration(p.random.Int64N(int64(e.to.Sub(e.from))))).Truncate(time.Microsecond))
		}
	}
	for _, beat := range p.beats {
		all = append(all, beat.Time, beat.Time.Add(200*time.Millisecond))
	}
	for _, b := range in.Info.Backups {
		all = append(all, b.Stop, b.Stop.Add(900*time.Millisecond), b.Stop.Add(time.Second))
	}
	all = append(all, p.now.to.Add(time.Hour))
	return slices.DeleteFunc(all, func(at time.Time) bool { return p.truth(at) == nil })
}

// truth are the rows of a moment, nil while the database was down.
func (p *past) truth(at time.Time) []int {
	for _, e := range append(slices.Clone(p.before), p.now) {
		if at.Before(e.from) || at.After(e.to) && e.to != p.now.to {
			continue
		}
		rows := []int{}
		for _, r := range e.rows {
			if !r.at.After(at) {
				rows = append(rows, r.id)
			}
		}
		return rows
	}
	return nil
}

// anyway is the best that a person could try for a moment that is refused: the newest
// backup, on the timeline of the moment, with the WAL of all repos.
func (p *past) anyway(in restoreplan.Input, at time.Time) restoreplan.Plan {
	plan := restoreplan.Plan{Stanza: "db", Type: "time", Target: at, Timeline: uint32(len(p.before) + 1)}
	for i, e := range p.before {
		if !at.After(e.to) {
			plan.Timeline = uint32(i + 1)
			break
		}
	}
	for _, b := range in.Info.Backups {
		timeline, err := strconv.ParseUint(b.WALStart[:8], 16, 32)
		if err == nil && !b.Stop.Add(time.Second).After(at) && uint32(timeline) <= plan.Timeline {
			plan.Label, plan.SetRepo = b.Label, b.RepoKey
		}
	}
	return plan
}

// restore carries a plan out beside the primary. It returns the rows, or why there are
// none.
func (p *past) restore(t *testing.T, plan restoreplan.Plan) (rows []int, why string) {
	t.Helper()
	server := &server{p.primary.host, "/copy", "5433"}
	if err := os.RemoveAll(filepath.Join(server.root, "copy")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(server.root, "copy"), 0o700); err != nil {
		t.Fatal(err)
	}
	_ = os.Remove(filepath.Join(server.root, "tmp/5433.log"))
	argv := append([]string{"pgbackrest", "restore", "--pg1-path=/copy", "--archive-mode=off"}, plan.Args()...)
	switch plan.Type {
	case "time", "immediate":
		argv = append(argv, "--target-action=promote")
	case "standby": // As docs/restore.md says for a directory that can still be read.
		argv = append(argv, "--recovery-option=restore_command=pgbackrest --stanza=db --pg1-path=/copy archive-get %f \"%p\" || cp /gone/%f \"%p\"")
	}
	if _, err := server.try(t.Context(), argv...); err != nil {
		return nil, err.Error()
	}
	defer server.stop(t, "immediate")
	if err := server.start(t, "-c archive_mode=off"); err != nil {
		return nil, lastLines(server.log(t))
	}
	if plan.Type == "standby" {
		if _, err := server.ask(t.Context(), plan.EndStatement()); err != nil {
			return nil, err.Error()
		}
	}
	if !server.opened(t) {
		return nil, lastLines(server.log(t))
	}
	for id := range strings.FieldsSeq(server.sql(t, "SELECT id FROM ledger ORDER BY id")) {
		number, err := strconv.Atoi(id)
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, number)
	}
	return append([]int{}, rows...), ""
}

func lastLines(log string) string {
	lines := strings.Split(strings.TrimSpace(log), "\n")
	return strings.Join(lines[max(0, len(lines)-6):], "\n")
}

// checkEnd restores all there is, in the way of a drill and in that of a person: with WAL
// lost, the plan either says so or the restore has every row.
func (p *past) checkEnd(t *testing.T, in restoreplan.Input) {
	t.Helper()
	for _, kind := range []restoreplan.Kind{restoreplan.Newest, restoreplan.Latest} {
		plan, refusal := restoreplan.For(in, restoreplan.Target{Kind: kind})
		if refusal != nil {
			t.Logf("the end of the archive is refused: %v", refusal)
			return
		}
		rows, why := p.restore(t, plan)
		if want := p.truth(p.now.to); why != "" || !slices.Equal(rows, want) {
			t.Errorf("the end of the archive by pgbackrest restore %v gives %v, want %v: %s", plan.Args(), rows, want, why)
		}
	}
}

// checkImmediate restores a backup of the first era to its own end, although the primary is
// on another timeline by now.
func (p *past) checkImmediate(t *testing.T, in restoreplan.Input) {
	t.Helper()
	set := in.Info.Backups[1]
	plan, refusal := restoreplan.For(in, restoreplan.Target{Kind: restoreplan.Immediate, Set: set.Label})
	if refusal != nil {
		t.Logf("the end of %s is refused: %v", set.Label, refusal)
		return
	}
	rows, why := p.restore(t, plan)
	var first []int
	for _, r := range p.before[0].rows {
		if !r.at.After(set.Stop.Add(time.Second)) {
			first = append(first, r.id)
		}
	}
	if why != "" || len(rows) == 0 || len(rows) > len(first) || !slices.Equal(rows, first[:len(rows)]) {
		t.Errorf("the end of %s by pgbackrest restore %v gives %v, want the first of %v: %s", set.Label, plan.Args(), rows, first, why)
	}
}
