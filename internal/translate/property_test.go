// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/internal/translate"
	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// rounds of the tests over random input.
const rounds = 500

func TestTranslateGivesSameBytesForShuffledInput(t *testing.T) {
	t.Parallel()
	random := newRandom(t)
	for range rounds {
		in := randomInput(random)
		want := encode(t, translate.Translate(in))
		shuffled := in
		section := *in.Cluster.PgBackRest
		section.Global = rebuild(random, section.Global)
		section.Repos = slices.Clone(section.Repos)
		for i := range section.Repos {
			section.Repos[i].Schedule = rebuild(random, section.Repos[i].Schedule)
		}
		shuffled.Cluster.PgBackRest = &section
		if got := encode(t, translate.Translate(shuffled)); got != want {
			t.Fatalf("map order matters:\n%s\n%s", want, got)
		}

		// Problems name the position in the list; the objects do not depend on it.
		objects := func(in translate.Input) string {
			plan := translate.Translate(in)
			plan.Problems = nil
			return encode(t, plan)
		}
		if len(in.FieldErrors) > 0 { // they do as well
			continue
		}
		want = objects(in)
		random.Shuffle(len(section.Repos), func(i, j int) {
			section.Repos[i], section.Repos[j] = section.Repos[j], section.Repos[i]
		})
		if got := objects(shuffled); got != want {
			t.Fatalf("list order matters:\n%s\n%s", want, got)
		}
	}
}

func TestTranslateLeavesItsInputAlone(t *testing.T) {
	t.Parallel()
	random := newRandom(t)
	for range rounds {
		in := randomInput(random)
		before := encode(t, in)
		plan := translate.Translate(in)
		if diff := cmp.Diff(before, encode(t, in)); diff != "" {
			t.Fatalf("input changed:\n%s", diff)
		}
		// Nor does the plan share memory with it, or with the next one.
		after := encode(t, translate.Translate(in))
		spoil(&plan)
		for i := range plan.Schedules {
			clear(plan.Schedules[i].Labels)
			clear(plan.Schedules[i].Spec.WorkflowMetadata.Labels)
			*plan.Schedules[i].Spec.WorkflowSpec.Priority = 99
			*plan.Schedules[i].Spec.StartingDeadlineSeconds = 99
			*plan.Schedules[i].Spec.FailedJobsHistoryLimit = 99
		}
		if diff := cmp.Diff(before, encode(t, in)); diff != "" {
			t.Fatalf("plan shares memory with the input:\n%s", diff)
		}
		if diff := cmp.Diff(after, encode(t, translate.Translate(in))); diff != "" {
			t.Fatalf("plan shares memory with the next one:\n%s", diff)
		}
	}
}

// spoil changes every part of the configuration that could be shared.
func spoil(plan *translate.Plan) {
	if plan.Provision == nil {
		return
	}
	clear(plan.Provision.ConfigMap.Data)
	clear(plan.Provision.ConfigMap.Labels)
	if credential := plan.Provision.Credential; credential != nil {
		clear(credential.Data[manifest.CredentialFileName])
	}
	host := plan.Provision.RepoHost
	if host == nil {
		return
	}
	for _, service := range host.Services {
		clear(service.Spec.Selector)
	}
	for i := range host.Claims {
		clear(host.Claims[i].Spec.Resources.Requests)
		if selector := host.Claims[i].Spec.Selector; selector != nil {
			clear(selector.MatchLabels)
		}
		if class := host.Claims[i].Spec.StorageClassName; class != nil {
			*class = "spoilt"
		}
	}
	for _, certificate := range host.Certificates {
		clear(certificate["spec"].(map[string]any)["dnsNames"].([]any))
		clear(certificate)
	}
	pod := &host.StatefulSet.Spec.Template.Spec
	if affinity := pod.Affinity.NodeAffinity; affinity != nil {
		clear(affinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms)
	}
	for _, toleration := range pod.Tolerations {
		if toleration.TolerationSeconds != nil {
			*toleration.TolerationSeconds = 99
		}
	}
	clear(pod.Tolerations)
	for i := range pod.Containers {
		clear(pod.Containers[i].Resources.Requests)
		clear(pod.Containers[i].Resources.Limits)
	}
	clear(host.StatefulSet.Labels)
	clear(host.StatefulSet.Spec.Selector.MatchLabels)
}

// TestPlanIsWholeOrKept checks that what is planned is complete and good, that what
// has a Problem is kept, and that nothing is both.
func TestPlanIsWholeOrKept(t *testing.T) {
	t.Parallel()
	var inputs []translate.Input
	for _, dir := range caseDirs(t) {
		inputs = append(inputs, readCase(t, dir))
	}
	random := newRandom(t)
	for i := range rounds {
		in := randomInput(random)
		inputs = append(inputs, in)
		if i%8 == 0 {
			in.Provisioner = vocab.ProvisionedByCPO
			inputs = append(inputs, in)
		}
	}
	planned, problems, hosts, keys, changed := 0, 0, 0, 0, 0
	for _, in := range inputs {
		plan := translate.Translate(in)
		planned, problems = planned+len(plan.Schedules), problems+len(plan.Problems)
		if hostOf(plan) != nil {
			hosts++
		}
		if credentialOf(plan) != nil {
			keys++
		}
		if slices.ContainsFunc(plan.Problems, func(p problem.Problem) bool { return p.Reason == vocab.ReasonCipherChanged }) {
			changed++
		}
		checkPlan(t, in, plan)
		if t.Failed() {
			t.Fatalf("of the input\n%s", encode(t, in))
		}
	}
	if planned < 500 || problems < 500 || hosts < 100 || keys < 10 || changed < 50 {
		t.Errorf("saw %d CronWorkflows, %d problems, %d repo hosts, %d keys and %d other ciphers, too few to prove anything", planned, problems, hosts, keys, changed)
	}
}
