// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"math"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

func TestEncodeDecode(t *testing.T) {
	at := time.Date(2026, 3, 1, 1, 0, 0, 0, time.UTC)
	for name, want := range map[string]Report{
		"succeeded": {
			Result: stanzaflowv1alpha1.RunSucceeded, Step: "verify", Run: "6f1f2a52", Cluster: "orders", Repo: "repo1", Type: "incr", Trigger: "manual",
			Backup: &Backup{
				Label: "20260301-010000F_20260302-010000I", Type: "incr", Start: at, Stop: at.Add(time.Minute),
				DatabaseBytes: math.MaxInt64, RepoDeltaBytes: 4534133, LSNStart: "0/2000028", LSNStop: "0/3000050",
				WALStart: "000000010000000000000002", WALStop: "000000010000000000000003", WALSegments: 2, References: 1,
				PgBackRest: "2.55.1", OldestInRepo: at, BackupsInRepo: 2, FullsInRepo: 1,
				Storage: "pvc", Location: "pvc://repo1-orders-pgbackrest-repo-host-0", Cipher: "aes-256-cbc",
			},
			Retention: &Retention{Failed: true, Code: 50, Message: `pgbackrest expire failed: "quoted" <and> ünïcode`},
			Steps:     []Step{{Name: "begin", Start: at, Attempts: 1}, {Name: "backup", Start: at.Add(time.Second), Attempts: 2, Seconds: 61.25}},
		},
		"failed":  {Result: stanzaflowv1alpha1.RunFailed, Step: "backup", Message: "it failed", Code: 62, Run: "6f1f2a52"},
		"held":    {Result: stanzaflowv1alpha1.RunHeld, Step: "precheck", Message: "the gate is false"},
		"unknown": {Result: stanzaflowv1alpha1.RunUnknown, Step: "begin", Message: "the run ended before it could say how"},
	} {
		t.Run(name, func(t *testing.T) {
			want.Kind = vocab.RunBackup
			b, err := want.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if strings.ContainsAny(string(b), "\n\r") {
				t.Errorf("%q is more than one line", b)
			}
			got, err := Decode(string(b))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("report (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEncodeFails(t *testing.T) {
	if b, err := (Report{Steps: []Step{{Seconds: math.NaN()}}}).Encode(); err == nil {
		t.Errorf("encoded as %s", b)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"nothing":                        {"", "the run left no report"},
		"space":                          {" \n", "the run left no report"},
		"no JSON":                        {"Succeeded", "cannot decode report"},
		"half a report":                  {`{"result":"Failed","step":"ba`, "cannot decode report"},
		"more than a report":             {`{"result":"Failed"}{"result":"Succeeded"}`, "cannot decode report"},
		"a list":                         {`[]`, "cannot decode report"},
		"null":                           {`null`, `the result ""`},
		"no result":                      {`{}`, `the result ""`},
		"another result":                 {`{"result":"succeeded","backup":{"label":"20260301-010000F"}}`, `the result "succeeded"`},
		"a run that is not over":         {`{"result":"Running"}`, `the result "Running"`},
		"success without a backup":       {`{"result":"Succeeded"}`, "Succeeded without a backup"},
		"success without a label":        {`{"result":"Succeeded","backup":{"type":"full"}}`, "Succeeded without a backup"},
		"another kind of run":            {`{"kind":"clone","result":"Failed"}`, `the kind "clone"`},
		"success of an unreadable label": {`{"result":"Succeeded","backup":{"label":1}}`, "cannot decode report"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Decode(tc.text)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
			if diff := cmp.Diff(Report{}, r); diff != "" {
				t.Errorf("a refused report is not empty:\n%s", diff)
			}
		})
	}
}

// TestDecodeTakesMore: a newer step may say more than an older operator knows.
func TestDecodeTakesMore(t *testing.T) {
	r, err := Decode(`{"result":"Failed","mood":"bad"}` + "\n")
	if err != nil || r.Result != stanzaflowv1alpha1.RunFailed {
		t.Errorf("report %+v, error %v", r, err)
	}
}

// TestDecodeTakesABackupWithoutAKind, as older steps write it.
func TestDecodeTakesABackupWithoutAKind(t *testing.T) {
	r, err := Decode(`{"result":"Failed"}`)
	if err != nil || r.Kind != vocab.RunBackup {
		t.Errorf("report %+v, error %v; want the kind %q", r, err, vocab.RunBackup)
	}
}

func TestOneLine(t *testing.T) {
	long := strings.Repeat("a", MaxMessage)
	for name, tc := range map[string]struct{ text, want string }{
		"empty":              {"", ""},
		"one line":           {"it failed", "it failed"},
		"lines":              {" it\r\n\tfailed\u2028here\u0085 ", "it failed here"},
		"invalid":            {"it \xff\xfe failed", "it ? failed"},
		"as long as may be":  {long, long},
		"one byte too long":  {long + "a", long[:MaxMessage-3] + "…"},
		"cut in a character": {long[:MaxMessage-4] + "éé", long[:MaxMessage-4] + "éé"},
		"cut of a character": {long[:MaxMessage-4] + "ééé", long[:MaxMessage-4] + "…"},
		"spaces do not count": {
			strings.Repeat(" ", 2*MaxMessage) + "it failed", "it failed",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := OneLine(tc.text); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func FuzzOneLine(f *testing.F) {
	for _, seed := range []string{"", "it failed", "a\nb", "\xff", strings.Repeat("é", MaxMessage), strings.Repeat("\U0001F4BE", 200), strings.Repeat("\xf0", 600)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := OneLine(text)
		switch {
		case len(got) > MaxMessage:
			t.Errorf("%d bytes", len(got))
		case !utf8.ValidString(got):
			t.Errorf("%q is not valid UTF-8", got)
		case strings.ContainsFunc(got, func(r rune) bool { return r != ' ' && unicode.IsSpace(r) }):
			t.Errorf("%q is not one line", got)
		case OneLine(got) != got:
			t.Errorf("%q becomes %q the second time", got, OneLine(got))
		}
	})
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{"", "null", `{"result":"Failed"}`, `{"result":"Succeeded","backup":{"label":"20260301-010000F"}}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Decode(text)
		if err == nil && r.Result == stanzaflowv1alpha1.RunSucceeded && r.Backup == nil {
			t.Error("Succeeded without a backup")
		}
	})
}

// TestEncodeHasNoTag: Argo replaces tags in what one pod passes to the next, or waits for
// ever for what they name.
func TestEncodeHasNoTag(t *testing.T) {
	want := Report{Kind: vocab.RunBackup, Result: stanzaflowv1alpha1.RunFailed, Message: "no such key: s3://{{{workflow.name}}/{{=1/0}}"}
	b, err := want.Encode()
	if err != nil || strings.Contains(string(b), "{{") {
		t.Errorf("encoded as %s, %v", b, err)
	}
	got, err := Decode(string(b))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
}

func TestFormatBytes(t *testing.T) {
	for bytes, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.0 KB", 4534133: "4.3 MB", 1 << 30: "1.0 GB", 3 << 39: "1.5 TB", math.MaxInt64: "8192.0 PB",
	} {
		if got := FormatBytes(bytes); got != want {
			t.Errorf("%d bytes are %q, want %q", bytes, got, want)
		}
	}
}
