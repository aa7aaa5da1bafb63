// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// A claim holds backups. It is made, it grows, and nothing else ever happens to
// it: no code here, and no right of the operator, can take one away.

// claim decides about a planned claim.
func (d *difference) claim(want, have *unstructured.Unstructured) {
	switch {
	case have == nil:
		d.todo.Create = append(d.todo.Create, want)
	case d.plan.Keep.Configuration:
	default:
		if text := claimMismatch(want, have); text != "" {
			d.todo.Mismatched = append(d.todo.Mismatched, finding{vocab.ReasonVolumeClaimMismatch, text})
		}
		if grows(want, have) {
			d.todo.Grow = append(d.todo.Grow, change{Want: want, Have: have})
		}
	}
}

var claimSizeField = []string{fieldSpec, "resources", "requests", "storage"}

// claimSize is the size that a claim asks for, zero if it cannot be read.
func claimSize(claim *unstructured.Unstructured) resource.Quantity {
	text, _, _ := unstructured.NestedString(claim.Object, claimSizeField...)
	size, err := resource.ParseQuantity(text)
	if err != nil {
		return resource.Quantity{}
	}
	return size
}

// grows reports whether a claim is asked to be larger than it is.
func grows(want, have *unstructured.Unstructured) bool {
	asked, has := claimSize(want), claimSize(have)
	return asked.Cmp(has) > 0
}

// claimMismatch tells what a claim cannot become, empty if there is nothing.
// What is not asked for may be anything: the API server has filled it in.
func claimMismatch(want, have *unstructured.Unstructured) string {
	var texts []string
	if asked, has := claimSize(want), claimSize(have); asked.Cmp(has) < 0 {
		texts = append(texts, fmt.Sprintf("has %s and %s is asked for: a volume cannot shrink, so set the size to %s again", has.String(), asked.String(), has.String()))
	}
	asked, _, _ := unstructured.NestedString(want.Object, fieldSpec, "storageClassName")
	has, _, _ := unstructured.NestedString(have.Object, fieldSpec, "storageClassName")
	if asked != "" && asked != has {
		texts = append(texts, fmt.Sprintf("has storage class %q and %q is asked for: a volume keeps its class, so set it back, or give another repo the new one", has, asked))
	}
	selector, _, _ := unstructured.NestedFieldNoCopy(want.Object, fieldSpec, "selector")
	bound, _, _ := unstructured.NestedFieldNoCopy(have.Object, fieldSpec, "selector")
	if selector != nil && !equality.Semantic.DeepEqual(compact(selector), compact(bound)) {
		texts = append(texts, "was made with another selector than is asked for: a claim keeps its volume, so set it back, or give another repo the new one")
	}
	if len(texts) == 0 {
		return ""
	}
	return id(have) + " " + strings.Join(texts, "; it ")
}

// grow raises the size and touches nothing else.
func (a *application) grow(ctx context.Context, todo change) {
	have, err := a.fresh(ctx, todo.Have)
	if err != nil || have == nil {
		a.failOn("grow", todo.Want, err)
		return
	}
	if !grows(todo.Want, have) {
		return
	}
	size := claimSize(todo.Want)
	body := map[string]any{fieldMetadata: map[string]any{"uid": have.GetUID()}}
	if err := unstructured.SetNestedField(body, size.String(), claimSizeField...); err != nil {
		a.failOn("grow", todo.Want, err)
		return
	}
	object, err := a.patch(ctx, have, types.MergePatchType, body)
	if err != nil {
		a.failOn("grow", todo.Want, err)
		return
	}
	a.changed(vocab.ReasonUpdated, object)
}

// orphanedClaims are those of the cluster that no repo uses. What is in use while
// a Problem keeps the configuration is what was in use before it.
func orphanedClaims(before []string, p pass) []string {
	used := map[string]bool{}
	for _, repo := range p.Plan.Repos {
		used[repo.Claim] = true
	}
	var orphaned []string
	for _, claim := range p.State.Claims {
		name := claim.GetName()
		if p.Plan.Keep.Configuration && !slices.Contains(before, name) || used[name] {
			continue
		}
		orphaned = append(orphaned, name)
	}
	return orphaned
}
