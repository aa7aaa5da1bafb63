// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package restore

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/goldentest"
	"github.com/stanzaflow/stanzaflow/internal/inspect/printer"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/restoreplan"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// TestPlan shows what a DBA sees who asks.
func TestPlan(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		to, zone, set string
		repo          int
		change        func(*scene)
		want          Verdict
	}{
		"reachable":                      {to: "2026-11-28 14:03:00+01", want: Reachable},
		"reachable-from-a-zone":          {to: "2026-11-28 14:03", zone: "Europe/Vienna", want: Reachable},
		"latest":                         {to: "latest", want: Reachable},
		"immediate":                      {to: "immediate", set: "20261128-020003F", want: Reachable},
		"one-repo":                       {to: "2026-11-28 13:03:00+00", repo: 2, want: Reachable},
		"exactly-the-heartbeat":          {to: "2026-11-28 13:41:07.204981+00", want: Reachable},
		"a-moment-after-the-heartbeat":   {to: "2026-11-28 13:41:07.404981+00", want: NotProven},
		"no-heartbeat":                   {to: "2026-11-28 13:03:00+00", change: withoutHeartbeat, want: NotProven},
		"a-watch-only":                   {to: "2026-11-28 13:03:00+00", change: watchOnly, want: NotProven},
		"after-newest":                   {to: "2026-11-28 18:00:00+00", want: Refused},
		"before-oldest":                  {to: "2026-11-28 02:10:31.9+00", want: Refused},
		"set-too-young":                  {to: "2026-11-28 11:00:00+00", set: "20261128-020003F_20261128-120002I", want: Refused},
		"gap-that-another-repo-fills":    {to: "2026-11-28 13:03:00+00", change: func(s *scene) { s.lose(1, 0x3E); s.lose(2, 0x10) }, want: Reachable},
		"gap":                            {to: "2026-11-28 13:03:00+00", change: func(s *scene) { s.lose(1, 0x3E, 0x3F); s.lose(2, 0x3E, 0x3F) }, want: Refused},
		"gap-in-the-only-repo":           {to: "2026-11-28 13:03:00+00", repo: 1, change: func(s *scene) { s.lose(1, 0x3E) }, want: Refused},
		"cut-in-the-first-repo":          {to: "2026-11-28 13:03:00+00", change: func(s *scene) { s.cut(1, 0x3E); s.lose(2, 0x10) }, want: Refused},
		"cut-and-another-set":            {to: "2026-11-28 13:03:00+00", change: func(s *scene) { s.cut(1, 0x3E) }, want: Reachable},
		"cut-and-filled":                 {to: "2026-11-28 05:00:00+00", change: cutAndFilled, want: NotProven},
		"cut-at-the-end":                 {to: "latest", repo: 1, change: func(s *scene) { s.cut(1, 0x45); standbyOnly(s); withoutHeartbeat(s) }, want: Refused},
		"two-contents":                   {to: "2026-11-28 13:03:00+00", change: func(s *scene) { s.addForeign(1, 0x3E); s.lose(2, 0x10) }, want: Refused},
		"two-contents-in-another-repo":   {to: "2026-11-28 13:03:00+00", change: func(s *scene) { s.addForeign(2, 0x3E) }, want: NotProven},
		"another-content-in-a-repo":      {to: "2026-11-28 13:03:00+00", change: anotherContent, want: Refused},
		"history-in-another-repo":        {to: "2026-11-28 13:03:00+00", change: historyElsewhere, want: Refused},
		"not-proven-and-a-gap":           {to: "2026-11-28 13:00:00.5+00", change: func(s *scene) { s.lose(1, 0x42); s.lose(2, 0x42); withoutHeartbeat(s) }, want: NotProven},
		"newest-segment-gone":            {to: "latest", change: func(s *scene) { s.lose(1, 0x45); s.lose(2, 0x45) }, want: Refused},
		"abandoned-branch":               {to: "2026-11-28 06:20:00+00", change: abandoned, want: NotProven},
		"before-a-failover":              {to: "2026-11-28 05:00:00+00", change: lateFull, want: Reachable},
		"other-timeline":                 {to: "2026-11-28 09:00:00+00", change: withoutOldSets, want: Refused},
		"no-zone":                        {to: "2026-11-28 13:03:00", want: Refused},
		"no-room":                        {to: "2026-11-28 13:03:00+00", change: func(s *scene) { s.free = 100 << 30 }, want: Refused},
		"no-such-repo":                   {to: "latest", repo: 4, want: Refused},
		"no-such-set":                    {to: "immediate", set: "20261128-020004F", want: Refused},
		"another-version":                {to: "2026-11-28 13:03:00+00", change: olderVersion, want: Refused},
		"unreadable":                     {to: "latest", change: func(s *scene) { s.dead["repo-ls --repo=1"], s.dead["repo-ls --repo=2"] = true, true }, want: Refused},
		"one-repo-unreadable":            {to: "2026-11-28 13:03:00+00", change: func(s *scene) { s.dead["repo-ls --repo=1"] = true }, want: Reachable},
		"no-primary":                     {to: "latest", change: standbyOnly, want: Reachable},
		"patroni":                        {to: "2026-11-28 14:03:00+01", change: withReplica, want: Reachable},
		"patroni-not-proven":             {to: "2026-11-28 13:41:07.404981+00", change: withReplica, want: NotProven},
		"patroni-of-cpo":                 {to: "2026-11-28 14:03:00+01", change: func(s *scene) { withReplica(s); ofCPO(s) }, want: Reachable},
		"runs-of-one-drill":              {to: "2026-11-28 14:03:00+01", change: runsOfOneDrill, want: Reachable},
		"no-slots":                       {to: "2026-11-28 14:03:00+01", change: func(s *scene) { s.slots = "[]" }, want: Reachable},
		"slots-unknown":                  {to: "2026-11-28 14:03:00+01", change: func(s *scene) { s.dead["psql"] = true }, want: Reachable},
		"of-cpo":                         {to: "2026-11-28 14:03:00+01", change: ofCPO, want: Reachable},
		"of-cpo-latest":                  {to: "latest", change: ofCPO, want: Reachable},
		"of-cpo-latest-after-a-drill":    {to: "latest", change: func(s *scene) { ofCPO(s); drilled(s) }, want: Reachable},
		"of-cpo-latest-unknown":          {to: "latest", change: func(s *scene) { ofCPO(s); watchOnly(s) }, want: Reachable},
		"of-cpo-not-proven":              {to: "2026-11-28 13:41:07.404981+00", change: ofCPO, want: NotProven},
		"of-nobody-known":                {to: "2026-11-28 14:03:00+01", change: func(s *scene) { s.stanza.Status.Configuration = nil }, want: Reachable},
		"strange-labels":                 {to: "2026-11-28 13:03:00+00", change: strangeLabels, want: Refused},
		"of-cpo-immediate":               {to: "immediate", set: "20261128-020003F", repo: 1, change: ofCPO, want: Reachable},
		"without-a-drill-and-the-stanza": {to: "2026-11-28 13:03:00+00", change: func(s *scene) { s.gone = true }, want: NotProven},
		"no-such-local-time":             {to: "2026-03-29 02:30", zone: "Europe/Vienna", want: Refused},
		"local-time-twice":               {to: "2026-10-25 02:30", zone: "Europe/Vienna", want: Refused},
		"page-errors":                    {to: "2026-11-28 13:03:00+00", change: pageErrors, want: Reachable},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene()
			if tc.change != nil {
				tc.change(s)
			}
			answer := answerTo(t, s, Question{To: tc.to, Set: tc.set, Repo: tc.repo, ID: "20261128-134500"}, tc.zone)
			if answer.Verdict != tc.want {
				t.Errorf("%s: %s, want %s", answer.Verdict, answer.Message, tc.want)
			}
			var out bytes.Buffer
			Print(printer.Printer{Out: &out}, answer)
			goldentest.Check(t, filepath.Join("testdata", name+".golden"), out.String())
		})
	}
}

// TestPlanForAProgram has the same in JSON.
func TestPlanForAProgram(t *testing.T) {
	t.Parallel()
	for name, to := range map[string]string{"reachable-json": "2026-11-28 14:03:00+01", "after-newest-json": "2026-11-28 18:00:00+00"} {
		answer := answerTo(t, newScene(), Question{To: to, ID: "20261128-134500"}, "")
		var out bytes.Buffer
		if err := (printer.Printer{Out: &out, Format: printer.JSON}).Encode(answer); err != nil {
			t.Fatal(err)
		}
		goldentest.Check(t, filepath.Join("testdata", name+".golden"), out.String())
	}
}

// TestDocumentShowsRealOutput: the examples of docs/restore.md are what is printed, and its
// commands are those that are printed.
func TestDocumentShowsRealOutput(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/restore.md")
	if err != nil {
		t.Fatal(err)
	}
	for file, marks := range map[string]string{"reachable.golden": "TARGET SET TIME LOST ROOM", "of-cpo.golden": "id: options:"} {
		text, err := os.ReadFile(filepath.Join("testdata", file))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			words := strings.Fields(line)
			if (slices.Contains(strings.Fields(marks), words[0]) || words[0] == "kubectl") && !strings.Contains(string(page), strings.TrimSpace(line)) {
				t.Errorf("docs/restore.md lacks a line of %s:\n%s", file, line)
			}
		}
	}
}

// TestGather: every question is one that a rule can allow by its position, and nothing is
// asked that writes.
func TestGather(t *testing.T) {
	t.Parallel()
	s := newScene()
	facts, err := s.gather(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(facts.Unknown) > 0 || facts.Pod != "cluster-0" || facts.Input.Major != 17 || facts.Input.LastArchived != "000000020000000000000045" {
		t.Errorf("facts %+v", facts)
	}
	var got []string
	for _, argv := range s.argvs {
		got = append(got, strings.Fields(argv)[0]+" "+strings.Fields(argv)[1])
	}
	want := []string{"psql --no-psqlrc", "psql --no-psqlrc", "df --block-size=1", "pgbackrest info", "pgbackrest repo-ls", "pgbackrest repo-get", "pgbackrest repo-ls", "pgbackrest repo-get"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("questions (-want +got):\n%s", diff)
	}
}

// TestGatherWithoutAPod: nothing can be asked, and the error says what to start.
func TestGatherWithoutAPod(t *testing.T) {
	t.Parallel()
	s := newScene()
	s.pods = nil
	if _, err := s.gather(t.Context()); err == nil || !strings.Contains(err.Error(), "docs/restore.md#without-a-pod") {
		t.Errorf("error %v", err)
	}
}

// TestGatherFromAPodThatIsNotReady: PostgreSQL is down, and pgBackRest beside it answers.
func TestGatherFromAPodThatIsNotReady(t *testing.T) {
	t.Parallel()
	s := newScene()
	s.pods[0].Status.ContainerStatuses[0].Ready = false
	s.pods = append(s.pods, pod("cluster-repo-host-0", map[string]string{cpo.LabelMemberType: cpo.MemberRepoHost}, cpo.ContainerRepoHost))
	facts, err := s.gather(t.Context())
	if err != nil || len(facts.Unknown) != 1 || len(facts.Input.Info.Backups) != 3 {
		t.Errorf("facts %+v, error %v", facts, err)
	}
}

// TestGatherWithoutAnAnswer: pgbackrest info fails, and so nothing is known.
func TestGatherWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	s := newScene()
	s.dead["pgbackrest"] = true
	if _, err := s.gather(t.Context()); err == nil || !strings.Contains(err.Error(), "[039]") {
		t.Errorf("error %v", err)
	}
}

// TestDrillsAreKnownMoments: what a drill has recovered is archived, with its position.
func TestDrillsAreKnownMoments(t *testing.T) {
	t.Parallel()
	s := newScene()
	recovered := metav1.NewMicroTime(at("11:00:00.5"))
	proven := s.stanza.Status.Drills[0].LastProven
	proven.RecoveredTo, proven.LSN, proven.Timeline, proven.Repo = &recovered, "0/37000500", 2, "repo1"
	facts, err := s.gather(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := restoreplan.Known{Time: recovered.Time, Timeline: 2, LSN: 0x37000500, Repo: 1}
	if got := facts.Input.Known[len(facts.Input.Known)-1]; got != want {
		t.Errorf("known %+v, want %+v", got, want)
	}
}

func answerTo(t *testing.T, s *scene, q Question, zone string) Answer {
	t.Helper()
	facts, err := s.gather(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(q.To, "2026") {
		var location *time.Location
		if zone != "" {
			if location, err = time.LoadLocation(zone); err != nil {
				t.Fatal(err)
			}
		}
		reading, err := restoreplan.ReadTime(q.To, location)
		if err != nil {
			t.Fatal(err)
		}
		q.Reading = &reading
	}
	return Ask(facts, q)
}

func withoutHeartbeat(s *scene) {
	for i := range s.stanza.Status.Repos {
		s.stanza.Status.Repos[i].Restorable = nil
	}
}

func watchOnly(s *scene) {
	for i := range s.stanza.Status.Repos {
		known := *s.stanza.Status.Repos[i].Restorable
		known.Heartbeat = false
		s.stanza.Status.Repos[i].Restorable = &known
	}
}

// abandoned restores the cluster at 06:36 to a moment before 06:00: timeline 2 begins in
// segment 1E, and what was committed on timeline 1 after that is on no newer one.
func abandoned(s *scene) {
	for repo := range s.files {
		for number := uint64(0x1E); number <= 0x20; number++ {
			s.archive(repo, 2, number, at("06:37:00"))
		}
	}
	s.history = "1\t0/1E000098\tbefore 2026-11-28 05:59:00+00\n"
}

// cutAndFilled has the backup in repo2 alone, whose segment 10 is cut. Repo1 has it, and
// lacks segment 11.
func cutAndFilled(s *scene) {
	s.info["backup"] = s.info["backup"].([]any)[1:2]
	s.cut(2, 0x10)
	s.lose(1, 0x11)
}

// anotherContent has segment 3F in both repos, with different content. Each repo lacks
// another segment.
func anotherContent(s *scene) {
	s.lose(1, 0x3E)
	s.lose(2, 0x10, 0x3F)
	s.addForeign(2, 0x3F)
}

// historyElsewhere has the backup in repo1 alone, and the history of timeline 2 in repo2.
func historyElsewhere(s *scene) {
	delete(s.files[1], "17-1/00000002.history")
	s.info["backup"] = s.info["backup"].([]any)[:1]
}

// withoutOldSets has no set on the way to timeline 2 before 09:00.
func withoutOldSets(s *scene) {
	s.history = "1\t0/9000098\tbefore 2026-11-28 01:50:00+00\n"
}

// lateFull adds a full of 05:30 on timeline 1: what was before it is before the failover.
func lateFull(s *scene) {
	full := maps.Clone(s.info["backup"].([]any)[0].(map[string]any))
	maps.Copy(full, map[string]any{
		"label": "20261128-053000F", "timestamp": map[string]any{"start": at("05:30:00").Unix(), "stop": at("05:35:00").Unix()},
		"lsn": map[string]any{"start": "0/1B000028", "stop": "0/1B000138"}, "archive": map[string]any{"start": "00000001000000000000001B", "stop": "00000001000000000000001B"},
	})
	s.info["backup"] = append(s.info["backup"].([]any), full)
}

func olderVersion(s *scene) {
	for _, d := range s.info["db"].([]any) {
		d.(map[string]any)["version"] = "15"
	}
}

func standbyOnly(s *scene) {
	s.pods[0].Labels[cpo.LabelRole] = "replica"
}

// withReplica adds a member, beside a repo host and a pod that has ended, which are none.
func withReplica(s *scene) {
	over := pod("cluster-9", nil, cpo.ContainerPostgreSQL)
	over.Status.Phase = corev1.PodFailed
	s.pods = append(s.pods, pod("cluster-1", map[string]string{cpo.LabelRole: "replica"}, cpo.ContainerPostgreSQL),
		pod("cluster-repo-host-0", map[string]string{cpo.LabelMemberType: cpo.MemberRepoHost}, cpo.ContainerRepoHost), over)
}

// runsOfOneDrill has three good runs of the only drill: the newest, a slow one and a fast
// one; and others, which have measured nothing.
func runsOfOneDrill(s *scene) {
	good := func(name, date string, restore, replay time.Duration) stanzaflowv1alpha1.DrillRun {
		d := drill(date, restore, replay)
		return stanzaflowv1alpha1.DrillRun{
			Workflow: name, Result: stanzaflowv1alpha1.RunSucceeded, FinishTime: &d.FinishTime, Phases: &d.Phases, DatabaseBytes: d.DatabaseBytes, WALBytes: d.WALBytes,
		}
	}
	newest := drill("2026-11-22", 240*time.Second, 100*time.Second)
	newest.Workflow = "c"
	failed, old := good("d", "2026-11-25", time.Second, time.Second), good("x", "2026-11-01", time.Second, time.Second)
	failed.Result, old.Phases = stanzaflowv1alpha1.RunFailed, nil
	s.stanza.Status.Drills = []stanzaflowv1alpha1.DrillStatus{{Name: "newest", LastProven: newest, Runs: []stanzaflowv1alpha1.DrillRun{
		failed, good("c", "2026-11-22", 240*time.Second, 100*time.Second), good("b", "2026-11-15", 360*time.Second, 100*time.Second), good("a", "2026-11-08", 180*time.Second, 100*time.Second), old,
	}}}
}

// TestManyMembersKeepTheirManager: nothing is printed that scales, deletes or stops what
// something else manages.
func TestManyMembersKeepTheirManager(t *testing.T) {
	t.Parallel()
	s := newScene()
	withReplica(s)
	answer := answerTo(t, s, Question{To: "2026-11-28 14:03:00+01", ID: "20261128-134500"}, "")
	for _, step := range answer.Steps {
		for _, command := range step.Commands {
			for _, word := range []string{"scale", "delete", "pg_ctl", "exec", "rm "} {
				if strings.Contains(command, word) {
					t.Errorf("%s: %s", step.Title, command)
				}
			}
		}
	}
	if len(answer.Notes) != 1 || !strings.Contains(answer.Notes[0], "2 members") || !strings.Contains(answer.Notes[0], "docs/restore.md#patroni") {
		t.Errorf("notes %q", answer.Notes)
	}
}

func ofCPO(s *scene) {
	s.stanza.Status.Configuration = &stanzaflowv1alpha1.ConfigurationStatus{Provisioner: string(vocab.ProvisionedByCPO)}
}

// drilled has a drill that has found a commit after the newest heartbeat. PostgreSQL can
// stop before it, and not after it.
func drilled(s *scene) {
	recovered := metav1.NewMicroTime(at("13:41:07.2055"))
	proven := s.stanza.Status.Drills[0].LastProven
	proven.RecoveredTo, proven.LSN, proven.Timeline, proven.Repo = &recovered, "0/45000500", 2, "repo1"
}

// strangeLabels are what somebody has written into the repos.
func strangeLabels(s *scene) {
	for _, b := range s.info["backup"].([]any) {
		b.(map[string]any)["label"] = "20261128-020003F;touch${IFS}/tmp/x"
		delete(b.(map[string]any), "reference")
	}
}

func pageErrors(s *scene) {
	s.info["backup"].([]any)[2].(map[string]any)["error"] = true
}
