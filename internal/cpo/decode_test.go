// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cpo_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

func TestDecode(t *testing.T) {
	t.Parallel()
	const section = "spec.backup.pgbackrest"
	for name, tc := range map[string]struct {
		object     string
		want       cpo.Postgresql
		wantErrors []cpo.FieldError
	}{
		"nothing": {object: `null`},
		"no backup": {
			object: `{metadata: {name: a, namespace: b}, spec: {teamId: acid}}`,
			want:   cpo.Postgresql{Namespace: "b", Name: "a"},
		},
		"null is absent": {
			object: `{metadata: {name: a}, spec: {backup: {pgbackrest: null}}}`,
			want:   cpo.Postgresql{Name: "a"},
		},
		"everything": {
			object: `{metadata: {name: a}, spec: {backup: {pgbackrest: {
				image: x, configuration: {secret: s}, global: {process-max: "4", log-path: null},
				repos: [{name: repo2, storage: s3, resource: b, endpoint: e, region: r, volume: {size: 1Gi}, schedule: {full: 30 2 * * *, incr: "", diff: null}}],
			}}}}`,
			want: cpo.Postgresql{Name: "a", PgBackRest: &cpo.PgBackRest{
				Secret: "s", Global: map[string]string{"process-max": "4"},
				Repos: []cpo.Repo{{
					Name: "repo2", Storage: cpo.StorageS3, Resource: "b", Endpoint: "e", Region: "r",
					Schedule: map[string]string{cpo.Full: "30 2 * * *", cpo.Incr: ""},
				}},
			}},
		},
		"one wrong field does not hide the others": {
			object: `{metadata: {name: a}, spec: {backup: {pgbackrest: {global: {a: 1, b: x}, repos: [5, {name: 1, region: r, schedule: {full: 30, incr: x}}]}}}}`,
			want: cpo.Postgresql{Name: "a", PgBackRest: &cpo.PgBackRest{
				Global: map[string]string{"b": "x"},
				Repos:  []cpo.Repo{{}, {Region: "r", Schedule: map[string]string{cpo.Incr: "x"}}},
			}},
			wantErrors: []cpo.FieldError{
				{Field: section + ".global.a", Message: "must be a string; put the value in quotes"},
				{Field: section + ".repos[0]", Message: "must be an object with name and storage"},
				{Field: section + ".repos[1].name", Message: "must be a string; put the value in quotes"},
				{Field: section + ".repos[1].schedule.full", Message: "must be a string; put the value in quotes"},
			},
		},
		"a key that is no name is not repeated": {
			object: `{spec: {backup: {pgbackrest: {global: {"AKIA EXAMPLE": 1}}}}}`,
			want:   cpo.Postgresql{PgBackRest: &cpo.PgBackRest{Global: map[string]string{}}},
			wantErrors: []cpo.FieldError{
				{Field: section + ".global", Message: "must be a string; put the value in quotes"},
			},
		},
		"a type that there is not keeps its name and loses its value": {
			object: `{spec: {backup: {pgbackrest: {repos: [{schedule: {incremental: 0 1 * * *, weekly: {a: b}}}]}}}}`,
			want: cpo.Postgresql{PgBackRest: &cpo.PgBackRest{
				Repos: []cpo.Repo{{Schedule: map[string]string{"incremental": "", "weekly": ""}}},
			}},
		},
		"a section that is none": {
			object:     `{spec: {backup: {pgbackrest: true}}}`,
			wantErrors: []cpo.FieldError{{Field: section, Message: "must be an object"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var object map[string]any
			if err := yaml.UnmarshalStrict([]byte(tc.object), &object); err != nil {
				t.Fatal(err)
			}
			got, errs := cpo.Decode(object)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("decoded differs (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.wantErrors, errs); diff != "" {
				t.Errorf("errors differ (-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzDecode: whatever a resource holds, Decode gives the same answer each
// time, leaves the input alone and names fields and nothing else.
func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob("../translate/testdata/*/cr.yaml")
	if err != nil || len(files) < 30 {
		f.Fatalf("found %d seeds: %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	field := regexp.MustCompile(`^[a-zA-Z0-9.\[\]-]{1,160}$`)
	f.Fuzz(func(t *testing.T, text []byte) {
		var object map[string]any
		if len(text) > 16<<10 || yaml.Unmarshal(text, &object) != nil {
			return // no resource at all
		}
		before, err := json.Marshal(object)
		if err != nil {
			return // no resource at all
		}
		got, errs := cpo.Decode(object)
		if again, againErrs := cpo.Decode(object); !reflect.DeepEqual(got, again) || !reflect.DeepEqual(errs, againErrs) {
			t.Errorf("two answers for one input: %v, %v", errs, againErrs)
		}
		if after, _ := json.Marshal(object); string(after) != string(before) {
			t.Errorf("input changed from %s to %s", before, after)
		}
		for _, e := range errs {
			if !field.MatchString(e.Field) || e.Message == "" {
				t.Errorf("not a field path or no message: %q, %q", e.Field, e.Message)
			}
		}
		if got.PgBackRest == nil {
			return
		}
		for _, repo := range got.PgBackRest.Repos {
			for backupType, expression := range repo.Schedule {
				if backupType != cpo.Full && backupType != cpo.Diff && backupType != cpo.Incr && expression != "" {
					t.Errorf("schedule %q has a value", backupType)
				}
			}
		}
	})
}
