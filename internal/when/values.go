// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package when

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// read returns what is at each path of an object, nil where nothing is.
func read(object map[string]any, paths []path) map[string]any {
	values := make(map[string]any, len(paths))
	for _, path := range paths {
		var value any = object
		for _, step := range path.steps {
			value = at(value, step)
		}
		values[path.text] = visible(value, path.steps[len(path.steps)-1])
	}
	return values
}

// at goes one step into a value.
func at(value, step any) any {
	switch step := step.(type) {
	case string:
		object, _ := value.(map[string]any)
		return object[step]
	case int:
		if list, _ := value.([]any); step >= 0 && step < len(list) {
			return list[step]
		}
	}
	return nil
}

// visible is a value without what may hold a secret.
func visible(value, parent any) any {
	switch value := value.(type) {
	case map[string]any:
		seen := make(map[string]any, len(value))
		for member, inner := range value {
			if !hides(parent, member) {
				seen[member] = visible(inner, member)
			}
		}
		return seen
	case []any:
		seen := make([]any, len(value))
		for i, item := range value {
			seen[i] = visible(item, nil)
		}
		return seen
	}
	return value
}

// encode returns values as JSON.
func encode(values map[string]any) (string, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(values); err != nil {
		return "", errors.New("reads a value that is no JSON")
	}
	if text.Len() > MaxValues {
		return "", fmt.Errorf("reads more than %d bytes of the object; name members that are smaller", MaxValues)
	}
	return string(bytes.TrimSuffix(text.Bytes(), []byte("\n"))), nil
}

// errOther means that values are not those that the expression reads.
var errOther = errors.New("nothing is known of the object for this expression yet")

// decode returns what encode has written for the same paths.
func decode(text string, paths []path) (map[string]any, error) {
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.UseNumber()
	var values map[string]any
	if err := decoder.Decode(&values); err != nil || decoder.More() || len(values) != len(paths) {
		return nil, errOther
	}
	for _, path := range paths {
		value, ok := values[path.text]
		if !ok {
			return nil, errOther
		}
		values[path.text] = numbers(value)
	}
	return values, nil
}

// numbers makes the numbers in a value whole ones where they are, and others elsewhere.
func numbers(value any) any {
	switch value := value.(type) {
	case json.Number:
		if whole, err := value.Int64(); err == nil {
			return int(whole)
		}
		float, _ := value.Float64()
		return float
	case map[string]any:
		for member, inner := range value {
			value[member] = numbers(inner)
		}
	case []any:
		for i, item := range value {
			value[i] = numbers(item)
		}
	}
	return value
}
