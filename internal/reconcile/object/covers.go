// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package object

import (
	"k8s.io/apimachinery/pkg/api/equality"
)

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

// nameOf identifies an element of a list as server-side apply does: by the mount
// path of a mount, or by the name of anything else that has one.
func nameOf(element any) (string, bool) {
	fields, _ := element.(map[string]any)
	for _, key := range []string{"mountPath", "name"} {
		if name, ok := fields[key].(string); ok {
			return key + " " + name, true
		}
	}
	return "", false
}
