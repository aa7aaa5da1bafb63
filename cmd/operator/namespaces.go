// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// namespaceList reads the flag --namespaces. It refuses an invalid name, because the
// manager would watch it for ever without result.
func namespaceList(flag string) ([]string, error) {
	if flag == "" {
		return nil, nil
	}
	var names []string
	for name := range strings.SplitSeq(flag, ",") {
		if problems := validation.IsDNS1123Label(name); len(problems) > 0 {
			return nil, fmt.Errorf("--namespaces: %q is not a valid name of a namespace; write names separated by commas, without spaces, such as --namespaces=sales,shop", name)
		}
		if slices.Contains(names, name) {
			return nil, fmt.Errorf("--namespaces: %s appears twice", name)
		}
		names = append(names, name)
	}
	return names, nil
}
