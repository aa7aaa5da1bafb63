// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package option

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/stanzaflow/stanzaflow/internal/nearmiss"
)

// Name is an option as a file names it. Names of the same option are equal.
type Name struct {
	Option *Option
	// Number of the repo or of the PostgreSQL server, 0 for other options.
	Number int
}

// String is the name as it should be written: repo1-path.
func (n Name) String() string { return numbered(n.Option.Name, n.Number) }

// UnknownError says that no release up to 2.59.1 has an option, and that its name
// is not close to one that exists.
type UnknownError struct{}

func (UnknownError) Error() string {
	return "is not an option of pgBackRest 2.41 to 2.59; releases that do not know it ignore it"
}

// maxNumber is pgBackRest's.
const maxNumber = 256

// Parse reads a name in a file. The error says why pgBackRest refuses the name, or
// ignores it. It is UnknownError for a name that a newer release may know.
func Parse(text string) (Name, error) {
	for _, prefix := range []string{"no-", "reset-"} {
		if rest, ok := strings.CutPrefix(text, prefix); ok {
			return Name{}, checkNegated(rest)
		}
	}
	base, digits := withoutNumber(text)
	number, err := parseNumber(base, digits)
	if err != nil {
		return Name{}, err
	}
	if option, ok := options[base]; ok {
		return named(option, number)
	}
	if option, ok := old[numberMark(base, digits)]; ok {
		return nameWith(option, number), nil
	}
	if option, ok := otherForm(base, digits); ok {
		return Name{}, errors.New("is an old name with a number that it does not take, or without the one that it needs; write " + nameWith(option, number).String())
	}
	if message, ok := never[base]; ok {
		return Name{}, errors.New(message)
	}
	if slices.Contains(commandLine, base) {
		return Name{}, errors.New("is for the command line, and pgBackRest ignores it in a file; remove it")
	}
	if meant, ok := Meant(text); ok {
		return Name{}, errors.New("is not an option of pgBackRest; did you mean " + meant.String() + "?")
	}
	return Name{}, UnknownError{}
}

// Meant is the option that a name is most likely meant to be, false if none is
// close. The number is 0 if the name has none.
func Meant(text string) (Name, bool) {
	base, digits := withoutNumber(text)
	number, _ := strconv.Atoi(digits)
	if option, ok := options[base]; ok {
		return Name{Option: option, Number: number}, true
	}
	near := nearmiss.Spelling(base, known)
	return Name{Option: options[near], Number: number}, near != ""
}

// checkNegated says what is wrong with the rest of a name that begins with no- or
// reset-.
func checkNegated(rest string) error {
	name, err := Parse(rest)
	if err == nil {
		return fmt.Errorf("is for the command line, and pgBackRest ignores it in a file; set %s instead", name)
	}
	return err
}

// named is the name of an option, with the number that it needs.
func named(option *Option, number int) (Name, error) {
	switch group := option.Group(); {
	case group == Ungrouped && number > 0:
		return Name{}, errors.New("has a number that the option does not take; write " + option.Name)
	case group != Ungrouped && number == 0:
		return Name{}, fmt.Errorf("has no %s number; begin it with %s1- instead", group, group)
	}
	return Name{Option: option, Number: number}, nil
}

// withoutNumber returns repo-path and 1 for repo1-path.
func withoutNumber(text string) (base, digits string) {
	group, _, _ := strings.Cut(text, "-")
	letters := strings.TrimRight(group, "0123456789")
	if len(group) == len(text) || letters == group || letters == "" {
		return text, ""
	}
	return letters + text[len(group):], group[len(letters):]
}

// parseNumber reads the number in a name, 0 where there is none. pgBackRest reads
// repo01- as repo1-. With one spelling there is one to check.
func parseNumber(base, digits string) (int, error) {
	if digits == "" {
		return 0, nil
	}
	number, err := strconv.Atoi(digits)
	switch {
	case err != nil || number > maxNumber || number < 1:
		return 0, fmt.Errorf("has a number that is not from 1 to %d", maxNumber)
	case digits[0] == '0':
		return 0, errors.New("has a number that begins with 0; write " + numbered(base, number))
	}
	return number, nil
}

// numbered puts a number before the first dash of a name.
func numbered(base string, number int) string {
	if number == 0 {
		return base
	}
	group, rest, _ := strings.Cut(base, "-")
	return group + strconv.Itoa(number) + "-" + rest
}

// numberMark is the form in which the table has old names.
func numberMark(base, digits string) string {
	if digits == "" {
		return base
	}
	group, rest, _ := strings.Cut(base, "-")
	return group + "#-" + rest
}

// nameWith is an option with a number: 1 if it needs one and has none.
func nameWith(option *Option, number int) Name {
	if option.Group() == Ungrouped {
		return Name{Option: option}
	}
	return Name{Option: option, Number: max(number, 1)}
}

// otherForm finds the option of an old name that takes no number where the text has
// one, or the other way round. pgBackRest refuses those.
func otherForm(base, digits string) (*Option, bool) {
	form := base
	if digits == "" {
		form = numberMark(base, "1")
	}
	option, ok := old[form]
	return option, ok
}

var (
	// options by their names without numbers.
	options = byName()
	// old has the options by their old names.
	old = byOldName()
	// known names, for near misses.
	known = slices.Sorted(maps.Keys(options))
)

func byName() map[string]*Option {
	options := make(map[string]*Option, len(table))
	for i := range table {
		options[table[i].Name] = &table[i]
	}
	return options
}

func byOldName() map[string]*Option {
	old := map[string]*Option{}
	for _, option := range byName() {
		for _, name := range option.Old {
			old[name] = option
		}
	}
	return old
}

// never says why an option may stand in a file and never should.
var never = map[string]string{
	"pg-local":         setByItself,
	"repo-local":       setByItself,
	"repo-target-time": "goes only with option repo, which is for the command line, so that every archive-get would fail; remove it",
}

const setByItself = "is set by pgBackRest itself, for the processes that it starts; remove it"

// commandLine are the options that pgBackRest takes on the command line only.
var commandLine = strings.Fields(`
	archive-expire-before cipher-pass config config-include-path config-path
	detail-level dry-run exec-id filter force help ignore-missing lock oldest online
	output pg process raw recurse reference remote-type repo report set sort stanza
	target target-action target-exclusive target-timeline type verbose version
`)
