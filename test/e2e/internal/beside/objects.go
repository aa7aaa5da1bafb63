// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package beside

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
)

// kinds are what CPO makes, and what an operator beside it might touch.
const kinds = "postgresql,configmap,secret,service,serviceaccount,persistentvolumeclaim,statefulset,cronjob"

// Objects are the objects of a namespace, without what is Stanzaflow's own.
type Objects map[string]map[string]any

// ReadObjects reads all of the objects. Of an object it leaves out the status, and what
// every write changes.
func ReadObjects(t testing.TB, k *kit.Kit) Objects {
	t.Helper()
	var list unstructured.UnstructuredList
	if err := json.Unmarshal([]byte(program.Kubectl(t, "get", "-n", k.Namespace, kinds, "-o", "json")), &list); err != nil {
		t.Fatal(err)
	}
	objects := Objects{}
	for _, object := range list.Items {
		if object.GetLabels()["app.kubernetes.io/part-of"] == "stanzaflow" {
			continue
		}
		for _, field := range []string{"managedFields", "resourceVersion", "generation"} {
			unstructured.RemoveNestedField(object.Object, "metadata", field)
		}
		unstructured.RemoveNestedField(object.Object, "status")
		objects[object.GetKind()+" "+object.GetName()] = object.Object
	}
	if len(objects) < 5 {
		t.Fatalf("the namespace has only %d objects", len(objects))
	}
	return objects
}

// Check compares with what is there now. fields of the spec of CronJobs may differ.
func (before Objects) Check(t testing.TB, k *kit.Kit, fields ...string) {
	t.Helper()
	if diff := before.diff(ReadObjects(t, k), fields); diff != "" {
		t.Errorf("not only %s of CPO's CronJobs has changed (-before +after):\n%s", strings.Join(fields, " and "), diff)
	}
}

func (before Objects) diff(after Objects, fields []string) string {
	return cmp.Diff(before.without(fields), after.without(fields))
}

func (before Objects) without(fields []string) Objects {
	less := Objects{}
	for name, object := range before {
		u := unstructured.Unstructured{Object: object}
		if u.GetKind() == "CronJob" {
			u = *u.DeepCopy()
			for _, field := range fields {
				unstructured.RemoveNestedField(u.Object, "spec", field)
			}
		}
		less[name] = u.Object
	}
	return less
}
