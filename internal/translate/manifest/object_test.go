// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package manifest_test

import (
	"encoding/json"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
)

func TestCompact(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ object, want string }{
		"nothing":                         {`{}`, `{}`},
		"values stay":                     {`{"a": "", "b": 0, "c": false}`, `{"a": "", "b": 0, "c": false}`},
		"nulls, objects and lists go":     {`{"a": null, "b": {}, "c": [], "d": 1}`, `{"d": 1}`},
		"from the inside out":             {`{"a": {"b": {"c": [], "d": null}}}`, `{}`},
		"in the items of a list":          {`{"a": [{"b": {}, "c": 1}]}`, `{"a": [{"c": 1}]}`},
		"in a list of lists":              {`{"a": [[{"b": null}]]}`, `{"a": [[{}]]}`},
		"the items of a list stay":        {`{"a": [{}, null, [], 1]}`, `{"a": [{}, null, [], 1]}`},
		"an empty emptyDir is a volume":   {`{"volumes": [{"name": "tmp", "emptyDir": {}}]}`, `{"volumes": [{"name": "tmp", "emptyDir": {}}]}`},
		"an emptyDir that is null is not": {`{"volumes": [{"name": "tmp", "emptyDir": null}]}`, `{"volumes": [{"name": "tmp"}]}`},
	} {
		object, before := decode(t, tc.object), decode(t, tc.object)
		if diff := cmp.Diff(decode(t, tc.want), manifest.Compact(object)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(before, object); diff != "" {
			t.Errorf("%s: the object has changed (-before +after):\n%s", name, diff)
		}
	}
}

func decode(t *testing.T, text string) map[string]any {
	t.Helper()
	var object map[string]any
	if err := json.Unmarshal([]byte(text), &object); err != nil {
		t.Fatal(err)
	}
	return object
}

// The type of Argo writes a status of nulls, and leaves a false out.
func TestObjectOfACronWorkflow(t *testing.T) {
	t.Parallel()
	typed := wfv1.CronWorkflow{
		TypeMeta:   metav1.TypeMeta{APIVersion: "argoproj.io/v1alpha1", Kind: manifest.KindCronWorkflow},
		ObjectMeta: metav1.ObjectMeta{Name: "a"},
		Spec:       wfv1.CronWorkflowSpec{Schedules: []string{"@daily"}},
	}
	got, err := manifest.Object(&typed)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"apiVersion": "argoproj.io/v1alpha1", "kind": "CronWorkflow", "metadata": map[string]any{"name": "a"},
		"spec": map[string]any{"schedules": []any{"@daily"}, "suspend": false},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	typed.Spec.Suspend = true
	if got, err = manifest.Object(&typed); err != nil || got["spec"].(map[string]any)["suspend"] != true {
		t.Errorf("suspended: %v, %v", got["spec"], err)
	}
	if got, err := manifest.Object(func() {}); err == nil {
		t.Errorf("a function is encoded as %v", got)
	}
}
