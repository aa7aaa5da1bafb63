// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
)

// cachedState is a state whose cache holds a CronWorkflow and the Stanza in these versions, empty
// for not at all.
func cachedState(t *testing.T, cronWorkflow, stanza string) object.State {
	t.Helper()
	state := reconciletest.State(t)
	state.Objects = object.Objects{}
	if cronWorkflow != "" {
		o := object.New(object.CronWorkflow)
		o.SetName("a")
		o.SetResourceVersion(cronWorkflow)
		state.Objects.Add(o)
	}
	state.Stanza.ResourceVersion = stanza
	if stanza == "" {
		state.Stanza = nil
	}
	return state
}

func TestOwnWrites(t *testing.T) {
	t.Parallel()
	stanza := "Stanza " + reconciletest.Cluster
	written := map[string]string{"CronWorkflow a": "1000", stanza: "999"}
	for name, tc := range map[string]struct {
		cronWorkflow, stanza string
		behind               bool
	}{
		"nothing yet":              {"", "", true},
		"the Stanza only":          {"", "999", true},
		"an older one":             {"990", "999", true},
		"what was written":         {"1000", "999", false},
		"what others wrote since":  {"1001", "1002", false},
		"older as a text, and not": {"10000", "1000", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			state, own := cachedState(t, tc.cronWorkflow, tc.stanza), newOwnWrites()
			if own.behind(state) {
				t.Error("is behind although nothing was written")
			}
			own.add(state.Key, written)
			if got := own.behind(state); got != tc.behind {
				t.Errorf("behind is %v, want %v", got, tc.behind)
			}
			if !tc.behind && len(own.of) > 0 {
				t.Error("what the cache holds is remembered")
			}
		})
	}
}

// TestOwnWritesOfADeletedObject: somebody has deleted it before the cache held it.
func TestOwnWritesOfADeletedObject(t *testing.T) {
	t.Parallel()
	state, own := cachedState(t, "", "5"), newOwnWrites()
	own.add(state.Key, map[string]string{"CronWorkflow a": "4"})
	looked := 0
	for own.behind(state) {
		looked++
	}
	if looked != ownWritesPatience || own.behind(state) || len(own.of) > 0 {
		t.Errorf("waits %d times, want %d and never again", looked, ownWritesPatience)
	}
}

func TestForeignNames(t *testing.T) {
	t.Parallel()
	key, names := reconciletest.State(t).Key, newForeignNames()
	cronWorkflow, secret := object.New(object.CronWorkflow), object.New(object.Secret)
	cronWorkflow.SetName("a")
	secret.SetName("a")
	names.add(key, []*unstructured.Unstructured{cronWorkflow, secret})
	if !names.knows(key, cronWorkflow) || names.knows(key, secret) {
		t.Error("the CronWorkflow is to be looked at before it is created, and the Secret cannot be")
	}
	names.forget(key, cronWorkflow)
	if names.knows(key, cronWorkflow) || len(names.of) > 0 {
		t.Error("a name that is free again is remembered")
	}
}
