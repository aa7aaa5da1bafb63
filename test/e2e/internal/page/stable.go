// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package page

import (
	"fmt"
	"regexp"
	"strings"
)

// Stable replaces what differs between two runs of a story. The same original becomes the
// same replacement everywhere on the page, so that a reader can follow a name or a label.
type Stable struct {
	names    []string // pairs for a Replacer
	aliases  map[string]string
	counters map[string]int
}

// NewStable returns a Stable that has seen nothing.
func NewStable() *Stable {
	return &Stable{aliases: map[string]string{}, counters: map[string]int{}}
}

// Name gives a generated name of a run another ending.
func (s *Stable) Name(name, ending string) {
	prefix := name[:strings.LastIndex(name, "-")+1]
	s.Call(name, prefix+ending)
}

// Call gives something another name.
func (s *Stable) Call(name, other string) {
	s.names = append(s.names, name, other)
}

// kind is something that differs, and how it is written instead.
type kind struct {
	pattern *regexp.Regexp
	// alias takes the number of different originals before this one.
	alias func(n int) string
}

func notRun(prefix string) string {
	return prefix + `dependency "4-expire" exited with non-zero code: 64`
}

func always(text string) func(int) string { return func(int) string { return text } }

// kinds are in the order in which they are replaced: a time is part of a label.
var kinds = []kind{
	{regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`), always("2b5a3c1e-0000-4000-8000-000000000000")},
	// The parts of a label of a backup.
	{regexp.MustCompile(`20\d{6}-\d{6}[FDI]`), nil},
	{regexp.MustCompile(`\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00)?`), always("2026-01-02T03:04:05Z")},
	// A backup needs one segment or more.
	{regexp.MustCompile(`\b[0-9A-F]{24} to [0-9A-F]{24}\b`), always("000000010000000000000002 to 000000010000000000000003")},
	{regexp.MustCompile(`\b[0-9A-F]{24}\b`), func(n int) string { return fmt.Sprintf("0000000100000000000000%02X", n+2) }},
	{regexp.MustCompile(`\b[0-9A-F]{1,8}/[0-9A-F]{6,8}\b`), func(n int) string { return fmt.Sprintf("0/%X000028", n+2) }},
	// A size of which the list shows the beginning.
	{regexp.MustCompile(`, \d+\.?…`), always(", 31…")},
	{regexp.MustCompile(`\b\d+(\.\d+)? ?(B|kB|KB|MB|GB|KiB|MiB|GiB)\b`), always("31 MB")},
	{regexp.MustCompile(`\b(\d+h)?(\d+m)?\d+(\.\d+)?(ms|s)\b`), always("12s")},
	{regexp.MustCompile(`\b\d+m\b`), always("12m")},
	// A container that waits for a step which has failed learns of it, or is ended first.
	{regexp.MustCompile(`main: Error \(exit code 143\): .*waiting for dependency.*\n *Error: exit status 143`), always(notRun("main: Error (exit code 64): "))},
	{regexp.MustCompile(`/ main, from the pod:\n *Error: exit status 143`), always("/ main, from the pod:\n  " + notRun(""))},
	// How far a backup in form dag has come.
	{regexp.MustCompile(`\b\d+/98\b`), always("1/98")},
}

// label matches what is made of parts that the pattern of a label has found.
var label = kinds[1].pattern

// Text replaces what differs in a text.
func (s *Stable) Text(text string) string {
	text = strings.NewReplacer(s.names...).Replace(text)
	for _, k := range kinds {
		text = k.pattern.ReplaceAllStringFunc(text, func(original string) string { return s.alias(k, original) })
	}
	return text
}

func (s *Stable) alias(k kind, original string) string {
	if k.alias == nil {
		return s.labelPart(original)
	}
	if _, seen := s.aliases[original]; !seen {
		s.replace(original, k.alias(s.counters[k.pattern.String()]))
		s.counters[k.pattern.String()]++
	}
	return s.aliases[original]
}

// replace notes a replacement. It is itself replaced by nothing else, so that a text may be
// made stable twice.
func (s *Stable) replace(original, alias string) {
	s.aliases[original], s.aliases[alias] = alias, alias
}

// labelPart keeps the letter of the type.
func (s *Stable) labelPart(original string) string {
	if _, seen := s.aliases[original]; !seen {
		s.counters[label.String()]++
		s.replace(original, fmt.Sprintf("20260102-%02d3000%s", s.counters[label.String()], original[len(original)-1:]))
	}
	return s.aliases[original]
}
