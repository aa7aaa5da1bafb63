// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package pgbackrest

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

var stanzaName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)

// CheckStanza says why a name cannot be that of a stanza. It is narrower than
// pgBackRest, which takes what can be a directory: the name is also a section
// of the configuration, and global is taken there.
func CheckStanza(stanza string) error {
	if !stanzaName.MatchString(stanza) {
		return errors.New("the stanza must be letters, digits, dots, dashes and underscores, and start with a letter or digit")
	}
	if stanza == "global" {
		return errors.New("the stanza must not be called global")
	}
	return nil
}

var annotationKey = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$`)

func checkAnnotation(key, value string) error {
	switch {
	case !annotationKey.MatchString(key):
		return errors.New("the annotation key must be letters, digits, dots, slashes, dashes and underscores, and start with a letter or digit")
	case value == "":
		return fmt.Errorf("annotation %s has no value, which pgBackRest refuses", key)
	case !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl):
		return fmt.Errorf("annotation %s has a control character or is not valid UTF-8", key)
	}
	return nil
}

var repoPathPart = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// checkRepoPath keeps a path, parts of which come from a repository, inside that
// repository, and from being read as an option.
func checkRepoPath(path string) error {
	for part := range strings.SplitSeq(path, "/") {
		if !repoPathPart.MatchString(part) {
			return errors.New("the path must be relative to the repository, of letters, digits, dots, dashes and underscores")
		}
	}
	return nil
}
