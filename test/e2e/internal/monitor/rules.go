// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package monitor

import (
	"errors"
	"fmt"

	"sigs.k8s.io/yaml"
)

// soon is how long an alert of Hasten waits.
const soon = "5s"

// Hasten returns a file of rules whose alerts wait five seconds where they wait longer, and
// end as soon as their expression is false. What is not about waiting stays: the unit tests
// of the rules show how long an alert really waits.
func Hasten(rules []byte) ([]byte, error) {
	var file struct {
		Groups []map[string]any `json:"groups"`
	}
	if err := yaml.UnmarshalStrict(rules, &file); err != nil {
		return nil, fmt.Errorf("cannot read the rules: %w", err)
	}
	hastened := 0
	for _, group := range file.Groups {
		delete(group, "interval")
		list, _ := group["rules"].([]any)
		for _, one := range list {
			rule, _ := one.(map[string]any)
			if _, waits := rule["for"]; waits {
				rule["for"] = soon
			}
			delete(rule, "keep_firing_for")
			if rule["alert"] != nil {
				hastened++
			}
		}
	}
	if hastened == 0 {
		return nil, errors.New("there is no alert in the rules")
	}
	return yaml.Marshal(file)
}
