// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package option

import (
	"cmp"
	"fmt"
)

// needs is what an option depends on.
type needs struct {
	// on is the option that decides, and the value that it must have.
	on, value string
	// byDefault is the value of on where it is not set.
	byDefault string
}

// allNeeds has the options that pgBackRest ignores, without a word, unless another
// one has a value.
var allNeeds = map[string]needs{
	"repo-block":                   {"repo-bundle", "y", "n"},
	"repo-block-age-map":           {"repo-block", "y", "n"},
	"repo-block-checksum-size-map": {"repo-block", "y", "n"},
	"repo-block-size-map":          {"repo-block", "y", "n"},
	"repo-block-size-super":        {"repo-block", "y", "n"},
	"repo-block-size-super-full":   {"repo-block", "y", "n"},
	"repo-bundle-limit":            {"repo-bundle", "y", "n"},
	"repo-bundle-size":             {"repo-bundle", "y", "n"},
	"repo-hardlink":                {"repo-bundle", "n", "n"},
	"tcp-keep-alive-count":         {"sck-keep-alive", "y", "y"},
	"tcp-keep-alive-idle":          {"sck-keep-alive", "y", "y"},
	"tcp-keep-alive-interval":      {"sck-keep-alive", "y", "y"},
}

// switchedOff finds options that have no effect. To turn something on that stays off
// is a mistake. A number or a size of something that is off is harmless.
func (s Set) switchedOff() []Conflict {
	var found []Conflict
	for name, value := range s {
		need, depends := allNeeds[name.Option.Name]
		isSwitch := name.Option.Type == Boolean
		if !depends || isSwitch && value == "n" {
			continue
		}
		if on := nameOf(need.on, name.Number); cmp.Or(s[on], need.byDefault) != need.value {
			found = append(found, Conflict{Name: name, Harmless: !isSwitch, Message: fmt.Sprintf("has no effect without %s=%s", on, need.value)})
		}
	}
	return found
}
