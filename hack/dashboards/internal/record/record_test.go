// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// dashboard has a panel of each way to ask.
const dashboard = `{"title": "one", "panels": [
{"type": "row", "title": "first"},
{"type": "stat", "title": "now", "targets": [{"refId": "A", "expr": "count(a{namespace=~\"$namespace\"})", "instant": true}]},
{"type": "timeseries", "title": "over time", "targets": [{"refId": "A", "expr": "b{namespace=\"$namespace\",cluster=\"$cluster\"}[$__range]", "legendFormat": "{{type}}: {{repo}}"}]}]}`

func TestAskFillsTheVariablesAndKeepsTheAnswers(t *testing.T) {
	t.Parallel()
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		asked = append(asked, r.URL.Path+" "+r.Form.Get("query"))
		answer := `{"resultType":"vector","result":[{"metric":{},"value":[1795361580,"3"]}]}`
		if strings.HasSuffix(r.URL.Path, "query_range") {
			answer = `{"resultType":"matrix","result":[{"metric":{"__name__":"b","job":"j","instance":"i","type":"full","repo":"repo1"},"values":[[1795357980,"0.123456789"],[1795359000,"NaN"],[1795361580,"1234567"]]},{"metric":{"type":"never"},"values":[[1795361580,"+Inf"]]}]}`
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"status":"success","data":` + answer + `}`))
	}))
	defer server.Close()
	var d Dashboard
	if err := json.Unmarshal([]byte(dashboard), &d); err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1795361580, 0)
	r, err := Ask(t.Context(), server.URL, d, Choice{Namespace: "cpo", Cluster: "shop", Range: time.Hour}, now)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`/api/v1/query count(a{namespace=~".*"})`, `/api/v1/query_range b{namespace="cpo",cluster="shop"}[1h]`}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("queries (-want +got):\n%s", diff)
	}
	answer := r.Answers[d.Panels[2].Targets[0].Expr]
	if diff := cmp.Diff([]Series{{Labels: map[string]string{"type": "full", "repo": "repo1"}, Values: []Point{{0, 0.12346}, {3600, 1234600}}}}, answer); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	if got := answer[0].Legend(d.Panels[2].Targets[0].Legend); got != "full: repo1" {
		t.Errorf("legend %q", got)
	}

	file := filepath.Join(t.TempDir(), "recording.json")
	if err := r.Write(file); err != nil {
		t.Fatal(err)
	}
	again, err := Read(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, again); diff != "" {
		t.Errorf("a recording that was written and read differs (-before +after):\n%s", diff)
	}
	if err := again.Complete(d); err != nil {
		t.Error(err)
	}
	d.Panels[1].Targets[0].Expr = "count(c)"
	if err := again.Complete(d); err == nil || !strings.Contains(err.Error(), "count(c)") {
		t.Errorf("Complete = %v, want the query that the recording has not", err)
	}
}

func TestAskReportsAnError(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"status":"error","errorType":"bad_data","error":"parse error"}`))
	}))
	defer server.Close()
	var d Dashboard
	if err := json.Unmarshal([]byte(dashboard), &d); err != nil {
		t.Fatal(err)
	}
	if _, err := Ask(t.Context(), server.URL, d, Choice{}, time.Now()); err == nil || !strings.Contains(err.Error(), "panel now") {
		t.Errorf("Ask = %v, want an error that names the panel", err)
	}
}
