// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package pgbackrest

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Section is one section of a pgBackRest configuration file.
type Section struct {
	// Name is global, a stanza, or either followed by a command, as in
	// global:archive-push.
	Name    string
	Options map[string]string
}

var (
	optionName  = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
	sectionName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*(?::[a-z][a-z-]*)?$`)
)

// RenderConf writes a configuration file: the sections in the order given, the
// options of each sorted. It leaves out an option that CheckOption refuses, and a
// section with an invalid name: a line that pgBackRest would read as something else
// is worse than a missing one. So check first, and report it.
func RenderConf(sections ...Section) string {
	var b strings.Builder
	for _, section := range sections {
		if !sectionName.MatchString(section.Name) {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString("[" + section.Name + "]\n")
		for _, key := range slices.Sorted(maps.Keys(section.Options)) {
			if value := section.Options[key]; CheckOption(key, value) == nil {
				b.WriteString(key + "=" + value + "\n")
			}
		}
	}
	return b.String()
}

// Limits of an option. The longest name has 40 characters; the values are names,
// numbers and paths. Every option of a file fits into one ConfigMap.
const (
	maxOptionName  = 64
	maxOptionValue = 2048
)

// CheckOption says why an option cannot stand in a configuration file, in one
// clause. The text never has the value, which may be a credential, nor the
// name, which may be a value in the wrong place.
func CheckOption(key, value string) error {
	switch {
	case !optionName.MatchString(key) || len(key) > maxOptionName:
		return errors.New("the option name must be lower-case letters, digits and dashes, at most 64, and start with a letter")
	case value == "":
		return errors.New("the value is empty, which pgBackRest refuses; leave the option out instead")
	case len(value) > maxOptionValue:
		return fmt.Errorf("the value has %d bytes, must have at most %d", len(value), maxOptionValue)
	case !utf8.ValidString(value):
		return errors.New("the value is not valid UTF-8")
	case strings.ContainsFunc(value, unicode.IsControl):
		return errors.New("the value has a line break or another control character")
	case strings.TrimSpace(value) == "":
		return errors.New("the value is only spaces")
	case strings.TrimSpace(value) != value:
		return errors.New("the value starts or ends with a space")
	}
	return nil
}

// RepoOption is the name of an option of one repository: repo1-s3-bucket.
func RepoOption(repo int, option string) string {
	return "repo" + strconv.Itoa(repo) + "-" + option
}
