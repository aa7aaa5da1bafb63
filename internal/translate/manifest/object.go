// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Kinds of Argo's.
const (
	KindCronWorkflow = "CronWorkflow"
	KindWorkflow     = "Workflow"
)

// Labels returns the labels that every object of a cluster carries.
func Labels(cluster string) map[string]string {
	return map[string]string{
		vocab.LabelManagedBy: vocab.ManagedBy,
		vocab.LabelPartOf:    vocab.ManagedBy,
		vocab.LabelCluster:   cluster,
	}
}

// Meta returns the metadata of an object of a cluster.
func Meta(cluster cpo.Postgresql, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Namespace: cluster.Namespace, Labels: Labels(cluster.Name)}
}

// ConfigMap returns a ConfigMap of a cluster.
func ConfigMap(cluster cpo.Postgresql, name string, data map[string]string) corev1.ConfigMap {
	return corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: Meta(cluster, name),
		Data:       data,
	}
}

// Object returns the JSON form of a planned object, in which it is applied and
// printed: Compact, and without status. Go's zero values would claim fields that
// we do not own, and Argo keeps the memory of its schedules in the status of a
// CronWorkflow, which has no status subresource to protect it.
//
// spec.suspend of a CronWorkflow is always set: a false that is not sent would
// leave the true that somebody else has written.
func Object(typed any) (map[string]any, error) {
	b, err := json.Marshal(typed)
	if err != nil {
		return nil, fmt.Errorf("cannot encode %T: %w", typed, err)
	}
	var object map[string]any
	if err := json.Unmarshal(b, &object); err != nil {
		return nil, fmt.Errorf("cannot encode %T: %w", typed, err)
	}
	delete(object, "status")
	object = Compact(object)
	if spec, ok := object["spec"].(map[string]any); ok && object["kind"] == KindCronWorkflow && spec["suspend"] == nil {
		spec["suspend"] = false
	}
	return object, nil
}

// Compact returns a copy of an object without nulls, empty objects and empty
// lists, at any depth. The items of a list keep their position, even empty ones.
// An empty emptyDir stays: it is a volume, and without it there is none.
func Compact(object map[string]any) map[string]any {
	kept := make(map[string]any, len(object))
	for key, value := range object {
		if value = compact(value); !empty(value) || key == "emptyDir" && value != nil {
			kept[key] = value
		}
	}
	return kept
}

func compact(value any) any {
	switch value := value.(type) {
	case map[string]any:
		return Compact(value)
	case []any:
		items := make([]any, len(value))
		for i, item := range value {
			items[i] = compact(item)
		}
		return items
	}
	return value
}

func empty(value any) bool {
	switch value := value.(type) {
	case nil:
		return true
	case map[string]any:
		return len(value) == 0
	case []any:
		return len(value) == 0
	}
	return false
}
