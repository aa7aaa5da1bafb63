// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package monitor

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

// The Service of testdata/monitoring and the names of its ports.
const (
	service          = "monitoring"
	portPrometheus   = "prometheus"
	portAlertmanager = "alertmanager"
)

// Stack is a Prometheus and its Alertmanager.
type Stack struct {
	core      kubernetes.Interface
	namespace string
}

// NewStack returns that of a namespace.
func NewStack(core kubernetes.Interface, namespace string) *Stack {
	return &Stack{core: core, namespace: namespace}
}

// Service is the Service of both. Their ports are those that both programs usually have.
func (s *Stack) Service() types.NamespacedName {
	return types.NamespacedName{Namespace: s.namespace, Name: service}
}

// Sample is one series and its value now.
type Sample struct {
	Labels map[string]string
	Value  float64
}

// String writes a sample as Prometheus does, without the labels that every series has.
func (s Sample) String() string {
	var labels []string
	for _, name := range slices.Sorted(maps.Keys(s.Labels)) {
		if name != "__name__" && name != "job" && name != "instance" {
			labels = append(labels, fmt.Sprintf("%s=%q", name, s.Labels[name]))
		}
	}
	return fmt.Sprintf("%s{%s} %s", s.Labels["__name__"], strings.Join(labels, ", "), strconv.FormatFloat(s.Value, 'f', -1, 64))
}

// Query evaluates an expression now. The answer is sorted by its text.
func (s *Stack) Query(ctx context.Context, expression string) ([]Sample, error) {
	body, err := s.get(ctx, portPrometheus, "api/v1/query", map[string]string{"query": expression})
	if err != nil {
		return nil, fmt.Errorf("cannot query %s: %w", expression, err)
	}
	samples, err := decodeVector(body)
	if err != nil {
		return nil, fmt.Errorf("cannot query %s: %w", expression, err)
	}
	return samples, nil
}

// decodeVector reads what Prometheus answers to an instant query.
func decodeVector(body []byte) ([]Sample, error) {
	var answer struct {
		Status string `json:"status"`
		Error  string `json:"error"`
		Data   struct {
			ResultType string `json:"resultType"`
			Result     []struct {
				Metric map[string]string `json:"metric"`
				Value  [2]any            `json:"value"`
			} `json:"result"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("cannot read the answer of Prometheus, %.200s: %w", body, err)
	}
	if answer.Status != "success" || answer.Data.ResultType != "vector" {
		return nil, fmt.Errorf("the answer of Prometheus is %s, with a %s: %s", answer.Status, answer.Data.ResultType, answer.Error)
	}
	var samples []Sample
	for _, one := range answer.Data.Result {
		text, _ := one.Value[1].(string)
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("the answer of Prometheus has the value %v: %w", one.Value, err)
		}
		samples = append(samples, Sample{Labels: one.Metric, Value: value})
	}
	slices.SortFunc(samples, func(a, b Sample) int { return strings.Compare(a.String(), b.String()) })
	return samples, nil
}

// Alert is an alert that Alertmanager has.
type Alert struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

// Alerts returns the alerts that Alertmanager has, of one namespace of PostgreSQL clusters if
// the label is set. It forgets an alert as soon as that is resolved.
func (s *Stack) Alerts(ctx context.Context, namespace string) ([]Alert, error) {
	body, err := s.get(ctx, portAlertmanager, "api/v2/alerts", map[string]string{"active": "true"})
	if err != nil {
		return nil, fmt.Errorf("cannot ask Alertmanager: %w", err)
	}
	var alerts []Alert
	if err := json.Unmarshal(body, &alerts); err != nil {
		return nil, fmt.Errorf("cannot read the answer of Alertmanager, %.200s: %w", body, err)
	}
	return slices.DeleteFunc(alerts, func(a Alert) bool { return a.Labels["namespace"] != namespace }), nil
}

// Names returns the names of alerts, each once, sorted.
func Names(alerts []Alert) []string {
	names := map[string]bool{}
	for _, alert := range alerts {
		names[alert.Labels["alertname"]] = true
	}
	return slices.Sorted(maps.Keys(names))
}

func (s *Stack) get(ctx context.Context, port, path string, parameters map[string]string) ([]byte, error) {
	return s.core.CoreV1().Services(s.namespace).ProxyGet("http", service, port, path, parameters).DoRaw(ctx)
}
