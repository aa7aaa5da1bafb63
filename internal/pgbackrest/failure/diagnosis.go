// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package failure

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

// Diagnosis explains a pgBackRest command that did not exit 0.
type Diagnosis struct {
	Code int
	// Name is pgBackRest's own word for the code, as in its error.yaml.
	Name  string
	Class Class
	// Cause is pgBackRest's first error with its first detail, one line of
	// at most 300 bytes, less where the advice is long. Empty if none was
	// printed.
	Cause string
	// Advice is one sentence on what to do.
	Advice string
}

// String is the whole failure in one line: "[055] file-missing: cause; advice".
func (f Diagnosis) String() string {
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

// UnknownCode is for Diagnose if the process left no exit code, as when the stream
// to it broke.
const UnknownCode = -1

// Diagnose explains an exit code with the help of what was printed, stderr and
// stdout together: the same code can mean "wait" and "a person must act", and
// only the text distinguishes them. A code below 0 is looked for in the text.
//
// Code 0 is not a failure and gives the zero Diagnosis. It proves nothing either:
// info and verify exit 0 for everything; read what they print.
func Diagnose(code int, output string) Diagnosis {
	log := parseLog(output)
	if code < 0 {
		code = UnknownCode
		if printed, ok := ErrorCode(output); ok {
			code = printed
		}
	}
	if code == 0 {
		return Diagnosis{}
	}
	class, advice := judge(code, log, 0)
	f := Diagnosis{Code: code, Name: codeName(code), Class: class, Advice: advice}
	f.Cause = cause(code, log, output, min(MaxCause, maxFailure-len(f.String())-len("; ")))
	return f
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
	case 103, 104:
		if class, advice, ok := judgeInner(code, log, depth); ok {
			return class, advice
		}
	}
	if r, ok := ruleOf(code, errorText(log)); ok {
		return r.class, r.advice
	}
	switch {
	case isSignal(code):
		return Resolve, killedAdvice
	case codeName(code) == unlisted:
		return Stop, "this is not an exit code of pgBackRest that we know; read the log of the step"
	}
	return Stop, "pgBackRest cannot continue by itself; read its message and repair the cause"
}

// ruleOf finds the rule that decides.
func ruleOf(code int, text string) (rule, bool) {
	index := slices.IndexFunc(rules, func(r rule) bool { return r.code == code && strings.Contains(text, r.text) })
	if index < 0 {
		return rule{}, false
	}
	return rules[index], true
}

// errorText joins what the errors say. It leaves out warnings, which may be about
// something else, and information, where an option could look like an error.
func errorText(log []entry) string {
	var lines []string
	for _, e := range log {
		if e.failed() {
			lines = append(lines, e.lines...)
		}
	}
	return strings.Join(lines, "\n")
}

// innerName finds the error inside an error: "repo1: [FileMissingError] …".
var innerName = regexp.MustCompile(`\[([A-Z][A-Za-z]*)Error\]`)

// judgeDatabase reads why no database was usable. That is only in warnings,
// one for each host that was tried; one of them that may come back is enough.
func judgeDatabase(log []entry) (class Class, advice string, ok bool) {
	for _, e := range log {
		text := strings.Join(e.lines, "\n")
		for _, match := range innerName.FindAllStringSubmatch(text, -1) {
			class, advice, ok = Stop, databaseAdvice, true
			inner, _ := codeOf(match[1]) // No code has no rule.
			r, known := ruleOf(inner, text)
			if known {
				class, advice = r.class, r.advice
			}
			switch class {
			case Retry, Resolve:
				// Another host may have become the primary.
				return Resolve, advice, true
			case Wait:
				return Wait, advice, true
			case Stop:
			}
		}
	}
	return class, advice, ok
}

// judgeInner reads the errors inside an error: those printed before it and those it
// names. Several repositories can each have one. If one of them needs a person, the
// whole does; else the first one decides.
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

// cause puts the first error into one line of at most limit bytes. Output without
// any message of pgBackRest is of what failed to start it, and its first line says
// why.
func cause(code int, log []entry, output string, limit int) string {
	if len(log) == 0 {
		return FirstLine(strings.TrimSpace(output), limit)
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
		text = Shorten(text, limit-len(match[1])-len(" ()")) + " (" + match[1] + ")"
	}
	return Shorten(text, limit)
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
