// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package pgbackrest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Class says what to do after a failure.
type Class string

const (
	// Wait means that another process holds the lock. Look again later; no attempt
	// was used up.
	Wait Class = "Wait"
	// Retry means that it may pass, the same again and a limited number of times.
	Retry Class = "Retry"
	// Resolve means that it may pass elsewhere. Find the target again, then retry.
	Resolve Class = "Resolve"
	// Stop means that it will not get better until a person acts.
	Stop Class = "Stop"
)

// Failure explains a pgBackRest command that did not exit 0.
type Failure struct {
	Code int
	// Name is pgBackRest's own word for the code, as in its error.yaml.
	Name  string
	Class Class
	// Cause is pgBackRest's first error with its first detail, one line of
	// at most 300 bytes. Empty where none was printed.
	Cause string
	// Advice is one sentence on what to do.
	Advice string
}

// String is the whole failure in one line: "[055] file-missing: cause; advice".
func (f Failure) String() string {
	if f.Code == 0 {
		return "no failure"
	}
	head := f.Name + ": "
	if f.Code > 0 {
		head = fmt.Sprintf("[%03d] %s", f.Code, head)
	}
	if f.Cause != "" {
		head += f.Cause + "; "
	}
	return head + f.Advice
}

// UnknownCode is for Classify where the process left no exit code, as when the
// stream to it broke.
const UnknownCode = -1

// Classify explains an exit code with the help of what was printed, stderr and
// stdout together: the same code can mean "wait" and "a person must act", and
// only the text tells them apart. A code below 0 is looked for in the text.
//
// Code 0 is not a failure and gives the zero Failure. It proves nothing either:
// info and verify exit 0 for everything; read what they print.
func Classify(code int, output string) Failure {
	log := parseLog(output)
	if code < 0 {
		code = UnknownCode
		if printed, ok := ErrorCode(output); ok {
			code = printed
		}
	}
	if code == 0 {
		return Failure{}
	}
	class, advice := judge(code, log, 0)
	return Failure{Code: code, Name: codeName(code), Class: class, Cause: cause(code, log, output), Advice: advice}
}

// ErrorCode finds the code of the last error in the text, which is the one
// pgBackRest exits with.
func ErrorCode(output string) (int, bool) {
	for _, e := range slices.Backward(parseLog(output)) {
		if e.failed() && e.code > 0 {
			return e.code, true
		}
	}
	return 0, false
}

// maxWrap bounds how deep an error in an error is followed.
const maxWrap = 4

// judge applies the rules, and for the codes that only wrap others, the rules
// of what is inside.
func judge(code int, log []entry, depth int) (Class, string) {
	switch code {
	case 27, 56:
		if class, advice, ok := judgeDatabase(log); ok {
			return class, advice
		}
	case 57:
		if containsAny(errorText(log), lostConnections) {
			return Resolve, resolveAdvice
		}
	case 103, 104:
		if class, advice, ok := judgeInner(code, log, depth); ok {
			return class, advice
		}
	}
	text := errorText(log)
	for _, r := range rules {
		if r.code == code && (r.text == "" || strings.Contains(text, r.text)) {
			return r.class, r.advice
		}
	}
	if codeName(code) == unlisted {
		return Stop, "this is not an exit code of pgBackRest that we know; read the log of the step"
	}
	return Stop, "pgBackRest cannot go on by itself; read its message and repair the cause"
}

// errorText joins what the errors say, not warnings, which may be of something
// else, nor information, where an option could look like an error.
func errorText(log []entry) string {
	var lines []string
	for _, e := range log {
		if e.failed() {
			lines = append(lines, e.lines...)
		}
	}
	return strings.Join(lines, "\n")
}

// innerName finds the error inside of an error: "repo1: [FileMissingError] …".
var innerName = regexp.MustCompile(`\[([A-Z][A-Za-z]*)Error\]`)

// judgeDatabase reads why no database was usable. That is only in warnings,
// one for each host that was tried; one of them that may come back is enough.
func judgeDatabase(log []entry) (class Class, advice string, ok bool) {
	for _, e := range log {
		text := strings.Join(e.lines, "\n")
		for _, match := range innerName.FindAllStringSubmatch(text, -1) {
			class, advice, ok = Stop, databaseAdvice, true
			if passing, what := judgeHost(match[1], text); what != "" {
				if class, advice = passing, what; class != Stop {
					return class, advice, true
				}
			}
		}
	}
	return class, advice, ok
}

// judgeHost judges one warning by the name of its error. What it does not know
// has no advice.
func judgeHost(name, text string) (Class, string) {
	switch name {
	case "DbConnect", "HostConnect":
		switch {
		case name == "HostConnect" && strings.Contains(text, primaryService):
			return Resolve, primaryServerAdvice
		case containsAny(text, refusedLogins):
			return Stop, "PostgreSQL refuses the login; repair the user, the database or pg_hba.conf"
		}
		return Resolve, resolveAdvice
	case "DbQuery":
		if containsAny(text, lostConnections) {
			return Resolve, resolveAdvice
		}
		return Stop, "the database user lacks rights; grant it what pgBackRest needs"
	case "FileMissing":
		return Stop, "no PostgreSQL data in pg1-path; correct the path"
	case "LockAcquire":
		if containsAny(text, unusableLocks) {
			return Stop, lockPathAdvice
		}
		return Wait, lockAdvice
	case "Protocol":
		return Stop, otherVersionAdvice
	case "Access":
		return Stop, accessAdvice
	case "Crypto":
		return Stop, certificateAdvice
	case "Service":
		if strings.Contains(text, "alert certificate expired") {
			return Stop, certificateAdvice
		}
		return Resolve, primaryServerAdvice
	}
	return "", ""
}

const (
	resolveAdvice       = "find the primary again and retry; if that goes on, see whether the cluster has a primary"
	primaryServerAdvice = "the repo host cannot reach the pgBackRest server beside the primary; look at that container and its log, DNS, and network policies for port 8432"
	databaseAdvice      = "pgBackRest cannot use the database; read the warning and repair the cause"
)

// refusedLogins: PostgreSQL answers, and it will give the same answer again.
var refusedLogins = []string{"does not exist", "authentication failed", "no pg_hba.conf entry", "permission denied for database"}

// primaryService ends the name of the Service that leads the repo host to the
// pgBackRest server of the primary.
const primaryService = "-pgbackrest-primary"

// unusableLocks: the lock is not held by anybody, it cannot be made.
var unusableLocks = []string{"Permission denied", "Read-only file system", "No space left on device"}

// lostConnections: the database went away while pgBackRest used it. In the
// middle of a backup that is what a failover looks like.
var lostConnections = []string{
	"server closed the connection", "terminating connection", "connection was lost", "connection to PostgreSQL being lost",
	"the database system is", "no connection to the server", "recovery is in progress",
}

// judgeInner reads the errors inside of an error: those printed before it and
// those it names. Several repositories can each have one. Where one needs a
// person the whole does; else the first one decides.
func judgeInner(code int, log []entry, depth int) (class Class, advice string, ok bool) {
	if depth == maxWrap {
		return "", "", false
	}
	for _, inner := range innerCodes(code, log) {
		innerClass, innerAdvice := judge(inner, log, depth+1)
		if !ok || (innerClass == Stop && class != Stop) {
			class, advice, ok = innerClass, innerAdvice, true
		}
	}
	return class, advice, ok
}

func innerCodes(outer int, log []entry) []int {
	var codes []int
	for _, e := range log {
		if !e.failed() {
			continue
		}
		if e.code > 0 && e.code != outer {
			codes = append(codes, e.code)
		}
		for _, match := range innerName.FindAllStringSubmatch(strings.Join(e.lines, "\n"), -1) {
			if code, ok := codeOf(match[1]); ok && code != outer {
				codes = append(codes, code)
			}
		}
	}
	return codes
}

// cause puts the first error into one line. Output without any message of
// pgBackRest is of what failed to start it, and its first line says why.
func cause(code int, log []entry, output string) string {
	if len(log) == 0 {
		return firstLine(strings.TrimSpace(output))
	}
	index := slices.IndexFunc(log, entry.failed)
	if index < 0 {
		return ""
	}
	first := log[index]
	text := strings.TrimRight(first.lines[0], " :")
	detail := first.detail()
	// The error itself only says that there is no database.
	if warning, ok := warned(log); ok && (code == 27 || code == 56 || code == 75) {
		detail = warning
	}
	if detail != "" {
		text += ": " + detail
	}
	if match := storeCode.FindStringSubmatch(strings.Join(first.lines, "\n")); match != nil {
		text = shorten(text, maxCause-len(match[1])-len(" ()")) + " (" + match[1] + ")"
	}
	return shorten(text, maxCause)
}

// warned returns the first warning that wraps an error.
func warned(log []entry) (string, bool) {
	for _, e := range log {
		if e.level == "WARN" && innerName.MatchString(e.lines[0]) {
			return e.lines[0], true
		}
	}
	return "", false
}

func containsAny(text string, parts []string) bool {
	return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(text, part) })
}
