// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package wal

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLSN(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]LSN{"0/0": 0, "0/19006D40": 0x19006D40, "1/0": 1 << 32, "FFFFFFFF/FFFFFFFF": 1<<64 - 1, "a/b": 10<<32 + 11} {
		got, err := ParseLSN(text)
		if err != nil || got != want {
			t.Errorf("%q is %d, %v", text, got, err)
		}
		if got.String() != strings.ToUpper(text) {
			t.Errorf("%q prints as %s", text, got)
		}
	}
	for _, text := range []string{"", "0", "/", "0/", "/0", "0/0/0", "+1/0", "0x1/0", "0/123456789", "0/ 1", "-1/0", "g/0", "0/1_0"} {
		if got, err := ParseLSN(text); err == nil {
			t.Errorf("%q is %s", text, got)
		}
	}
}

func TestSegments(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		size Size
		name string
		want Segment
		lsn  string
	}{
		{DefaultSize, "000000010000000000000001", Segment{1, 1}, "0/1000028"},
		{DefaultSize, "0000000200000001000000FF", Segment{2, 511}, "1/FFFFFFFF"},
		{1 << 20, "0000000A0000000100000FFF", Segment{10, 8191}, "1/FFF00000"},
		{1 << 30, "000000010000000200000003", Segment{1, 11}, "2/C0000000"},
	} {
		got, err := tc.size.Parse(tc.name)
		if err != nil || got != tc.want {
			t.Errorf("%s is %+v, %v", tc.name, got, err)
		}
		if name := tc.size.Name(got); name != tc.name {
			t.Errorf("%+v is called %s", got, name)
		}
		at, err := ParseLSN(tc.lsn)
		if err != nil || tc.size.Of(got.Timeline, at) != got {
			t.Errorf("%s is in %+v, %v", tc.lsn, tc.size.Of(got.Timeline, at), err)
		}
	}
	for name, size := range map[string]Size{
		"00000001000000000000000": DefaultSize, "00000001000000000000000g": DefaultSize, "00000001000000000000000a": DefaultSize,
		"000000010000000000000100": DefaultSize, "000000010000000000000004": 1 << 30, "000000010000000000000001": 3 << 20,
		"000000010000000000000002": 0, "00000002.history": DefaultSize,
	} {
		if got, err := size.Parse(name); err == nil {
			t.Errorf("%s of segments of %d is %+v", name, size, got)
		}
	}
	if start := DefaultSize.Start(3); start.String() != "0/3000000" || DefaultSize.Number(start) != 3 || DefaultSize.LastNumber(start) != 2 {
		t.Errorf("segment 3 begins at %s", start)
	}
}

func TestSizeOf(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		pairs []Pair
		want  Size
		ok    bool
	}{
		"nothing":                  {nil, DefaultSize, true},
		"the usual":                {[]Pair{{"0/2000028", "000000010000000000000002"}}, DefaultSize, true},
		"64 MiB":                   {[]Pair{{"0/8000028", "000000010000000000000002"}, {"0/C000028", "000000010000000000000003"}}, 64 << 20, true},
		"1 MiB":                    {[]Pair{{"1/200028", "000000010000000100000002"}}, 1 << 20, true},
		"a stop at a boundary":     {[]Pair{{"0/3000000", "000000010000000000000002"}}, DefaultSize, true},
		"what contradicts itself":  {[]Pair{{"0/2000028", "000000010000000000000009"}}, 0, false},
		"what is not a position":   {[]Pair{{"2000028", "000000010000000000000002"}}, 0, false},
		"what is not even a name":  {[]Pair{{"0/2000028", "2"}}, 0, false},
		"two that do not go along": {[]Pair{{"0/8000028", "000000010000000000000002"}, {"0/2000028", "000000010000000000000002"}}, 0, false},
	} {
		if got, ok := SizeOf(tc.pairs); got != tc.want || ok != tc.ok {
			t.Errorf("%s: %d, %t", name, got, ok)
		}
	}
}

func TestHistory(t *testing.T) {
	t.Parallel()
	text := "1\t0/5000098\tbefore 2026-11-28 13:03:00+00\n\n# a remark\n3\t0/7000000\tno recovery target specified\n"
	history, err := ParseHistory(4, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(History{{1, 0x5000098}, {3, 0x7000000}}, history); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	path := history.Path(4)
	for number, want := range map[uint64]uint32{0: 1, 4: 1, 5: 3, 6: 3, 7: 4, 1000: 4} {
		if got := path.Timeline(number, DefaultSize); got != want {
			t.Errorf("segment %d is read of timeline %d, want %d", number, got, want)
		}
	}
	for _, tc := range []struct {
		timeline uint32
		at       LSN
		want     bool
	}{{1, 0x5000098, true}, {1, 0x5000099, false}, {2, 0, false}, {3, 0x7000000, true}, {4, 1 << 60, true}} {
		if got := path.Has(tc.timeline, tc.at); got != tc.want {
			t.Errorf("%s of timeline %d is on the path: %t", tc.at, tc.timeline, got)
		}
	}
	for name, text := range map[string]string{
		"nothing": "", "a remark": "# 1 0/1\n", "no position": "1\n", "no timeline": "x\t0/1\n", "timeline 0": "0\t0/1\n",
		"itself": "4\t0/1\n", "a child": "5\t0/1\n", "the younger first": "3\t0/1\n1\t0/2\n", "twice": "1\t0/1\n1\t0/2\n", "backwards": "1\t0/2\n2\t0/1\n",
		"no hexadecimal": "1\t0/x\n",
	} {
		if got, err := ParseHistory(4, []byte(text)); err == nil {
			t.Errorf("%s is %v", name, got)
		}
	}
}

const sum = "-0123456789abcdef0123456789abcdef01234567"

func TestListing(t *testing.T) {
	t.Parallel()
	text := `{".":{"type":"path"},"archive.info":{"type":"file","size":1,"time":1},
"17-1/0000000100000000":{"type":"path"},
"17-1/0000000100000000/000000010000000000000001` + sum + `.gz":{"type":"file","size":20,"time":1795354115},
"17-1/0000000100000000/000000010000000000000002` + sum + `":{"type":"file","size":16777216,"time":1795354116},
"17-1/0000000100000000/000000010000000000000003` + sum + `":{"type":"file","size":3000,"time":1795354117},
"17-1/0000000100000000/000000010000000000000004` + sum + `.zst":{"type":"file","size":0,"time":1795354118},
"17-1/0000000100000000/000000010000000000000005` + sum + `.lz4":{"type":"file","size":9,"time":1795354119},
"17-1/0000000100000000/000000010000000000000005-1123456789abcdef0123456789abcdef01234567.lz4":{"type":"file","size":9,"time":1795354120},
"17-1/0000000100000000/000000010000000000000006` + sum + `.gz.pgbackrest.tmp":{"type":"file","size":9,"time":1795354121},
"17-1/0000000100000000/000000010000000000000007.partial` + sum + `.gz":{"type":"file","size":9,"time":1795354122},
"17-1/0000000100000000/000000010000000000000002.00000028.backup":{"type":"file","size":9,"time":1795354123},
"17-1/00000002.history":{"type":"file","size":42,"time":1795354124},
"15-2/00000003.history":{"type":"file","size":42,"time":1795354125}}`
	listing, err := ParseListing(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	readable := map[string]bool{}
	for name, file := range listing["17-1"].Segments {
		readable[name[22:]] = file.Readable(DefaultSize)
	}
	want := map[string]bool{"01": true, "02": true, "03": false, "04": false, "05": false}
	if diff := cmp.Diff(want, readable); diff != "" {
		t.Errorf("readable segments (-want +got):\n%s", diff)
	}
	archive := listing["17-1"]
	for name, want := range map[string]string{"01": sum[1:], "05": sum[1:] + " 1" + sum[2:]} {
		if got := archive.Segments["0000000100000000000000"+name].Sum; got != want {
			t.Errorf("the checksum of %s is %q, want %q", name, got, want)
		}
	}
	at := time.Unix(1795354115, 0).UTC()
	if !archive.Segments["000000010000000000000001"].Time.Equal(at) || len(archive.Partials) != 1 || len(archive.Labels) != 1 || len(archive.Histories) != 1 {
		t.Errorf("archive %+v", archive)
	}
	if _, ok := listing["15-2"].Histories[3]; !ok || len(listing) != 2 {
		t.Errorf("archives %v", listing)
	}
	for name, text := range map[string]string{
		"nothing": "", "a list": "[]", "two": "{}{}", "half": `{"a":{"type":"file"`, "no size": `{"a":{"type":"file","time":1}}`,
		"no time": `{"a":{"type":"file","size":1}}`, "less than nothing": `{"a":{"type":"file","size":-1,"time":1}}`, "no object": `{"a":1}`,
	} {
		if got, err := ParseListing(strings.NewReader(text)); err == nil {
			t.Errorf("%s is %v", name, got)
		}
	}
}

// TestTwoFilesOfASegment: with and without compression, pgBackRest takes that without,
// whatever the order of the list.
func TestTwoFilesOfASegment(t *testing.T) {
	t.Parallel()
	name := "17-1/0000000100000000/000000010000000000000001" + sum
	for size, want := range map[int]bool{3000: false, 16777216: true} {
		plain, packed := fmt.Sprintf(`"%s":{"type":"file","size":%d,"time":1}`, name, size), `"`+name+`.gz":{"type":"file","size":20,"time":2}`
		for _, text := range []string{"{" + plain + "," + packed + "}", "{" + packed + "," + plain + "}"} {
			listing, err := ParseListing(strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			if file := listing["17-1"].Segments["000000010000000000000001"]; file.Readable(DefaultSize) != want || file.Sum != sum[1:] {
				t.Errorf("%s gives %+v", text, file)
			}
		}
	}
}

// FuzzParseHistory: what is read is in order, and a path through it has every position.
func FuzzParseHistory(f *testing.F) {
	f.Add(uint32(2), []byte("1\t0/5000098\tno recovery target specified\n"))
	f.Add(uint32(4), []byte("1\t0/5000098\t\n3\t0/7000000\tx\n"))
	f.Fuzz(func(t *testing.T, timeline uint32, text []byte) {
		history, err := ParseHistory(timeline, text)
		if err != nil {
			return
		}
		path := history.Path(timeline)
		last := uint32(0)
		for _, number := range []uint64{0, 1, 1 << 20, 1 << 40} {
			at := path.Timeline(number, DefaultSize)
			if at < last || at > timeline {
				t.Errorf("%q: segment %d is of timeline %d, after %d", text, number, at, last)
			}
			last = at
		}
	})
}

// FuzzParseListing: whatever a repository lists, segments have names.
func FuzzParseListing(f *testing.F) {
	f.Add([]byte(`{"17-1/0000000100000000/000000010000000000000001` + sum + `.gz":{"type":"file","size":20,"time":1}}`))
	f.Add([]byte(`{"17-1/00000002.history":{"type":"file","size":20,"time":1}}`))
	f.Fuzz(func(t *testing.T, stdout []byte) {
		listing, err := ParseListing(bytes.NewReader(stdout))
		if err != nil && listing != nil {
			t.Errorf("%v beside %v", listing, err)
		}
		for _, archive := range listing {
			for name := range archive.Segments {
				if !isName(name) {
					t.Errorf("%q gives the segment %q", stdout, name)
				}
			}
		}
	})
}

// FuzzSegment: a name that is read is written again.
func FuzzSegment(f *testing.F) {
	f.Add("0000000200000001000000FF", uint64(DefaultSize))
	f.Add("0000000200000001000000FF", uint64(1<<30))
	f.Fuzz(func(t *testing.T, name string, size uint64) {
		segment, err := Size(size).Parse(name)
		if err == nil && Size(size).Name(segment) != name {
			t.Errorf("%s becomes %s", name, Size(size).Name(segment))
		}
	})
}

// FuzzLSN: a position that is read is the same when it is written and read again.
func FuzzLSN(f *testing.F) {
	f.Add("0/19006D40")
	f.Fuzz(func(t *testing.T, text string) {
		at, err := ParseLSN(text)
		if err != nil {
			return
		}
		if again, err := ParseLSN(at.String()); err != nil || again != at {
			t.Errorf("%q is %s and then %s, %v", text, at, again, err)
		}
	})
}
