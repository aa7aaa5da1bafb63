// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cpo

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/stanzaflow/stanzaflow/internal/nearmiss"
)

// This file finds the fields that nothing reads. Our CRD keeps them, and so does
// one of CPO's schemas; render reads files that no API server has seen.

// The fields of each part of the resource that we read, of every schema of CPO.
// What CPO alone reads is left to CPO.
var (
	backupFields        = []string{"pgbackrest"}
	sectionFields       = []string{"image", "configuration", "global", "repos", "resources", "restore", "env", "labels"}
	configurationFields = []string{"secret", "protection"}
	repoFields          = []string{"name", "storage", "resource", "endpoint", "region", "account", "key", "keyType", "schedule", "volume"}
	volumeFields        = []string{"size", "storageClass", "selector", "subPath", "isSubPathExpr", "iops", "throughput", "type"}
	selectorFields      = []string{"matchLabels", "matchExpressions"}
	resourcesFields     = []string{"requests", "limits"}
	quantityFields      = []string{"cpu", "memory"}
	// deadFields are in a schema of CPO or of Kubernetes, and nothing reads them.
	deadFields = []string{"pvcsize", "ephemeral-storage", "hugepages-2Mi", "hugepages-1Gi"}
)

// unknown finds the fields of an object that are not among the known ones. The
// known field that one of them is most likely meant to be is lost: that is a
// mistake. Any other unknown field is a warning.
func (d *decoder) unknown(object map[string]any, path string, known []string) {
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if object[name] != nil && !slices.Contains(known, name) && !slices.Contains(deadFields, name) {
			d.errors = append(d.errors, unknownField(path, name, known))
		}
	}
}

func unknownField(path, name string, known []string) FieldError {
	e := FieldError{Field: path, Message: "has a field that does not exist", Ignored: true}
	if word.MatchString(name) {
		e = FieldError{Field: join(path, name), Message: "does not exist", Ignored: true}
	}
	if meant := nearmiss.Of(name, known); meant != "" {
		e.Meant, e.Ignored = join(path, meant), false
		e.Message += "; did you mean " + meant + "?"
		return e
	}
	e.Message += ", and nothing reads it; the fields are " + strings.Join(known, ", ")
	return e
}

// word matches the name of a field that may be repeated. Any other may be a value,
// and so a credential, in the wrong place.
var word = regexp.MustCompile(`^[A-Za-z][A-Za-z_-]{0,23}$`)

// misspeltBackup finds a field of spec that is meant to be backup. The other fields
// of spec are CPO's.
func (d *decoder) misspeltBackup(spec map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(spec)) {
		if spec[name] != nil && word.MatchString(name) && nearmiss.Of(name, []string{"backup"}) != "" {
			d.errors = append(d.errors, unknownField("spec", name, []string{"backup"}))
		}
	}
}
