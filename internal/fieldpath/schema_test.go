// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fieldpath

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type inner struct {
	Name string `json:"name"`
	Size int    `json:"size"`
}

type outer struct {
	One  inner   `json:"one"`
	Many []inner `json:"many"`
	Late inner   `json:"late"`
}

// TestLost names the outermost fields that a schema does not have, also in lists.
func TestLost(t *testing.T) {
	t.Parallel()
	const document = `{"components":{"schemas":{"X":{"properties":{
		"one":{"properties":{"name":{},"size":{}}},
		"many":{"items":{"properties":{"name":{}}}}}}}}}`
	lost, err := Lost([]byte(document), "X", outer{})
	if diff := cmp.Diff([]string{"late", "many.size"}, lost); err != nil || diff != "" {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
	for document, want := range map[string]string{`{}`: "has no X", `[]`: "cannot unmarshal"} {
		if _, err := Lost([]byte(document), "X", outer{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", document, err, want)
		}
	}
}
