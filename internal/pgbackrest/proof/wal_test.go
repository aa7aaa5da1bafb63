// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/pgbackresttest"
)

const megabyte = 1 << 20

func TestSegments(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		start, stop string
		bytes       uint64
		want        []string
	}{
		"one": {
			start: "000000010000000000000002", stop: "000000010000000000000002", bytes: 16 * megabyte,
			want: []string{"000000010000000000000002"},
		},
		"across a log file": {
			start: "0000000A00000001000000FE", stop: "0000000A0000000200000001", bytes: 16 * megabyte,
			want: []string{
				"0000000A00000001000000FE", "0000000A00000001000000FF", "0000000A0000000200000000", "0000000A0000000200000001",
			},
		},
		"a log file of four": {
			start: "000000010000000000000003", stop: "000000010000000100000001", bytes: 1024 * megabyte,
			want: []string{"000000010000000000000003", "000000010000000100000000", "000000010000000100000001"},
		},
		"a log file of 4096": {
			start: "000000010000000000000FFF", stop: "000000010000000100000000", bytes: megabyte,
			want: []string{"000000010000000000000FFF", "000000010000000100000000"},
		},
		"the last there can be": {
			start: "FFFFFFFFFFFFFFFF000000FE", stop: "FFFFFFFFFFFFFFFF000000FF", bytes: 16 * megabyte,
			want: []string{"FFFFFFFFFFFFFFFF000000FE", "FFFFFFFFFFFFFFFF000000FF"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Segments(tc.start, tc.stop, tc.bytes)
			if diff := cmp.Diff(tc.want, got); err != nil || diff != "" {
				t.Errorf("%v, (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestSegmentsIsBounded(t *testing.T) {
	t.Parallel()
	most, err := Segments("000000010000000000000000", "00000001000003FF000000FF", 16*megabyte)
	if err != nil || len(most) != maxSegments {
		t.Errorf("%d segments, %v", len(most), err)
	}
	_, err = Segments("000000010000000000000000", "000000010000040000000000", 16*megabyte)
	pgbackresttest.WantError(t, err, true, "")
}

func TestSegmentsRefuses(t *testing.T) {
	t.Parallel()
	const good = "000000010000000000000002"
	cases := map[string]struct {
		start, stop string
		bytes       uint64
	}{
		"no start":                          {start: "", stop: good, bytes: 16 * megabyte},
		"no stop":                           {start: good, stop: "", bytes: 16 * megabyte},
		"a short name":                      {start: good[1:], stop: good, bytes: 16 * megabyte},
		"a long name":                       {start: good + "0", stop: good, bytes: 16 * megabyte},
		"a digit that is none":              {start: good, stop: "00000001000000000000000G", bytes: 16 * megabyte},
		"a sign":                            {start: "+00000010000000000000002", stop: good, bytes: 16 * megabyte},
		"small letters":                     {start: good, stop: "00000001000000000000000a", bytes: 16 * megabyte},
		"another timeline":                  {start: good, stop: "000000020000000000000003", bytes: 16 * megabyte},
		"stop before start":                 {start: good, stop: "000000010000000000000001", bytes: 16 * megabyte},
		"an absurd count":                   {start: good, stop: "00000001FFFFFFFF000000FF", bytes: 16 * megabyte},
		"a segment beyond its log file":     {start: good, stop: "000000010000000000000004", bytes: 1024 * megabyte},
		"no segment size":                   {start: good, stop: good},
		"a segment size that is no power":   {start: good, stop: good, bytes: 17 * megabyte},
		"a segment size below the smallest": {start: good, stop: good, bytes: megabyte / 2},
		"a segment size above the greatest": {start: "000000010000000000000000", stop: "000000010000000000000000", bytes: 2048 * megabyte},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Segments(tc.start, tc.stop, tc.bytes)
			pgbackresttest.WantError(t, err, true, "")
		})
	}
}

func TestSegmentsTellsWhichEndIsWrong(t *testing.T) {
	t.Parallel()
	_, err := Segments("000000010000000000000002", "000000010000000000000001", 16*megabyte)
	if err == nil || !strings.Contains(err.Error(), "000000010000000000000001 is before 000000010000000000000002") {
		t.Errorf("got %v", err)
	}
}

func TestSegmentDirs(t *testing.T) {
	t.Parallel()
	got := SegmentDirs("db", "15-1", []string{
		"000000010000000100000000", "0000000100000000000000FE", "0000000100000000000000FF", "short",
	})
	want := []string{"archive/db/15-1/0000000100000000", "archive/db/15-1/0000000100000001"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParseRepoLS(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		stdout []byte
		want   []string
	}{
		"a directory": {
			stdout: pgbackresttest.Sample(t, "repo-ls-2.45.json"),
			want: []string{
				"20261122-122444F", "20261122-122444F_20261122-122452D", "20261122-122444F_20261122-122455I",
				"backup.history", "backup.info", "backup.info.copy",
			},
		},
		"recursively": {
			stdout: pgbackresttest.Sample(t, "repo-ls-2.55.1-recurse.json"),
			want:   []string{"archive/main/archive.info", "backup/main/backup.info"},
		},
		"a directory that does not exist": {stdout: []byte(`{".":{"type":"path"}}`)},
		"a store without directories":     {stdout: []byte(`{}`)},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := pgbackrest.ParseRepoLS(tc.stdout)
			if diff := cmp.Diff(tc.want, got); err != nil || diff != "" {
				t.Errorf("%v, (-want +got):\n%s", err, diff)
			}
		})
	}
	for _, text := range []string{"", "null", "[]", "ERROR: [029]: x", `{"a"`, `{"":{}}`} {
		_, err := pgbackrest.ParseRepoLS([]byte(text))
		pgbackresttest.WantError(t, err, true, "")
	}
}

func TestArchivedSegments(t *testing.T) {
	t.Parallel()
	const segment = "000000010000000000000001"
	sum, other := strings.Repeat("a1", 20), strings.Repeat("b2", 20)
	cases := map[string]struct {
		names []string
		want  map[string]bool
	}{
		"every compression": {
			names: []string{
				"000000010000000000000001-" + sum, "000000010000000000000002-" + sum + ".gz", "000000010000000000000003-" + sum + ".lz4",
				"000000010000000000000004-" + sum + ".zst", "000000010000000000000005-" + sum + ".bz2",
			},
			want: map[string]bool{
				"000000010000000000000001": true, "000000010000000000000002": true, "000000010000000000000003": true,
				"000000010000000000000004": true, "000000010000000000000005": true,
			},
		},
		"with its directory, from a recursive listing": {
			names: []string{"0000000100000000/" + segment + "-" + sum + ".zst"},
			want:  map[string]bool{segment: true},
		},
		"a partial segment does not count":  {names: []string{segment + ".partial-" + sum + ".zst"}, want: map[string]bool{}},
		"nor one being written":             {names: []string{segment + "-" + sum + ".zst.pgbackrest.tmp"}, want: map[string]bool{}},
		"nor history and backup files":      {names: []string{"00000002.history", segment + ".00000028.backup"}, want: map[string]bool{}},
		"nor one without a sum":             {names: []string{segment, segment + "-" + sum[1:]}, want: map[string]bool{}},
		"the same content twice is one":     {names: []string{segment + "-" + sum + ".gz", segment + "-" + sum + ".zst"}, want: map[string]bool{segment: true}},
		"different content is not restored": {names: []string{segment + "-" + sum, segment + "-" + other, segment + "-" + sum}, want: map[string]bool{segment: false}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, ArchivedSegments(tc.names)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
