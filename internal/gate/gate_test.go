// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package gate_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/gate"
)

func TestOpen(t *testing.T) {
	facts := gate.Facts{
		Run:      gate.Run{Type: "incr"},
		Postgres: gate.Postgres{DatabaseBytes: 100},
		LastFull: &gate.Backup{Age: 30 * time.Hour, DatabaseBytes: 50},
	}
	for name, tc := range map[string]struct {
		expression string
		want       bool
		wantErr    string
	}{
		"no gate is open":                         {expression: "", want: true},
		"true lets through":                       {expression: `run.type == "incr"`, want: true},
		"false holds":                             {expression: `run.type == "full"`},
		"ages compare with durations":             {expression: `lastFull.age > duration("24h")`, want: true},
		"sizes compare with factors":              {expression: `postgres.databaseBytes < lastFull.databaseBytes * 1.5`},
		"a backup that is not there is nil":       {expression: `lastDiff == nil && archive.failedSince == nil`, want: true},
		"a field of nil is an error, not an open": {expression: `lastDiff.age > duration("1h")`, wantErr: "cannot be evaluated"},
		"an unknown variable does not compile":    {expression: `repo.freeBytes > 1`, wantErr: "does not compile"},
		"a number is not a gate":                  {expression: `1 + 1`, wantErr: "does not compile"},
		"an Argo expression is refused":           {expression: `{{workflow.name}} == ""`, wantErr: "holds {{"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := gate.Open(tc.expression, facts)
			switch {
			case tc.wantErr == "" && err != nil:
				t.Fatalf("unexpected error: %v", err)
			case tc.wantErr != "" && (err == nil || !strings.Contains(err.Error(), tc.wantErr)):
				t.Fatalf("error is %v, want one with %q", err, tc.wantErr)
			case err != nil && strings.Contains(err.Error(), "\n"):
				t.Errorf("error has more than one line: %q", err)
			}
			if got != tc.want {
				t.Errorf("open is %v, want %v", got, tc.want)
			}
		})
	}
}

// TestCheckFirst evaluates gates for the first run of a repo.
func TestCheckFirst(t *testing.T) {
	run := gate.Run{Namespace: "cpo", Cluster: "cluster", Repo: "repo1", Type: "full", Trigger: "schedule"}
	for expression, want := range map[string]string{
		"":                           "",
		"archive.failedSince == nil": "",
		"lastFull == nil || lastFull.age > duration(\"1h\")": "",
		"lastFull != nil":                                 "", // false is no error
		"lastBackup?.age == nil":                          "",
		"now().Hour() < 6 || lastFull.stop.Year() > 2000": "test lastFull == nil first",
		"now().Hour() == 12 && now().Weekday().String() == \"Wednesday\" || lastFull.stop.Year() > 2000": "",
		"repo.backups == 0":               "",
		"lastFull.age > duration(\"1h\")": "test lastFull == nil first",
		"postgres.databaseBytes < lastFull.databaseBytes + lastDiff.databaseBytes": "test lastDiff == nil and lastFull == nil first",
		"archive.lastArchived.Year() > 2000":                                       "test archive.lastArchived == nil first",
		"now().Sub(archive.failedSince) > duration(\"1h\")":                        "test archive.failedSince == nil first",
		"duration(\"a day\") > duration(\"1h\")":                                   "docs/gate.md lists the facts",
		"run.type != \"full\" || lastIncr.age > duration(\"1h\")":                  "test lastIncr == nil first",
	} {
		err := gate.CheckFirst(expression, run)
		if (err == nil) != (want == "") {
			t.Errorf("%s: %v, want %q", expression, err, want)
			continue
		}
		if err != nil && (!strings.HasPrefix(err.Error(), "fails while there is no backup yet: ") || !strings.HasSuffix(err.Error(), want) || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%s: %q, want one line that ends in %q", expression, err, want)
		}
	}
}
