// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package when

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// path leads to a value in an object.
type path struct {
	// text is the path as in an expression, without the root.
	text string
	// steps are names of members, of type string, and indices of lists, of type int.
	steps []any
}

// plain is a name of a member that needs no brackets.
var plain = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// to returns the path that goes one step further.
func (p path) to(step any) path {
	text := p.text
	switch step := step.(type) {
	case int:
		text += "[" + strconv.Itoa(step) + "]"
	case string:
		switch {
		case !plain.MatchString(step):
			text += "[" + strconv.Quote(step) + "]"
		case text == "":
			text = step
		default:
			text += "." + step
		}
	}
	return path{text: text, steps: append(slices.Clone(p.steps), step)}
}

// hidden are the members that may hold a secret: of a pod, of a probe, and of the
// section of a postgresql where keys of an object store may stand.
var hidden = []string{"annotations", "args", "command", "env", "envFrom", "global", "httpHeaders", "key"}

// holdNames are the members whose own members have names that people choose: a label
// env is no environment.
var holdNames = []string{"labels", "matchLabels"}

// hides reports whether the member of a parent is left out.
func hides(parent any, member string) bool {
	name, _ := parent.(string)
	return slices.Contains(hidden, member) && !slices.Contains(holdNames, name)
}

// sees says what an expression can see of an object.
const sees = "an expression sees kind, metadata.name, metadata.labels and members of spec"

// check says what is wrong with the longest path of a chain. It is empty if nothing is.
func (p path) check() string {
	var parent any
	for _, step := range p.steps {
		if member, ok := step.(string); ok && hides(parent, member) {
			return fmt.Sprintf("reads %s, and %s may hold a secret, which nothing may copy into a status", p.text, member)
		}
		parent = step
	}
	first, second := p.steps[0], any(nil)
	if len(p.steps) > 1 {
		second = p.steps[1]
	}
	switch {
	case first == "kind" && second == nil:
	case first == "spec" && second != nil:
	case first == "metadata" && (second == "labels" || second == "name" && len(p.steps) == len("mn")):
	case first == "spec":
		return "reads spec as a whole; name the members that count, or leave when empty: then every change of spec does"
	default:
		return "reads " + strings.TrimSpace(p.text) + "; " + sees
	}
	return ""
}
