// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
)

// watchOf is a report of clusters in which no two numbers are alike, as in real ones.
func watchOf(clusters, backups int) Watch {
	random := rand.New(rand.NewPCG(15, 15))
	start := time.Date(2026, 3, 1, 1, 0, 0, 0, time.UTC)
	w := Watch{Start: start, End: start.Add(20 * time.Second), Clusters: map[string]Sample{}}
	for i := range clusters {
		at := start.Add(time.Duration(random.IntN(2e10)))
		archived, segment := at.Add(-time.Duration(random.IntN(3e11))), random.Uint32()
		oldest := at.AddDate(0, 0, -backups)
		repo := RepoSample{
			Cipher: "aes-256-cbc", Fulls: backups / 7, Oldest: &oldest,
			ArchiveMin: fmt.Sprintf("0000000100000000%08X", segment-1000), ArchiveMax: fmt.Sprintf("0000000100000000%08X", segment),
		}
		for b := range backups {
			stop := oldest.AddDate(0, 0, b).Add(time.Duration(random.IntN(3e12))).Truncate(time.Second)
			label := stop.Format("20060102-150405") + "F"
			repo.Labels = append(repo.Labels, label)
			if b >= backups-10 {
				repo.Newest = append(repo.Newest, stanzaflowv1alpha1.ListedBackup{
					Label: label, Type: "full", StartTime: metav1.NewTime(stop.Add(-time.Duration(random.IntN(1e12))).Truncate(time.Second)), StopTime: metav1.NewTime(stop),
					DatabaseBytes: random.Int64N(1e12), RepoBytes: random.Int64N(1e11), Run: fmt.Sprintf("%08x-%04x-4abc-9abc-%012x", random.Uint32(), random.IntN(1<<16), random.Int64N(1<<48)),
				})
			}
		}
		w.Clusters[fmt.Sprintf("cluster-%04d", i)] = Sample{
			Time: at, Volume: &Volume{Size: 107374182400, Free: random.Int64N(1e11)},
			WAL: &WAL{
				Timeline: 1, LSN: fmt.Sprintf("%X/%08X", segment>>8, random.Uint32()), Snapshot: fmt.Sprintf("%d:%[1]d:", random.Uint32()),
				LastArchived: repo.ArchiveMax, LastArchivedTime: &archived, Bytes: int64(64+random.IntN(64)) << 24, SegmentBytes: 16 << 20,
			},
			Repos: map[string]RepoSample{"repo1": repo},
		}
	}
	return w
}

func TestWatchRoundTrip(t *testing.T) {
	t.Parallel()
	w := watchOf(3, 12)
	w.Clusters["silent"] = Sample{Time: w.End, Message: "no pod of postgresql shop/silent has the labels {{x}}"}
	progress := 42
	w.Clusters["running"] = Sample{Time: w.End, Progress: &progress}
	text, err := w.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(string(text), "{}\n ") {
		t.Errorf("Argo could take a part of the report for a tag, or cut it:\n%s", text)
	}
	got, err := DecodeWatch(" " + string(text) + "\n")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(w, got); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
}

func pack(t testing.TB, plain string) string {
	t.Helper()
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	if _, err := writer.Write([]byte(plain)); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(packed.Bytes())
}

func TestDecodeWatchRefuses(t *testing.T) {
	t.Parallel()
	const times = `"start":"2026-03-01T01:00:00Z","end":"2026-03-01T01:00:20Z"`
	whole := pack(t, `{`+times+`,"clusters":{}}`)
	for name, test := range map[string]struct{ text, want string }{
		"nothing":                  {"", "the watch left no report"},
		"white space":              {" \n", "the watch left no report"},
		"plain JSON":               {"{}", "cannot decode report: illegal base64 data"},
		"not compressed":           {base64.StdEncoding.EncodeToString([]byte("{}")), "cannot decompress report: "},
		"cut":                      {whole[:len(whole)/2/4*4], "cannot decompress report: unexpected EOF"},
		"not JSON":                 {pack(t, "clusters"), "cannot decode report: invalid character"},
		"without times":            {pack(t, `{"clusters":{}}`), "report of a watch without its start and its end"},
		"without an end":           {pack(t, `{"start":"2026-03-01T01:00:00Z","clusters":{}}`), "report of a watch without its start and its end"},
		"a sample without a time":  {pack(t, `{`+times+`,"clusters":{"orders":{"message":"x"}}}`), "report has a sample of cluster orders without a time"},
		"a sample of another type": {pack(t, `{`+times+`,"clusters":{"orders":7}}`), "cannot decode report: json: cannot unmarshal number"},
		"larger than any watch":    {pack(t, strings.Repeat(" ", maxWatch+1)+`{}`), "cannot decode report: "},
	} {
		if w, err := DecodeWatch(test.text); err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s: %v, %v; want %q", name, w, err, test.want)
		}
	}
}

// TestSizeOfAWatch: a report grows by about 1 KB for each cluster.
func TestSizeOfAWatch(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ clusters, backups, most int }{{1, 30, 4 << 10}, {100, 30, 128 << 10}, {1000, 30, 1 << 20}} {
		text, err := watchOf(test.clusters, test.backups).Encode()
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("MEASURED report of %d clusters with %d backups each: %d bytes", test.clusters, test.backups, len(text))
		if len(text) > test.most {
			t.Errorf("the report of %d clusters has %d bytes, want %d at most", test.clusters, len(text), test.most)
		}
	}
}

// FuzzDecodeWatch: no text of a pod makes the operator fail, and none reads as a report
// without its times.
func FuzzDecodeWatch(f *testing.F) {
	for _, w := range []Watch{{}, watchOf(1, 0), watchOf(2, 12)} {
		text, err := w.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add("")
	f.Add("H4sIAAAAAAAA/w==")
	f.Fuzz(func(t *testing.T, text string) {
		w, err := DecodeWatch(text)
		if err != nil {
			return
		}
		if w.Start.IsZero() || w.End.IsZero() {
			t.Errorf("a report without times: %+v", w)
		}
		for name, sample := range w.Clusters {
			if sample.Time.IsZero() {
				t.Errorf("cluster %s without a time", name)
			}
		}
	})
}
