// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package when_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/stanzaflow/stanzaflow/internal/when"
)

// shop is a Deployment as the API server has it.
const shop = `
kind: Deployment
metadata:
  name: shop
  uid: 5f9c0a
  generation: 7
  labels: {app: shop, env: production, app.kubernetes.io/version: "1.4"}
  annotations: {token: SECRET}
spec:
  replicas: 3
  paused: false
  template:
    metadata: {labels: {env: production}, annotations: {token: SECRET}}
    spec:
      containers:
      - name: shop
        image: shop:1.4
        args: [--token=SECRET]
        command: [SECRET]
        env: [{name: TOKEN, value: SECRET}]
        envFrom: [{secretRef: {name: SECRET}}]
        livenessProbe: {httpGet: {port: 80, httpHeaders: [{name: Authorization, value: SECRET}]}}
        resources: {limits: {cpu: "1", memory: 1Gi}}
`

// object reads a manifest, after replacing some of its text.
func object(t testing.TB, replace ...string) map[string]any {
	t.Helper()
	var object map[string]any
	if err := yaml.Unmarshal([]byte(strings.NewReplacer(replace...).Replace(shop)), &object); err != nil {
		t.Fatal(err)
	}
	return object
}

func compile(t testing.TB, expression string) *when.Program {
	t.Helper()
	program, err := when.Compile(expression)
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return program
}

const image = "spec.template.spec.containers[0].image"

func TestEval(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		expression string
		replace    []string
		want       bool
	}{
		"no expression: every change":                     {"", nil, true},
		"another image":                                   {"old." + image + " != new." + image, []string{"shop:1.4", "shop:1.5"}, true},
		"the same image":                                  {"old." + image + " != new." + image, []string{"replicas: 3", "replicas: 4"}, false},
		"fewer replicas":                                  {"new.spec.replicas < old.spec.replicas", []string{"replicas: 3", "replicas: 1"}, true},
		"more replicas":                                   {"new.spec.replicas < old.spec.replicas", []string{"replicas: 3", "replicas: 4"}, false},
		"arithmetic with whole numbers":                   {"new.spec.replicas % 2 == 0 && old.spec.replicas % 2 == 1", []string{"replicas: 3", "replicas: 4"}, true},
		"a number as the text of another type":            {"new.spec.replicas == 3.0", nil, true},
		"a boolean member":                                {"new.spec.paused", []string{"paused: false", "paused: true"}, true},
		"a label by a name in brackets":                   {`old.metadata.labels["app.kubernetes.io/version"] != new.metadata.labels["app.kubernetes.io/version"]`, []string{`"1.4"`, `"1.5"`}, true},
		"a label env is no environment":                   {`new.metadata.labels.env == "production" && new.spec.template.metadata.labels.env == "production"`, nil, true},
		"only new is read":                                {`new.spec.replicas == 0`, []string{"replicas: 3", "replicas: 0"}, true},
		"a part of the object":                            {"old.spec.template.spec.containers != new.spec.template.spec.containers", []string{"memory: 1Gi", "memory: 2Gi"}, true},
		"a part of the object without what may be hidden": {"old.spec.template.spec.containers != new.spec.template.spec.containers", []string{"SECRET", "OTHER"}, false},
		"what is not there is nil":                        {"new.spec.strategy.rollingUpdate.maxSurge == nil && new.spec.template.spec.containers[7].image == nil", nil, true},
		"what appears":                                    {"old.spec.strategy == nil and new.spec.strategy != nil", []string{"replicas: 3", "strategy: {type: Recreate}"}, true},
		"what goes":                                       {"old.spec.replicas != new.spec.replicas", []string{"replicas: 3", "other: 3"}, true},
		"a member of a number is nil":                     {"new.spec.replicas.kind == nil", nil, true},
		"an optional chain is the same":                   {"old?.spec?.replicas == new.spec?.replicas", nil, true},
		"a member in brackets is the same":                {`old["spec"]["replicas"] == new.spec.replicas`, nil, true},
		"a function":                                      {`hasPrefix(new.` + image + `, "shop:") and upper(new.kind) == "DEPLOYMENT" and (new.kind | lower()) == "deployment"`, nil, true},
		"a default":                                       {"(new.spec.minReadySeconds ?? 5) == 5", nil, true},
		"a slice of a text":                               {"new." + image + "[5:] == \"1.4\"", nil, true},
		"a pattern":                                       {"new." + image + ` matches "^shop:[0-9]+[.][0-9]+$"`, nil, true},
		"a condition":                                     {`new.kind == "Deployment" ? new.metadata.name == "shop" : false`, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program := compile(t, tc.expression)
			old, err := program.Values(object(t))
			if err != nil {
				t.Fatal(err)
			}
			got, err := program.Eval(old, object(t, tc.replace...))
			if err != nil {
				t.Fatal(err)
			}
			if got != tc.want {
				t.Errorf("%s is %v, want %v", tc.expression, got, tc.want)
			}
		})
	}
}

// TestCannotBeDecided checks that what cannot be evaluated is an error of one line, and
// neither true nor false.
func TestCannotBeDecided(t *testing.T) {
	t.Parallel()
	big := []string{"shop:1.4", strings.Repeat("x", when.MaxValues)}
	for name, tc := range map[string]struct {
		expression string
		old        string
		replace    []string
		want       string
	}{
		"not a boolean in the end":     {"new.spec.replicas", "", nil, "cannot be evaluated"},
		"a text in the end":            {`new.kind + "x"`, "", nil, "cannot be evaluated"},
		"a number of nothing":          {"new.spec.nothing > 1", "", nil, "cannot be evaluated"},
		"division by nothing":          {"new.spec.replicas % (new.spec.replicas - 3) == 1", "", nil, "cannot be evaluated"},
		"more than fits into a status": {"old." + image + " != new." + image, "", big, "reads more than 1024 bytes"},
		"values of another expression": {"old.spec.replicas != new.spec.replicas", `{"spec.paused":false}`, nil, "nothing is known"},
		"values that are cut":          {"old.spec.replicas != new.spec.replicas", `{"spec.replicas":`, nil, "nothing is known"},
		"no values":                    {"old.spec.replicas != new.spec.replicas", " ", nil, "nothing is known"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program := compile(t, tc.expression)
			old := tc.old
			if old == "" {
				var err error
				if old, err = program.Values(object(t)); err != nil {
					t.Fatal(err)
				}
			}
			got, err := program.Eval(old, object(t, tc.replace...))
			if got || err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v, %v; want an error of one line with %q", got, err, tc.want)
			}
			if _, err := program.Values(object(t, big...)); (err == nil) == strings.Contains(tc.expression, "old."+image) {
				t.Errorf("values of a big object: %v", err)
			}
		})
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		"":                                       "",
		"true":                                   "{}",
		"new.spec.replicas == 0":                 "{}",
		"old.spec.replicas != new.spec.replicas": `{"spec.replicas":3}`,
		"old.spec.nothing.at.all == nil":         `{"spec.nothing.at.all":null}`,
		"old." + image + " < \"<\" || old.spec.paused":                                     `{"spec.paused":false,"` + image + `":"shop:1.4"}`,
		`old.metadata.labels["a.b/c"] == nil && old.metadata.name == old.metadata["name"]`: `{"metadata.labels[\"a.b/c\"]":null,"metadata.name":"shop"}`,
		"old.metadata.labels != {}":                                                        `{"metadata.labels":{"app":"shop","app.kubernetes.io/version":"1.4","env":"production"}}`,
		"old.spec.template.metadata != nil":                                                `{"spec.template.metadata":{"labels":{"env":"production"}}}`,
		"old.spec.template.spec.containers[0] != nil":                                      `{"spec.template.spec.containers[0]":{"image":"shop:1.4","livenessProbe":{"httpGet":{"port":80}},"name":"shop","resources":{"limits":{"cpu":"1","memory":"1Gi"}}}}`,
	} {
		program := compile(t, expression)
		got, err := program.Values(object(t))
		if err != nil {
			t.Errorf("%s: %v", expression, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", expression, diff)
		}
		if strings.Contains(got, "SECRET") {
			t.Errorf("%s gives a secret away: %s", expression, got)
		}
		if !program.Fit(got) || expression != "" && program.Fit(`{"spec":1}`) {
			t.Errorf("%s: the values fit %v", expression, program.Fit(got))
		}
		if paths := program.Paths(); !slices.IsSorted(paths) {
			t.Errorf("%s: %v", expression, paths)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		"old.spec.replicas != ":         "does not compile: unexpected token EOF (1:21)",
		"old.spec.replicas != replicas": "does not compile: unknown name replicas (1:22)",
		"1 + 1":                         "does not compile: expected bool, but got int",
		"old != new":                    "uses old as a whole; an expression sees kind, metadata.name, metadata.labels and members of spec (1:1)",
		"true ||\n  old == nil":         "uses old as a whole; an expression sees kind, metadata.name, metadata.labels and members of spec (2:3)",
		"string(new) != \"\"":           "uses new as a whole; an expression sees kind, metadata.name, metadata.labels and members of spec (1:8)",
		"$env == nil":                   "uses $env",
		`$env["old"] == nil`:            "uses $env",
		"old[new.kind] != nil":          "uses an index of old that is neither",
		"old.spec.containers[new.spec.replicas] != nil":            "uses an index of old.spec.containers that is neither a name nor a number from 0: what an expression reads must be known before it is evaluated (1:",
		"old.spec.containers[-1] != nil":                           "that is neither a name nor a number from 0",
		"old.spec.replicas.String() == \"\"":                       "calls String of old.spec.replicas",
		"old.spec != new.spec":                                     "reads spec as a whole; name the members that count, or leave when empty",
		"old.status.replicas != new.status.replicas":               "reads status.replicas; an expression sees kind",
		"old.metadata.annotations.x != nil":                        "reads metadata.annotations.x, and annotations may hold a secret",
		"old.metadata.uid != new.metadata.uid":                     "reads metadata.uid; an expression sees",
		"new.metadata.name.x == nil":                               "reads metadata.name.x; an expression sees",
		"old.spec.template.spec.containers[0].env[0].value != nil": "reads spec.template.spec.containers[0].env[0].value, and env may hold a secret, which nothing may copy into a status (1:",
		"new.spec.template.spec.containers[0].args != nil":         "args may hold a secret",
		"new.spec.template.spec.containers[0].command != nil":      "command may hold a secret",
		"new.spec.template.spec.containers[0].envFrom != nil":      "envFrom may hold a secret",
		"old.spec.backup.pgbackrest.global != nil":                 "global may hold a secret",
		"old.spec.backup.pgbackrest.repos[0].key != nil":           "key may hold a secret",
		"all(old.spec.containers, # != nil)":                       "uses the function all, which when of a trigger cannot",
		"now().Hour() < 6":                                         "uses the function now, which when of a trigger cannot: it has no variables, loops or ranges; docs/triggers.md lists its functions",
		"{{workflow.name}} == nil":                                 "holds {{",
		`"` + strings.Repeat("x", when.MaxLength) + `" == ""`:      "is longer than 1024 characters",
	} {
		program, err := when.Compile(expression)
		if program != nil || err == nil || !strings.HasPrefix(err.Error(), want) && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", expression, err, want)
			continue
		}
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: more than one line: %q", expression, err)
		}
	}
}
