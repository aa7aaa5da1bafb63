// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	"github.com/argoproj/argo-events/pkg/reconciler/sensor"
	"github.com/argoproj/argo-events/pkg/sensors/dependencies"
	standardk8s "github.com/argoproj/argo-events/pkg/sensors/triggers/standard-k8s"
	"go.uber.org/zap"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"
)

var errManyParts = errors.New("the Sensor needs one dependency and one trigger")

// oneSensor has one dependency and one trigger.
type oneSensor struct{ *v1alpha1.Sensor }

// readSensor decodes a Sensor strictly, and validates it as the controller of Argo Events
// does.
func readSensor(text []byte) (oneSensor, error) {
	s := oneSensor{&v1alpha1.Sensor{}}
	if err := yaml.UnmarshalStrict(text, s.Sensor); err != nil {
		return s, err
	}
	bus := &v1alpha1.EventBus{Spec: v1alpha1.EventBusSpec{JetStream: &v1alpha1.JetStreamBus{Version: "latest"}}}
	if err := sensor.ValidateSensor(s.Sensor, bus); err != nil {
		return s, err
	}
	if len(s.Spec.Dependencies) != 1 || len(s.Spec.Triggers) != 1 {
		return s, errManyParts
	}
	return s, nil
}

// receive does what the pod of the Sensor does with one HTTP request that its EventSource
// accepted. It returns nil if a filter does not select the event.
func (s oneSensor) receive(ctx context.Context, client dynamic.Interface, body []byte) (*unstructured.Unstructured, error) {
	// As an EventSource for webhooks does.
	data, err := json.Marshal(map[string]any{"header": map[string]any{}, "body": json.RawMessage(body)})
	if err != nil {
		return nil, fmt.Errorf("the body is not JSON: %w", err)
	}
	event := &v1alpha1.Event{Context: &v1alpha1.EventContext{ID: "1", DataContentType: "application/json"}, Data: data}
	dependency := s.Spec.Dependencies[0]
	// An error means that the filter cannot be applied, for instance because the field is
	// missing. A Sensor discards such an event, too.
	if selected, unusable := dependencies.Filter(event, dependency.Filters, dependency.FiltersLogicalOperator); unusable != nil || !selected {
		return nil, nil //nolint:nilnil,nilerr // Nothing is created.
	}
	trigger := standardk8s.NewStandardK8sTrigger(nil, client, s.Sensor, &s.Spec.Triggers[0], zap.NewNop().Sugar())
	object, err := trigger.FetchResource(ctx)
	if err != nil {
		return nil, err
	}
	if object, err = trigger.ApplyResourceParameters(map[string]*v1alpha1.Event{dependency.Name: event}, object); err != nil {
		return nil, err
	}
	created, err := trigger.Execute(ctx, nil, object)
	if err != nil {
		return nil, err
	}
	return created.(*unstructured.Unstructured), nil //nolint:forcetypeassert // What a dynamic client returns.
}
