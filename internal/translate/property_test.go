// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/google/go-cmp/cmp"
	"github.com/robfig/cron/v3"
	"k8s.io/apimachinery/pkg/util/validation"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate"
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

		// Problems name the place in the list; the objects do not depend on it.
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
		for i := range plan.CronWorkflows {
			clear(plan.CronWorkflows[i].Labels)
			clear(plan.CronWorkflows[i].Spec.WorkflowMetadata.Labels)
			*plan.CronWorkflows[i].Spec.WorkflowSpec.Priority = 99
			*plan.CronWorkflows[i].Spec.StartingDeadlineSeconds = 99
			*plan.CronWorkflows[i].Spec.FailedJobsHistoryLimit = 99
		}
		if diff := cmp.Diff(before, encode(t, in)); diff != "" {
			t.Fatalf("plan shares memory with the input:\n%s", diff)
		}
		if diff := cmp.Diff(after, encode(t, translate.Translate(in))); diff != "" {
			t.Fatalf("plan shares memory with the next one:\n%s", diff)
		}
	}
}

// TestPlanIsWholeOrKept: what is planned is complete and good, what has a
// problem is kept, and nothing is both.
func TestPlanIsWholeOrKept(t *testing.T) {
	t.Parallel()
	var inputs []translate.Input
	for _, dir := range caseDirs(t) {
		inputs = append(inputs, readCase(t, dir))
	}
	random := newRandom(t)
	for range rounds {
		inputs = append(inputs, randomInput(random))
	}
	planned, problems := 0, 0
	for _, in := range inputs {
		plan := translate.Translate(in)
		planned, problems = planned+len(plan.CronWorkflows), problems+len(plan.Problems)
		checkPlan(t, in, plan)
		if t.Failed() {
			t.Fatalf("of the input\n%s", encode(t, in))
		}
	}
	if planned < 500 || problems < 500 {
		t.Errorf("saw %d CronWorkflows and %d problems, too few to prove anything", planned, problems)
	}
}

// checkPlan holds for every input.
func checkPlan(t testing.TB, in translate.Input, plan translate.Plan) {
	t.Helper()
	if !slices.IsSortedFunc(plan.CronWorkflows, func(a, b wfv1.CronWorkflow) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("CronWorkflows are not sorted")
	}
	names := map[string]bool{}
	for _, c := range plan.CronWorkflows {
		checkCronWorkflow(t, in, c)
		if names[c.Name] {
			t.Errorf("two CronWorkflows are named %s", c.Name)
		}
		if slices.Contains(plan.Keep.CronWorkflows, c.Name) {
			t.Errorf("%s is both planned and kept", c.Name)
		}
		names[c.Name] = true
	}
	if c := plan.ConfigMap; c != nil {
		if errs := validation.IsDNS1123Subdomain(c.Name); len(errs) > 0 {
			t.Errorf("name of the ConfigMap %q: %v", c.Name, errs)
		}
		if strings.Contains(encode(t, c), "{{") {
			t.Error("the ConfigMap holds an Argo expression")
		}
	}
	if len(plan.Problems) == 0 && !reflect.DeepEqual(plan.Keep, translate.Keep{}) {
		t.Errorf("keeps %+v without a problem", plan.Keep)
	}
	for _, p := range plan.Problems {
		if p.Kind == "" || p.Field == "" || p.Reason == "" || p.Message == "" {
			t.Errorf("problem is not complete: %+v", p)
		}
		if text := p.Field + p.Message; strings.ContainsAny(text, "\n\r") || strings.HasSuffix(p.Message, ".") || strings.Contains(text, "%!") || len(text) > 512 {
			t.Errorf("problem is not one short line: %+v", p)
		}
	}
	for _, name := range schedulesWithProblems(in, plan) {
		if !plan.Keep.CronWorkflow(name) {
			t.Errorf("%s has a problem and is not kept", name)
		}
		if names[name] {
			t.Errorf("%s has a problem and is planned", name)
		}
	}
}

// schedulesWithProblems are the names of the CronWorkflows whose own expression
// has a problem.
func schedulesWithProblems(in translate.Input, plan translate.Plan) []string {
	if in.Cluster.PgBackRest == nil {
		return nil
	}
	var names []string
	for i, repo := range in.Cluster.PgBackRest.Repos {
		for _, backupType := range cpo.BackupTypes {
			field := fmt.Sprintf("spec.backup.pgbackrest.repos[%d].schedule.%s", i, backupType)
			if slices.ContainsFunc(plan.Problems, func(p translate.Problem) bool { return p.Field == field }) {
				names = append(names, translate.CronWorkflowName(in.Cluster.Name, repo.Name, backupType))
			}
		}
	}
	return names
}

// checkCronWorkflow holds for every planned CronWorkflow.
func checkCronWorkflow(t testing.TB, in translate.Input, c wfv1.CronWorkflow) {
	t.Helper()
	if len(c.Name) > 52 || len(validation.IsDNS1123Subdomain(c.Name)) > 0 {
		t.Errorf("%q is not a name that Argo takes", c.Name)
	}
	for _, labels := range []map[string]string{c.Labels, c.Spec.WorkflowMetadata.Labels} {
		for key, value := range labels {
			if errs := slices.Concat(validation.IsQualifiedName(key), validation.IsValidLabelValue(value)); value == "" || len(errs) > 0 {
				t.Errorf("label %s=%s: %v", key, value, errs)
			}
		}
	}
	if text := encode(t, c); strings.Contains(text, "{{") {
		t.Errorf("holds an Argo expression: %s", text)
	}

	// Everything but the schedule is always there.
	if len(c.Spec.Schedules) != 1 || c.Spec.Schedule != "" {
		t.Fatalf("%s: schedules is %q and schedule %q, want one and none", c.Name, c.Spec.Schedules, c.Spec.Schedule)
	}
	if c.Spec.ConcurrencyPolicy != wfv1.ForbidConcurrent || c.Spec.SuccessfulJobsHistoryLimit == nil || c.Spec.FailedJobsHistoryLimit == nil {
		t.Errorf("%s leaves a default to Argo: %s", c.Name, encode(t, c))
	}
	if c.Spec.Suspend != in.Stanza.Suspend {
		t.Errorf("%s: suspend is %t", c.Name, c.Spec.Suspend)
	}
	for _, parameter := range []string{vocab.ParamCluster, vocab.ParamRepo, vocab.ParamType, vocab.ParamTrigger} {
		if p := c.Spec.WorkflowSpec.Arguments.GetParameterByName(parameter); p == nil || p.GetValue() == "" {
			t.Errorf("%s: parameter %s is missing", c.Name, parameter)
		}
	}

	// Argo's own reading of it.
	schedule, err := cron.ParseStandard(c.Spec.Schedules[0])
	if err != nil {
		t.Fatalf("%s: %v", c.Name, err)
	}
	zone, err := time.LoadLocation(c.Spec.Timezone)
	if c.Spec.Timezone == "" || err != nil || zone == time.Local {
		t.Errorf("%s: time zone %q: %v", c.Name, c.Spec.Timezone, err)
	}
	first := schedule.Next(time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC))
	if first.IsZero() {
		t.Errorf("%s never fires", c.Name)
	}
	// Late, but never closer to the next run than to its own time.
	late := time.Duration(*c.Spec.StartingDeadlineSeconds) * time.Second
	if late < time.Minute || late > time.Hour || late > time.Minute && late > schedule.Next(first).Sub(first)/6 {
		t.Errorf("%s with schedule %s may start %s late", c.Name, c.Spec.Schedules[0], late)
	}

	// A controller with templateReferencing Strict refuses a run that sets
	// anything else.
	allowed := []string{"Arguments", "Priority", "WorkflowTemplateRef"}
	spec := reflect.ValueOf(c.Spec.WorkflowSpec)
	for i := range spec.NumField() {
		if name := spec.Type().Field(i).Name; !spec.Field(i).IsZero() != slices.Contains(allowed, name) {
			t.Errorf("%s: field %s of the workflowSpec is %v", c.Name, name, spec.Field(i))
		}
	}
}

// TestPlanHasNoCredential puts something that looks like a credential in place
// of every text of every case, one by one, keys included.
func TestPlanHasNoCredential(t *testing.T) {
	t.Parallel()
	credentials := []string{
		"AKIAIOSFODNN7EXAMPLE",
		"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
		"https://user:wJalrXUtnFEMI@s3.example.com",
	}
	const section = "spec.backup.pgbackrest"
	// Where a text is passed on by design, and cannot be told from a good one.
	// Neither is a place for a credential, and both are written to a ConfigMap
	// that the same people may read as the resource.
	passedOn := func(path, credential string) bool {
		if strings.Contains(credential, "@") {
			return false
		}
		field := path[strings.LastIndexAny(path, "].")+1:]
		return strings.HasPrefix(path, section+".repos[") && slices.Contains([]string{"resource", "endpoint", "region"}, field) ||
			strings.HasPrefix(path, section+".global.")
	}
	planted := 0
	for _, dir := range caseDirs(t) {
		in := readCase(t, dir)
		object := readObject(t, filepath.Join(dir, fileCR))
		for _, credential := range credentials {
			plant(object, "", credential, func(path string) {
				planted++
				in.Cluster, in.FieldErrors = cpo.Decode(object)
				text := encode(t, translate.Translate(in))
				if strings.Contains(text, credential) && !passedOn(path, credential) {
					t.Errorf("%s: %s at %s is repeated: %s", dir, credential, path, text)
				}
			})
		}
		for _, credential := range []string{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI", "hunter2", "correct horse", "ZXhhbXBsZQ"} {
			if strings.Contains(readFile(t, filepath.Join(dir, fileWant)), credential) {
				t.Errorf("%s repeats %s", filepath.Join(dir, fileWant), credential)
			}
		}
	}
	if planted < 2000 {
		t.Errorf("planted %d credentials, too few to prove anything", planted)
	}

	// The names of the options that hold one, whatever their value.
	for _, option := range []string{"repo1-s3-key", "repo1-s3-key-secret", "repo2-cipher-pass", "repo1-gcs-key", "repo1-azure-key", "repo1-s3-token"} {
		in := goodInput()
		in.Cluster.PgBackRest.Global = map[string]string{option: "plain"}
		if text := encode(t, translate.Translate(in)); strings.Contains(text, "plain") || !strings.Contains(text, vocab.ReasonCredentialInGlobal) {
			t.Errorf("%s in global gives %s", option, text)
		}
	}

	in := goodInput()
	in.Stanza = stanzaflowv1alpha1.StanzaSpec{
		TimeZone: credentials[0], WorkflowTemplate: credentials[1],
		Gate: `run.type == "` + credentials[0] + `"`, // a gate that does not compile quotes itself, in its own Stanza
	}
	for _, credential := range credentials {
		if text := encode(t, translate.Translate(in)); strings.Contains(text, credential) {
			t.Errorf("%s in the Stanza is repeated: %s", credential, text)
		}
	}
}

// plant puts a text in place of each leaf and of each key of a tree, in turn,
// and calls visit each time.
func plant(node any, path, text string, visit func(path string)) {
	switch node := node.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(node)) {
			value, place := node[key], strings.TrimPrefix(path+"."+key, ".")
			plant(value, place, text, visit)
			node[key] = text
			visit(place)
			delete(node, key)
			node[text] = value
			visit(place + " (key)")
			delete(node, text)
			node[key] = value
		}
	case []any:
		for i, value := range node {
			place := fmt.Sprintf("%s[%d]", path, i)
			plant(value, place, text, visit)
			node[i] = text
			visit(place)
			node[i] = value
		}
	}
}

func TestCronWorkflowNameIsUnique(t *testing.T) {
	t.Parallel()
	clusters := map[string]bool{}
	random := newRandom(t)
	// Names that differ in one place, in their length only, or look like cut
	// ones, all with the same beginning.
	const beginning = "customer-portal-production-europe-"
	for i := range 5_000 {
		clusters[fmt.Sprintf("%s%05d-database", beginning, i)] = true
		clusters[fmt.Sprintf("%sdatabase-%d", beginning, i)] = true
		clusters[fmt.Sprintf("customer-portal-pro-%010x", random.Uint64()>>24)] = true
	}
	for length := 1; length <= 63; length++ {
		clusters[strings.Repeat("x", length)] = true
		clusters[strings.Repeat("x", max(length-2, 0))+"-x"] = true
		clusters["x"+strings.Repeat("-", max(length-2, 0))+"x"] = true
		clusters["x"+strings.Repeat("-", max(length-3, 0))+".x"] = true
	}
	seen := make(map[string]string, 6*len(clusters))
	for _, cluster := range slices.Sorted(maps.Keys(clusters)) {
		for _, repo := range []string{"repo1", "repo4"} {
			for _, backupType := range cpo.BackupTypes {
				name := translate.CronWorkflowName(cluster, repo, backupType)
				if len(name) > 52 {
					t.Fatalf("%s of %s is too long", name, cluster)
				}
				if other, taken := seen[name]; taken {
					t.Fatalf("%s and %s share the name %s", other, cluster, name)
				}
				seen[name] = cluster
			}
		}
		// A cluster that somebody names like the cut name of another.
		name := translate.CronWorkflowName(cluster, "repo1", cpo.Full)
		if impostor := strings.TrimSuffix(strings.TrimPrefix(name, "pgbackrest-"), "-repo1-full"); impostor != cluster &&
			translate.CronWorkflowName(impostor, "repo1", cpo.Full) == name {
			t.Fatalf("%s takes the name %s of %s", impostor, name, cluster)
		}
	}
}

func newRandom(t testing.TB) *rand.Rand {
	t.Helper()
	const seed = 20261122
	return rand.New(rand.NewPCG(seed, uint64(len(t.Name()))))
}

// goodInput is a cluster without mistakes.
func goodInput() translate.Input {
	return translate.Input{Cluster: cpo.Postgresql{
		Namespace: "cpo", Name: "cluster",
		PgBackRest: &cpo.PgBackRest{
			Secret: "cluster-s3-credential",
			Global: map[string]string{"repo1-path": "/cluster/repo1", "repo1-retention-full": "7"},
			Repos: []cpo.Repo{{
				Name: "repo1", Storage: cpo.StorageS3, Resource: "bucket", Endpoint: "s3.example.com", Region: "zurich",
				Schedule: map[string]string{cpo.Full: "30 2 * * *", cpo.Incr: "*/30 * * * *"},
			}},
		},
	}}
}

// randomInput is a cluster of up to four repos, with a mistake here and there.
func randomInput(random *rand.Rand) translate.Input {
	pick := func(good string, bad ...string) string {
		if random.IntN(12) == 0 {
			return bad[random.IntN(len(bad))]
		}
		return good
	}
	schedules := []string{"30 2 * * *", "*/30 * * * *", "0 0,23 * * 0", "@daily", "15 */6 1,15 * *", "* * * * *", "0 3 * * 1-5"}
	in := goodInput()
	in.Cluster.Name = pick(strings.Repeat("pg", 1+random.IntN(25)), "", strings.Repeat("x", 70), "{{x}}", "a_b")
	in.Stanza = stanzaflowv1alpha1.StanzaSpec{
		TimeZone:         pick("Europe/Vienna", "", "Europe/Wien", "Local", "{{x}}"),
		WorkflowTemplate: pick("", "compact", "Not a name"),
		Gate:             pick("", "lastFull == nil", "lastFull"),
		Suspend:          random.IntN(4) == 0,
	}
	section := in.Cluster.PgBackRest
	section.Secret = pick("secret", "", "Not a name", "{{x}}")
	section.Repos = nil
	for _, i := range random.Perm(4)[:1+random.IntN(4)] {
		number := i + 1
		repo := cpo.Repo{
			Name:     pick(fmt.Sprintf("repo%d", number), "", "repo5", "repo1"),
			Storage:  pick(cpo.StorageS3, cpo.StoragePVC, "", "blob"),
			Resource: pick("bucket", "", "{{x}}", "a\nb"),
			Endpoint: pick("s3.example.com", "", "https://a:b@c"),
			Region:   pick("zurich", "", " x"),
			Schedule: map[string]string{},
		}
		for _, backupType := range cpo.BackupTypes {
			repo.Schedule[backupType] = pick(schedules[random.IntN(len(schedules))], "", "0 0 31 2 *", "{{x}}", "1 2 3 4 5 6", "@every 1h", "TZ=UTC 1 2 * * *")
		}
		if random.IntN(12) == 0 {
			repo.Schedule["incremental"] = "0 1 * * *"
			delete(repo.Schedule, cpo.Incr)
		}
		section.Repos = append(section.Repos, repo)
		section.Global[pick(fmt.Sprintf("repo%d-path", number), "repo3-s3-region", "repo1-s3-key", "NO\nOPTION")] = pick("/x", "", "{{x}}", "a\nb")
	}
	if len(section.Repos) > 0 && random.IntN(12) == 0 {
		broken := random.IntN(len(section.Repos))
		in.FieldErrors = []cpo.FieldError{{
			Field:   fmt.Sprintf("spec.backup.pgbackrest.repos[%d].schedule.%s", broken, cpo.Incr),
			Message: "must be a string",
		}}
		delete(section.Repos[broken].Schedule, cpo.Incr)
	}
	return in
}

// rebuild gives an equal map that was filled in another order.
func rebuild(random *rand.Rand, old map[string]string) map[string]string {
	if old == nil {
		return nil
	}
	keys := slices.Collect(maps.Keys(old))
	random.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	filled := map[string]string{}
	for _, key := range keys {
		filled[key] = old[key]
	}
	return filled
}

// encode shows every byte of a value. HTML escapes would hide a credential.
func encode(t testing.TB, value any) string {
	t.Helper()
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		t.Fatal(err)
	}
	return text.String()
}
