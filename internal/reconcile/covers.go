// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Of most kinds the API server fills in a lot, and a mesh or an autoscaler may
// have its say too. Of those we own what we send and compare only that. What we
// sent earlier and do not send any more cannot be seen in such a comparison, so
// the object carries a digest of what was applied last; server-side apply then
// takes away what was ours.

// partly reports whether we own only a part of the spec of an object.
func partly(object *unstructured.Unstructured) bool {
	switch object.GetKind() {
	case serviceKind.Kind, statefulSetKind.Kind, certificateKind.Kind:
		return true
	}
	return false
}

// covers reports whether everything in want is in have with the same value.
// Elements of a list are found by their names if they have such, else by their
// place in a list of the same length.
func covers(have, want any) bool {
	switch want := want.(type) {
	case map[string]any:
		fields, ok := have.(map[string]any)
		if !ok {
			return len(want) == 0 && have == nil
		}
		for key, value := range want {
			if !covers(fields[key], value) {
				return false
			}
		}
		return true
	case []any:
		list, _ := have.([]any)
		return coversList(list, want)
	}
	return equality.Semantic.DeepEqual(have, want)
}

func coversList(have, want []any) bool {
	named := namedElements(have)
	for i, element := range want {
		name, ok := nameOf(element)
		switch {
		case ok:
			there, ok := named[name]
			if !ok || !covers(there, element) {
				return false
			}
		case len(have) != len(want) || !covers(have[i], element):
			return false
		}
	}
	return true
}

func namedElements(list []any) map[string]any {
	named := map[string]any{}
	for _, element := range list {
		if name, ok := nameOf(element); ok {
			named[name] = element
		}
	}
	return named
}

// nameOf is by what server-side apply tells elements of a list apart: the
// mount path of a mount, the name of everything else that has one.
func nameOf(element any) (string, bool) {
	fields, _ := element.(map[string]any)
	for _, key := range []string{"mountPath", "name"} {
		if name, ok := fields[key].(string); ok {
			return key + " " + name, true
		}
	}
	return "", false
}

func annotate(object *unstructured.Unstructured, key, value string) {
	annotations := object.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[key] = value
	object.SetAnnotations(annotations)
}

// digest of an object. Its keys are sorted in JSON.
func digest(object *unstructured.Unstructured) string {
	data, err := json.Marshal(object.Object)
	if err != nil {
		// It was made of JSON.
		panic(err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}
