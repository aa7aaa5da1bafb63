// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package failure

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxCause bounds Diagnosis.Cause, which ends up in conditions and events.
const MaxCause = 300

// maxFailure bounds Diagnosis.String. A message has 512 bytes, and says before it
// which command failed in which pod: the advice at the end must not be cut off.
const maxFailure = 360

// entry is one message of pgBackRest's log.
type entry struct {
	level string
	// code is 0 if the message has none.
	code int
	// lines are the message and its details, one each.
	lines []string
}

// entryStart begins a message. 2.45 prints "ERROR: [050]: " on stderr, 2.55.1
// "P00  ERROR: [050]: ", both with a time in front unless that is off.
var entryStart = regexp.MustCompile(`^(?:\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}\.\d+ )?(?:P\d+ +)?` +
	`(ASSERT|ERROR|WARN|INFO|DETAIL|DEBUG|TRACE): (?:\[(\d{3})\]: )?(.*)$`)

// parseLog splits output into messages. It drops lines before the first.
func parseLog(output string) []entry {
	var entries []entry
	for line := range strings.SplitSeq(output, "\n") {
		line = strings.TrimRight(line, "\r")
		if match := entryStart.FindStringSubmatch(line); match != nil {
			code, _ := strconv.Atoi(match[2]) // No code is 0.
			entries = append(entries, entry{level: match[1], code: code, lines: []string{match[3]}})
			continue
		}
		if len(entries) > 0 && strings.TrimSpace(line) != "" {
			last := &entries[len(entries)-1]
			last.lines = append(last.lines, strings.TrimSpace(line))
		}
	}
	return entries
}

// failed reports whether the message is an error.
func (e entry) failed() bool { return e.level == "ERROR" || e.level == "ASSERT" }

// detail returns the first line after the message that says something about
// the cause, not what to do nor what was sent to the object store.
func (e entry) detail() string {
	for _, line := range e.lines[1:] {
		if strings.HasPrefix(line, "***") {
			break
		}
		if !strings.HasPrefix(line, "HINT:") {
			return line
		}
	}
	return ""
}

// storeCode is the name of the error in an answer of an object store.
var storeCode = regexp.MustCompile(`<Code>([A-Za-z]{1,64})</Code>`)

var (
	// longPath is an absolute path of three parts or more.
	longPath = regexp.MustCompile(`(^|[\s'"(=])(?:/[^\s'"/]+)+(/[^\s'"/]+/[^\s'"/]+)`)
	// lineText is a line that pgBackRest cannot read and so quotes: what a wrong
	// passphrase makes of an info file, or in a configuration file a piece of
	// a credential.
	lineText = regexp.MustCompile(`((?:found outside of section|missing '=' in key/value) at line \d+):.*`)
)

// Redact removes from a line of pgBackRest what it quotes from a file that it cannot
// read: the rest of a credential may be in it.
func Redact(line string) string { return lineText.ReplaceAllString(line, "$1") }

// Shorten makes one line of valid UTF-8 of at most limit bytes. It keeps the last two
// parts of a long path, and the beginning and the end of a long line.
func Shorten(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError || unicode.In(r, unicode.Cf):
			return -1
		case unicode.IsControl(r), unicode.IsSpace(r):
			return ' '
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	text = Redact(text)
	text = longPath.ReplaceAllString(text, "$1…$2")
	text = strings.TrimRight(text, " :.")
	if len(text) <= limit {
		return text
	}
	// What PostgreSQL or the operating system says stands at the end.
	const more = "…"
	head := (limit - len(more)) / 2
	tail := len(text) - (limit - len(more) - head)
	for !utf8.RuneStart(text[head]) {
		head--
	}
	for tail < len(text) && !utf8.RuneStart(text[tail]) {
		tail++
	}
	return strings.TrimRight(text[:head], " ") + more + strings.TrimLeft(text[tail:], " ")
}

// FirstLine returns the part of a message of pgbackrest info that fits a sentence.
func FirstLine(message string, limit int) string {
	line, _, _ := strings.Cut(message, "\n")
	return Shorten(line, limit)
}
