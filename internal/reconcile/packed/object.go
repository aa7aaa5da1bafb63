// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package packed

import (
	"encoding/json"
	"fmt"
	"reflect"
	"unique"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Object is a packed object. Of its metadata it has what says which object it is in
// which version, and the labels; the rest is only in what Open returns.
type Object struct {
	metav1.ObjectMeta

	kind *kind
	data []byte
	// set keeps the labels shared.
	set *labelSet
}

var _ client.Object = &Object{}

// pack compresses an object, which nobody may use any more.
func (k *kind) pack(o client.Object) (*Object, error) {
	content, err := encode(o)
	if err != nil {
		return nil, fmt.Errorf("cannot pack %s %s: %w", k.gvk.Kind, client.ObjectKeyFromObject(o), err)
	}
	packed := &Object{kind: k, data: k.compress(content)}
	packed.Namespace, packed.Name = share(o.GetNamespace()), share(o.GetName())
	packed.UID, packed.ResourceVersion, packed.Generation = types.UID(string([]byte(o.GetUID()))), string([]byte(o.GetResourceVersion())), o.GetGeneration()
	packed.CreationTimestamp, packed.DeletionTimestamp = o.GetCreationTimestamp(), o.GetDeletionTimestamp()
	if labels := o.GetLabels(); len(labels) > 0 {
		packed.set = k.labels.share(labels)
		packed.Labels = packed.set.labels
	}
	return packed, nil
}

// share returns a string that is held once, however many objects have it.
func share(s string) string { return unique.Make(s).Value() }

func encode(o client.Object) ([]byte, error) {
	if u, ok := o.(*unstructured.Unstructured); ok {
		return json.Marshal(u.Object)
	}
	return json.Marshal(o)
}

// into unpacks the object into one of its kind, of which nothing is left.
func (o *Object) into(out client.Object) error {
	_, err := o.unpack(out, nil)
	return err
}

// unpack does that by way of a buffer, which it returns for the next object.
func (o *Object) unpack(out client.Object, buffer []byte) ([]byte, error) {
	content, err := o.kind.decompress(o.data, buffer)
	if err == nil {
		if u, ok := out.(*unstructured.Unstructured); ok {
			u.Object = nil
			err = utiljson.Unmarshal(content, &u.Object)
		} else {
			reflect.ValueOf(out).Elem().SetZero() // Decoding leaves what is not in the content.
			err = utiljson.Unmarshal(content, out)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("cannot unpack %s %s: %w", o.kind.gvk.Kind, client.ObjectKeyFromObject(o), err)
	}
	out.GetObjectKind().SetGroupVersionKind(o.kind.gvk)
	return content, nil
}

// Open returns the whole object if it is packed, and any other object as it is. It panics
// if this process has packed what it cannot unpack.
func Open(o client.Object) client.Object {
	packed, ok := o.(*Object)
	if !ok {
		return o
	}
	out := packed.kind.empty()
	if err := packed.into(out); err != nil {
		panic(err)
	}
	return out
}

// GetObjectKind implements runtime.Object.
func (o *Object) GetObjectKind() schema.ObjectKind {
	return &metav1.TypeMeta{APIVersion: o.kind.gvk.GroupVersion().String(), Kind: o.kind.gvk.Kind}
}

// DeepCopyObject implements runtime.Object. Nothing changes what is packed.
func (o *Object) DeepCopyObject() runtime.Object {
	copied := &Object{kind: o.kind, data: o.data}
	o.DeepCopyInto(&copied.ObjectMeta)
	return copied
}
