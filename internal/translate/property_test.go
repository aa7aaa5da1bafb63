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
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/google/go-cmp/cmp"
	"github.com/robfig/cron/v3"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
		spoil(&plan)
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

// spoil changes every part of the configuration that could be shared.
func spoil(plan *translate.Plan) {
	if plan.ConfigMap != nil {
		clear(plan.ConfigMap.Data)
		clear(plan.ConfigMap.Labels)
	}
	if plan.Credential != nil {
		clear(plan.Credential.Data[translate.CredentialFileName])
	}
	host := plan.RepoHost
	if host == nil {
		return
	}
	clear(host.DNSNames)
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
	planned, problems, hosts, keys, changed := 0, 0, 0, 0, 0
	for _, in := range inputs {
		plan := translate.Translate(in)
		planned, problems = planned+len(plan.CronWorkflows), problems+len(plan.Problems)
		if plan.RepoHost != nil {
			hosts++
		}
		if plan.Credential != nil {
			keys++
		}
		if slices.ContainsFunc(plan.Problems, func(p translate.Problem) bool { return p.Reason == vocab.ReasonCipherChanged }) {
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
	checkConfiguration(t, in, plan)
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
	if len(plan.Keep.CronWorkflows) > 0 && !slices.ContainsFunc(plan.Problems, func(p translate.Problem) bool { return p.Reason != vocab.ReasonCredentialInline }) {
		t.Error("keeps schedules for a key that is used")
	}
	for _, p := range plan.Problems {
		if keepsConfiguration(p, plan) && !plan.Keep.Configuration {
			t.Errorf("the configuration changes in spite of %+v", p)
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

// keepsConfiguration: whatever the configuration is made of keeps it, but for a
// key that is used, and a Secret or a certificate that only a repo host has.
func keepsConfiguration(p translate.Problem, plan translate.Plan) bool {
	switch {
	case p.Kind == "Stanza":
		return p.Reason == vocab.ReasonInvalidCertificate && plan.RepoHost != nil
	case p.Field == "spec.backup.pgbackrest.configuration.secret":
		return plan.RepoHost != nil
	}
	return p.Reason != vocab.ReasonCredentialInline && !strings.Contains(p.Field, ".schedule")
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
// argo4Schedule is what the full CRDs of Argo 4.0.0 to 4.0.5 want of a schedule.
// Those of later releases take the names of months and days, too.
var argo4Schedule = regexp.MustCompile(`^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|([0-9*,/?-]+\s+){4}[0-9*,/?-]+)$`)

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

	if !argo4Schedule.MatchString(c.Spec.Schedules[0]) {
		t.Errorf("%s: the full CRD of Argo 4.0 refuses %q", c.Name, c.Spec.Schedules[0])
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
	// A missed run is started whenever Argo comes back, unless the next one is
	// due before: only the date of a leap year has a longer gap.
	late, gap := time.Duration(*c.Spec.StartingDeadlineSeconds)*time.Second, schedule.Next(first).Sub(first)
	if late < gap && gap <= 366*24*time.Hour {
		t.Errorf("%s with schedule %s may start only %s late", c.Name, c.Spec.Schedules[0], late)
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
		field := path[strings.LastIndexAny(path, "].")+1:]
		switch {
		// What may be asked of a node or of a volume is any text.
		case strings.HasPrefix(path, "spec.tolerations"), strings.HasPrefix(path, "spec.nodeAffinity"), path == "spec.podPriorityClassName",
			strings.Contains(path, ".volume.selector."):
			return true
		case strings.Contains(credential, "@"):
			return false
		case strings.HasPrefix(path, section+".repos["):
			return slices.Contains([]string{"resource", "endpoint", "region", "account"}, field) ||
				// The name of a file, as it could be.
				field == "key" && !strings.Contains(credential, "/")
		}
		return strings.HasPrefix(path, section+".global.") || path == section+".image"
	}
	planted := 0
	for _, dir := range caseDirs(t) {
		in := readCase(t, dir)
		object := readObject(t, filepath.Join(dir, fileCR))
		for _, credential := range credentials {
			plant(object, "", credential, func(path string) {
				planted++
				in.Cluster, in.FieldErrors = cpo.Decode(object)
				text := encode(t, published(translate.Translate(in)))
				// A path that is made clean loses a slash.
				if strings.Contains(text, strings.TrimPrefix(credential, "https://")) && !passedOn(path, credential) {
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
			Image:  "registry.example.com/pgbackrest:17",
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
	odds := []int{12, 100}[random.IntN(2)]
	pick := func(good string, bad ...string) string {
		if random.IntN(odds) == 0 {
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
	section.Image = pick("registry.example.com/pgbackrest:17", "", "a b", "{{x}}", "https://u:"+secretMark+"@h")
	randomHost(random, pick, &in)
	section.Repos = nil
	for _, i := range random.Perm(4)[:1+random.IntN(4)] {
		number := i + 1
		repo := randomRepo(random, pick, number)
		for _, backupType := range cpo.BackupTypes {
			repo.Schedule[backupType] = pick(schedules[random.IntN(len(schedules))], "", "0 0 31 2 *", "{{x}}", "1 2 3 4 5 6", "@every 1h", "TZ=UTC 1 2 * * *")
		}
		if random.IntN(12) == 0 {
			repo.Schedule["incremental"] = "0 1 * * *"
			delete(repo.Schedule, cpo.Incr)
		}
		section.Repos = append(section.Repos, repo)
		option := fmt.Sprintf("repo%d-path", number)
		if repo.Storage == cpo.StoragePVC { // its path is ours
			option = fmt.Sprintf("repo%d-retention-full", number)
		}
		section.Global[pick(option, "repo3-s3-region", "repo1-s3-key", "NO\nOPTION", "pg1-path", "tls-server-auth", "repo2-host", "repo-path", "lock-path")] = pick("/x", "", "{{x}}", "a\nb")
		section.Global[fmt.Sprintf("repo%d-cipher-type", number)] = pick([]string{"none", "aes-256-cbc"}[random.IntN(2)], "aes", "{{x}}", "https://u:"+secretMark+"@h")
		in.Known = append(in.Known, stanzaflowv1alpha1.RepoStatus{
			Name: repo.Name, Storage: repo.Storage, Cipher: []string{"", "none", "none", "aes-256-cbc", "mixed"}[random.IntN(5)],
			Location: repo.Storage + "://" + map[bool]string{false: "bucket/x", true: translate.ClaimName(in.Cluster.Name, repo.Name) + "/"}[repo.Storage == cpo.StoragePVC],
		})
	}
	if len(section.Repos) > 0 && random.IntN(12) == 0 {
		broken := random.IntN(len(section.Repos))
		in.FieldErrors = append(in.FieldErrors, cpo.FieldError{
			Field:   fmt.Sprintf("spec.backup.pgbackrest.repos[%d].schedule.%s", broken, cpo.Incr),
			Message: "must be a string",
		})
		delete(section.Repos[broken].Schedule, cpo.Incr)
	}
	return in
}

// randomRepo is a repo of any storage.
func randomRepo(random *rand.Rand, pick func(string, ...string) string, number int) cpo.Repo {
	repo := cpo.Repo{Name: pick(fmt.Sprintf("repo%d", number), "", "repo5", "repo1"), Schedule: map[string]string{}}
	storages := []string{cpo.StorageS3, cpo.StorageAzure, cpo.StorageGCS, cpo.StoragePVC}
	repo.Storage = pick(storages[random.IntN(len(storages))], "", "blob")
	if repo.Storage == cpo.StoragePVC {
		repo.Volume = &cpo.Volume{
			Size: pick("15Gi", "", "0", "-1Gi", "1e999999999", "15 GB"), StorageClass: pick("", "fast", "Not a name"),
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"disk": pick("backup", "not a value")}},
		}
		repo.Region = pick("", "zurich", "{{x}}")
		return repo
	}
	repo.Resource, repo.Endpoint = pick("bucket", "", "{{x}}", "a\nb"), pick("s3.example.com", "", "https://a:b@c")
	repo.KeyType = pick("", "auto", "shared", "token", "AUTO")
	switch repo.Storage {
	case cpo.StorageAzure:
		repo.Account, repo.Key = pick("account", "", "a\nb"), pick([]string{"", secretMark}[random.IntN(2)], secretMark+"\nrepo1-path=/", "{{"+secretMark)
	case cpo.StorageGCS:
		repo.Key = pick("gcs.json", "", "/"+secretMark, `{"key":"`+secretMark+`"}`, "gcs.conf", "..")
	default:
		repo.Region, repo.Key = pick("zurich", "", " x"), pick("", secretMark)
	}
	return repo
}

// secretMark is in every credential of a random input.
const secretMark = "hunter2"

// randomHost is what the repo host is made of.
func randomHost(random *rand.Rand, pick func(string, ...string) string, in *translate.Input) {
	in.Cluster.Scheduling = cpo.Scheduling{
		Tolerations:       []corev1.Toleration{{Key: "dedicated", TolerationSeconds: new(int64(60))}},
		PriorityClassName: pick("", "database"),
		NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
			NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "disk", Operator: "Exists"}}}},
		}},
	}
	quantities := func() corev1.ResourceList {
		list := corev1.ResourceList{}
		for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
			if random.IntN(2) == 0 {
				list[name] = resource.MustParse([]string{"50m", "2", "50Mi", "2Gi"}[random.IntN(4)])
			}
		}
		return list
	}
	in.Cluster.PgBackRest.Resources = corev1.ResourceRequirements{Requests: quantities(), Limits: quantities()}
	if random.IntN(4) == 0 {
		in.Stanza.Certificate.IssuerRef = &stanzaflowv1alpha1.IssuerReference{
			Name: pick("company", "", "Not a name"), Kind: pick("", "ClusterIssuer", "issuer"), Group: pick("", "example.com", "{{x}}"),
		}
	}
	if random.IntN(8) == 0 {
		in.Stanza.Certificate.Duration = &metav1.Duration{Duration: []time.Duration{0, -time.Hour, time.Minute, 30 * time.Minute, 24 * time.Hour}[random.IntN(5)]}
	}
	if random.IntN(16) == 0 {
		in.FieldErrors = append(in.FieldErrors, cpo.FieldError{Field: "spec.tolerations[1]", Message: "must be an object"})
	}
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
