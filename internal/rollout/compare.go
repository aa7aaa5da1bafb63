// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// differences are the fields of want that live lacks or has with another value, sorted. A
// field that only live has is a default of the API server, or somebody's who may have it.
func differences(want, live *unstructured.Unstructured) []string {
	wanted := want.DeepCopy()
	unstructured.RemoveNestedField(wanted.Object, "metadata", "annotations", vocab.AnnotationBundle)
	return compare("", wanted.Object, live.Object)
}

// additions adds the fields of a template that only live has. The API server has no
// defaults for a template, so they are somebody's, and change what runs.
func additions(want, live *unstructured.Unstructured, found []string) []string {
	more := compare(".spec", live.Object["spec"], want.Object["spec"])
	found = slices.Concat(found, more)
	slices.Sort(found)
	return slices.Compact(found)
}

// changedByOthers reports whether somebody beside templates apply has set a field.
func changedByOthers(live *unstructured.Unstructured) bool {
	return slices.ContainsFunc(managers(live), func(name string) bool { return name != vocab.TemplatesManager })
}

func compare(path string, want, live any) []string {
	switch want := want.(type) {
	case map[string]any:
		have, _ := live.(map[string]any)
		if have == nil && len(want) > 0 {
			return []string{path}
		}
		var found []string
		for _, name := range slices.Sorted(maps.Keys(want)) {
			value, ok := have[name]
			if !ok && !isEmpty(want[name]) {
				found = append(found, path+"."+name)
				continue
			}
			found = append(found, compare(path+"."+name, want[name], value)...)
		}
		return found
	case []any:
		have, _ := live.([]any)
		if len(have) != len(want) {
			return []string{path}
		}
		var found []string
		for i := range want {
			found = append(found, compare(fmt.Sprintf("%s[%d]", path, i), want[i], have[i])...)
		}
		return found
	}
	if reflect.DeepEqual(want, live) || isEmpty(want) && isEmpty(live) {
		return nil
	}
	return []string{path}
}

// isEmpty reports whether a value is as good as none to the API server.
func isEmpty(value any) bool {
	switch value := value.(type) {
	case nil:
		return true
	case map[string]any:
		return len(value) == 0
	case []any:
		return len(value) == 0
	}
	return false
}

// managers are who has set a field of an object beside its status, sorted.
func managers(live *unstructured.Unstructured) []string {
	names := map[string]bool{}
	for _, entry := range live.GetManagedFields() {
		if entry.Subresource == "" && setsMore(entry) {
			names[entry.Manager] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// setsMore reports whether a manager has set anything but metadata, which controllers do.
func setsMore(entry metav1.ManagedFieldsEntry) bool {
	if entry.FieldsV1 == nil {
		return false
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(entry.FieldsV1.GetRawBytes(), &fields); err != nil {
		return false
	}
	delete(fields, "f:status")
	metadata, only := fields["f:metadata"], len(fields) == 1
	if !only || metadata == nil {
		return len(fields) > 0
	}
	// A ServiceAccount may have nothing but metadata. Its labels are somebody's.
	var inside map[string]json.RawMessage
	return json.Unmarshal(metadata, &inside) == nil && inside["f:labels"] != nil
}
