// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package restoreplan

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/pgbackresttest"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/wal"
)

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// simple is one repo with a backup that ended at 12:00:10, and a segment for each minute
// until 12:30, when a heartbeat was written.
func simple() Input {
	in := Input{
		Info: pgbackrest.Info{
			Stanza: "db", Repos: []pgbackrest.RepoInfo{{Key: 1}},
			Databases: []pgbackrest.Database{{RepoKey: 1, ID: 1, Version: "17", SystemID: 7}},
			Archives:  []pgbackrest.Archive{{RepoKey: 1, DatabaseID: 1, ID: "17-1"}},
			Backups: []pgbackrest.Backup{{
				Label: "20261128-120000F", Type: pgbackrest.TypeFull, Start: noon, Stop: noon.Add(10 * time.Second), RepoKey: 1, DatabaseID: 1,
				LSNStart: "0/2000028", LSNStop: "0/2000138", WALStart: "000000010000000000000002", WALStop: "000000010000000000000002", DatabaseBytes: 1 << 30,
			}},
		},
		Known: []Known{{Time: noon.Add(30*time.Minute + 123*time.Microsecond), Timeline: 1, LSN: 0x20000500, Heartbeat: true}},
	}
	archive := wal.Archive{Segments: map[string]wal.File{}, Histories: map[uint32]wal.File{}}
	for number := uint64(2); number <= 32; number++ {
		archive.Segments[wal.DefaultSize.Name(wal.Segment{Timeline: 1, Number: number})] = wal.File{Size: 1, Whole: true, Time: noon.Add(time.Duration(number-2) * time.Minute)}
	}
	in.Repos = map[int]Repo{1: {Archives: wal.Listing{"17-1": archive}}}
	return in
}

// TestBoundaries are those that were measured with PostgreSQL and pgBackRest.
func TestBoundaries(t *testing.T) {
	t.Parallel()
	in := simple()
	stop, beat := in.Info.Backups[0].Stop, in.Known[0].Time
	newest := noon.Add(30 * time.Minute)
	for name, tc := range map[string]struct {
		at   time.Time
		want string
	}{
		"the end of the backup":                 {stop, "BeforeOldest"},
		"0.9 s after it":                        {stop.Add(900 * time.Millisecond), "BeforeOldest"},
		"1 s after it":                          {stop.Add(time.Second), "Reachable"},
		"the heartbeat":                         {beat, "Reachable"},
		"a microsecond later":                   {beat.Add(time.Microsecond), "NotProven"},
		"200 ms later":                          {beat.Add(200 * time.Millisecond), "NotProven"},
		"the last second of the archive":        {newest.Add(time.Second - time.Microsecond), "NotProven"},
		"behind the last second of the archive": {newest.Add(time.Second), "AfterNewest"},
	} {
		plan, refusal := For(in, Target{Kind: Time, Time: tc.at})
		got := string(plan.Answer)
		if refusal != nil {
			got = string(refusal.Reason)
		}
		if got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}

// TestACommitIsNoTarget: PostgreSQL stops after a commit at the target, so that of a drill
// proves the moments before it only.
func TestACommitIsNoTarget(t *testing.T) {
	t.Parallel()
	in := simple()
	in.Known[0].Heartbeat = false
	for at, want := range map[time.Time]Answer{in.Known[0].Time: NotProven, in.Known[0].Time.Add(-time.Microsecond): Reachable} {
		if plan, refusal := For(in, Target{Kind: Time, Time: at}); refusal != nil || plan.Answer != want {
			t.Errorf("%s: %s, %v, want %s", at, plan.Answer, refusal, want)
		}
	}
}

// TestTheCommitOfAHeartbeatIsBehindItsPosition, so with the segment after it missing nothing
// is proven by it.
func TestTheCommitOfAHeartbeatIsBehindItsPosition(t *testing.T) {
	t.Parallel()
	in := simple()
	in.Known[0].LSN = 0x12FFFFF0 // the end of segment 18
	in.Known[0].Time = noon.Add(16*time.Minute + 30*time.Second)
	for missing, want := range map[uint64]Answer{18: "", 19: NotProven, 20: Reachable} {
		in := in
		segments := maps.Clone(in.Repos[1].Archives["17-1"].Segments)
		delete(segments, wal.DefaultSize.Name(wal.Segment{Timeline: 1, Number: missing}))
		in.Repos = map[int]Repo{1: {Archives: wal.Listing{"17-1": {Segments: segments}}}}
		plan, _ := For(in, Target{Kind: Time, Time: noon.Add(15*time.Minute + 59*time.Second)})
		if plan.Answer != want {
			t.Errorf("without segment %d: %q, want %q", missing, plan.Answer, want)
		}
	}
}

// TestABackupNeedsAllItsWAL: without the last segment of its time it is not consistent,
// whatever was archived late.
func TestABackupNeedsAllItsWAL(t *testing.T) {
	t.Parallel()
	in := simple()
	in.Info.Backups[0].LSNStop, in.Info.Backups[0].WALStop = "0/3000138", "000000010000000000000003"
	segments := in.Repos[1].Archives["17-1"].Segments
	for name, file := range segments {
		file.Time = noon.Add(time.Hour)
		segments[name] = file
	}
	delete(segments, "000000010000000000000003")
	for _, target := range []Target{{Kind: Time, Time: noon.Add(time.Minute)}, {Kind: Immediate}, {Kind: Newest}} {
		if plan, refusal := For(in, target); refusal == nil || refusal.Reason != Gap || !slices.Equal(refusal.Missing, []string{"000000010000000000000003"}) {
			t.Errorf("%s: %+v, %v", target.Kind, plan, refusal)
		}
	}
}

func TestArgs(t *testing.T) {
	t.Parallel()
	in := simple()
	for want, target := range map[string]Target{
		"--stanza=db --repo=1 --set=20261128-120000F --type=time --target=2026-11-28 12:10:00.000000+00 --target-timeline=1": {Kind: Time, Time: noon.Add(10 * time.Minute).In(time.FixedZone("", 3600))},
		"--stanza=db --repo=1 --set=20261128-120000F --type=default --target-timeline=1":                                     {Kind: Newest},
		"--stanza=db --repo=1 --set=20261128-120000F --type=standby --recovery-option=primary_conninfo= --target-timeline=1": {Kind: Latest},
		"--stanza=db --repo=1 --set=20261128-120000F --type=immediate":                                                       {Kind: Immediate},
	} {
		plan, refusal := For(in, target)
		if refusal != nil {
			t.Errorf("%s: %v", want, refusal)
		} else if got := strings.Join(plan.Args(), " "); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// TestFallback: the end of the archive is offered only if it is the end, as far as anybody
// knows.
func TestFallback(t *testing.T) {
	t.Parallel()
	name := func(number uint64) string { return wal.DefaultSize.Name(wal.Segment{Timeline: 1, Number: number}) }
	for text, tc := range map[string]struct {
		change func(*Input)
		want   bool
	}{
		"all is there":         {func(*Input) {}, true},
		"a gap":                {func(in *Input) { delete(in.Repos[1].Archives["17-1"].Segments, name(30)) }, false},
		"the newest is gone":   {func(in *Input) { in.LastArchived = name(33) }, false},
		"another timeline":     {func(in *Input) { in.LastArchived = "000000020000000000000021" }, false},
		"a moment on another":  {func(in *Input) { in.Known = []Known{{Time: noon.Add(time.Hour), Timeline: 2, Bound: true}} }, false},
		"a history of another": {func(in *Input) { in.Repos[1].Archives["17-1"].Histories[2] = wal.File{Time: noon.Add(time.Hour)} }, false},
		"one is cut": {func(in *Input) {
			in.Repos[1].Archives["17-1"].Segments[name(30)] = wal.File{Size: 3000, Plain: true, Whole: true, Time: noon.Add(28 * time.Minute)}
		}, false},
	} {
		in := simple()
		in.Known = nil
		tc.change(&in)
		plan, refusal := For(in, Target{Kind: Time, Time: noon.Add(20 * time.Minute)})
		if refusal != nil || plan.Answer != NotProven {
			t.Errorf("%s: %s, %v", text, plan.Answer, refusal)
		}
		if _, got := plan.Fallback(); got != tc.want {
			t.Errorf("%s: the end is offered %t, want %t: %s", text, got, tc.want, plan.Why)
		}
	}
}

// TestCommandForAShell: a shell reads one word for each argument, whatever it has.
func TestCommandForAShell(t *testing.T) {
	t.Parallel()
	for stanza, want := range map[string]string{
		"db":             "pgbackrest restore --stanza=db --repo=1 --set=20261128-120000F --type=immediate",
		"d b":            "pgbackrest restore '--stanza=d b' --repo=1 --set=20261128-120000F --type=immediate",
		"db;x${IFS}/tmp": "pgbackrest restore '--stanza=db;x${IFS}/tmp' --repo=1 --set=20261128-120000F --type=immediate",
		"d'b\n":          `pgbackrest restore '--stanza=d'\''b` + "\n" + `' --repo=1 --set=20261128-120000F --type=immediate`,
		"$(x)":           "pgbackrest restore '--stanza=$(x)' --repo=1 --set=20261128-120000F --type=immediate",
	} {
		if got := (Plan{Stanza: stanza, Repo: 1, Label: "20261128-120000F", Type: TypeImmediate}).Command(); got != want {
			t.Errorf("%s\nwant\n%s", got, want)
		}
	}
}

// TestNewestForCPO: what CPO restores for latest is reachable when it is asked for by name.
func TestNewestForCPO(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*Input)
		want   time.Time
	}{
		"a heartbeat":           {func(*Input) {}, noon.Add(30*time.Minute + 123*time.Microsecond)},
		"a commit of a drill":   {func(in *Input) { in.Known[0].Heartbeat = false }, noon.Add(30*time.Minute + 122*time.Microsecond)},
		"what a watch has seen": {func(in *Input) { in.Known[0].Heartbeat, in.Known[0].Bound, in.Known[0].LSN = false, true, 0 }, time.Time{}},
		"before the backup":     {func(in *Input) { in.Known[0].Time = noon.Add(5 * time.Second) }, time.Time{}},
	} {
		in := simple()
		tc.change(&in)
		plan, refusal := For(in, Target{Kind: Latest})
		if refusal != nil || !plan.Proven.Equal(tc.want) {
			t.Errorf("%s: %s, %v, want %s", name, plan.Proven, refusal, tc.want)
			continue
		}
		yaml, why := plan.CPO("x")
		if tc.want.IsZero() != (why != "") || yaml != "" && !strings.Contains(yaml, FormatTarget(tc.want)) {
			t.Errorf("%s: %s%s", name, yaml, why)
		}
		if named, _ := For(in, Target{Kind: Time, Time: plan.Proven}); !tc.want.IsZero() && named.Answer != Reachable {
			t.Errorf("%s: %s by name is %s: %s", name, tc.want, named.Answer, named.Why)
		}
	}
}

// TestExpectations: what a recovery to the end must reach is known before it begins.
func TestExpectations(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*Input)
		time   time.Time
		lsn    wal.LSN
	}{
		"a heartbeat":                {func(*Input) {}, noon.Add(30*time.Minute + 123*time.Microsecond), 0x20000500},
		"nothing but the archive":    {func(in *Input) { in.Known = nil }, time.Time{}, 0x20000000},
		"an older heartbeat":         {func(in *Input) { in.Known[0].Time, in.Known[0].LSN = noon.Add(time.Minute), 0x3000500 }, noon.Add(time.Minute), 0x20000000},
		"what a watch has seen":      {func(in *Input) { in.Known[0].Heartbeat, in.Known[0].Bound, in.Known[0].LSN = false, true, 0 }, time.Time{}, 0x20000000},
		"a heartbeat without an LSN": {func(in *Input) { in.Known[0].LSN = 0 }, noon.Add(30*time.Minute + 123*time.Microsecond), 0x20000000},
	} {
		in := simple()
		tc.change(&in)
		plan, refusal := For(in, Target{Kind: Newest})
		if refusal != nil || !plan.ExpectTime.Equal(tc.time) || plan.ExpectLSN != tc.lsn {
			t.Errorf("%s: %s, %s, %v; want %s, %s", name, plan.ExpectTime, plan.ExpectLSN, refusal, tc.time, tc.lsn)
		}
	}
}

// TestMissingData: what must be in the archive and is not is missing, and a drill says so.
func TestMissingData(t *testing.T) {
	t.Parallel()
	name := func(number uint64) string { return wal.DefaultSize.Name(wal.Segment{Timeline: 1, Number: number}) }
	for text, change := range map[string]func(*Input){
		"one in the middle": func(in *Input) { delete(in.Repos[1].Archives["17-1"].Segments, name(20)) },
		"the newest":        func(in *Input) { delete(in.Repos[1].Archives["17-1"].Segments, name(32)) },
		"one that is cut": func(in *Input) {
			in.Repos[1].Archives["17-1"].Segments[name(20)] = wal.File{Size: 3000, Plain: true, Whole: true, Time: noon}
		},
		"one that is double": func(in *Input) { in.Repos[1].Archives["17-1"].Segments[name(20)] = wal.File{Size: 3000, Time: noon} },
		"what PostgreSQL has archived": func(in *Input) {
			in.Known, in.LastArchived = nil, name(33)
		},
		"a timeline":            func(in *Input) { in.Known[0].Timeline, in.Known[0].LSN = 2, 0x21000500 },
		"the WAL of the backup": func(in *Input) { delete(in.Repos[1].Archives["17-1"].Segments, name(2)) },
	} {
		in := simple()
		change(&in)
		if plan, refusal := For(in, Target{Kind: Newest}); refusal == nil || !refusal.DataMissing() {
			t.Errorf("%s: %+v, %v", text, plan, refusal)
		}
	}
}

func TestWindow(t *testing.T) {
	t.Parallel()
	in := simple()
	oldest, newest, ok := Window(in)
	if !ok || !oldest.Equal(noon.Add(11*time.Second)) || !newest.Equal(in.Known[0].Time) {
		t.Errorf("from %s to %s, %t", oldest, newest, ok)
	}
	in.Known = nil
	if _, _, ok := Window(in); ok {
		t.Error("there is a window without a heartbeat")
	}
	if _, _, ok := Window(Input{}); ok {
		t.Error("there is a window without a repo")
	}
}

// TestStray: a copy has archived a timeline 2, and the primary was on timeline 1 after
// that. The copy does not count.
func TestStray(t *testing.T) {
	t.Parallel()
	in := simple()
	archive := in.Repos[1].Archives["17-1"]
	archive.Histories[2] = wal.File{Size: 1, Time: noon.Add(15 * time.Minute)}
	in.Repos[1] = Repo{Archives: in.Repos[1].Archives, Histories: map[string]map[uint32]wal.History{"17-1": {2: {{Timeline: 1, At: 0x10000028}}}}}
	plan, refusal := For(in, Target{Kind: Latest})
	if refusal != nil || plan.Timeline != 1 || !slices.ContainsFunc(plan.Notes, func(note string) bool {
		return strings.Contains(note, "timeline 2 in the archive is not the primary's")
	}) {
		t.Errorf("plan %+v, %v", plan, refusal)
	}
	in.Known = nil // Now nothing says that it is a copy.
	if plan, refusal := For(in, Target{Kind: Latest}); refusal == nil && plan.Timeline != 2 {
		t.Errorf("plan %+v, %v", plan, refusal)
	}
}

// TestTwoTimelinesThatGrow: timeline 2 begins in segment 16 and is archived, and so is timeline
// 1 behind that. What the primary says and where a heartbeat was written decides.
func TestTwoTimelinesThatGrow(t *testing.T) {
	t.Parallel()
	name := func(timeline uint32, number uint64) string {
		return wal.DefaultSize.Name(wal.Segment{Timeline: timeline, Number: number})
	}
	for text, tc := range map[string]struct {
		last     string
		beat     uint32
		timeline uint32
		want     Answer
	}{
		"nothing is known":                            {"", 0, 2, Reachable},
		"the primary archives timeline 1":             {name(1, 32), 0, 1, Reachable},
		"the primary has archived timeline 1 to 16":   {name(1, 16), 0, 1, Reachable},
		"the primary has archived timeline 1 to 15":   {name(1, 15), 0, 2, NotProven},
		"the primary archives timeline 2":             {name(2, 32), 0, 2, Reachable},
		"a heartbeat on timeline 2":                   {"", 2, 2, Reachable},
		"a heartbeat, and an older primary is asked":  {name(1, 32), 2, 2, NotProven},
		"a heartbeat on timeline 1 after 2 had begun": {"", 1, 1, Reachable},
	} {
		in := simple()
		archive := in.Repos[1].Archives["17-1"]
		for number := uint64(16); number <= 32; number++ {
			archive.Segments[name(2, number)] = archive.Segments[name(1, number)]
		}
		archive.Histories[2] = wal.File{Size: 1, Time: noon.Add(14 * time.Minute)}
		in.Repos[1] = Repo{Archives: in.Repos[1].Archives, Histories: map[string]map[uint32]wal.History{"17-1": {2: {{Timeline: 1, At: 0x10000028}}}}}
		in.LastArchived, in.Known[0].Timeline, in.Known[0].LSN = tc.last, tc.beat, 0x1F000500
		if tc.beat == 0 {
			in.Known = nil
		}
		if plan, refusal := For(in, Target{Kind: Latest}); refusal != nil || plan.Timeline != tc.timeline || plan.Answer != tc.want {
			t.Errorf("%s: timeline %d, %s, %v; want %d, %s", text, plan.Timeline, plan.Answer, refusal, tc.timeline, tc.want)
		}
	}
}

func TestReadTime(t *testing.T) {
	t.Parallel()
	vienna, err := time.LoadLocation("Europe/Vienna")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 28, 13, 3, 0, 0, time.UTC)
	for _, text := range []string{
		"2026-11-28 14:03:00+01", "2026-11-28 14:03:00.000+0100", "2026-11-28T14:03:00+01:00", "2026-11-28 13:03:00Z", "2026-11-28 13:03:00 UTC", "2026-11-28 13:03+00",
		"2026-11-28T13:03Z", " 2026-11-28 13:03:00 +00 ", "2026-11-28 04:33:00-08:30",
	} {
		r, err := ReadTime(text, vienna)
		if err != nil || !r.Zoned || len(r.Moments) != 1 || !r.Moments[0].Equal(at) {
			t.Errorf("%q: %+v, %v", text, r, err)
		}
	}
	for text, want := range map[string]Reading{
		"2026-11-28 14:03:00": {Moments: []time.Time{at}, Zoned: true},
		"2026-10-25 02:30":    {Moments: []time.Time{time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC), time.Date(2026, 10, 25, 1, 30, 0, 0, time.UTC)}, Zoned: true},
		"2026-03-29 02:30":    {Moments: []time.Time{time.Date(2026, 3, 29, 0, 30, 0, 0, time.UTC), time.Date(2026, 3, 29, 1, 30, 0, 0, time.UTC)}, Zoned: true, Skipped: true},
		"2026-03-29 03:00":    {Moments: []time.Time{time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC)}, Zoned: true},
		"2026-03-29 01:59:59": {Moments: []time.Time{time.Date(2026, 3, 29, 0, 59, 59, 0, time.UTC)}, Zoned: true},
	} {
		r, err := ReadTime(text, vienna)
		if diff := cmp.Diff(want, r); err != nil || diff != "" {
			t.Errorf("%q: %v (-want +got):\n%s", text, err, diff)
		}
	}
	if r, err := ReadTime("2026-11-28 13:03:00", nil); err != nil || r.Zoned {
		t.Errorf("without a zone: %+v, %v", r, err)
	}
	for _, text := range []string{"", "now", "2026-11-28", "28.11.2026 14:03", "2026-11-28 25:00:00+01", "2026-11-28 14:03:00 CET", "2026-02-30 00:00:00+00", "1795354115"} {
		if r, err := ReadTime(text, vienna); err == nil {
			t.Errorf("%q is read as %+v", text, r)
		}
	}
}

// FuzzReadTime: a time that is read and written is the same moment.
func FuzzReadTime(f *testing.F) {
	f.Add("2026-11-28 14:03:00.123456+01")
	f.Add("2026-11-28T14:03Z")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ReadTime(text, nil)
		if err != nil {
			return
		}
		at := r.Moments[0].Truncate(time.Microsecond)
		again, err := ReadTime(FormatTarget(at), nil)
		if year := at.Year(); year < 0 || year > 9999 {
			return
		}
		if err != nil || !again.Zoned || !again.Moments[0].Equal(at) {
			t.Errorf("%q is %s, which is read as %+v, %v", text, at, again, err)
		}
	})
}

// FuzzFor: whatever pgBackRest says, there is a plan or a refusal with a reason, and no
// plan without WAL.
func FuzzFor(f *testing.F) {
	for _, name := range pgbackresttest.Samples(f, "info-*.json") {
		f.Add(pgbackresttest.Sample(f, name), []byte("{}"), int64(1795354200))
		f.Add(pgbackresttest.Sample(f, name), fmt.Appendf(nil, `{"15-1/0000000100000000/000000010000000000000002-%040d.gz":{"type":"file","size":1,"time":1795354115}}`, 0), int64(1795354200))
	}
	f.Fuzz(func(t *testing.T, stdout, files []byte, seconds int64) {
		info, err := pgbackrest.ParseInfo(stdout, "main")
		listing, listErr := wal.ParseListing(strings.NewReader(string(files)))
		if err != nil || listErr != nil {
			return
		}
		in := Input{Info: info, Repos: map[int]Repo{1: {Archives: listing}, 2: {Archives: listing}}}
		for _, target := range []Target{{Kind: Time, Time: time.Unix(seconds%1e11, 0)}, {Kind: Latest}, {Kind: Immediate}} {
			plan, refusal := For(in, target)
			switch {
			case refusal != nil && (refusal.Reason == "" || refusal.Message == ""):
				t.Errorf("refused without a reason: %+v", refusal)
			case refusal == nil && (plan.Label == "" || plan.Segments < 1 || plan.Timeline == 0 && plan.First[:8] != "00000000"):
				t.Errorf("plan %+v", plan)
			case refusal == nil && plan.Answer == Reachable && target.Kind == Time:
				t.Errorf("%+v is called reachable, and nothing is known", plan)
			}
		}
	})
}
