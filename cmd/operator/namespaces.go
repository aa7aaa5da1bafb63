// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// namespaceList reads the flag --namespaces. A name that cannot be that of a
// namespace would be watched for ever and in vain.
func namespaceList(flag string) ([]string, error) {
	if flag == "" {
		return nil, nil
	}
	var names []string
	for name := range strings.SplitSeq(flag, ",") {
		if problems := validation.IsDNS1123Label(name); len(problems) > 0 {
			return nil, fmt.Errorf("--namespaces: %q cannot be the name of a namespace; write names separated by commas, without spaces, such as --namespaces=sales,shop", name)
		}
		if slices.Contains(names, name) {
			return nil, fmt.Errorf("--namespaces: %s is there twice", name)
		}
		names = append(names, name)
	}
	return names, nil
}
