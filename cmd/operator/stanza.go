// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	stdjson "encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/json"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/fieldpath"
	"github.com/stanzaflow/stanzaflow/internal/nearmiss"
	"github.com/stanzaflow/stanzaflow/internal/translate/schedule"
)

// decodeStanza reads a Stanza as the API server does: the case of a field counts.
// The API server drops an unknown field. decodeStanza refuses it, because whoever
// wrote it expects an effect. It returns a sentence for each field that it refuses,
// and repeats no value.
func decodeStanza(object map[string]any) (stanzaflowv1alpha1.Stanza, []string) {
	object = (&unstructured.Unstructured{Object: object}).DeepCopy().Object
	problems := takeDuration(object)
	for {
		stanza, unknown, err := decodeStrict(object)
		if err == nil {
			return stanza, append(problems, unknown...)
		}
		path, message := plainTypeError(object)
		if inStatus(path) && remove(object, fieldStatus) {
			// Nobody writes a status, and another release may have written this one.
			continue
		}
		problems = append(problems, message)
		if !remove(object, path) {
			return stanza, problems
		}
	}
}

const fieldStatus = "status"

func inStatus(path string) bool {
	return path == fieldStatus || strings.HasPrefix(path, fieldStatus+".")
}

func decodeStrict(object map[string]any) (stanzaflowv1alpha1.Stanza, []string, error) {
	var stanza stanzaflowv1alpha1.Stanza
	text, err := stdjson.Marshal(object)
	if err != nil {
		return stanza, nil, err
	}
	errs, err := json.UnmarshalStrict(text, &stanza)
	var unknown []string
	for _, err := range errs {
		path := ""
		if field := json.FieldError(nil); errors.As(err, &field) {
			path = field.FieldPath()
		}
		switch {
		case inStatus(path):
			// Another release may have written it.
		case path == "":
			unknown = append(unknown, err.Error())
		default:
			unknown = append(unknown, unknownField(path))
		}
	}
	return stanza, unknown, err
}

// takeDuration takes out the durations that cannot be read. Their decoder does not say
// in which field they are.
func takeDuration(object map[string]any) []string {
	var problems []string
	for _, field := range []struct {
		path    []string
		message string
	}{
		{[]string{"spec", "certificate", "duration"}, "must be hours, minutes and seconds, such as 2160h"},
		{[]string{"spec", "window"}, schedule.ErrWindow.Error()},
	} {
		value, found, _ := unstructured.NestedString(object, field.path...)
		if _, err := time.ParseDuration(value); !found || err == nil {
			continue
		}
		unstructured.RemoveNestedField(object, field.path...)
		problems = append(problems, strings.Join(field.path, ".")+" "+field.message)
	}
	return problems
}

// plainTypeError finds the first field of a wrong type, and says what it must be.
func plainTypeError(object map[string]any) (path, message string) {
	text, _ := stdjson.Marshal(object) //nolint:errchkjson // It was JSON before.
	err := stdjson.Unmarshal(text, new(stanzaflowv1alpha1.Stanza))
	wrong := (*stdjson.UnmarshalTypeError)(nil)
	if !errors.As(err, &wrong) || wrong.Field == "" {
		return "", "has a value that cannot be read"
	}
	return wrong.Field, fmt.Sprintf("%s must be %s, not %s", wrong.Field, wanted(wrong.Type), found(wrong.Value))
}

func wanted(t reflect.Type) string {
	if name, ok := wantedKinds[t.Kind()]; ok {
		return name
	}
	return "a number"
}

const anObject = "an object"

var wantedKinds = map[reflect.Kind]string{
	reflect.Bool:   "true or false",
	reflect.String: "a string",
	reflect.Slice:  "a list",
	reflect.Struct: anObject,
	reflect.Map:    anObject,
}

// found describes a JSON value in the words of a YAML file.
func found(value string) string {
	kind, _, _ := strings.Cut(value, " ") // "number 5"
	switch kind {
	case "bool":
		return "true or false"
	case "array":
		return "a list"
	case "object":
		return anObject
	default:
		return "a " + kind
	}
}

// remove takes a field out of an object, and reports whether it was there.
func remove(object map[string]any, path string) bool {
	fields := strings.Split(path, ".")
	if _, ok, err := unstructured.NestedFieldNoCopy(object, fields...); !ok || err != nil {
		return false
	}
	unstructured.RemoveNestedField(object, fields...)
	return true
}

var index = regexp.MustCompile(`\[[0-9]+\]`)

func unknownField(path string) string {
	parent := path[:strings.LastIndex(path, ".")+1]
	known := fieldpath.Beside(fieldpath.Of(stanzaflowv1alpha1.Stanza{}), index.ReplaceAllString(path, ""))
	if name := nearmiss.Of(strings.TrimPrefix(path, parent), known); name != "" {
		return fmt.Sprintf("there is no field %s, did you mean %s?", path, parent+name)
	}
	if len(known) == 0 {
		return "there is no field " + path
	}
	return fmt.Sprintf("there is no field %s; the fields are %s", path, strings.Join(known, ", "))
}
