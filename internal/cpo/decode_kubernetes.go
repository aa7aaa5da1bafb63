// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cpo

import (
	stdjson "encoding/json"
	"fmt"
	"regexp"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/json"
)

// This file reads the parts of the resource that have Kubernetes' own types. An
// API server has validated them, and validates them again in our objects.

// scheduling reads where the pods of the cluster may run.
func (d *decoder) scheduling(spec map[string]any) Scheduling {
	return Scheduling{
		Tolerations:       d.tolerations(spec),
		NodeAffinity:      as[corev1.NodeAffinity](d, spec, "spec", "nodeAffinity"),
		PriorityClassName: d.text(spec, "spec", "podPriorityClassName"),
	}
}

// tolerations reads them one by one: an unreadable one does not hide the others.
func (d *decoder) tolerations(spec map[string]any) []corev1.Toleration {
	var tolerations []corev1.Toleration
	for i, item := range d.list(spec, "spec", "tolerations") {
		toleration, ok := convert[corev1.Toleration](item)
		if !ok {
			d.fail(fmt.Sprintf("spec.tolerations[%d]", i), "must be an object with key, operator, value and effect")
			continue
		}
		tolerations = append(tolerations, toleration)
	}
	return tolerations
}

func (d *decoder) volume(entry map[string]any, path string) *Volume {
	volume := d.object(entry, path, "volume")
	if volume == nil {
		return nil
	}
	d.unknown(volume, path+".volume", volumeFields)
	if selector, ok := volume["selector"].(map[string]any); ok {
		d.unknown(selector, path+".volume.selector", selectorFields)
	}
	return &Volume{
		Size:         d.text(volume, path+".volume", "size"),
		StorageClass: d.text(volume, path+".volume", "storageClass"),
		Selector:     as[metav1.LabelSelector](d, volume, path+".volume", "selector"),
	}
}

// resources reads cpu and memory, as CPO does. Empty ones are absent.
func (d *decoder) resources(section map[string]any) corev1.ResourceRequirements {
	resources := d.object(section, Section, "resources")
	d.unknown(resources, Section+".resources", resourcesFields)
	requests, limits := d.object(resources, Section+".resources", "requests"), d.object(resources, Section+".resources", "limits")
	return corev1.ResourceRequirements{
		Requests: d.quantities(requests, Section+".resources.requests"),
		Limits:   d.quantities(limits, Section+".resources.limits"),
	}
}

func (d *decoder) quantities(object map[string]any, path string) corev1.ResourceList {
	d.unknown(object, path, quantityFields)
	var list corev1.ResourceList
	for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		value := object[string(name)]
		if value == nil || value == "" {
			continue
		}
		one, ok := corev1.ResourceList{}, false
		if text := fmt.Sprint(value); IsQuantity(text) {
			one, ok = convert[corev1.ResourceList](map[string]any{string(name): text})
		}
		if !ok {
			d.fail(join(path, string(name)), "must be a quantity such as 500m or 500Mi")
			continue
		}
		if list == nil {
			list = corev1.ResourceList{}
		}
		list[name] = one[name]
	}
	return list
}

// quantity matches what people write. Kubernetes accepts more, and computes for
// minutes on an exponent of nine digits.
var quantity = regexp.MustCompile(`^[0-9]{1,18}(\.[0-9]{1,9})?([mkMGTPE]|[KMGTPE]i|[eE][0-9]{1,2})?$`)

// IsQuantity reports whether a text is a Kubernetes quantity such as 500m or 15Gi.
func IsQuantity(text string) bool { return quantity.MatchString(text) }

// list returns the items of a list.
func (d *decoder) list(parent map[string]any, path, key string) []any {
	value, ok := parent[key]
	if !ok || value == nil {
		return nil
	}
	list, ok := value.([]any)
	if !ok {
		d.fail(join(path, key), "must be a list")
	}
	return list
}

// as reads an object as a type of Kubernetes. It returns nil for an empty object.
func as[T any](d *decoder, parent map[string]any, path, key string) *T {
	object := d.object(parent, path, key)
	if len(object) == 0 {
		return nil
	}
	typed, ok := convert[T](object)
	if !ok {
		d.fail(join(path, key), "has a part of the wrong type; kubectl explain shows the right one")
		return nil
	}
	return &typed
}

// convert reads JSON as a type. Like the API server, it distinguishes the case of
// field names and ignores fields that the type does not have.
func convert[T any](value any) (T, bool) {
	var typed T
	text, err := stdjson.Marshal(value)
	if err == nil {
		err = json.UnmarshalCaseSensitivePreserveInts(text, &typed)
	}
	if _, isObject := value.(map[string]any); err != nil || !isObject {
		return *new(T), false
	}
	return typed, true
}
