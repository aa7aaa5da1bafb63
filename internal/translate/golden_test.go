// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/goldentest"
	"github.com/stanzaflow/stanzaflow/internal/translate"
	"github.com/stanzaflow/stanzaflow/internal/translate/drill"
	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
	"github.com/stanzaflow/stanzaflow/internal/translate/repohost"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// A case is a directory under testdata: cr.yaml, stanza.yaml where the cluster
// has one, known.yaml where earlier runs have found something, as in status.repos
// of the Stanza, others.yaml with other clusters that ask for a location of this
// one, statefulset.yaml with that of PostgreSQL, window.yaml with the windows of its namespace and of
// the operator, provisioner with the word CPO where CPO owns the configuration, and
// want.yaml, which -update writes.
const (
	fileCR          = "cr.yaml"
	fileOthers      = "others.yaml"
	fileStanza      = "stanza.yaml"
	fileKnown       = "known.yaml"
	fileSet         = "statefulset.yaml"
	fileWindow      = "window.yaml"
	fileProvisioner = "provisioner"
	fileWant        = "want.yaml"
)

var allFiles = []string{fileCR, fileStanza, fileKnown, fileSet, fileOthers, fileWindow, fileProvisioner, fileWant}

// golden is want.yaml: the objects as the operator applies them, and the Problems.
// It is written from the JSON form of the objects and read as Kubernetes' types.
type golden[C, E, H, W any] struct {
	ConfigMap     C                  `json:"configMap,omitempty"`
	Credential    E                  `json:"credential,omitempty"`
	RepoHost      H                  `json:"repoHost,omitempty"`
	Repos         []goldenRepository `json:"repos,omitempty"`
	CronWorkflows []W                `json:"cronWorkflows,omitempty"`
	DrillConfig   C                  `json:"drillConfig,omitempty"`
	Drills        []W                `json:"drills,omitempty"`
	Triggers      []goldenTrigger    `json:"triggers,omitempty"`
	Keep          goldenKeep         `json:"keep,omitzero"`
	Problems      []goldenProblem    `json:"problems,omitempty"`
}

// goldenRepoHost has every field of repohost.Host, and the names in its
// certificates.
type goldenRepoHost[S, P, C, X, T any] struct {
	CommonName   string   `json:"commonName"`
	DNSNames     []string `json:"dnsNames"`
	Services     []S      `json:"services"`
	Claims       []P      `json:"claims"`
	Certificates []X      `json:"certificates,omitempty"`
	ConfigMap    C        `json:"configMap"`
	StatefulSet  T        `json:"statefulSet"`
}

type goldenRepository struct {
	Name     string `json:"name"`
	Storage  string `json:"storage"`
	Location string `json:"location"`
	Cipher   string `json:"cipher"`
	Claim    string `json:"claim,omitempty"`
}

// goldenTrigger has the texts of what a trigger compares.
type goldenTrigger struct {
	Name     string                          `json:"name"`
	Event    stanzaflowv1alpha1.TriggerEvent `json:"event"`
	Of       string                          `json:"of,omitempty"`
	Reads    []string                        `json:"reads,omitempty"`
	Type     string                          `json:"type"`
	Repo     string                          `json:"repo"`
	MaxAge   string                          `json:"maxAge"`
	Cooldown string                          `json:"cooldown"`
}

type goldenKeep struct {
	Configuration bool     `json:"configuration,omitempty"`
	CronWorkflows []string `json:"cronWorkflows,omitempty"`
	Everything    bool     `json:"everything,omitempty"`
	Triggers      []string `json:"triggers,omitempty"`
}

type goldenProblem struct {
	Kind    string       `json:"kind"`
	Field   string       `json:"field"`
	Reason  vocab.Reason `json:"reason"`
	Message string       `json:"message"`
	Warning bool         `json:"warning,omitempty"`
}

func TestTranslate(t *testing.T) {
	t.Parallel()
	for _, dir := range caseDirs(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			got := renderPlan(t, readCase(t, dir))
			file := filepath.Join(dir, fileWant)
			want := goldentest.Check(t, file, got)
			type repoHost = goldenRepoHost[corev1.Service, corev1.PersistentVolumeClaim, corev1.ConfigMap, map[string]any, appsv1.StatefulSet]
			var decoded golden[*corev1.ConfigMap, *corev1.Secret, *repoHost, wfv1.CronWorkflow]
			if err := yaml.UnmarshalStrict([]byte(want), &decoded); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		})
	}
}

// caseDirs lists the cases and refuses any other file among them.
func caseDirs(t testing.TB) []string {
	t.Helper()
	entries, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	var dirs []string
	for _, entry := range entries {
		dir := filepath.Join("testdata", entry.Name())
		switch {
		case dir == filepath.Join("testdata", "fuzz"): // what go test -fuzz has found
			continue
		case !entry.IsDir():
			t.Fatalf("%s is not a case: a case is a directory", dir)
		case !name.MatchString(entry.Name()):
			t.Fatalf("%s: the name of a case is in kebab-case", dir)
		}
		files, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]bool{}
		for _, file := range files {
			found[file.Name()] = true
			if !slices.Contains(allFiles, file.Name()) {
				t.Fatalf("%s: a case has only %s", filepath.Join(dir, file.Name()), strings.Join(allFiles, ", "))
			}
		}
		if !found[fileCR] || !found[fileWant] && !goldentest.Updating() {
			t.Fatalf("%s: a case needs %s and %s", dir, fileCR, fileWant)
		}
		dirs = append(dirs, dir)
	}
	if len(dirs) < 30 {
		t.Fatalf("found %d cases, which cannot be all", len(dirs))
	}
	return dirs
}

// readCase reads the input of a case strictly: a duplicate key, or one that is not a
// field of a Stanza, fails the test.
func readCase(t testing.TB, dir string) translate.Input {
	t.Helper()
	text := readFile(t, filepath.Join(dir, fileCR))
	if !strings.HasPrefix(text, "# ") {
		t.Errorf("%s: begin with a comment that says what the case is about", filepath.Join(dir, fileCR))
	}
	var object map[string]any
	if err := yaml.UnmarshalStrict([]byte(text), &object); err != nil {
		t.Fatalf("%s: %v", filepath.Join(dir, fileCR), err)
	}
	for key, want := range map[string]string{"apiVersion": cpo.GroupVersionKind.GroupVersion().String(), "kind": cpo.GroupVersionKind.Kind} {
		if object[key] != want {
			t.Errorf("%s: %s is %v, want %s", filepath.Join(dir, fileCR), key, object[key], want)
		}
	}
	in := translate.Input{Provisioner: provisionerOf(t, filepath.Join(dir, fileProvisioner))}
	in.Cluster, in.FieldErrors = cpo.Decode(object)

	if file := filepath.Join(dir, fileKnown); exists(file) {
		if err := yaml.UnmarshalStrict([]byte(readFile(t, file)), &in.Known); err != nil || len(in.Known) == 0 {
			t.Fatalf("%s has %d repos: %v", file, len(in.Known), err)
		}
	}
	in.Window = windowOf(t, filepath.Join(dir, fileWindow))
	in.Taken = takenBy(t, filepath.Join(dir, fileOthers), text, in.Known)
	in.Drill = drill.Observed{Image: "ghcr.io/stanzaflow/operator:v0.1.0", TemplateVersion: "uid.1", DatabaseBytes: 200 << 30}
	if file := filepath.Join(dir, fileSet); exists(file) {
		var set appsv1.StatefulSet
		if err := yaml.UnmarshalStrict([]byte(readFile(t, file)), &set); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		in.Drill.Source = drill.SourceOf(&set)
	}
	file := filepath.Join(dir, fileStanza)
	if !exists(file) {
		return in
	}
	var stanza stanzaflowv1alpha1.Stanza
	if err := yaml.UnmarshalStrict([]byte(readFile(t, file)), &stanza); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if stanza.Kind != "Stanza" || stanza.APIVersion != stanzaflowv1alpha1.GroupVersion.String() ||
		stanza.Name != in.Cluster.Name || stanza.Namespace != in.Cluster.Namespace {
		t.Errorf("%s is not the Stanza of %s/%s", file, in.Cluster.Namespace, in.Cluster.Name)
	}
	in.Stanza = stanza.Spec
	return in
}

// windowOf reads the annotation of the WorkflowTemplate and the flag of the operator.
func windowOf(t testing.TB, file string) translate.Window {
	t.Helper()
	if !exists(file) {
		return translate.Window{}
	}
	var window struct {
		Template *string         `json:"template"`
		Operator metav1.Duration `json:"operator"`
	}
	if err := yaml.UnmarshalStrict([]byte(readFile(t, file)), &window); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return translate.Window{Template: window.Template, Default: window.Operator.Duration}
}

func provisionerOf(t testing.TB, file string) vocab.Provisioner {
	t.Helper()
	if !exists(file) {
		return vocab.ProvisionedByUs
	}
	by := vocab.Provisioner(strings.TrimSpace(readFile(t, file)))
	if by != vocab.ProvisionedByCPO {
		t.Fatalf("%s: the only other provisioner is %s", file, vocab.ProvisionedByCPO)
	}
	return by
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

func readFile(t testing.TB, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// renderPlan returns want.yaml.
func renderPlan(t testing.TB, in translate.Input) string {
	t.Helper()
	plan := translate.Translate(in)
	type object = map[string]any
	g := golden[object, object, *goldenRepoHost[object, object, object, object, object], object]{Keep: goldenKeep{
		plan.Keep.Configuration, plan.Keep.CronWorkflows, plan.Keep.Everything, plan.Keep.Triggers,
	}}
	if plan.Provision != nil {
		g.ConfigMap = readable(t, &plan.Provision.ConfigMap)
	}
	if credentialOf(plan) != nil {
		g.Credential = readable(t, credentialOf(plan))
	}
	if host := hostOf(plan); host != nil {
		g.RepoHost = &goldenRepoHost[object, object, object, object, object]{
			ConfigMap: readable(t, &host.ConfigMap), StatefulSet: readable(t, &host.StatefulSet),
		}
		g.RepoHost.CommonName, g.RepoHost.DNSNames = repohost.CertificateNames(in.Cluster)
		for i := range host.Services {
			g.RepoHost.Services = append(g.RepoHost.Services, readable(t, &host.Services[i]))
		}
		for i := range host.Claims {
			g.RepoHost.Claims = append(g.RepoHost.Claims, readable(t, &host.Claims[i]))
		}
		for _, certificate := range host.Certificates {
			g.RepoHost.Certificates = append(g.RepoHost.Certificates, readable(t, certificate))
		}
	}
	for _, r := range plan.Repos {
		g.Repos = append(g.Repos, goldenRepository(r))
	}
	for i := range plan.Schedules {
		g.CronWorkflows = append(g.CronWorkflows, readable(t, &plan.Schedules[i]))
	}
	if plan.Drills.ConfigMap != nil {
		g.DrillConfig = readable(t, plan.Drills.ConfigMap)
	}
	for i := range plan.Drills.CronWorkflows {
		g.Drills = append(g.Drills, readable(t, &plan.Drills.CronWorkflows[i]))
	}
	for _, trigger := range plan.Triggers {
		of := trigger.Of.Kind + " " + trigger.Of.Name
		if trigger.Of.Selector != nil {
			of += trigger.Of.Selector.String()
		}
		g.Triggers = append(g.Triggers, goldenTrigger{
			trigger.Name, trigger.Event, strings.TrimSpace(of), trigger.When.Paths(), trigger.Type, trigger.Repo, trigger.MaxAge.String(), trigger.Cooldown.String(),
		})
	}
	for _, p := range plan.Problems {
		g.Problems = append(g.Problems, goldenProblem{p.Kind, p.Field, p.Reason, p.Message, p.Severity == problem.Warning})
	}
	text, err := yaml.Marshal(g)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// readable returns an object for want.yaml, without the script, which has its own
// file, and with the data of a Secret as a user would write it.
func readable(t testing.TB, typed any) map[string]any {
	t.Helper()
	o := object(t, typed)
	data, _ := o["data"].(map[string]any)
	if data[repohost.ServerScriptName] != nil {
		data[repohost.ServerScriptName] = "(internal/translate/repohost/" + repohost.ServerScriptName + ")"
	}
	for _, key := range []string{vocab.DrillConfigPod, vocab.DrillConfigDrills} {
		var value any
		if text, ok := data[key].(string); ok && json.Unmarshal([]byte(text), &value) == nil {
			indented, _ := yaml.Marshal(value)
			data[key] = string(indented) // it is JSON on one line
		}
	}
	if secret, ok := typed.(*corev1.Secret); ok {
		texts := map[string]any{}
		for key, value := range secret.Data {
			texts[key] = string(value)
		}
		delete(o, "data")
		o["stringData"] = texts
	}
	return o
}

func object(t testing.TB, typed any) map[string]any {
	t.Helper()
	o, err := manifest.Object(typed)
	if err != nil {
		t.Fatal(err)
	}
	return o
}
