// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"testing"

	"github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	"github.com/argoproj/argo-events/pkg/eventsources/common/webhook"
	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/fake"
	"sigs.k8s.io/yaml"
)

const example = "../../examples/pre-deploy/argo-events/"

func read(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(example + file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestEventSource decodes it strictly, validates it as the controller does, and shows that
// the Sensor waits for its event.
func TestEventSource(t *testing.T) {
	t.Parallel()
	var source v1alpha1.EventSource
	if err := yaml.UnmarshalStrict(read(t, "eventsource.yaml"), &source); err != nil {
		t.Fatal(err)
	}
	s, err := readSensor(read(t, "sensor.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	event, ok := source.Spec.Webhook[s.Spec.Dependencies[0].EventName]
	if !ok || source.Name != s.Spec.Dependencies[0].EventSourceName {
		t.Errorf("the Sensor waits for %+v, which %s does not send", s.Spec.Dependencies[0], source.Name)
	}
	if err := webhook.ValidateWebhookContext(&event.WebhookContext); err != nil {
		t.Error(err)
	}
	if event.AuthSecret == nil {
		t.Error("anybody may send the event")
	}
	if len(source.Spec.Webhook) != 1 || len(source.Spec.Service.Ports) != 1 {
		t.Errorf("the EventSource has more than one webhook: %+v", source.Spec)
	}
}

// TestSensor shows which events start a run, and which run.
func TestSensor(t *testing.T) {
	t.Parallel()
	s, err := readSensor(read(t, "sensor.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	workflows := schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "workflows"}
	client := fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), map[schema.GroupVersionResource]string{workflows: "WorkflowList"})
	for body, want := range map[string]string{
		`{"environment": "production", "release": "7"}`:          "release-7",
		`{"environment": "production", "release": "v8-rc1"}`:     "release-v8-rc1",
		`{"environment": "preproduction", "release": "9"}`:       "",
		`{"environment": "production"}`:                          "",
		`{"environment": "production", "release": "{{=1}}"}`:     "",
		`{"environment": "production", "release": "x", "x": {}}`: "release-x",
		`[]`: "",
	} {
		created, err := s.receive(t.Context(), client, []byte(body))
		if err != nil {
			t.Errorf("%s: %v", body, err)
			continue
		}
		if created == nil {
			if want != "" {
				t.Errorf("%s is not selected", body)
			}
			continue
		}
		spec, _, _ := unstructured.NestedMap(created.Object, "spec")
		parameter := func(name, value string) any { return map[string]any{"name": name, "value": value} }
		if diff := cmp.Diff(map[string]any{
			"workflowTemplateRef": map[string]any{"name": "pgbackrest-backup"},
			"entrypoint":          "predeploy",
			"priority":            int64(30),
			"arguments": map[string]any{"parameters": []any{
				parameter("cluster", "cluster"), parameter("repo", "repo1"), parameter("type", "incr"),
				parameter("max-age", "15m"), parameter("restore-point", want),
			}},
		}, spec); diff != "" || created.GetName() != want || created.GetNamespace() != s.Namespace {
			t.Errorf("%s starts %s in %s, want %q (-want +got):\n%s", body, created.GetName(), created.GetNamespace(), want, diff)
		}
	}
	if _, err := s.receive(t.Context(), client, []byte(`{"environment": "production", "release": "7"}`)); !apierrors.IsAlreadyExists(err) {
		t.Errorf("the second event of the same release: %v, want that its run exists", err)
	}
}

// TestWrongSensorsAreErrors shows that a misspelt field is found.
func TestWrongSensorsAreErrors(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"spec: {}", "spec: {dependency: []}"} {
		if _, err := readSensor([]byte(text)); err == nil {
			t.Errorf("%s is accepted", text)
		}
	}
}
