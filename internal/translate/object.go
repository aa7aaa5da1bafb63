// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Object is the one JSON form of a planned object, applied and printed.
// status, nulls and empty objects are left out: Go's zero values would claim
// fields that we do not own, and Argo keeps the memory of its schedules in the
// status of a CronWorkflow, which has no status subresource to protect it.
// spec.suspend of a CronWorkflow is always there: a false that is not sent
// stays whatever another hand made of it.
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
	prune(object)
	if spec, ok := object["spec"].(map[string]any); ok && object["kind"] == kindCronWorkflow && spec["suspend"] == nil {
		spec["suspend"] = false
	}
	return object, nil
}

// prune removes nulls and empty objects and lists, from the inside out.
func prune(object map[string]any) {
	for key, value := range object {
		switch v := value.(type) {
		case nil:
			delete(object, key)
		case map[string]any:
			// An empty emptyDir is a volume, and without it there is none.
			if prune(v); len(v) == 0 && key != "emptyDir" {
				delete(object, key)
			}
		case []any:
			for _, item := range v {
				if m, ok := item.(map[string]any); ok {
					prune(m)
				}
			}
			if len(v) == 0 {
				delete(object, key)
			}
		}
	}
}

// DefaultStanza is the Stanza of a cluster whose user has written none.
func DefaultStanza(cluster cpo.Postgresql) stanzaflowv1alpha1.Stanza {
	labels := clusterLabels(cluster.Name)
	if len(cluster.Name) > validation.LabelValueMaxLength {
		// A name that cannot be a label is a Problem, and this is where it is told.
		delete(labels, vocab.LabelCluster)
	}
	return stanzaflowv1alpha1.Stanza{
		TypeMeta:   metav1.TypeMeta{APIVersion: stanzaflowv1alpha1.GroupVersion.String(), Kind: kindStanza},
		ObjectMeta: metav1.ObjectMeta{Name: cluster.Name, Namespace: cluster.Namespace, Labels: labels},
	}
}
