// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drill_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/drill"
)

func TestConfig(t *testing.T) {
	t.Parallel()
	want := drill.Config{
		DefaultRepo: 2, DataPath: "/data", Parameters: map[string]string{"timescaledb.license": "apache"}, VolumeBytes: 1 << 30,
		Drills: []stanzaflowv1alpha1.Drill{{
			Name: "weekly", SQL: []stanzaflowv1alpha1.SQLCheck{{Name: "one", Database: "shop", Query: "SELECT $$a$$, '{{workflow.name}}', $(HOME)\n", Equals: new("x")}},
		}},
	}
	text, err := want.Encode()
	if err != nil || strings.Contains(text, "{{") || strings.Contains(text, "$") {
		t.Fatalf("%v: Argo or Kubernetes would replace a part of %s", err, text)
	}
	got, err := drill.Decode(text)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v, config (-want +got):\n%s", err, diff)
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nothing":                  ``,
		"a field of another time":  `{"defaultRepo":1,"dataPath":"/data","encrypt":true}`,
		"a check of another time":  `{"defaultRepo":1,"dataPath":"/data","drills":[{"name":"a","checks":["Taste"]}]}`,
		"a target of another time": `{"defaultRepo":1,"dataPath":"/data","drills":[{"name":"a","target":"Oldest"}]}`,
		"no repo":                  `{"dataPath":"/data"}`,
		"no data path":             `{"defaultRepo":1}`,
	} {
		if c, err := drill.Decode(text); err == nil {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	c := drill.Config{DefaultRepo: 3, Drills: []stanzaflowv1alpha1.Drill{{Name: "none", Checks: []stanzaflowv1alpha1.DrillCheck{}}, {Name: "old", Repo: "repo1", Target: stanzaflowv1alpha1.TargetRandom}}}
	dump := []stanzaflowv1alpha1.DrillCheck{stanzaflowv1alpha1.CheckDump}
	for name, want := range map[string]stanzaflowv1alpha1.Drill{
		"":     {Repo: "repo3", Target: stanzaflowv1alpha1.TargetNewest, Checks: dump},
		"none": {Name: "none", Repo: "repo3", Target: stanzaflowv1alpha1.TargetNewest, Checks: []stanzaflowv1alpha1.DrillCheck{}},
		"old":  {Name: "old", Repo: "repo1", Target: stanzaflowv1alpha1.TargetRandom, Checks: dump},
	} {
		got, err := c.Find(name)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%q: %v, drill (-want +got):\n%s", name, err, diff)
		}
	}
	if _, err := c.Find("yearly"); err == nil {
		t.Error("there is a drill that nobody has written")
	}
}
