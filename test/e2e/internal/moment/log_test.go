// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package moment

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// printed is output of pg_waldump 17. Transaction 745 began before 746 and committed
// after the restore point.
const printed = `rmgr: XLOG        len (rec/tot):     30/    30, tx:          0, lsn: 0/03000028, prev 0/02FFFFB8, desc: NEXTOID 24576
rmgr: Transaction len (rec/tot):     34/    34, tx:        746, lsn: 0/03000160, prev 0/03000120, desc: COMMIT 2026-11-29 09:10:11.123456 UTC
rmgr: Transaction len (rec/tot):     34/    34, tx:        747, lsn: 0/03000188, prev 0/03000160, desc: ABORT 2026-11-29 09:10:11.124456 UTC
rmgr: XLOG        len (rec/tot):     98/    98, tx:          0, lsn: 0/030001B0, prev 0/03000188, desc: RESTORE_POINT deploy-20261129T091011.125Z
rmgr: XLOG        len (rec/tot):     98/    98, tx:          0, lsn: 0/030001F0, prev 0/030001B0, desc: RESTORE_POINT pgBackRest Archive Check
rmgr: XLOG        len (rec/tot):     98/    98, tx:          0, lsn: 0/03000200, prev 0/030001F0, desc: RESTORE_POINT pgBackRest Archive Check
rmgr: Transaction len (rec/tot):     34/    34, tx:        745, lsn: 0/03000218, prev 0/030001B0, desc: COMMIT 2026-11-29 09:10:11.126456 UTC
`

func TestAt(t *testing.T) {
	t.Parallel()
	log, err := Parse(printed)
	if err != nil {
		t.Fatal(err)
	}
	rows := []Row{{"1", "745", "a"}, {"2", "746", "b"}, {"3", "745", "c"}}
	got, err := log.At("deploy-20261129T091011.125Z", rows)
	if diff := cmp.Diff([]Row{{"2", "746", "b"}}, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for name, tc := range map[string]struct {
		point, transaction, want string
	}{
		"no such restore point":     {"other", "746", "0 restore points other"},
		"a name that is used again": {"pgBackRest Archive Check", "746", "2 restore points pgBackRest Archive Check"},
		"the log begins too late":   {"deploy-20261129T091011.125Z", "7", "no commit of transaction 7"},
		"the transaction was lost":  {"deploy-20261129T091011.125Z", "747", "no commit of transaction 747"},
	} {
		if _, err := log.At(tc.point, []Row{{"9", tc.transaction, ""}}); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
}

// TestAtTime: the first commit or abort after the target ends the recovery, and what comes
// later in the WAL is not there.
func TestAtTime(t *testing.T) {
	t.Parallel()
	log, err := Parse(printed)
	if err != nil {
		t.Fatal(err)
	}
	rows := []Row{{"1", "745", "a"}, {"2", "746", "b"}}
	for name, tc := range map[string]struct {
		target string
		want   []Row
	}{
		"before the first commit":   {"09:10:11.123455", []Row{}},
		"exactly at a commit":       {"09:10:11.123456", []Row{{"2", "746", "b"}}},
		"between commit and commit": {"09:10:11.126455", []Row{{"2", "746", "b"}}},
	} {
		target, err := time.Parse("2006-01-02 15:04:05", "2026-11-29 "+tc.target)
		if err != nil {
			t.Fatal(err)
		}
		got, err := log.AtTime(target, rows)
		if diff := cmp.Diff(tc.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
	if _, err := log.AtTime(time.Date(2026, 11, 29, 9, 10, 11, 126456000, time.UTC), rows); err == nil {
		t.Error("a target that no commit follows is reached")
	}
}

func TestLastEnd(t *testing.T) {
	t.Parallel()
	log, err := Parse(printed)
	if err != nil {
		t.Fatal(err)
	}
	got, err := log.LastEnd("pgBackRest Archive Check")
	if want := time.Date(2026, 11, 29, 9, 10, 11, 124456000, time.UTC); err != nil || !got.Equal(want) {
		t.Errorf("%v %v, want %v", got, err, want)
	}
	if _, err := log.LastEnd("other"); err == nil {
		t.Error("a restore point that is not there has a transaction before it")
	}
}

func TestParseRefusesSubtransactions(t *testing.T) {
	t.Parallel()
	_, err := Parse(strings.Replace(printed, "09:10:11.123456 UTC", "09:10:11.123456 UTC; subxacts: 748", 1))
	if err == nil || !strings.Contains(err.Error(), "transaction 746 has subtransactions") {
		t.Errorf("%v", err)
	}
}
