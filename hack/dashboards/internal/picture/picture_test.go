// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package picture

import (
	"bytes"
	"encoding/json"
	"image/png"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/hack/dashboards/internal/record"
)

func TestWrite(t *testing.T) {
	t.Parallel()
	for want, value := range map[string]struct {
		number float64
		unit   string
	}{
		"0 s": {0, "s"}, "59 s": {59, "s"}, "1.5 min": {90, "s"}, "1 hour": {3600, "s"}, "2.03 hours": {7308, "s"}, "3 days": {259200, "s"}, "2 weeks": {1209600, "s"},
		"512 B": {512, "bytes"}, "1.5 MiB": {1572864, "bytes"}, "2 TiB": {2199023255552, "bytes"},
		"45 %": {0.45, "percentunit"}, "7": {7, "short"}, "1234": {1234.4, "short"}, "-5 s": {-5, "s"},
	} {
		if got := write(value.number, value.unit); got != want {
			t.Errorf("write(%v, %s) = %q, want %q", value.number, value.unit, got, want)
		}
	}
}

func TestRound(t *testing.T) {
	t.Parallel()
	for unit, cases := range map[string]map[float64]float64{
		"s":           {0.3: 0.5, 40: 60, 2500: 3600, 700000: 1209600},
		"bytes":       {0.7: 1, 700: 1000, 1500: 2048, 3.1e9: 5 << 30},
		"percentunit": {0.15: 0.2, 1.4: 2},
		"short":       {3: 5, 60: 100},
	} {
		for value, want := range cases {
			if got := round(value, unit); got < want*0.999 || got > want*1.001 {
				t.Errorf("round(%v, %s) = %v, want %v", value, unit, got, want)
			}
		}
	}
}

// table has a column for a label, one for a label with colours, and two values.
const table = `{"type": "table", "title": "t", "gridPos": {"h": 8, "w": 24, "x": 0, "y": 0},
"targets": [{"refId": "A", "expr": "a", "instant": true}, {"refId": "B", "expr": "b", "instant": true}],
"fieldConfig": {"overrides": [
 {"matcher": {"id": "byName", "options": "Ready"}, "properties": [{"id": "mappings", "value": []}]},
 {"matcher": {"id": "byName", "options": "RPO"}, "properties": [{"id": "unit", "value": "s"}, {"id": "thresholds", "value": {}}]}]},
"transformations": [{"id": "merge", "options": {}}, {"id": "organize", "options": {
 "renameByName": {"cluster": "Database", "status": "Ready", "Value #B": "RPO"}, "indexByName": {"cluster": 0, "status": 1, "Value #B": 3}}}]}`

// TestJoined joins two answers by the label that both have, as Grafana does.
func TestJoined(t *testing.T) {
	t.Parallel()
	panel := read(t, table)
	series := func(value float64, labels map[string]string) record.Series {
		return record.Series{Labels: labels, Values: []record.Point{{0, value}}}
	}
	r := record.Recording{Answers: map[string][]record.Series{
		"a": {series(1, map[string]string{"cluster": "shop", "status": "True"}), series(1, map[string]string{"cluster": "crm", "status": "False"})},
		"b": {series(90, map[string]string{"cluster": "crm"}), series(0, map[string]string{"cluster": "hr"})},
	}}
	columns, err := panel.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, row := range joined(panel, r, columns) {
		var texts []string
		for _, cell := range row {
			text := cell.text
			switch cell.of {
			case named["red"]:
				text += " red"
			case named["green"]:
				text += " green"
			}
			texts = append(texts, text)
		}
		got = append(got, strings.Join(texts, "|"))
	}
	if diff := cmp.Diff([]string{"crm|False red|1.5 min red", "hr||0 s", "shop|True green|"}, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// TestDraw draws a panel of each type, and twice the same.
func TestDraw(t *testing.T) {
	t.Parallel()
	d := record.Dashboard{Title: "one", Panels: []record.Panel{
		read(t, `{"type": "row", "title": "first", "gridPos": {"h": 1, "w": 24, "x": 0, "y": 0}}`),
		read(t, `{"type": "stat", "title": "number", "gridPos": {"h": 4, "w": 4, "x": 0, "y": 1}, "targets": [{"refId": "A", "expr": "a", "instant": true}]}`),
		read(t, `{"type": "timeseries", "title": "lines", "gridPos": {"h": 8, "w": 8, "x": 4, "y": 1}, "targets": [{"refId": "A", "expr": "a", "legendFormat": "{{cluster}}"}]}`),
		read(t, `{"type": "state-timeline", "title": "states", "gridPos": {"h": 8, "w": 12, "x": 12, "y": 1}, "targets": [{"refId": "A", "expr": "a", "legendFormat": "{{cluster}}"}]}`),
		read(t, table),
	}}
	d.Panels[4].GridPos.Y = 9
	begin := time.Date(2026, time.November, 29, 12, 0, 0, 0, time.UTC)
	r := record.Recording{Start: begin, End: begin.Add(time.Hour), Answers: map[string][]record.Series{
		"a": {{Labels: map[string]string{"cluster": "shop", "status": "True"}, Values: []record.Point{{0, 0}, {1800, 1}, {3600, 2}}}},
		"b": {{Labels: map[string]string{"cluster": "shop"}, Values: []record.Point{{3600, 0}}}},
	}}
	var first, second bytes.Buffer
	for _, out := range []*bytes.Buffer{&first, &second} {
		if err := Draw(out, d, r); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("the same dashboard and recording gave two pictures")
	}
	image, err := png.Decode(&first)
	if err != nil {
		t.Fatal(err)
	}
	if size := image.Bounds().Size(); size.X < 1200 || size.Y < 400 {
		t.Errorf("the picture has the size %v", size)
	}

	delete(r.Answers, "b")
	if err := Draw(&second, d, r); err == nil || !strings.Contains(err.Error(), "no answer to b") {
		t.Errorf("Draw = %v, want the query without an answer", err)
	}
	d.Panels = []record.Panel{read(t, `{"type": "heatmap", "title": "new", "targets": [{"refId": "A", "expr": "a"}]}`)}
	if err := Draw(&second, d, r); err == nil || !strings.Contains(err.Error(), "heatmap") {
		t.Errorf("Draw = %v, want the type that it cannot draw", err)
	}
}

func read(t *testing.T, text string) record.Panel {
	t.Helper()
	var panel record.Panel
	if err := json.Unmarshal([]byte(text), &panel); err != nil {
		t.Fatal(err)
	}
	return panel
}
