// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package vocab_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// policyDigest is the digest of the policies of vocab.PolicyContract.
//
// If you change what a policy allows, raise vocab.PolicyContract and the labels,
// and write the digest that the test prints here: an operator beside older
// policies then reports it. If the lines of stanzaflow-exec change, so do the
// commands of the steps: then raise vocab.TemplateContract as well.
const policyDigest = "a96b015f27f2fcc6d11e47fb51217b71b84d2b5e411027b1769ba2edffae8310"

type policy struct {
	Kind     string `json:"kind"`
	Metadata struct {
		Name   string            `json:"name"`
		Labels map[string]string `json:"labels"`
	} `json:"metadata"`
	Spec map[string]any `json:"spec"`
}

func TestPoliciesAreOfTheContract(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../deploy/base/policy/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no policies: %v", err)
	}
	var names, bindings []string
	digest := sha256.New()
	for _, file := range files {
		for _, p := range documents[policy](t, file) {
			if p.Kind != "ValidatingAdmissionPolicy" {
				bindings = append(bindings, p.Metadata.Name)
				continue
			}
			names = append(names, p.Metadata.Name)
			if got := p.Metadata.Labels[vocab.LabelPolicyContract]; got != vocab.PolicyContract {
				t.Errorf("%s has label %s=%q, want %s", p.Metadata.Name, vocab.LabelPolicyContract, got, vocab.PolicyContract)
			}
			spec, err := json.Marshal(p.Spec)
			if err != nil {
				t.Fatal(err)
			}
			digest.Write(spec)
		}
	}
	slices.Sort(names)
	slices.Sort(bindings)
	if diff := cmp.Diff(vocab.Policies, names); diff != "" {
		t.Errorf("vocab.Policies are not those of deploy/base/policy (-vocab +deploy):\n%s", diff)
	}
	if diff := cmp.Diff(names, bindings); diff != "" {
		t.Errorf("policies and bindings differ (-policies +bindings):\n%s", diff)
	}
	if got := hex.EncodeToString(digest.Sum(nil)); got != policyDigest {
		t.Errorf("the policies have changed, their digest is %s: the comment at policyDigest says what else to change", got)
	}
}

// TestOperatorMayReadThePolicies holds the names in the ClusterRole against vocab.Policies.
func TestOperatorMayReadThePolicies(t *testing.T) {
	t.Parallel()
	type role struct {
		Metadata struct {
			Name string `json:"name"`
		} `json:"metadata"`
		Rules []struct {
			ResourceNames []string `json:"resourceNames"`
			Verbs         []string `json:"verbs"`
		} `json:"rules"`
	}
	for _, r := range documents[role](t, "../../deploy/base/rbac.yaml") {
		if r.Metadata.Name != "stanzaflow-policies" || len(r.Rules) == 0 {
			continue
		}
		if diff := cmp.Diff(vocab.Policies, r.Rules[0].ResourceNames); diff != "" {
			t.Errorf("the policies that the operator may get (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"get"}, r.Rules[0].Verbs); diff != "" {
			t.Errorf("verbs (-want +got):\n%s", diff)
		}
		return
	}
	t.Error("there is no ClusterRole stanzaflow-policies")
}

// documents reads a file of YAML documents.
func documents[T any](t *testing.T, file string) []T {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []T
	for document := range strings.SplitSeq(string(text), "\n---\n") {
		var one T
		if err := yaml.Unmarshal([]byte(document), &one); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all = append(all, one)
	}
	return all
}
