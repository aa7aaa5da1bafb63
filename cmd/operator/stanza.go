// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"sigs.k8s.io/json"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/fieldpath"
)

// decodeStanza reads a Stanza as the API server does: the case of a field counts.
// The API server drops an unknown field. decodeStanza refuses it, because whoever
// wrote it expects an effect.
func decodeStanza(text []byte) (stanzaflowv1alpha1.Stanza, error) {
	var stanza stanzaflowv1alpha1.Stanza
	unknown, err := json.UnmarshalStrict(text, &stanza)
	if err != nil {
		return stanza, err
	}
	var problems []string
	for _, err := range unknown {
		path := ""
		if field := json.FieldError(nil); errors.As(err, &field) {
			path = field.FieldPath()
		}
		switch {
		case strings.HasPrefix(path, "status."):
			// The status does not change the output, and another release may have written it.
		case path == "":
			problems = append(problems, err.Error())
		default:
			problems = append(problems, unknownField(path))
		}
	}
	if len(problems) > 0 {
		return stanza, errors.New(strings.Join(problems, "; "))
	}
	return stanza, nil
}

var index = regexp.MustCompile(`\[[0-9]+\]`)

func unknownField(path string) string {
	parent := path[:strings.LastIndex(path, ".")+1]
	known := fieldpath.Beside(fieldpath.Of(stanzaflowv1alpha1.Stanza{}), index.ReplaceAllString(path, ""))
	for _, name := range known {
		if strings.EqualFold(parent+name, path) {
			return fmt.Sprintf("there is no field %s, did you mean %s?", path, parent+name)
		}
	}
	if len(known) == 0 {
		return "there is no field " + path
	}
	return fmt.Sprintf("there is no field %s; the fields are %s", path, strings.Join(known, ", "))
}
