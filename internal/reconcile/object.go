// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"encoding/json"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/stanzaflow/stanzaflow/internal/translate"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// planned gives the objects of a Plan in the form in which they are applied,
// the CronWorkflows last: a run needs the others.
func planned(plan translate.Plan) ([]*unstructured.Unstructured, error) {
	typed := plan.Configuration()
	for i := range plan.CronWorkflows {
		typed = append(typed, &plan.CronWorkflows[i])
	}
	objects := make([]*unstructured.Unstructured, 0, len(typed))
	for _, t := range typed {
		object, err := applied(t)
		if err != nil {
			return nil, err
		}
		if partly(object) {
			annotate(object, vocab.AnnotationApplied, digest(object))
		}
		objects = append(objects, object)
	}
	return objects, nil
}

// applied is an object with just the fields that we own, with numbers as the
// API server's come, so that the two can be compared.
func applied(object any) (*unstructured.Unstructured, error) {
	content, err := translate.Object(object)
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(content)
	if err != nil {
		return nil, fmt.Errorf("cannot encode %T: %w", object, err)
	}
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(data); err != nil {
		return nil, fmt.Errorf("cannot decode %T: %w", object, err)
	}
	return u, nil
}

// compact removes nulls, empty objects and empty lists, at any depth. It gives
// nil for what is empty.
func compact(value any) any {
	switch value := value.(type) {
	case map[string]any:
		m := make(map[string]any, len(value))
		for k, v := range value {
			if v = compact(v); v != nil {
				m[k] = v
			}
		}
		if len(m) > 0 {
			return m
		}
		return nil
	case []any:
		if len(value) == 0 {
			return nil
		}
		list := make([]any, len(value))
		for i, v := range value {
			list[i] = compact(v)
		}
		return list
	}
	return value
}

// differs reports whether an object that is there is not as planned. Labels and
// annotations of others are theirs: Argo keeps some of its own.
func differs(want, have *unstructured.Unstructured) bool {
	if !contains(have.GetLabels(), want.GetLabels()) || !contains(have.GetAnnotations(), want.GetAnnotations()) {
		return true
	}
	if partly(want) {
		return !covers(have.Object[fieldSpec], want.Object[fieldSpec])
	}
	return !equality.Semantic.DeepEqual(payload(want), payload(have))
}

const (
	fieldMetadata = "metadata"
	// fieldSpec is the field of a CronWorkflow that is all ours.
	fieldSpec = "spec"
)

// payloadFields are the fields of an object that are all ours.
func payloadFields(object *unstructured.Unstructured) []string {
	if object.GetKind() == configMapKind.Kind {
		return []string{"data", "binaryData"}
	}
	return []string{fieldSpec}
}

func payload(object *unstructured.Unstructured) map[string]any {
	fields := map[string]any{}
	for _, name := range payloadFields(object) {
		value := compact(object.Object[name])
		if spec, ok := value.(map[string]any); ok && name == fieldSpec {
			if _, ok := spec["suspend"]; !ok {
				spec["suspend"] = false
			}
		}
		fields[name] = value
	}
	return fields
}

func contains(all, some map[string]string) bool {
	for k, v := range some {
		if got, ok := all[k]; !ok || got != v {
			return false
		}
	}
	return true
}

// ours reports whether an object is managed by us for one cluster.
func ours(object *unstructured.Unstructured, cluster string) bool {
	labels := object.GetLabels()
	return labels[vocab.LabelManagedBy] == vocab.ManagedBy && labels[vocab.LabelCluster] == cluster
}

func suspended(cronWorkflow *unstructured.Unstructured) bool {
	suspend, _, _ := unstructured.NestedBool(cronWorkflow.Object, fieldSpec, "suspend")
	return suspend
}

// expressionSeparator is between two expressions of one CronWorkflow. One of ours
// has one.
const expressionSeparator = ", "

// scheduleText is the schedule of a CronWorkflow for a person.
func scheduleText(cronWorkflow *unstructured.Unstructured) string {
	return strings.Join(expressions(cronWorkflow), expressionSeparator)
}

func expressions(cronWorkflow *unstructured.Unstructured) []string {
	list, _, _ := unstructured.NestedStringSlice(cronWorkflow.Object, fieldSpec, "schedules")
	return list
}

func zoneName(cronWorkflow *unstructured.Unstructured) string {
	zone, _, _ := unstructured.NestedString(cronWorkflow.Object, fieldSpec, "timezone")
	return zone
}

// id names an object in a message.
func id(object *unstructured.Unstructured) string {
	return object.GetKind() + " " + object.GetName()
}

func reference(object *unstructured.Unstructured) *corev1.ObjectReference {
	return &corev1.ObjectReference{
		APIVersion: object.GetAPIVersion(), Kind: object.GetKind(),
		Namespace: object.GetNamespace(), Name: object.GetName(), UID: object.GetUID(),
	}
}

// byName indexes objects of one kind.
func byName(objects []*unstructured.Unstructured) map[string]*unstructured.Unstructured {
	index := make(map[string]*unstructured.Unstructured, len(objects))
	for _, object := range objects {
		index[object.GetName()] = object
	}
	return index
}
