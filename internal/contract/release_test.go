// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/stanzaflow/stanzaflow/internal/contract"
)

// TestCompareReleases: a difference that may be harmless is none.
func TestCompareReleases(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		of, than string
		want     contract.Age
	}{
		"the same":              {"v0.2.0", "v0.2.0", contract.SameOrUnknown},
		"a fix is missing":      {"v0.2.0", "v0.2.1", contract.Older},
		"ten is more than nine": {"v0.10.0", "v0.9.0", contract.Newer},
		"a candidate":           {"v0.2.0-rc.1", "v0.2.0", contract.Older},
		"without the v":         {"0.2.0", "v0.2.0", contract.SameOrUnknown},
		"a build between two":   {"v0.1.0-12-gabcdef1", "v0.2.0", contract.SameOrUnknown},
		"a dirty build":         {"v0.1.0", "v0.2.0-dirty", contract.SameOrUnknown},
		"a build by hand":       {"v0.1.0", "dev", contract.SameOrUnknown},
		"no tag":                {"", "v0.2.0", contract.SameOrUnknown},
		"a moving tag":          {"latest", "v0.2.0", contract.SameOrUnknown},
		"a tag of the company":  {"2026-11", "v0.2.0", contract.SameOrUnknown},
	} {
		if got := contract.CompareReleases(tc.of, tc.than); got != tc.want {
			t.Errorf("%s: %d, want %d", name, got, tc.want)
		}
	}
}

func TestTag(t *testing.T) {
	t.Parallel()
	for image, want := range map[string]string{
		"ghcr.io/stanzaflow/operator:v0.1.0":             "v0.1.0",
		"registry:5000/operator":                         "",
		"registry:5000/operator:v1":                      "v1",
		"registry:5000/operator:v1@sha256:0123456789abc": "v1",
		"registry/operator@sha256:0123456789abc":         "",
	} {
		if got := contract.Tag(image); got != want {
			t.Errorf("%s: %q, want %q", image, got, want)
		}
	}
}

// TestImages: of ours in both forms, and none of what a fork adds.
func TestImages(t *testing.T) {
	t.Parallel()
	template := ours(t)
	template.Spec.Templates = append(template.Spec.Templates,
		wfv1.Template{Name: "a", Container: &corev1.Container{Image: "example.com/scan:v9.0.0", Command: []string{"scan"}}},
		wfv1.Template{Name: "b", Container: &corev1.Container{Image: "{{workflow.parameters.image}}", Command: []string{"/operator", "step", "verify"}}})
	if diff := cmp.Diff([]string{"ghcr.io/stanzaflow/operator:v0.1.0"}, contract.Images(template)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	named(&template.Spec, "stanza").ContainerSet.Containers[0].Image = "mirror/operator:v0.0.9"
	if image, age := contract.OtherRelease(template, "v0.1.0"); image != "mirror/operator:v0.0.9" || age != contract.Older {
		t.Errorf("%s, %d", image, age)
	}
	if image, age := contract.OtherRelease(ours(t), "v0.1.0"); image != "" || age != contract.SameOrUnknown {
		t.Errorf("%s, %d", image, age)
	}
}
