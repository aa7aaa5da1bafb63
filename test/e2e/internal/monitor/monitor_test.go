// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package monitor

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHastenChangesOnlyTheWaits(t *testing.T) {
	t.Parallel()
	got, err := Hasten([]byte(`groups:
- name: stanzaflow
  interval: 1m
  rules:
  - alert: Late
    expr: a > 1
    for: 15m
    keep_firing_for: 1h
    labels: {severity: warning}
  - alert: AtOnce
    expr: b == 0
  - record: c
    expr: sum(a)
`))
	want := `groups:
- name: stanzaflow
  rules:
  - alert: Late
    expr: a > 1
    for: 5s
    labels:
      severity: warning
  - alert: AtOnce
    expr: b == 0
  - expr: sum(a)
    record: c
`
	if diff := cmp.Diff(want, string(got)); err != nil || diff != "" {
		t.Errorf("Hasten = %v (-want +got):\n%s", err, diff)
	}
	for name, bad := range map[string]string{"no YAML": "}", "no alert": "groups: []", "another file": "spec: {}"} {
		if got, err := Hasten([]byte(bad)); err == nil {
			t.Errorf("%s: got %s, want an error", name, got)
		}
	}
}

func TestDecodeVector(t *testing.T) {
	t.Parallel()
	got, err := decodeVector([]byte(`{"status":"success","data":{"resultType":"vector","result":[
{"metric":{"__name__":"up","job":"stanzaflow","instance":"1.2.3.4:8443","namespace":"b"},"value":[1795361580.1,"1"]},
{"metric":{"__name__":"up","namespace":"a"},"value":[1795361580.1,"0.25"]}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, sample := range got {
		texts = append(texts, sample.String())
	}
	if diff := cmp.Diff([]string{`up{namespace="a"} 0.25`, `up{namespace="b"} 1`}, texts); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, bad := range map[string]string{
		"no JSON":      "service unavailable",
		"an error":     `{"status":"error","errorType":"bad_data","error":"parse error"}`,
		"a matrix":     `{"status":"success","data":{"resultType":"matrix","result":[]}}`,
		"not a number": `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"x"]}]}}`,
	} {
		if got, err := decodeVector([]byte(bad)); err == nil {
			t.Errorf("%s: got %v, want an error", name, got)
		}
	}
}

func TestNamesAreOnce(t *testing.T) {
	t.Parallel()
	alerts := []Alert{{Labels: map[string]string{"alertname": "B", "repo": "repo1"}}, {Labels: map[string]string{"alertname": "B"}}, {Labels: map[string]string{"alertname": "A"}}}
	if diff := cmp.Diff([]string{"A", "B"}, Names(alerts)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
