// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"

	"github.com/stanzaflow/stanzaflow/internal/fieldpath"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	workflowtemplates "github.com/stanzaflow/stanzaflow/workflows"
)

// fakeAPI answers as an API server does that has some objects.
type fakeAPI struct {
	now     time.Time
	objects []unstructured.Unstructured
	// forbidden are resources that may not be read.
	forbidden map[string]bool
	// mu is held while a request is answered.
	mu sync.Mutex
	// owners have the fields of an object, by namespace/name: whoever else applies it is
	// refused.
	owners map[string]string
}

// resources are the kinds that it serves.
var resources = map[string]string{
	"Stanza": "stanzas", "postgresql": "postgresqls", "Workflow": "workflows", "CronWorkflow": "cronworkflows", "WorkflowTemplate": "workflowtemplates",
	"Deployment": "deployments", "Pod": "pods", "ConfigMap": "configmaps", "ServiceAccount": "serviceaccounts",
	"Namespace": "namespaces", "Role": "roles", "RoleBinding": "rolebindings",
	"ValidatingAdmissionPolicy": "validatingadmissionpolicies", "ValidatingAdmissionPolicyBinding": "validatingadmissionpolicybindings",
}

// newFakeAPI starts one with testdata/inspect/world.yaml, our policies and our template,
// and returns the file with the access to it.
func newFakeAPI(t *testing.T, change ...func(*fakeAPI)) string {
	t.Helper()
	api := &fakeAPI{now: lookedAt, forbidden: map[string]bool{}, owners: map[string]string{}}
	api.load(t, "testdata/inspect/world.yaml")
	for _, folder := range []string{"base", "modes/standalone"} {
		files, _ := filepath.Glob("../../deploy/" + folder + "/policy/*.yaml")
		for _, file := range files {
			api.load(t, file)
		}
	}
	for _, template := range [][]byte{workflowtemplates.Template, workflowtemplates.Watch} {
		api.add(t, string(template))
		api.objects[len(api.objects)-1].SetNamespace("shop")
	}
	for _, c := range change {
		c(api)
	}
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	text, err := os.ReadFile("testdata/submit/config")
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(config, []byte(strings.ReplaceAll(string(text), "http://127.0.0.1:1", server.URL)), 0o600); err != nil {
		t.Fatal(err)
	}
	return config
}

func (f *fakeAPI) load(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for document := range strings.SplitSeq(string(text), "\n---\n") {
		f.add(t, document)
	}
}

func (f *fakeAPI) add(t *testing.T, document string) {
	t.Helper()
	var o unstructured.Unstructured
	if err := yaml.Unmarshal([]byte(document), &o.Object); err != nil {
		t.Fatal(err)
	}
	f.objects = append(f.objects, o)
}

// ServeHTTP implements http.Handler.
func (f *fakeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w.Header().Set("Date", f.now.Format(http.TimeFormat))
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case r.URL.Path == "/version":
		answer(w, http.StatusOK, map[string]string{"gitVersion": "v1.36.3"})
	case strings.HasPrefix(r.URL.Path, "/openapi/v3/apis/"):
		answer(w, http.StatusOK, stanzaDocument())
	case r.Method == http.MethodPost:
		answer(w, http.StatusCreated, map[string]any{"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "status": map[string]bool{"allowed": true}})
	case parts[0] == "apis" && len(parts) == 3:
		f.discover(w, parts[1]+"/"+parts[2])
	case r.URL.Path == "/api/v1":
		f.discover(w, "v1")
	case r.Method == http.MethodPatch:
		f.apply(w, r)
	case strings.HasSuffix(r.URL.Path, "/log"):
		_, _ = fmt.Fprintf(w, "2026-11-29T02:50:00.000000000Z attempt 6 failed: [082] archive-timeout: WAL segment 00000001000000A200000031 was not archived\n")
	default:
		f.read(w, r, parts)
	}
}

func answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		panic(err)
	}
}

func failure(w http.ResponseWriter, code int, reason metav1.StatusReason, message, name string) {
	answer(w, code, metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure, Code: int32(code), Reason: reason, Message: message,
		Details: &metav1.StatusDetails{Name: name},
	})
}

// discover lists the kinds of a group.
func (f *fakeAPI) discover(w http.ResponseWriter, group string) {
	list := metav1.APIResourceList{TypeMeta: metav1.TypeMeta{Kind: "APIResourceList"}, GroupVersion: group}
	seen := map[string]bool{}
	for _, o := range f.objects {
		if name := resources[o.GetKind()]; o.GetAPIVersion() == group && !seen[name] {
			seen[name] = true
			list.APIResources = append(list.APIResources, metav1.APIResource{Name: name, Kind: o.GetKind(), Namespaced: true})
		}
	}
	for kind, of := range map[string]string{"ServiceAccount": "v1", "Role": "rbac.authorization.k8s.io/v1", "RoleBinding": "rbac.authorization.k8s.io/v1"} {
		if of == group && !seen[resources[kind]] {
			list.APIResources = append(list.APIResources, metav1.APIResource{Name: resources[kind], Kind: kind, Namespaced: true})
		}
	}
	answer(w, http.StatusOK, list)
}

// read answers get and list.
func (f *fakeAPI) read(w http.ResponseWriter, r *http.Request, parts []string) {
	group, rest := parts[1], parts[2:]
	if parts[0] == "apis" {
		group, rest = parts[1]+"/"+parts[2], parts[3:]
	}
	namespace := ""
	if rest[0] == "namespaces" && len(rest) > 2 {
		namespace, rest = rest[1], rest[2:]
	}
	resource, name := rest[0], ""
	if len(rest) > 1 {
		name = rest[1]
	}
	if f.forbidden[resource] {
		failure(w, http.StatusForbidden, metav1.StatusReasonForbidden, resource+` is forbidden: User "jane" cannot read it`, name)
		return
	}
	selector, _ := labels.Parse(r.URL.Query().Get("labelSelector"))
	items := []any{}
	for _, o := range f.objects {
		if o.GetAPIVersion() != group || resources[o.GetKind()] != resource || namespace != "" && o.GetNamespace() != namespace {
			continue
		}
		if name != "" && o.GetName() == name {
			answer(w, http.StatusOK, o.Object)
			return
		}
		if selector.Matches(labels.Set(o.GetLabels())) {
			items = append(items, o.Object)
		}
	}
	if name != "" {
		failure(w, http.StatusNotFound, metav1.StatusReasonNotFound, resource+` "`+name+`" not found`, name)
		return
	}
	answer(w, http.StatusOK, map[string]any{"apiVersion": group, "kind": "List", "metadata": map[string]any{}, "items": items})
}

// apply answers a server-side apply.
func (f *fakeAPI) apply(w http.ResponseWriter, r *http.Request) {
	var o unstructured.Unstructured
	if err := json.NewDecoder(r.Body).Decode(&o.Object); err != nil {
		panic(err)
	}
	if f.find("Namespace", "", o.GetNamespace()) < 0 {
		answer(w, http.StatusNotFound, metav1.Status{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure, Code: http.StatusNotFound, Reason: metav1.StatusReasonNotFound,
			Details: &metav1.StatusDetails{Kind: "namespaces", Name: o.GetNamespace()},
		})
		return
	}
	query, owner := r.URL.Query(), f.owners[o.GetNamespace()+"/"+o.GetName()]
	if owner != "" && query.Get("force") != "true" && query.Get("fieldManager") != owner {
		answer(w, http.StatusConflict, metav1.Status{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure, Code: http.StatusConflict, Reason: metav1.StatusReasonConflict,
			Details: &metav1.StatusDetails{Causes: []metav1.StatusCause{{Type: metav1.CauseTypeFieldManagerConflict, Message: fmt.Sprintf("conflict with %q", owner), Field: ".spec"}}},
		})
		return
	}
	o.SetResourceVersion(fmt.Sprint(len(f.objects) + 1))
	if i := f.find(o.GetKind(), o.GetNamespace(), o.GetName()); query.Get("dryRun") == "" && i >= 0 {
		f.objects[i] = o
	} else if query.Get("dryRun") == "" {
		f.objects = append(f.objects, o)
	}
	answer(w, http.StatusOK, o.Object)
}

// find returns the place of an object, less than 0 if there is none.
func (f *fakeAPI) find(kind, namespace, name string) int {
	return slices.IndexFunc(f.objects, func(o unstructured.Unstructured) bool {
		return o.GetKind() == kind && o.GetNamespace() == namespace && o.GetName() == name
	})
}

// stanzaDocument is the OpenAPI document with the schema of our CRD.
func stanzaDocument() map[string]any {
	text, err := os.ReadFile("../../deploy/crds/stanzaflow.dev_stanzas.yaml")
	var crd struct {
		Spec struct {
			Versions []struct {
				Schema struct {
					OpenAPIV3Schema map[string]any `json:"openAPIV3Schema"`
				} `json:"schema"`
			} `json:"versions"`
		} `json:"spec"`
	}
	if err == nil {
		err = yaml.Unmarshal(text, &crd)
	}
	if err != nil {
		panic(err)
	}
	return map[string]any{"components": map[string]any{"schemas": map[string]any{fieldpath.StanzaSchema: crd.Spec.Versions[0].Schema.OpenAPIV3Schema}}}
}

// withoutWatch removes what the watch of a namespace is made of.
func withoutWatch(f *fakeAPI) {
	kept := f.objects[:0]
	for _, o := range f.objects {
		if o.GetName() != vocab.WatchTemplate {
			kept = append(kept, o)
		}
	}
	f.objects = kept
}
