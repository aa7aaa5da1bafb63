// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cpo_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

// manyOptions are the rest of an object.
func manyOptions(n int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, ", option-%d: x", i)
	}
	return text.String()
}

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
				repos: [{name: repo2, storage: s3, resource: b, endpoint: e, region: r, account: c, key: k, keyType: t, volume: {size: 1Gi, subPath: x}, schedule: {full: 30 2 * * *, incr: "", diff: null}}],
			}}}}`,
			want: cpo.Postgresql{Name: "a", PgBackRest: &cpo.PgBackRest{
				Image: "x", Secret: "s", Global: map[string]string{"process-max": "4"},
				Repos: []cpo.Repo{{
					Name: "repo2", Storage: cpo.StorageS3, Resource: "b", Endpoint: "e", Region: "r",
					Account: "c", Key: "k", KeyType: "t", Volume: &cpo.Volume{Size: "1Gi"},
					Schedule: map[string]string{cpo.Full: "30 2 * * *", cpo.Incr: ""},
				}},
			}},
		},
		"what the repo host is made of": {
			object: `{metadata: {name: a}, spec: {
				tolerations: [{key: dedicated, operator: Exists, tolerationSeconds: 60}, null, {unknown: x}],
				nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: disk, operator: In, values: [fast]}]}]}},
				podPriorityClassName: database,
				backup: {pgbackrest: {
					resources: {requests: {cpu: 250m, memory: 1Gi, hugepages-2Mi: 1Gi}, limits: {cpu: 2, memory: ""}},
					repos: [{volume: {size: 15Gi, storageClass: fast, selector: {matchLabels: {disk: backup}}}}, {volume: {selector: {}}}],
				}},
			}}`,
			want: cpo.Postgresql{
				Name: "a",
				PgBackRest: &cpo.PgBackRest{
					Resources: corev1.ResourceRequirements{
						Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("250m"), corev1.ResourceMemory: resource.MustParse("1Gi")},
						Limits:   corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("2")},
					},
					Repos: []cpo.Repo{
						{Volume: &cpo.Volume{Size: "15Gi", StorageClass: "fast", Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"disk": "backup"}}}},
						{Volume: &cpo.Volume{}},
					},
				},
				Scheduling: cpo.Scheduling{
					Tolerations: []corev1.Toleration{{Key: "dedicated", Operator: "Exists", TolerationSeconds: new(int64(60))}, {}},
					NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
						NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "disk", Operator: "In", Values: []string{"fast"}}}}},
					}},
					PriorityClassName: "database",
				},
			},
			wantErrors: []cpo.FieldError{
				{Field: "spec.tolerations[1]", Message: "must be an object with key, operator, value and effect"},
			},
		},
		"the case of a field counts, as for the API server": {
			object: `{Metadata: {name: a}, spec: {
				tolerations: [{Key: dedicated, operator: Exists}], podpriorityclassname: database,
				nodeAffinity: {RequiredDuringSchedulingIgnoredDuringExecution: {}},
				backup: {pgbackrest: {Image: x, repos: [{name: repo1, Schedule: {full: 0 1 * * *}, volume: {size: 1Gi, selector: {matchlabels: {a: b}}}}]}},
			}}`,
			want: cpo.Postgresql{
				PgBackRest: &cpo.PgBackRest{Repos: []cpo.Repo{{Name: "repo1", Volume: &cpo.Volume{Size: "1Gi", Selector: &metav1.LabelSelector{}}}}},
				Scheduling: cpo.Scheduling{Tolerations: []corev1.Toleration{{Operator: "Exists"}}, NodeAffinity: &corev1.NodeAffinity{}},
			},
			wantErrors: []cpo.FieldError{
				{Field: section + ".Image", Message: "does not exist; did you mean image?", Meant: section + ".image"},
				{Field: section + ".repos[0].Schedule", Message: "does not exist; did you mean schedule?", Meant: section + ".repos[0].schedule"},
				{Field: section + ".repos[0].volume.selector.matchlabels", Message: "does not exist; did you mean matchLabels?", Meant: section + ".repos[0].volume.selector.matchLabels"},
			},
		},
		"misspelt parents": {
			object: `{spec: {backups: {pgbackrest: {}}, backUp: null, backup: {pgBackRest: {}, pg_backrest: {}}}}`,
			wantErrors: []cpo.FieldError{
				{Field: "spec.backups", Message: "does not exist; did you mean backup?", Meant: "spec.backup"},
				{Field: "spec.backup.pgBackRest", Message: "does not exist; did you mean pgbackrest?", Meant: section},
				{Field: "spec.backup.pg_backrest", Message: "does not exist; did you mean pgbackrest?", Meant: section},
			},
		},
		"misspelt fields": {
			object: `{spec: {backup: {pgbackrest: {
				globals: {}, resources: {limit: {}, requests: {memry: 1Gi}}, configuration: {secretName: s},
				repos: [{storag: s3, regoin: r, "storage hunter2": x, schedule: {}, volume: {storageClassName: fast}}],
			}}}}`,
			want: cpo.Postgresql{PgBackRest: &cpo.PgBackRest{Repos: []cpo.Repo{{Volume: &cpo.Volume{}, Schedule: map[string]string{}}}}},
			wantErrors: []cpo.FieldError{
				{Field: section + ".globals", Message: "does not exist; did you mean global?", Meant: section + ".global"},
				{Field: section + ".configuration.secretName", Message: "does not exist; did you mean secret?", Meant: section + ".configuration.secret"},
				{Field: section + ".resources.limit", Message: "does not exist; did you mean limits?", Meant: section + ".resources.limits"},
				{Field: section + ".resources.requests.memry", Message: "does not exist; did you mean memory?", Meant: section + ".resources.requests.memory"},
				{Field: section + ".repos[0].regoin", Message: "does not exist; did you mean region?", Meant: section + ".repos[0].region"},
				{Field: section + ".repos[0].storag", Message: "does not exist; did you mean storage?", Meant: section + ".repos[0].storage"},
				{Field: section + ".repos[0]", Message: "has a field that does not exist; did you mean storage?", Meant: section + ".repos[0].storage"},
				{Field: section + ".repos[0].volume.storageClassName", Message: "does not exist; did you mean storageClass?", Meant: section + ".repos[0].volume.storageClass"},
			},
		},
		"fields of nobody": {
			object: `{spec: {backup: {walg: {}, pgbackrest: {AKIAIOSFODNN7EXAMPLE: x, tomorrow: x, today: null}}}}`,
			want:   cpo.Postgresql{PgBackRest: &cpo.PgBackRest{}},
			wantErrors: []cpo.FieldError{
				{Field: "spec.backup.walg", Message: "does not exist, and nothing reads it; the fields are pgbackrest", Ignored: true},
				{Field: section, Message: "has a field that does not exist, and nothing reads it; the fields are image, configuration, global, repos, resources, restore, env, labels", Ignored: true},
				{Field: section + ".tomorrow", Message: "does not exist, and nothing reads it; the fields are image, configuration, global, repos, resources, restore, env, labels", Ignored: true},
			},
		},
		"every field of CPO": {
			object: `{spec: {
				backup: {pgbackrest: {env: [{name: A}], labels: {a: b}, restore: {id: x, tomorrow: y}, configuration: {protection: {restore: true}},
					repos: [{pvcsize: 1Gi, volume: {size: 1Gi, iops: 1, throughput: 2, subPath: x, type: gp3, isSubPathExpr: true}}]}},
				clone: {cluster: a}, logicalBackupSchedule: x, enableLogicalBackup: true, standby: null, tde: {enable: true}, backslash: x,
			}}`,
			want: cpo.Postgresql{PgBackRest: &cpo.PgBackRest{
				Repos: []cpo.Repo{{Volume: &cpo.Volume{Size: "1Gi"}}}, Restore: cpo.Restore{ID: "x"}, Protected: true,
			}, Operation: cpo.Operation{Encrypted: true}},
		},
		"what the repo host cannot be made of": {
			object: `{spec: {
				tolerations: [hunter2, {key: [hunter2]}], nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: hunter2}, podPriorityClassName: [hunter2],
				backup: {pgbackrest: {
					image: [hunter2],
					resources: {requests: {cpu: hunter2, memory: 1e999999999}, limits: hunter2},
					repos: [
						{account: [hunter2], key: {hunter2: hunter2}, keyType: 5, volume: hunter2},
						{volume: {size: 15, storageClass: [hunter2], selector: {matchLabels: [hunter2]}}},
						{volume: {selector: hunter2}},
					],
				}},
			}}`,
			want: cpo.Postgresql{PgBackRest: &cpo.PgBackRest{Repos: []cpo.Repo{{}, {Volume: &cpo.Volume{}}, {Volume: &cpo.Volume{}}}}},
			wantErrors: []cpo.FieldError{
				{Field: "spec.tolerations[0]", Message: "must be an object with key, operator, value and effect"},
				{Field: "spec.tolerations[1]", Message: "must be an object with key, operator, value and effect"},
				{Field: "spec.nodeAffinity", Message: "has a part of the wrong type; kubectl explain shows the right one"},
				{Field: "spec.podPriorityClassName", Message: "must be a string; put the value in quotes"},
				{Field: section + ".image", Message: "must be a string; put the value in quotes"},
				{Field: section + ".resources.limits", Message: "must be an object"},
				{Field: section + ".resources.requests.cpu", Message: "must be a quantity such as 500m or 500Mi"},
				{Field: section + ".resources.requests.memory", Message: "must be a quantity such as 500m or 500Mi"},
				{Field: section + ".repos[0].account", Message: "must be a string; put the value in quotes"},
				{Field: section + ".repos[0].key", Message: "must be a string; put the value in quotes"},
				{Field: section + ".repos[0].keyType", Message: "must be a string; put the value in quotes"},
				{Field: section + ".repos[0].volume", Message: "must be an object"},
				{Field: section + ".repos[1].volume.size", Message: "must be a string; put the value in quotes"},
				{Field: section + ".repos[1].volume.storageClass", Message: "must be a string; put the value in quotes"},
				{Field: section + ".repos[1].volume.selector", Message: "has a part of the wrong type; kubectl explain shows the right one"},
				{Field: section + ".repos[2].volume.selector", Message: "must be an object"},
			},
		},
		"more than there can be": {
			object: `{spec: {backup: {pgbackrest: {
				image: ` + strings.Repeat("x", 4097) + `,
				global: {a: b` + manyOptions(256) + `},
				repos: [{name: repo1, schedule: {full: "` + strings.Repeat("0,", 128) + `0 1 * * *", incr: "0 2 * * *"}}],
			}}}}`,
			want: cpo.Postgresql{PgBackRest: &cpo.PgBackRest{
				Repos: []cpo.Repo{{Name: "repo1", Schedule: map[string]string{cpo.Incr: "0 2 * * *"}}},
			}},
			wantErrors: []cpo.FieldError{
				{Field: section + ".image", Message: "has 4097 bytes, must have at most 4096"},
				{Field: section + ".global", Message: "has 257 entries, must have at most 256"},
				{Field: section + ".repos[0].schedule.full", Message: "has 265 bytes, must have at most 256"},
			},
		},
		"more repos than there can be": {
			object: `{spec: {backup: {pgbackrest: {repos: [` + strings.Repeat("{name: repo1},", 17) + `]}}}}`,
			want:   cpo.Postgresql{PgBackRest: &cpo.PgBackRest{}},
			wantErrors: []cpo.FieldError{
				{Field: section + ".repos", Message: "has 17 entries; only repo1 to repo4 are supported"},
			},
		},
		"tolerations that are no list": {
			object:     `{spec: {tolerations: everywhere, backup: {pgbackrest: {}}}}`,
			want:       cpo.Postgresql{PgBackRest: &cpo.PgBackRest{}},
			wantErrors: []cpo.FieldError{{Field: "spec.tolerations", Message: "must be a list"}},
		},
		"a cluster without backup may run where it likes": {
			object: `{spec: {tolerations: everywhere}}`,
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

func TestIsQuantity(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"15Gi": true, "500m": true, "1": true, "0.5": true, "1.5Ti": true, "1e3": true, "100M": true, "2k": true,
		"": false, " 1": false, "15 GB": false, "15GB": false, "-1": false, "+1": false, ".5": false, "1e-3": false,
		"1e999": false, "1n": false, "15gi": false, "12345678901234567890": false, "1\n": false,
	} {
		if got := cpo.IsQuantity(text); got != want {
			t.Errorf("%q: %t", text, got)
		}
		if _, err := resource.ParseQuantity(text); want && err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// FuzzDecode checks that Decode gives the same answer each time, whatever a resource
// holds, does not change its input, and names fields and nothing else.
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
	field := regexp.MustCompile(`^[a-zA-Z0-9._\[\]-]{1,160}$`)
	f.Add([]byte(`{spec: {tolerations: [{key: 1}], nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: []}, backup: {pgbackrest: {resources: {requests: {cpu: 1e99, memory: []}}}}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var object map[string]any
		if len(text) > 16<<10 || yaml.Unmarshal(text, &object) != nil {
			return // not a resource
		}
		before, err := json.Marshal(object)
		if err != nil {
			return // not a resource
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
		for _, list := range []corev1.ResourceList{got.PgBackRest.Resources.Requests, got.PgBackRest.Resources.Limits} {
			for name, quantity := range list {
				if name != corev1.ResourceCPU && name != corev1.ResourceMemory || !cpo.IsQuantity(quantity.String()) && quantity.Sign() < 0 {
					t.Errorf("resource %s is %s", name, quantity.String())
				}
			}
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
