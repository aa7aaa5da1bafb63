// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"strings"
	"testing"
	"time"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	config "github.com/stanzaflow/stanzaflow/internal/drill"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/wal"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

var expected = time.Date(2026, 11, 28, 5, 12, 11, 204981000, time.UTC)

// newest is the plan of a drill to the end of the archive.
func newest() Plan {
	return Plan{
		Report: report.Report{
			Kind: vocab.RunDrill, Result: stanzaflowv1alpha1.RunUnknown, Run: "6f1f2a52-0c0e-4d6b-9a5e-1b5f3c1d7e11", Cluster: "orders", Repo: "repo1",
			Drill: &report.Drill{
				Target: "Newest", Backup: "20261122-153309F", Timeline: 2, ExpectTime: &expected, ExpectLSN: "0/A000028", DatabaseBytes: 40 << 30,
			},
		},
		Config:   config.Config{DefaultRepo: 1, DataPath: "/home/postgres/pgdata/pgroot/data", VolumeBytes: 20 << 30},
		Timeline: "2", SystemID: "7312",
	}
}

func TestDiagnose(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 28, 5, 0, 4, 0, time.UTC)
	short := Reached{Time: &at, LSN: 0x9D4C190, SegmentBytes: wal.DefaultSize}
	const pgb = "2026-11-28 05:00:01.123 P00  ERROR: "
	for name, tc := range map[string]struct {
		end     End
		class   Class
		code    int
		missing bool
		want    []string
	}{
		"less than the newest commit": {
			End{Phase: PhaseReached, Reached: short},
			ClassPerson, 0, true,
			[]string{"recovery ended at 2026-11-28T05:00:04Z (0/9D4C190), the archive must reach 2026-11-28T05:12:11.204981Z", "WAL from 000000020000000000000009 on is missing or cannot be read in repo1", "make a full backup now"},
		},
		"nothing was replayed": {End{Phase: PhaseReached}, ClassPerson, 0, true, []string{"recovery ended, the archive must reach", "WAL from some segment on"}},
		"a target that is not reached": {
			End{Phase: PhaseReplay, Code: 1, Log: "FATAL:  recovery ended before configured recovery target was reached"},
			ClassPerson, 0, true,
			[]string{"recovery ended, the archive must reach 2026-11-28T05:12:11.204981Z"},
		},
		"the store went away in the replay": {
			End{Phase: PhaseReached, Reached: short, Log: pgb + "[049]: unable to connect to 's3:443': [111] Connection refused\nLOG:  redo done"},
			ClassAgain, 49, false,
			[]string{"repo1 was away while WAL was replayed", "[049]"},
		},
		"the store went away before a target": {
			End{Phase: PhaseReplay, Code: 1, Log: pgb + "[039]: HTTP request failed with 503\nFATAL:  recovery ended before configured recovery target was reached"},
			ClassAgain, 39, false,
			[]string{"repo1 was away"},
		},
		"the store went away early in a long log": {
			End{Phase: PhaseReached, Reached: short, Log: pgb + "[049]: unable to connect\n" + strings.Repeat("LOG:  restartpoint complete\n", 5000)}, ClassAgain, 49, false, []string{"repo1 was away"},
		},
		"WAL that cannot be decrypted": {
			End{Phase: PhaseReached, Reached: short, Log: pgb + "[095]: unable to flush"}, ClassPerson, 95, true, []string{"the archive must reach", "[095]"},
		},
		"WAL that cannot be decrypted, as a file that cannot be read": {
			End{Phase: PhaseReached, Reached: short, Log: pgb + "[042]: unable to get 00000002000000000000000A:\n         repo1: 17-1/x.lz4 [CryptoError] unable to flush"}, ClassPerson, 42, true, []string{"the archive must reach"},
		},
		"WAL with a wrong checksum": {
			End{Phase: PhaseReached, Reached: short, Log: "2026-11-28 05:00:04.675 UTC [77] LOG:  incorrect resource manager data checksum in record at 0/9D4C190"},
			ClassPerson, 0, true,
			[]string{"(LOG: incorrect resource manager data checksum in record at 0/9D4C190)"},
		},
		"WAL that ends PostgreSQL": {
			End{Phase: PhaseReplay, Code: 1, Log: "PANIC:  WAL contains references to invalid pages"}, ClassPerson, 0, true, []string{"WAL in repo1 is damaged", "PANIC: WAL contains"},
		},
		"no checkpoint": {
			End{Phase: PhaseReplay, Code: 1, Log: "FATAL:  could not locate required checkpoint record at 0/9000028"}, ClassPerson, 0, true, []string{"WAL in repo1 is damaged"},
		},
		"a checkpoint that is damaged": {
			End{Phase: PhaseReplay, Code: 1, Log: "LOG:  invalid resource manager ID in checkpoint record\nPANIC:  could not locate a valid checkpoint record"},
			ClassPerson, 0, true,
			[]string{"WAL in repo1 is damaged", "PANIC: could not locate"},
		},
		"WAL that does not fit the pages": {
			End{Phase: PhaseReplay, Code: 1, Log: "PANIC:  failed to add tuple\nCONTEXT:  WAL redo at 0/9000100"}, ClassPerson, 0, true, []string{"WAL in repo1 is damaged"},
		},
		"WAL that ends before the backup": {
			End{Phase: PhaseReplay, Code: 1, Log: "FATAL:  WAL ends before consistent recovery point"}, ClassPerson, 0, true, []string{"WAL from some segment on is missing"},
		},
		"a timeline whose history cannot be read": {
			End{Phase: PhaseReplay, Code: 1, Log: pgb + "[095]: unable to flush\nFATAL:  recovery target timeline 2 does not exist"}, ClassPerson, 95, true, []string{"[095]"},
		},
		"a timeline whose history was away": {
			End{Phase: PhaseReplay, Code: 1, Log: pgb + "[049]: unable to connect\nFATAL:  recovery target timeline 2 does not exist"}, ClassAgain, 49, false, []string{"repo1 was away"},
		},
		"a PANIC of the volume": {
			End{Phase: PhaseReplay, Code: 1, Log: "PANIC:  could not fsync file \"pg_wal/000000020000000000000009\": Input/output error"},
			ClassPerson, 0, false,
			[]string{"has failed PostgreSQL, not the backup", "Input/output error"},
		},
		"a PANIC of the volume, after an error of the archive": {
			End{Phase: PhaseReplay, Code: 1, Log: pgb + "[095]: unable to flush\nPANIC:  could not write to file \"pg_wal/x\": Input/output error"},
			ClassPerson, 0, false,
			[]string{"not the backup"},
		},
		"a PANIC of the node": {
			End{Phase: PhaseReplay, Code: 1, Log: "PANIC:  could not open file \"base/5/1259\": Too many open files"}, ClassPerson, 0, false, []string{"not the backup"},
		},
		"a PANIC that nobody knows": {
			End{Phase: PhaseReplay, Code: 1, Log: "PANIC:  stuck spinlock detected"}, ClassPerson, 0, false, []string{"PostgreSQL ended while it replayed WAL: PANIC: stuck spinlock"},
		},
		"a PANIC that nobody knows, after an error of the archive": {
			End{Phase: PhaseReplay, Code: 1, Log: pgb + "[095]: unable to flush\nPANIC:  stuck spinlock detected"}, ClassPerson, 0, false, []string{"PANIC: stuck spinlock"},
		},
		"replication origins": {
			End{Phase: PhaseReplay, Code: 1, Log: "PANIC:  could not find free replication state, increase \"max_replication_slots\""}, ClassBug, 0, false, []string{"increase \"max_replication_slots\""},
		},
		"a setting that is refused without FATAL": {
			End{Phase: PhaseReplay, Code: 1, Log: "postgres: superuser_reserved_connections (100) must be less than max_connections (20)\n"},
			ClassPerson, 0, false,
			[]string{"ended with code 1", "postgres: superuser_reserved_connections (100) must be less"},
		},
		"nothing was said": {End{Phase: PhaseReplay, Code: 1}, ClassPerson, 0, false, []string{"has said nothing"}},
		"another PostgreSQL": {
			End{Phase: PhaseRestore, Code: 46, Log: pgb + "[046]: invalid PostgreSQL version 170000"},
			ClassPerson, 46, false,
			[]string{"the pgBackRest of the image does not know the PostgreSQL of backup 20261122-153309F", "170000", "set restorePod.image"},
		},
		"a damaged file": {End{Phase: PhaseRestore, Code: 29, Log: pgb + "[029]: block map"}, ClassPerson, 29, false, []string{"a file of backup 20261122-153309F in repo1 is damaged, or the pass phrase is another one"}},
		"a wrong cipher": {End{Phase: PhaseRestore, Code: 95, Log: pgb + "[095]: unable to flush"}, ClassPerson, 95, false, []string{"or the pass phrase is another one: unable to flush"}},
		"a wrong block":  {End{Phase: PhaseRestore, Code: 42, Log: pgb + "[042]: unable to read\n repo1: x [FormatError] lz4"}, ClassPerson, 42, false, []string{"is damaged, or the pass phrase"}},
		"no store, as no set": {
			End{Phase: PhaseRestore, Code: 75, Log: "WARN: repo1: [HostConnectError] unable to load info file '/r/backup/db/backup.info'\nERROR: [075]: backup set 20261122-153309F is not valid"},
			ClassAgain, 75, false,
			[]string{"repo1 could not be read: [075]"},
		},
		"a wrong cipher, as no set": {
			End{Phase: PhaseRestore, Code: 75, Log: "WARN: repo1: [CryptoError] unable to load info file '/r/backup/db/backup.info'\nERROR: [075]: backup set 20261122-153309F is not valid"},
			ClassPerson, 75, false,
			[]string{"or the pass phrase is another one"},
		},
		"it has expired":  {End{Phase: PhaseRestore, Code: 75, Log: pgb + "[075]: backup set is not valid", Expired: true}, ClassAgain, 75, false, []string{"backup 20261122-153309F in repo1 has expired since the drill was planned"}},
		"a missing file":  {End{Phase: PhaseRestore, Code: 55, Log: pgb + "[055]: unable to open missing file"}, ClassPerson, 55, false, []string{"a file of backup 20261122-153309F is missing in repo1"}},
		"a timeline":      {End{Phase: PhaseRestore, Code: 58, Log: pgb + "[058]: target timeline 2 forked"}, ClassPerson, 58, false, []string{"timeline 2 is not in the history of backup 20261122-153309F", "a copy of the database archives"}},
		"a small volume":  {End{Phase: PhaseRestore, Code: 64, Log: pgb + "[064]: unable to write: [28] No space left on device"}, ClassPerson, 64, false, []string{"the volume of the drill of 20.0 GB is too small", "set restorePod.volume.size"}},
		"a full volume":   {End{Phase: PhaseReplay, Code: 1, Log: "PANIC:  could not write to file: No space left on device"}, ClassPerson, 0, false, []string{"too small to replay WAL"}},
		"no store":        {End{Phase: PhaseRestore, Code: 49, Log: pgb + "[049]: unable to connect"}, ClassAgain, 49, false, []string{"repo1 could not be read: [049]"}},
		"a store says no": {End{Phase: PhaseRestore, Code: 39, Log: pgb + "[039]: HTTP request failed with 403"}, ClassAgain, 39, false, []string{"repo1 could not be read: [039]"}},
		"a broken read":   {End{Phase: PhaseRestore, Code: 42, Log: pgb + "[042]: unexpected EOF"}, ClassAgain, 42, false, []string{"[042]"}},
		"a service":       {End{Phase: PhaseRestore, Code: 101, Log: pgb + "[101]: service"}, ClassAgain, 101, false, []string{"[101]"}},
		"not empty":       {End{Phase: PhaseRestore, Code: 40, Log: pgb + "[040]: unable to restore to path '/x' because it contains files"}, ClassBug, 40, false, []string{"the volume of the drill was not empty", "defect of Stanzaflow"}},
		"it runs":         {End{Phase: PhaseRestore, Code: 38, Log: pgb + "[038]: unable to restore while PostgreSQL is running"}, ClassBug, 38, false, []string{"not empty"}},
		"an option":       {End{Phase: PhaseRestore, Code: 31, Log: pgb + "[031]: option 'x' not valid"}, ClassPerson, 31, false, []string{"pgbackrest restore of backup 20261122-153309F in repo1 failed: [031]"}},
		"restore killed":  {End{Phase: PhaseRestore, Code: signalled}, ClassLost, 0, false, []string{"was killed", "restorePod.resources"}},
		"a library": {
			End{Phase: PhaseReplay, Code: 1, Log: "FATAL:  could not access file \"timescaledb\": No such file or directory"},
			ClassPerson, 0, false,
			[]string{"timescaledb", "set restorePod.parameters.shared_preload_libraries"},
		},
		"a library that must be loaded": {
			End{Phase: PhaseReplay, Code: 1, Log: "FATAL:  extension \"timescaledb\" must be preloaded"}, ClassPerson, 0, false, []string{"set restorePod.parameters.shared_preload_libraries"},
		},
		"settings too low": {
			End{Phase: PhaseReplay, Code: 1, Log: "FATAL:  recovery aborted because of insufficient parameter settings"}, ClassBug, 0, false, []string{"insufficient parameter settings", "defect of Stanzaflow"},
		},
		"prepared transactions": {
			End{Phase: PhaseReplay, Code: 1, Log: "FATAL:  maximum number of prepared transactions reached"}, ClassBug, 0, false, []string{"maximum number of prepared transactions"},
		},
		"no memory": {
			End{Phase: PhaseReplay, Code: 1, Log: "FATAL:  could not map anonymous shared memory: Cannot allocate memory"}, ClassPerson, 0, false, []string{"set restorePod.resources"},
		},
		"a client that was refused is not why": {
			End{Phase: PhaseReplay, Code: 1, Log: "FATAL:  the database system is not accepting connections\nFATAL:  data directory \"/x\" has wrong ownership"},
			ClassPerson, 0, false,
			[]string{"has wrong ownership"},
		},
		"another end":       {End{Phase: PhaseReplay, Code: 3, Log: "LOG:  starting"}, ClassPerson, 0, false, []string{"PostgreSQL ended with code 3"}},
		"PostgreSQL killed": {End{Phase: PhaseReplay, Code: signalled, Log: "FATAL:  the database system is starting up"}, ClassLost, 0, false, []string{"was killed"}},
		"no pgBackRest":     {End{Phase: PhaseStart, Code: notStarted, Log: "there is no program pgbackrest"}, ClassPerson, 0, false, []string{"the image has no pgBackRest", "set restorePod.image"}},
		"no PostgreSQL":     {End{Phase: PhaseBinaries, Version: "16"}, ClassPerson, 0, false, []string{"the image has no PostgreSQL 16", "restorePod.binDir"}},
		"a check":           {End{Phase: PhaseCheck, Detail: "check orders: 12, must be at least 1000"}, ClassPerson, 0, false, []string{"check orders: 12, must be at least 1000"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := Diagnose(newest(), tc.end)
			if got.Class != tc.class || got.Code != tc.code || got.DataMissing != tc.missing {
				t.Errorf("class %s, code %d, data missing %t; want %s, %d, %t: %s", got.Class, got.Code, got.DataMissing, tc.class, tc.code, tc.missing, got.Message)
			}
			for _, want := range tc.want {
				if !strings.Contains(got.Message, want) {
					t.Errorf("message %q has no %q", got.Message, want)
				}
			}
			if len(got.Message) > report.MaxMessage+200 || strings.Contains(got.Message, "\n") {
				t.Errorf("message %q", got.Message)
			}
		})
	}
}

// TestSilentLog: what the log alone says is not missing because the log says nothing.
func TestSilentLog(t *testing.T) {
	t.Parallel()
	const silent, redo = "WARNING:  something else", "LOG:  redo starts at 0/9000028\nLOG:  redo done at 0/9D4C190"
	for name, tc := range map[string]struct {
		target  string
		moment  *time.Time
		log     string
		missing bool
	}{
		"a moment, and a silent log":       {target: "Random", moment: &expected, log: silent},
		"a moment that was not reached":    {target: "Random", moment: &expected, log: redo, missing: true},
		"the backup, and a silent log":     {target: "Immediate", log: silent},
		"the backup, and not consistent":   {target: "Immediate", log: redo, missing: true},
		"the newest needs nothing of them": {target: "Newest", log: silent, missing: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newest()
			p.Report.Drill.Target, p.Report.Drill.Moment = tc.target, tc.moment
			got := Diagnose(p, End{Phase: PhaseReached, Log: tc.log})
			if got.DataMissing != tc.missing || (got.Class == ClassBug) == tc.missing {
				t.Errorf("class %s, data missing %t, want %t: %s", got.Class, got.DataMissing, tc.missing, got.Message)
			}
		})
	}
}
