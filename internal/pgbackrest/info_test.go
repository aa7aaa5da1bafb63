// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package pgbackrest

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/pgbackresttest"
)

func TestParseInfo(t *testing.T) {
	t.Parallel()
	ok := Status{Code: StatusOK, Message: "ok"}
	none := Status{Code: StatusNoBackups, Message: "no valid backups"}
	missing := Status{Code: StatusMissingStanzaPath, Message: "missing stanza path"}
	first := Backup{
		Label: "20261122-132826F", Type: TypeFull, Annotation: map[string]string{"workflow": "w1"},
		Start: time.Date(2026, 11, 22, 13, 28, 26, 0, time.UTC), Stop: time.Date(2026, 11, 22, 13, 28, 28, 0, time.UTC),
		LSNStart: "0/2000028", LSNStop: "0/3000050",
		WALStart: "000000010000000000000002", WALStop: "000000010000000000000003",
		RepoKey: 1, DatabaseID: 1,
		DatabaseBytes: 22992758, RepoBytes: 2823242, RepoDeltaBytes: 2823242,
		Version: "2.55.1",
	}
	cases := map[string]struct {
		file string
		want Info
		// wantLabels stands for Backups where they are not the subject.
		wantLabels []string
	}{
		"an empty repository has no stanza": {
			file: "info-2.45-empty-repo-no-stanza-arg.json",
			want: Info{Stanza: "main", Status: missing},
		},
		"a stanza that was never created has its repositories": {
			file: "info-2.45-no-stanza.json",
			want: Info{
				Stanza: "main", Status: missing,
				Repos: []RepoInfo{{Key: 1, Cipher: "none", Status: missing}, {Key: 2, Cipher: "aes-256-cbc", Status: missing}},
			},
		},
		"an archive without WAL has no min and max": {
			file: "info-2.45-no-backups.json",
			want: Info{
				Stanza: "main", Status: none,
				Repos:     []RepoInfo{{Key: 1, Cipher: "none", Status: none}, {Key: 2, Cipher: "aes-256-cbc", Status: none}},
				Databases: []Database{{RepoKey: 1, ID: 1, Version: "15", SystemID: 7710987001486039924}, {RepoKey: 2, ID: 1, Version: "15", SystemID: 7710987001486039924}},
				Archives:  []Archive{{RepoKey: 1, DatabaseID: 1, ID: "15-1"}, {RepoKey: 2, DatabaseID: 1, ID: "15-1"}},
			},
		},
		"each repository has its own status": {
			file: "info-2.45-repo2-gone.json",
			want: Info{
				Stanza: "main", Status: Status{Code: 4, Message: "different across repos"},
				Repos:     []RepoInfo{{Key: 1, Cipher: "none", Status: ok}, {Key: 2, Cipher: "aes-256-cbc", Status: missing}},
				Databases: []Database{{RepoKey: 1, ID: 1, Version: "15", SystemID: 7710987001486039924}},
				Archives:  []Archive{{RepoKey: 1, DatabaseID: 1, ID: "15-1", Min: "000000010000000000000001", Max: "00000001000000000000000A"}},
			},
			wantLabels: []string{"20261122-132749F", "20261122-132749F_20261122-132800D", "20261122-132749F_20261122-132802I"},
		},
		"a running backup of 2.55.1 has its progress": {
			file: "info-2.55.1-progress.json",
			want: Info{
				Stanza: "main", Status: none, Running: true, RunningBytes: 23090804, RunningDone: 23082223,
				Repos:     []RepoInfo{{Key: 1, Cipher: "none", Status: none}},
				Databases: []Database{{RepoKey: 1, ID: 1, Version: "15", SystemID: 7710987021816380561}},
				Archives:  []Archive{{RepoKey: 1, DatabaseID: 1, ID: "15-1"}},
			},
		},
		"a running backup of 2.45 has none": {
			file: "info-2.45-lock-held.json",
			want: Info{
				Stanza: "main", Status: ok, Running: true,
				Repos:     []RepoInfo{{Key: 1, Cipher: "none", Status: ok}},
				Databases: []Database{{RepoKey: 1, ID: 1, Version: "15", SystemID: 7710984372009427606}},
				Archives:  []Archive{{RepoKey: 1, DatabaseID: 1, ID: "15-1", Min: "000000010000000000000001", Max: "000000010000000000000003"}},
			},
			wantLabels: []string{"20261122-131740F"},
		},
		"two repositories with a chain": {
			file: "info-2.55.1-two-repos-full-diff-incr.json",
			want: Info{
				Stanza: "main", Status: ok,
				Repos:     []RepoInfo{{Key: 1, Cipher: "none", Status: ok}, {Key: 2, Cipher: "aes-256-cbc", Status: ok}},
				Databases: []Database{{RepoKey: 1, ID: 1, Version: "15", SystemID: 7710987164902647897}, {RepoKey: 2, ID: 1, Version: "15", SystemID: 7710987164902647897}},
				Archives: []Archive{
					{RepoKey: 1, DatabaseID: 1, ID: "15-1", Min: "000000010000000000000001", Max: "000000010000000000000009"},
					{RepoKey: 2, DatabaseID: 1, ID: "15-1", Min: "000000010000000000000001", Max: "000000010000000000000009"},
				},
				Backups: []Backup{
					first,
					{
						Label: "20261122-132829F", Type: TypeFull,
						Start: time.Unix(1795354109, 0).UTC(), Stop: time.Unix(1795354112, 0).UTC(),
						LSNStart: "0/4000028", LSNStop: "0/5000050",
						WALStart: "000000010000000000000004", WALStop: "000000010000000000000005",
						RepoKey: 2, DatabaseID: 1,
						DatabaseBytes: 22992758, RepoBytes: 2845872, RepoDeltaBytes: 2845872,
						Version: "2.55.1",
					},
					{
						Label: "20261122-132826F_20261122-132832D", Type: TypeDiff, Prior: "20261122-132826F",
						Reference: []string{"20261122-132826F"},
						Start:     time.Unix(1795354112, 0).UTC(), Stop: time.Unix(1795354114, 0).UTC(),
						LSNStart: "0/6000028", LSNStop: "0/7000050",
						WALStart: "000000010000000000000006", WALStop: "000000010000000000000007",
						RepoKey: 1, DatabaseID: 1,
						DatabaseBytes: 22992758, RepoBytes: 2823240, RepoDeltaBytes: 368,
						Version: "2.55.1",
					},
					{
						Label: "20261122-132826F_20261122-132834I", Type: TypeIncr, Prior: "20261122-132826F_20261122-132832D",
						Reference: []string{"20261122-132826F", "20261122-132826F_20261122-132832D"},
						Start:     time.Unix(1795354114, 0).UTC(), Stop: time.Unix(1795354115, 0).UTC(),
						LSNStart: "0/8000028", LSNStop: "0/9000050",
						WALStart: "000000010000000000000008", WALStop: "000000010000000000000009",
						RepoKey: 1, DatabaseID: 1,
						DatabaseBytes: 22992758, RepoBytes: 2823238, RepoDeltaBytes: 366,
						Version: "2.55.1",
					},
				},
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := mustParse(t, tc.file)
			if tc.wantLabels != nil {
				var labels []string
				for _, b := range got.Backups {
					labels = append(labels, b.Label)
				}
				if diff := cmp.Diff(tc.wantLabels, labels); diff != "" {
					t.Errorf("labels (-want +got):\n%s", diff)
				}
				got.Backups = nil
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("ParseInfo (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseInfoReadsEverySample(t *testing.T) {
	t.Parallel()
	for _, name := range pgbackresttest.Samples(t, "info-*.json") {
		info, err := ParseInfo(pgbackresttest.Sample(t, name), "main")
		if err != nil || info.Stanza != "main" {
			t.Errorf("%s: %+v, %v", name, info, err)
		}
	}
}

func TestParseInfoOfAWrongCipherPassphrase(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"info-2.45-wrong-cipher.json", "info-2.55.1-wrong-cipher.json"} {
		repo, ok := mustParse(t, name).Repo(1)
		if !ok || repo.Status.Code != StatusOther || !strings.HasPrefix(repo.Status.Message, "[FormatError] unable to load info file") {
			t.Errorf("%s: repo 1 is %+v, %v", name, repo, ok)
		}
		if !utf8.ValidString(repo.Status.Message) {
			t.Errorf("%s: message is not valid UTF-8", name)
		}
	}
}

func TestParseInfoOfBundlesHasNoRepoBytes(t *testing.T) {
	t.Parallel()
	for _, b := range mustParse(t, "info-2.55.1-bundle-block.json").Backups {
		if b.RepoBytes != 0 || b.RepoDeltaBytes <= 0 {
			t.Errorf("%s: RepoBytes %d, RepoDeltaBytes %d", b.Label, b.RepoBytes, b.RepoDeltaBytes)
		}
	}
}

func TestParseInfoSeesPageErrors(t *testing.T) {
	t.Parallel()
	info := mustParse(t, "info-2.55.1-page-error.json")
	if b, _ := info.Backup(1, "20261122-133006F"); !b.Error {
		t.Error("the error flag is lost")
	}
	if b, _ := info.Backup(1, "20261122-132921F"); b.Error {
		t.Error("a good backup has the error flag")
	}
}

func TestParseInfoNeverReadsAnAbsentStatusAsOK(t *testing.T) {
	t.Parallel()
	info, err := ParseInfo([]byte(`[{"name":"main","repo":[{"key":1}]}]`), "main")
	if err != nil {
		t.Fatal(err)
	}
	if info.Status.Code != StatusOther || info.Repos[0].Status.Code != StatusOther {
		t.Errorf("status %+v, repo %+v", info.Status, info.Repos[0].Status)
	}
}

func TestParseInfoKeepsAbsentTimesAbsent(t *testing.T) {
	t.Parallel()
	info, err := ParseInfo([]byte(`[{"name":"main","backup":[{"label":"a"}]}]`), "main")
	if err != nil {
		t.Fatal(err)
	}
	if b := info.Backups[0]; !b.Start.IsZero() || !b.Stop.IsZero() {
		t.Errorf("times of nothing: %v, %v", b.Start, b.Stop)
	}
}

func TestParseInfoOfAnotherStanza(t *testing.T) {
	t.Parallel()
	info, err := ParseInfo(pgbackresttest.Sample(t, "info-2.45-two-repos-full-diff-incr.json"), "db")
	want := Info{Stanza: "db", Status: Status{Code: StatusMissingStanzaPath, Message: "missing stanza path"}}
	if diff := cmp.Diff(want, info); err != nil || diff != "" {
		t.Errorf("%v, (-want +got):\n%s", err, diff)
	}
}

func TestParseInfoRefusesWhatIsNotItsOutput(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nothing":          "",
		"only spaces":      " \n",
		"null":             "null",
		"an object":        `{"name":"main"}`,
		"an error message": "ERROR: [055]: unable to open missing file",
		"a cut":            `[{"name":"main","status":{"code":0`,
		"more behind":      `[] []`,
		"wrong types":      `[{"name":1}]`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ParseInfo([]byte(text), "main")
			pgbackresttest.WantError(t, err, true, "")
		})
	}
}

func TestByAnnotation(t *testing.T) {
	t.Parallel()
	info := mustParse(t, "info-2.55.1-two-repos-full-diff-incr.json")
	cases := map[string]struct {
		repo       int
		key, value string
		want       int
	}{
		"the run":                              {repo: 1, key: "workflow", value: "w1", want: 1},
		"the same run in another repository":   {repo: 2, key: "workflow", value: "w1"},
		"another run":                          {repo: 1, key: "workflow", value: "w2"},
		"a key that no backup has is not \"\"": {repo: 1, key: "other", value: ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := len(info.ByAnnotation(tc.repo, tc.key, tc.value)); got != tc.want {
				t.Errorf("%d backups, want %d", got, tc.want)
			}
		})
	}
}

func TestNewest(t *testing.T) {
	t.Parallel()
	chain := mustParse(t, "info-2.55.1-two-repos-full-diff-incr.json")
	broken := mustParse(t, "info-2.55.1-page-error.json")
	at := time.Unix(1795354109, 0).UTC()
	tie := Info{Backups: []Backup{{Label: "b", RepoKey: 1, Stop: at}, {Label: "a", RepoKey: 1, Stop: at}}}
	cases := map[string]struct {
		info Info
		repo int
		typ  string
		want string
	}{
		"of any type":                  {info: chain, repo: 1, want: "20261122-132826F_20261122-132834I"},
		"of one type":                  {info: chain, repo: 1, typ: TypeFull, want: "20261122-132826F"},
		"in another repository":        {info: chain, repo: 2, want: "20261122-132829F"},
		"of a type that is not there":  {info: chain, repo: 2, typ: TypeIncr},
		"one with errors is passed by": {info: broken, repo: 1, want: "20261122-132921F"},
		"two in the same second":       {info: tie, repo: 1, want: "b"},
		"none":                         {info: Info{}, repo: 1},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := tc.info.Newest(tc.repo, tc.typ)
			if got.Label != tc.want || ok != (tc.want != "") {
				t.Errorf("%q, %v, want %q", got.Label, ok, tc.want)
			}
		})
	}
}

func FuzzParseInfo(f *testing.F) {
	for _, name := range pgbackresttest.Samples(f, "info-*.json") {
		f.Add(pgbackresttest.Sample(f, name))
	}
	f.Fuzz(func(t *testing.T, stdout []byte) {
		info, err := ParseInfo(stdout, "main")
		if err != nil {
			if info.Stanza != "" || info.Backups != nil {
				t.Fatal("an Info beside an error")
			}
			return
		}
		if info.Stanza != "main" {
			t.Fatalf("stanza %q", info.Stanza)
		}
		again, err := ParseInfo(stdout, "main")
		if diff := cmp.Diff(info, again); err != nil || diff != "" {
			t.Fatalf("not deterministic: %v\n%s", err, diff)
		}
	})
}

func mustParse(t testing.TB, name string) Info {
	t.Helper()
	info, err := ParseInfo(pgbackresttest.Sample(t, name), "main")
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func TestNewestDatabase(t *testing.T) {
	t.Parallel()
	info, err := ParseInfo([]byte(`[{"name":"main","db":[
		{"id":2,"repo-key":1,"system-id":7710987021816380561,"version":"16"},
		{"id":1,"repo-key":1,"system-id":7710987001486039924,"version":"9.6"},
		{"id":1,"repo-key":2,"system-id":7710987001486039924,"version":"next"}]}]`), "main")
	if err != nil {
		t.Fatal(err)
	}
	newest, ok := info.NewestDatabase(1)
	if want := (Database{RepoKey: 1, ID: 2, Version: "16", SystemID: 7710987021816380561}); !ok || newest != want || newest.Major() != 16 {
		t.Errorf("newest of repo1 %+v, %t, want %+v", newest, ok, want)
	}
	if older, ok := info.Database(1, 1); !ok || older.Major() != 9 {
		t.Errorf("the older of repo1 %+v, %t, want 9.6", older, ok)
	}
	if unreadable, ok := info.NewestDatabase(2); !ok || unreadable.Major() != 0 {
		t.Errorf("newest of repo2 %+v, %t, want a major version that is not known", unreadable, ok)
	}
	if _, ok := info.NewestDatabase(3); ok {
		t.Error("repo3 has a database")
	}
	if _, ok := info.Database(2, 2); ok {
		t.Error("repo2 has a second database")
	}
}
