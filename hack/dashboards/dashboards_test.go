// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/hack/dashboards/internal/record"
)

// TestGenerated shows that the committed JSON is what make generate writes.
func TestGenerated(t *testing.T) {
	t.Parallel()
	fresh := t.TempDir()
	if err := generate(fresh); err != nil {
		t.Fatal(err)
	}
	for name := range boards {
		want, got := readFile(t, filepath.Join(fresh, name+".json")), readFile(t, filepath.Join(generated, name+".json"))
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s.json: run make generate (-want +got):\n%s", name, diff)
		}
	}
}

// TestPictures shows that the pictures of the documentation are those of the dashboards and
// of the recordings that are committed.
func TestPictures(t *testing.T) {
	t.Parallel()
	fresh := t.TempDir()
	if err := drawAll(fresh); err != nil {
		t.Fatal(err)
	}
	for name := range boards {
		want, got := readFile(t, filepath.Join(fresh, name+".png")), readFile(t, filepath.Join(pictures, name+".png"))
		if at := differ(t, want, got); at != nil {
			t.Errorf("docs/pictures/%s.png is not what is drawn now, first at %v: go -C hack/dashboards run . draw", name, at)
		}
	}
}

// differ returns where two pictures differ first, nil if they do not. Another processor may
// round a colour differently.
func differ(t *testing.T, a, b []byte) *image.Point {
	t.Helper()
	const rounding = 0x1000
	one, other := decode(t, a), decode(t, b)
	if one.Bounds() != other.Bounds() {
		return &image.Point{}
	}
	for y := range one.Bounds().Dy() {
		for x := range one.Bounds().Dx() {
			r1, g1, b1, _ := one.At(x, y).RGBA()
			r2, g2, b2, _ := other.At(x, y).RGBA()
			if max(r1, r2)-min(r1, r2) > rounding || max(g1, g2)-min(g1, g2) > rounding || max(b1, b2)-min(b1, b2) > rounding {
				return &image.Point{X: x, Y: y}
			}
		}
	}
	return nil
}

func decode(t *testing.T, picture []byte) image.Image {
	t.Helper()
	decoded, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	return decoded
}

// TestPanels shows that the program can draw every panel, and that each has a title of its
// own and asks for the databases that it shows.
func TestPanels(t *testing.T) {
	t.Parallel()
	known := []string{record.TypeRow, record.TypeStat, record.TypeLines, record.TypeTimeline, record.TypeTable}
	for name := range boards {
		d, err := record.ReadDashboard(filepath.Join(generated, name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, panel := range d.Panels {
			if !strings.Contains(strings.Join(known, " "), panel.Type) {
				t.Errorf("%s: panel %s has type %s", name, panel.Title, panel.Type)
			}
			if seen[panel.Title] {
				t.Errorf("%s: two panels are called %s", name, panel.Title)
			}
			seen[panel.Title] = true
			for _, target := range panel.Targets {
				for _, left := range []string{"OF", "{}"} {
					if strings.Contains(target.Expr, left) {
						t.Errorf("%s: panel %s: %s has no matchers", name, panel.Title, target.Expr)
					}
				}
			}
		}
	}
}

// TestCheckNamesTheQueryWithoutData gives check a Prometheus that knows nothing.
func TestCheckNamesTheQueryWithoutData(t *testing.T) {
	t.Parallel()
	empty := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind := "matrix"
		if r.URL.Path == "/api/v1/query" {
			kind = "vector"
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"status":"success","data":{"resultType":"` + kind + `","result":[]}}`))
	}))
	defer empty.Close()
	err := check(t.Context(), []string{"--prometheus=" + empty.URL, "--namespace=cpo", "--cluster=cluster"}, &bytes.Buffer{})
	if err == nil || !strings.Contains(err.Error(), "return nothing") || !strings.Contains(err.Error(), "stanzaflow_") {
		t.Errorf("check = %v, want an error that names the queries", err)
	}
}

func TestUnknownCommand(t *testing.T) {
	t.Parallel()
	for _, arguments := range [][]string{nil, {"paint"}, {"generate", "a"}, {"draw", "a"}} {
		if err := run(t.Context(), arguments, &bytes.Buffer{}); err == nil {
			t.Errorf("%v was accepted", arguments)
		}
	}
}

func readFile(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
