// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package vocab_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
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
const policyDigest = "3f63b59a391049c8aef6fc29645eacb53d22c6fac0b6670f2845b54009dd5eb0"

type policy struct {
	Kind     string `json:"kind"`
	Metadata struct {
		Name   string            `json:"name"`
		Labels map[string]string `json:"labels"`
	} `json:"metadata"`
	Spec map[string]any `json:"spec"`
}

// modes are the folders of deploy/modes.
var modes = map[vocab.Provisioner]string{vocab.ProvisionedByUs: "standalone", vocab.ProvisionedByCPO: "alongside"}

func TestPoliciesAreOfTheContract(t *testing.T) {
	t.Parallel()
	all := map[string]policy{}
	for by, mode := range modes {
		var names, bindings []string
		for _, folder := range []string{"base", "modes/" + mode} {
			files, err := filepath.Glob("../../deploy/" + folder + "/policy/*.yaml")
			if err != nil || len(files) == 0 {
				t.Fatalf("no policies in %s: %v", folder, err)
			}
			for _, file := range files {
				for _, p := range documents[policy](t, file) {
					if p.Kind != "ValidatingAdmissionPolicy" {
						bindings = append(bindings, p.Metadata.Name)
						continue
					}
					names, all[p.Metadata.Name] = append(names, p.Metadata.Name), p
				}
			}
		}
		slices.Sort(names)
		slices.Sort(bindings)
		if diff := cmp.Diff(vocab.Policies(by), names); diff != "" {
			t.Errorf("vocab.Policies are not those of deploy in mode %s (-vocab +deploy):\n%s", mode, diff)
		}
		if diff := cmp.Diff(names, bindings); diff != "" {
			t.Errorf("policies and bindings differ in mode %s (-policies +bindings):\n%s", mode, diff)
		}
	}
	digest := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if got := all[name].Metadata.Labels[vocab.LabelPolicyContract]; got != vocab.PolicyContract {
			t.Errorf("%s has label %s=%q, want %s", name, vocab.LabelPolicyContract, got, vocab.PolicyContract)
		}
		spec, err := json.Marshal(all[name].Spec)
		if err != nil {
			t.Fatal(err)
		}
		digest.Write(spec)
	}
	if got := hex.EncodeToString(digest.Sum(nil)); got != policyDigest {
		t.Errorf("the policies have changed, their digest is %s: the comment at policyDigest says what else to change", got)
	}
}

// TestOperatorMayReadThePolicies holds the names in the ClusterRole against
// vocab.Policies, in each mode.
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
	for by, mode := range modes {
		roles := documents[role](t, "../../deploy/modes/"+mode+"/rbac.yaml")
		i := slices.IndexFunc(roles, func(r role) bool { return r.Metadata.Name == "stanzaflow-policies" })
		if i < 0 || len(roles[i].Rules) != 1 {
			t.Errorf("mode %s has no ClusterRole stanzaflow-policies with one rule", mode)
			continue
		}
		if diff := cmp.Diff(vocab.Policies(by), roles[i].Rules[0].ResourceNames); diff != "" {
			t.Errorf("the policies that the operator may get in mode %s (-want +got):\n%s", mode, diff)
		}
		if diff := cmp.Diff([]string{"get"}, roles[i].Rules[0].Verbs); diff != "" {
			t.Errorf("verbs in mode %s (-want +got):\n%s", mode, diff)
		}
	}
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
