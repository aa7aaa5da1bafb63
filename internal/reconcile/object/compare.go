// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package object

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
)

// Fields of every object.
const (
	FieldMetadata = "metadata"
	FieldSpec     = "spec"
)

// Differs reports whether an existing object is not as planned. Labels and
// annotations of others are theirs: Argo keeps some of its own.
func Differs(want, have *unstructured.Unstructured) bool {
	if !Contains(have.GetLabels(), want.GetLabels()) || !Contains(have.GetAnnotations(), want.GetAnnotations()) {
		return true
	}
	kind := KindOf(want.GroupVersionKind())
	if kind.Ownership == Part {
		return !covers(have.Object[FieldSpec], want.Object[FieldSpec])
	}
	return !equality.Semantic.DeepEqual(payload(kind, want), payload(kind, have))
}

// payload is the part of an object that is ours as a whole, in the form in which
// it would be planned.
func payload(kind Kind, object *unstructured.Unstructured) map[string]any {
	fields := map[string]any{}
	for _, name := range kind.Payload {
		fields[name] = object.Object[name]
	}
	fields = manifest.Compact(fields)
	if spec, ok := fields[FieldSpec].(map[string]any); ok && kind.GVK == CronWorkflow && spec[fieldSuspend] == nil {
		spec[fieldSuspend] = false
	}
	return fields
}

// Annotate sets an annotation.
func Annotate(object *unstructured.Unstructured, key, value string) {
	annotations := object.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[key] = value
	object.SetAnnotations(annotations)
}

// digest identifies what we sent earlier of an object of Ownership Part. What we
// do not send any more cannot be seen in a comparison; the digest differs, and
// server-side apply then takes away what was ours. Its keys are sorted in JSON.
func digest(object *unstructured.Unstructured) string {
	data, err := json.Marshal(object.Object)
	if err != nil {
		// It was made of JSON.
		panic(err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}
