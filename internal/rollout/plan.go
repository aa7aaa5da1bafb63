// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"cmp"
	"strconv"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/stanzaflow/stanzaflow/internal/contract"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Change is what becomes of one object.
type Change string

// Changes.
const (
	Unchanged  Change = "unchanged"
	Created    Change = "created"
	Configured Change = "configured"
)

// step is what is to be done with one object of a namespace.
type step struct {
	want   *unstructured.Unstructured
	live   *unstructured.Unstructured // nil if there is none
	change Change
	fields []string // that differ
	// since: the object was like that of the bundle once, and was changed since.
	since bool
}

// planned compares a bundle with what is in a namespace.
func planned(bundle Bundle, live map[string]*unstructured.Unstructured) []step {
	steps := make([]step, 0, len(bundle.Objects))
	for _, want := range bundle.Objects {
		steps = append(steps, planOne(want, live[id(want)]))
	}
	return steps
}

// planOne leaves an object alone that has every field of the bundle, whoever applied it:
// to become a manager of the same fields would only be in the way of the other one. The
// exception is an object of ours of another bundle, which may have more fields.
func planOne(want, live *unstructured.Unstructured) step {
	s := step{want: want, live: live, change: Unchanged}
	if live == nil {
		s.change = Created
		return s
	}
	was := live.GetAnnotations()[vocab.AnnotationBundle]
	same := was == want.GetAnnotations()[vocab.AnnotationBundle]
	s.fields = differences(want, live)
	if want.GetKind() == kindTemplate && changedByOthers(live) {
		s.fields = additions(want, live, s.fields)
	}
	s.since = same && len(s.fields) > 0
	if len(s.fields) > 0 || was != "" && !same {
		s.change = Configured
	}
	return s
}

// ageOf says how the templates of a namespace are older or newer than those of a bundle,
// and of which release they are.
func ageOf(steps []step) (age contract.Age, release string) {
	for _, s := range steps {
		if s.want.GetKind() != kindTemplate || s.live == nil {
			continue
		}
		have, want := releaseOf(s.live), releaseOf(s.want)
		release = cmp.Or(release, have)
		if age == contract.SameOrUnknown {
			age = compareContracts(s.live.GetLabels()[vocab.LabelContract], s.want.GetLabels()[vocab.LabelContract])
		}
		if age == contract.SameOrUnknown {
			age = contract.CompareReleases(have, want)
		}
	}
	return age, release
}

// releaseOf is the tag of the image of our steps in a template, empty without one.
func releaseOf(object *unstructured.Unstructured) string {
	template := &wfv1.WorkflowTemplate{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, template); err != nil {
		return ""
	}
	for _, image := range contract.Images(template) {
		if tag := contract.Tag(image); tag != "" {
			return tag
		}
	}
	return ""
}

// compareContracts compares the numbers at the end of two contracts of one kind.
func compareContracts(have, want string) contract.Age {
	prefix, number, ok := splitContract(have)
	wantedPrefix, wanted, wantOK := splitContract(want)
	switch {
	case !ok || !wantOK || prefix != wantedPrefix || number == wanted:
		return contract.SameOrUnknown
	case number < wanted:
		return contract.Older
	}
	return contract.Newer
}

// splitContract takes watch-v1 apart.
func splitContract(text string) (prefix string, number int, ok bool) {
	i := len(text)
	for i > 0 && text[i-1] >= '0' && text[i-1] <= '9' {
		i--
	}
	number, err := strconv.Atoi(text[i:])
	return text[:i], number, err == nil
}
