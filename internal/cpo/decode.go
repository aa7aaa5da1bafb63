// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cpo

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
)

// FieldError is one field of a postgresql resource that could not be read, or that
// does not exist.
type FieldError struct {
	// Field is the path in the resource, as kubectl explain spells it with
	// indices: spec.backup.pgbackrest.repos[0].schedule.full.
	Field string
	// Message says what is wrong and what to do. It never quotes a value: that
	// may be a credential, in its own field or in the wrong one.
	Message string
	// Meant is the field that a misspelt one is meant to be. Whatever that should
	// hold is not known.
	Meant string
	// Ignored is true for a field that does not exist and is close to none that
	// does. Nothing is lost with it.
	Ignored bool
}

// Lost is the field whose value is not known.
func (e FieldError) Lost() string { return cmp.Or(e.Meant, e.Field) }

// Limits of what is read. They are far above what anybody needs, and low enough
// that the result fits into the objects that we write.
const (
	maxText     = 4096
	maxSchedule = 256
	maxRepos    = 16
	maxOptions  = 256
)

// Decode reads a postgresql resource from unstructured JSON. It is total: every
// input gives a Postgresql and a FieldError for each part that was left out, and for
// each field that does not exist in a part that we read. It does not change its
// input.
func Decode(object map[string]any) (Postgresql, []FieldError) {
	d := &decoder{}
	metadata := d.object(object, "", "metadata")
	p := Postgresql{
		Namespace: d.text(metadata, "metadata", "namespace"),
		Name:      d.text(metadata, "metadata", "name"),
		Operation: operation(object),
	}
	spec := d.object(object, "", "spec")
	p.Version = version(spec)
	d.misspeltBackup(spec)
	backup := d.object(spec, "spec", "backup")
	d.unknown(backup, "spec.backup", backupFields)
	section := d.object(backup, "spec.backup", "pgbackrest")
	if section == nil {
		return p, d.errors
	}
	p.Scheduling = d.scheduling(spec)
	d.unknown(section, Section, sectionFields)
	configuration := d.object(section, Section, "configuration")
	d.unknown(configuration, Section+".configuration", configurationFields)
	p.PgBackRest = &PgBackRest{
		Image:     d.text(section, Section, "image"),
		Resources: d.resources(section),
		Secret:    d.text(configuration, Section+".configuration", "secret"),
		Global:    d.texts(section, Section, "global"),
		Repos:     d.repos(section),
		Restore:   restoreOf(section),
		Protected: protected(configuration),
	}
	return p, d.errors
}

// decoder collects the fields that could not be read.
type decoder struct{ errors []FieldError }

func (d *decoder) fail(field, message string) {
	d.errors = append(d.errors, FieldError{Field: field, Message: message})
}

func (d *decoder) repos(section map[string]any) []Repo {
	value, ok := section["repos"]
	if !ok || value == nil {
		return nil
	}
	list, ok := value.([]any)
	if !ok {
		d.fail(Section+".repos", "must be a list of repositories")
		return nil
	}
	if len(list) > maxRepos {
		d.fail(Section+".repos", fmt.Sprintf("has %d entries; only repo1 to repo4 are supported", len(list)))
		return nil
	}
	repos := make([]Repo, 0, len(list))
	for i, item := range list {
		path := RepoField(i)
		entry, ok := item.(map[string]any)
		if !ok {
			d.fail(path, "must be an object with name and storage")
			// Keep the position, so that the indices in messages stay true.
			repos = append(repos, Repo{})
			continue
		}
		d.unknown(entry, path, repoFields)
		repos = append(repos, Repo{
			Name:     d.text(entry, path, "name"),
			Storage:  d.text(entry, path, "storage"),
			Resource: d.text(entry, path, "resource"),
			Endpoint: d.text(entry, path, "endpoint"),
			Region:   d.text(entry, path, "region"),
			Account:  d.text(entry, path, "account"),
			Key:      d.text(entry, path, "key"),
			KeyType:  d.text(entry, path, "keyType"),
			Volume:   d.volume(entry, path),
			Schedule: d.schedule(entry, path),
		})
	}
	return repos
}

func (d *decoder) object(parent map[string]any, path, key string) map[string]any {
	value, ok := parent[key]
	if !ok || value == nil {
		return nil
	}
	object, ok := value.(map[string]any)
	if !ok {
		d.fail(join(path, key), "must be an object")
	}
	return object
}

func (d *decoder) text(parent map[string]any, path, key string) string {
	value, ok := parent[key]
	if !ok || value == nil {
		return ""
	}
	text, ok := value.(string)
	switch {
	case !ok:
		d.fail(join(path, key), mustBeString)
	case len(text) > maxText:
		d.fail(join(path, key), fmt.Sprintf("has %d bytes, must have at most %d", len(text), maxText))
		return ""
	}
	return text
}

const mustBeString = "must be a string; put the value in quotes"

func (d *decoder) texts(parent map[string]any, path, key string) map[string]string {
	object := d.object(parent, path, key)
	if object == nil {
		return nil
	}
	if len(object) > maxOptions {
		d.fail(join(path, key), fmt.Sprintf("has %d entries, must have at most %d", len(object), maxOptions))
		return nil
	}
	texts := make(map[string]string, len(object))
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if object[name] == nil {
			continue
		}
		text, ok := object[name].(string)
		if !ok {
			field := join(path, key)
			if plainName.MatchString(name) {
				field = join(field, name)
			}
			d.fail(field, mustBeString)
			continue
		}
		texts[name] = text
	}
	return texts
}

// plainName matches a key that may appear in a field path. Any other key may be a
// value in the wrong field, and is not repeated.
var plainName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)

// schedule reads the expressions of the backup types. An unknown type keeps its
// name and loses its value: the name is the mistake.
func (d *decoder) schedule(entry map[string]any, path string) map[string]string {
	object := d.object(entry, path, "schedule")
	if object == nil {
		return nil
	}
	schedule := make(map[string]string, len(object))
	for name := range object {
		if !slices.Contains(BackupTypes, name) {
			schedule[name] = ""
		}
	}
	for _, name := range BackupTypes {
		if object[name] == nil {
			continue
		}
		text, ok := object[name].(string)
		field := join(join(path, "schedule"), name)
		switch {
		case !ok:
			d.fail(field, mustBeString)
		case len(text) > maxSchedule:
			d.fail(field, fmt.Sprintf("has %d bytes, must have at most %d", len(text), maxSchedule))
		default:
			schedule[name] = text
		}
	}
	return schedule
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
