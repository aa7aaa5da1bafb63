// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package option

import (
	"slices"
	"strings"
)

// Type is the type of the values of an option, as pgBackRest reads them.
type Type int

const (
	// Boolean is y or n.
	Boolean Type = iota
	// Integer is a decimal number.
	Integer
	// Size is a number with an optional unit from B to PiB. Without one it is bytes.
	Size
	// Time is a number with an optional unit from ms to w. Without one it is seconds.
	Time
	// Path is absolute.
	Path
	// File is the absolute path of a file or a directory. pgBackRest takes a relative
	// one and looks for it in the data directory.
	File
	// String is any text that is not empty.
	String
	// Word is one of a list.
	Word
	// URL is a host, with an optional scheme, port and path.
	URL
	// Place names a bucket, a container, an account or a region.
	Place
	// List may be given several times in a file.
	List
	// Hash is key=value, and may be given several times in a file.
	Hash
)

// Group says whose option it is.
type Group string

const (
	// Ungrouped options have no number: process-max.
	Ungrouped Group = ""
	// Repo options have the number of a repo: repo1-path.
	Repo Group = "repo"
	// PostgreSQL options have the number of a server: pg1-path.
	PostgreSQL Group = "pg"
)

// Option is one option of pgBackRest.
type Option struct {
	// Name without a number: repo-path for repo1-path.
	Name string
	Type Type
	// Min and Max limit an Integer, a Size in bytes, and a Time in milliseconds.
	// Both are 0 where there is no limit.
	Min, Max int64
	// Words are the values of a Word, and the sizes that a Size may have.
	Words []Value
	// Since is the release that brought the option, empty if 2.41 has it.
	Since string
	// Old are names that still count as the same option, with a # in place of a
	// number. One without a number is that of repo1 or of pg1.
	Old []string
	// Single is true for an option without a number, although its name begins like
	// that of an option of a repo or a server.
	Single bool
	// StanzaOnly options count only in the section of a stanza.
	StanzaOnly bool
}

// Value is one value of an option.
type Value struct {
	Text string
	// Since is the release that brought the value, empty if the option has had it
	// from the start.
	Since string
}

// All returns every option, by name.
func All() []Option { return slices.Clone(table) }

// Group of the option.
func (o Option) Group() Group {
	for _, group := range []Group{Repo, PostgreSQL} {
		if !o.Single && strings.HasPrefix(o.Name, string(group)+"-") {
			return group
		}
	}
	return Ungrouped
}
