// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fieldpath

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// StanzaSchema is the name of the schema of Stanza in the OpenAPI document of its group.
const StanzaSchema = "dev.stanzaflow.v1alpha1.Stanza"

// schemaNode is the part of a schema that names fields.
type schemaNode struct {
	Properties map[string]schemaNode `json:"properties"`
	Items      *schemaNode           `json:"items"`
}

// Lost returns the outermost fields of a struct that a schema in an OpenAPI document does
// not have: those that the API server drops.
func Lost(document []byte, schema string, value any) ([]string, error) {
	var parsed struct {
		Components struct {
			Schemas map[string]schemaNode `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(document, &parsed); err != nil {
		return nil, err
	}
	root, ok := parsed.Components.Schemas[schema]
	if !ok {
		return nil, fmt.Errorf("the OpenAPI document has no %s", schema)
	}
	var lost []string
	for _, path := range Of(value) {
		inLost := func(outer string) bool { return strings.HasPrefix(path, outer+".") }
		if !root.has(strings.Split(path, ".")) && !slices.ContainsFunc(lost, inLost) {
			lost = append(lost, path)
		}
	}
	return lost, nil
}

func (n schemaNode) has(path []string) bool {
	if n.Items != nil {
		n = *n.Items
	}
	next, ok := n.Properties[path[0]]
	return ok && (len(path) == 1 || next.has(path[1:]))
}
