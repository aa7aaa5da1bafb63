// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/stanzaflow/stanzaflow/internal/fieldpath"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// shipped has what our manifests install, changed by a test.
type shipped struct {
	policies  map[string]*admissionregistrationv1.ValidatingAdmissionPolicy
	bindings  map[string]*admissionregistrationv1.ValidatingAdmissionPolicyBinding
	stanza    map[string]any
	policyErr error
	schemaErr error
	looked    int
}

func (s *shipped) readPolicy(_ context.Context, name string) (*admissionregistrationv1.ValidatingAdmissionPolicy, *admissionregistrationv1.ValidatingAdmissionPolicyBinding, error) {
	s.looked++
	if s.policyErr != nil {
		return nil, nil, s.policyErr
	}
	if s.policies[name] == nil || s.bindings[name] == nil {
		return nil, nil, apierrors.NewNotFound(schema.GroupResource{Resource: "validatingadmissionpolicies"}, name)
	}
	return s.policies[name], s.bindings[name], nil
}

func (s *shipped) readSchema(context.Context) ([]byte, error) {
	if s.schemaErr != nil {
		return nil, s.schemaErr
	}
	return json.Marshal(map[string]any{"components": map[string]any{"schemas": map[string]any{fieldpath.StanzaSchema: s.stanza}}})
}

func makeShipped(t *testing.T) *shipped {
	t.Helper()
	s := &shipped{
		policies: map[string]*admissionregistrationv1.ValidatingAdmissionPolicy{},
		bindings: map[string]*admissionregistrationv1.ValidatingAdmissionPolicyBinding{},
	}
	files, err := filepath.Glob("../../deploy/*/policy/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	ofModes, err := filepath.Glob("../../deploy/modes/*/policy/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range slices.Concat(files, ofModes) {
		for document := range strings.SplitSeq(readFile(t, file), "\n---\n") {
			var err error
			if o := reconciletest.FromYAML(t, document); o.GetKind() == "ValidatingAdmissionPolicy" {
				policy := &admissionregistrationv1.ValidatingAdmissionPolicy{}
				err, s.policies[o.GetName()] = yaml.UnmarshalStrict([]byte(document), policy), policy
			} else {
				binding := &admissionregistrationv1.ValidatingAdmissionPolicyBinding{}
				err, s.bindings[o.GetName()] = yaml.UnmarshalStrict([]byte(document), binding), binding
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	crd := reconciletest.FromYAML(t, readFile(t, "../../deploy/crds/stanzaflow.dev_stanzas.yaml"))
	versions := within(t, crd.Object, "spec")["versions"].([]any)
	s.stanza = within(t, versions[0], "schema", "openAPIV3Schema")
	return s
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// within returns an object inside another.
func within(t *testing.T, value any, path ...string) map[string]any {
	t.Helper()
	for _, key := range path {
		value = value.(map[string]any)[key]
	}
	o, ok := value.(map[string]any)
	if !ok {
		t.Fatalf("there is no object %v", path)
	}
	return o
}

func TestLookForSkew(t *testing.T) {
	t.Parallel()
	forbidden := apierrors.NewForbidden(schema.GroupResource{}, "x", errors.New("no"))
	for name, tc := range map[string]struct {
		change  func(t *testing.T, s *shipped)
		want    []string
		message string
		err     string
	}{
		"what we ship fits": {change: func(*testing.T, *shipped) {}},
		"policies of another contract": {
			change: func(_ *testing.T, s *shipped) {
				s.policies["stanzaflow-exec"].Labels[vocab.LabelPolicyContract] = "v0"
				s.policies["stanzaflow-secrets"].Labels = nil
			},
			want: []string{"wrong PolicyMismatch"}, message: "finds stanzaflow-exec (v0), stanzaflow-secrets (none), which",
		},
		"a policy is missing": {
			change: func(_ *testing.T, s *shipped) { delete(s.policies, "stanzaflow-exec") },
			want:   []string{"note PolicyMissing"}, message: "not in force: stanzaflow-exec; install",
		},
		"all policies are missing": {
			change: func(_ *testing.T, s *shipped) { clear(s.policies) },
			want:   []string{"note PolicyMissing"}, message: strings.Join(vocab.Policies(vocab.ProvisionedByUs), ", ") + "; install",
		},
		"a binding is missing": {
			change: func(_ *testing.T, s *shipped) { delete(s.bindings, "stanzaflow-objects") },
			want:   []string{"note PolicyMissing"}, message: "not in force: stanzaflow-objects;",
		},
		"a binding only warns, so the contract of its policy does not matter": {
			change: func(_ *testing.T, s *shipped) {
				s.bindings["stanzaflow-exec"].Spec.ValidationActions = []admissionregistrationv1.ValidationAction{admissionregistrationv1.Warn}
				s.policies["stanzaflow-exec"].Labels = nil
			},
			want: []string{"note PolicyMissing"}, message: "not in force: stanzaflow-exec;",
		},
		"a binding is of another policy": {
			change: func(_ *testing.T, s *shipped) { s.bindings["stanzaflow-exec"].Spec.PolicyName = "stanzaflow-connect" },
			want:   []string{"note PolicyMissing"}, message: "not in force: stanzaflow-exec;",
		},
		"one of another contract, one missing": {
			change: func(_ *testing.T, s *shipped) {
				s.policies["stanzaflow-exec"].Labels = nil
				delete(s.bindings, "stanzaflow-connect")
			},
			want: []string{"wrong PolicyMismatch", "note PolicyMissing"}, message: "finds stanzaflow-exec (none), which",
		},
		"policies are not ours to read": {
			change: func(_ *testing.T, s *shipped) { s.policyErr = forbidden },
			want:   []string{"note SkewUnknown"}, message: "it may not read them",
		},
		"the policies cannot be read, the CRD is older all the same": {
			change: func(t *testing.T, s *shipped) {
				s.policyErr = errors.New("no answer")
				delete(within(t, s.stanza, "properties", "spec", "properties"), "gate")
			},
			want: []string{"wrong CRDOutdated"}, message: "drops spec.gate;", err: "cannot read ValidatingAdmissionPolicy stanzaflow-certificates: no answer",
		},
		"a CRD without fields of the status": {
			change: func(t *testing.T, s *shipped) {
				delete(within(t, s.stanza, "properties", "status", "properties"), "repos")
				delete(within(t, s.stanza, "properties", "status", "properties", "schedules", "items", "properties"), "overdue")
				delete(within(t, s.stanza, "properties", "status", "properties", "lastBackup", "properties"), "verified")
			},
			want: []string{"wrong CRDOutdated"}, message: "drops status.lastBackup.verified, status.repos, status.schedules.overdue;",
		},
		"a CRD with more than we know": {
			change: func(t *testing.T, s *shipped) {
				within(t, s.stanza, "properties", "spec", "properties")["later"] = map[string]any{"type": "string"}
			},
		},
		"the schema is not ours to read": {
			change: func(_ *testing.T, s *shipped) { s.schemaErr = forbidden },
			want:   []string{"note SkewUnknown"}, message: "the OpenAPI document",
		},
		"the schema cannot be read": {
			change: func(_ *testing.T, s *shipped) { s.schemaErr = errors.New("no answer") },
			err:    "cannot read the schema of Stanza: no answer",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := makeShipped(t)
			tc.change(t, s)
			found, err := lookForSkew(t.Context(), s, vocab.ProvisionedByUs)
			var got, texts []string
			for _, f := range found.Wrong {
				got, texts = append(got, "wrong "+string(f.Reason)), append(texts, f.Message)
			}
			for _, f := range found.Notes {
				got, texts = append(got, "note "+string(f.Reason)), append(texts, f.Message)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
			if !strings.Contains(strings.Join(texts, "; "), tc.message) {
				t.Errorf("messages are %q, want %q", texts, tc.message)
			}
			if (err == nil) != (tc.err == "") || err != nil && err.Error() != tc.err {
				t.Errorf("error is %v, want %q", err, tc.err)
			}
		})
	}
}

// TestSkewLooksForThePoliciesOfTheMode checks that a policy that only the other mode
// installs is not missed.
func TestSkewLooksForThePoliciesOfTheMode(t *testing.T) {
	t.Parallel()
	for by, other := range map[vocab.Provisioner]vocab.Provisioner{
		vocab.ProvisionedByUs:  vocab.ProvisionedByCPO,
		vocab.ProvisionedByCPO: vocab.ProvisionedByUs,
	} {
		s := makeShipped(t)
		for _, name := range vocab.Policies(other) {
			if !slices.Contains(vocab.Policies(by), name) {
				delete(s.policies, name)
			}
		}
		if found, err := lookForSkew(t.Context(), s, by); err != nil || len(found.Wrong)+len(found.Notes) > 0 {
			t.Errorf("with the policies of %s: %+v, %v", by, found, err)
		}
		if found, err := lookForSkew(t.Context(), s, other); err != nil || len(found.Notes) != 1 || found.Notes[0].Reason != vocab.ReasonPolicyMissing {
			t.Errorf("with the policies of %s, in the other mode: %+v, %v", by, found, err)
		}
	}
}

// TestSkewMemory checks that passes read nothing, and that findings stay while the
// API server does not answer.
func TestSkewMemory(t *testing.T) {
	t.Parallel()
	from := makeShipped(t)
	m := &skewMemory{from: from, by: vocab.ProvisionedByUs}
	m.get(t.Context())
	after := from.looked
	if found := m.get(t.Context()); len(found.Wrong)+len(found.Notes) > 0 || from.looked != after || after == 0 {
		t.Errorf("a second pass found %+v, after %d reads and then %d", found, after, from.looked-after)
	}
	if m.look(t.Context()) {
		t.Error("nothing has changed, and the clusters are woken")
	}
	from.policies["stanzaflow-exec"].Labels = nil
	if !m.look(t.Context()) || len(m.get(t.Context()).Wrong) != 1 {
		t.Errorf("a change is not seen: %+v", m.get(t.Context()))
	}
	from.policyErr = errors.New("no answer")
	if m.look(t.Context()) || len(m.get(t.Context()).Wrong) != 1 {
		t.Errorf("without an answer it found %+v", m.get(t.Context()))
	}

	unknown := &skewMemory{from: from, by: vocab.ProvisionedByUs}
	if found := unknown.get(t.Context()); len(found.Notes) != 1 || found.Notes[0].Reason != vocab.ReasonSkewUnknown {
		t.Errorf("without any answer it found %+v", found)
	}
	from.policyErr = nil
	if !unknown.look(t.Context()) || len(unknown.get(t.Context()).Wrong) != 1 {
		t.Errorf("with the first answer it found %+v", unknown.get(t.Context()))
	}
}
