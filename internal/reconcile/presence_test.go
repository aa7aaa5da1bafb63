// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"errors"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestPresence checks that the last answer holds while there is no good one.
func TestPresence(t *testing.T) {
	t.Parallel()
	var names []string
	var failure error
	p := &presence{served: func(context.Context, string) (*metav1.APIResourceList, error) {
		list := &metav1.APIResourceList{}
		for _, name := range names {
			list.APIResources = append(list.APIResources, metav1.APIResource{Name: name})
		}
		return list, failure
	}}
	ours, cpos := []string{"postgresqls"}, []string{"postgresqls", "operatorconfigurations"}
	for _, tc := range []struct {
		name                        string
		names                       []string
		failure                     error
		changed, refused, installed bool
	}{
		{name: "at the start", names: ours, changed: true},
		{name: "the same", names: ours},
		{name: "CPO is installed", names: cpos, changed: true, installed: true},
		{name: "the API server does not answer", failure: errors.New("connection refused"), refused: true, installed: true},
		{name: "an API server that starts", names: []string{"postgresteams"}, refused: true, installed: true},
		{name: "it is there", names: cpos, installed: true},
		{name: "CPO is removed", names: ours, changed: true},
	} {
		names, failure = tc.names, tc.failure
		changed, err := p.look(t.Context())
		if changed != tc.changed || (err != nil) != tc.refused || p.last.Load().installed != tc.installed {
			t.Errorf("%s: changed %t, error %v, %+v", tc.name, changed, err, p.last.Load())
		}
	}

	// Without an answer at the start there is nothing to go by.
	failure = errors.New("connection refused")
	if _, err := (&presence{served: p.served}).look(t.Context()); err == nil {
		t.Error("no error")
	}
}
