// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// A claim holds backups. We create it and let it grow, and nothing else ever
// happens to it: no code here, and no right of the operator, can remove one.

// compareClaim decides about a planned claim.
func (d *difference) compareClaim(want, have *unstructured.Unstructured) {
	switch {
	case have == nil:
		d.add(object.Action{Verb: object.Create, Want: want})
	case d.keep:
	default:
		if text := claimMismatch(want, have); text != "" {
			d.add(object.Action{Verb: object.Mismatch, Want: want, Have: have, Text: text})
		}
		if grows(want, have) {
			d.add(object.Action{Verb: object.Grow, Want: want, Have: have})
		}
	}
}

var claimSizeField = []string{object.FieldSpec, "resources", "requests", "storage"}

// claimSize is the size that a claim asks for, zero if it cannot be read.
func claimSize(claim *unstructured.Unstructured) resource.Quantity {
	text, _, _ := unstructured.NestedString(claim.Object, claimSizeField...)
	size, err := resource.ParseQuantity(text)
	if err != nil {
		return resource.Quantity{}
	}
	return size
}

// grows reports whether the planned claim is larger than the existing one.
func grows(want, have *unstructured.Unstructured) bool {
	asked, has := claimSize(want), claimSize(have)
	return asked.Cmp(has) > 0
}

// claimMismatch says what a claim cannot become, empty if there is nothing. A
// field that is not asked for may have any value: the API server has filled it
// in.
func claimMismatch(want, have *unstructured.Unstructured) string {
	var texts []string
	if asked, has := claimSize(want), claimSize(have); asked.Cmp(has) < 0 {
		texts = append(texts, fmt.Sprintf("has %s, and the resource asks for %s: a volume cannot shrink, so set the size back to %s", has.String(), asked.String(), has.String()))
	}
	asked, _, _ := unstructured.NestedString(want.Object, object.FieldSpec, "storageClassName")
	has, _, _ := unstructured.NestedString(have.Object, object.FieldSpec, "storageClassName")
	if asked != "" && asked != has {
		texts = append(texts, fmt.Sprintf("has storage class %q, and the resource asks for %q: a volume keeps its class, so set it back or use the new class for another repo", has, asked))
	}
	selector, _, _ := unstructured.NestedFieldNoCopy(want.Object, object.FieldSpec, "selector")
	bound, _, _ := unstructured.NestedFieldNoCopy(have.Object, object.FieldSpec, "selector")
	if selector != nil && !sameSelector(selector, bound) {
		texts = append(texts, "was created with another selector than the resource asks for: a claim keeps its volume, so set the selector back or use the new one for another repo")
	}
	if len(texts) == 0 {
		return ""
	}
	return object.ID(have) + " " + strings.Join(texts, "; it ")
}

// sameSelector does not tell empty fields from missing ones.
func sameSelector(a, b any) bool {
	compact := func(selector any) map[string]any { return manifest.Compact(map[string]any{"selector": selector}) }
	return equality.Semantic.DeepEqual(compact(a), compact(b))
}

// grow raises the size and touches nothing else.
func grow(ctx context.Context, w *object.Writer, action object.Action) {
	have, err := w.Fresh(ctx, action.Have)
	if err != nil || have == nil {
		w.FailOn("grow", action.Want, err)
		return
	}
	if !grows(action.Want, have) {
		return
	}
	size := claimSize(action.Want)
	body := map[string]any{object.FieldMetadata: map[string]any{"uid": have.GetUID()}}
	if err := unstructured.SetNestedField(body, size.String(), claimSizeField...); err != nil {
		w.FailOn("grow", action.Want, err)
		return
	}
	larger, err := w.Patch(ctx, have, types.MergePatchType, body)
	if err != nil {
		w.FailOn("grow", action.Want, err)
		return
	}
	w.Changed(vocab.ReasonUpdated, larger)
}
