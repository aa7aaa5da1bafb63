// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fieldpath

import (
	"reflect"
	"slices"
	"strings"
)

// Of returns the paths of all fields of a struct, sorted: status.schedules.type.
// It descends into types of the same package. A type of another package is one
// field.
func Of(value any) []string {
	var paths []string
	root := reflect.TypeOf(value)
	walk(root, root.PkgPath(), "", &paths)
	slices.Sort(paths)
	return paths
}

func walk(t reflect.Type, pkg, prefix string, paths *[]string) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t.PkgPath() != pkg {
		return
	}
	for field := range t.Fields() {
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case options == "inline":
			walkInline(field.Type, prefix, paths)
		case name != "" && name != "-":
			*paths = append(*paths, prefix+name)
			walk(field.Type, pkg, prefix+name+".", paths)
		}
	}
}

// walkInline descends into a type of another package, such as TypeMeta.
func walkInline(t reflect.Type, prefix string, paths *[]string) {
	walk(t, t.PkgPath(), prefix, paths)
}

// Beside returns the names of all fields with the parent of a path: for
// spec.timezone those of spec.
func Beside(paths []string, path string) []string {
	parent := path[:strings.LastIndex(path, ".")+1]
	var names []string
	for _, p := range paths {
		if name, ok := strings.CutPrefix(p, parent); ok && !strings.Contains(name, ".") {
			names = append(names, name)
		}
	}
	return names
}
