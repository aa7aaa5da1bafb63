// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package object

import (
	"testing"

	"sigs.k8s.io/yaml"
)

func TestCovers(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		have, want string
		covers     bool
	}{
		"the same":                        {`{a: 1, b: [x]}`, `{a: 1, b: [x]}`, true},
		"more":                            {`{a: 1, b: {c: 2, d: 3}}`, `{b: {c: 2}}`, true},
		"another value":                   {`{a: 1}`, `{a: 2}`, false},
		"another type":                    {`{a: {b: 1}}`, `{a: [1]}`, false},
		"not there":                       {`{}`, `{a: 1}`, false},
		"an empty object that is not":     {`{}`, `{a: {}}`, true},
		"a text in place of an object":    {`{a: x}`, `{a: {}}`, false},
		"a longer list":                   {`{a: [x, z]}`, `{a: [x]}`, false},
		"a shorter list":                  {`{a: [x]}`, `{a: [x, z]}`, false},
		"another order":                   {`{a: [x, z]}`, `{a: [z, x]}`, false},
		"elements by name":                {`{a: [{name: x, more: 1}, {name: z}]}`, `{a: [{name: z}]}`, true},
		"an element that is not there":    {`{a: [{name: x}]}`, `{a: [{name: z}]}`, false},
		"an element that differs":         {`{a: [{name: x, v: 1}]}`, `{a: [{name: x, v: 2}]}`, false},
		"two mounts of one volume":        {`{a: [{name: x, mountPath: /a, readOnly: true}, {name: x, mountPath: /b}]}`, `{a: [{name: x, mountPath: /a, readOnly: true}]}`, true},
		"a mount that differs":            {`{a: [{name: x, mountPath: /a}, {name: x, mountPath: /b, readOnly: true}]}`, `{a: [{name: x, mountPath: /a, readOnly: true}]}`, false},
		"elements without a name, filled": {`{a: [{secret: {name: x, more: 1}}]}`, `{a: [{secret: {name: x}}]}`, true},
		"one more without a name":         {`{a: [{secret: {name: x}}, {secret: {name: z}}]}`, `{a: [{secret: {name: x}}]}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := covers(fromYAML(t, tc.have), fromYAML(t, tc.want)); got != tc.covers {
				t.Errorf("got %v", got)
			}
		})
	}
}

// fromYAML reads a value.
func fromYAML(t *testing.T, text string) any {
	t.Helper()
	var value any
	if err := yaml.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	return value
}
