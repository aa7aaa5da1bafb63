// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate"
)

var update = flag.Bool("update", false, "rewrite want.yaml of every case")

// A case is a directory under testdata: cr.yaml, stanza.yaml where the cluster
// has one, known.yaml where earlier runs have found something, as in status.repos
// of the Stanza, and want.yaml, which -update writes.
const (
	fileCR     = "cr.yaml"
	fileStanza = "stanza.yaml"
	fileKnown  = "known.yaml"
	fileWant   = "want.yaml"
)

// golden is want.yaml: the objects as the operator applies them, and what it
// has to say. It is written from their one form and read as Kubernetes' types.
type golden[C, E, H, W any] struct {
	ConfigMap     C                  `json:"configMap,omitempty"`
	Credential    E                  `json:"credential,omitempty"`
	RepoHost      H                  `json:"repoHost,omitempty"`
	Repos         []goldenRepository `json:"repos,omitempty"`
	CronWorkflows []W                `json:"cronWorkflows,omitempty"`
	Keep          goldenKeep         `json:"keep,omitzero"`
	Problems      []goldenProblem    `json:"problems,omitempty"`
}

// goldenRepoHost has every field of translate.RepoHost.
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

type goldenKeep struct {
	Configuration bool     `json:"configuration,omitempty"`
	CronWorkflows []string `json:"cronWorkflows,omitempty"`
	Everything    bool     `json:"everything,omitempty"`
}

type goldenProblem struct {
	Kind    string `json:"kind"`
	Field   string `json:"field"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

func TestTranslate(t *testing.T) {
	t.Parallel()
	for _, dir := range caseDirs(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			got := renderPlan(t, translate.Translate(readCase(t, dir)))
			file := filepath.Join(dir, fileWant)
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want := readFile(t, file)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("plan differs (-want +got); if it should, run go test ./internal/translate -update:\n%s", diff)
			}
			type repoHost = goldenRepoHost[corev1.Service, corev1.PersistentVolumeClaim, corev1.ConfigMap, map[string]any, appsv1.StatefulSet]
			var decoded golden[*corev1.ConfigMap, *corev1.Secret, *repoHost, wfv1.CronWorkflow]
			if err := yaml.UnmarshalStrict([]byte(want), &decoded); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		})
	}
}

// caseDirs lists the cases and refuses whatever else lies among them.
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
			if !slices.Contains([]string{fileCR, fileStanza, fileKnown, fileWant}, file.Name()) {
				t.Fatalf("%s: a case has %s, %s, %s and %s only", filepath.Join(dir, file.Name()), fileCR, fileStanza, fileKnown, fileWant)
			}
		}
		if !found[fileCR] || !found[fileWant] && !*update {
			t.Fatalf("%s: a case needs %s and %s", dir, fileCR, fileWant)
		}
		dirs = append(dirs, dir)
	}
	if len(dirs) < 30 {
		t.Fatalf("found %d cases, which cannot be all", len(dirs))
	}
	return dirs
}

// readCase reads the input of a case strictly: a key that is there twice, or is
// no field of a Stanza, is an error in the test.
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
	var in translate.Input
	in.Cluster, in.FieldErrors = cpo.Decode(object)

	if file := filepath.Join(dir, fileKnown); exists(file) {
		if err := yaml.UnmarshalStrict([]byte(readFile(t, file)), &in.Known); err != nil || len(in.Known) == 0 {
			t.Fatalf("%s has %d repos: %v", file, len(in.Known), err)
		}
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

// renderPlan gives want.yaml.
func renderPlan(t testing.TB, plan translate.Plan) string {
	t.Helper()
	type object = map[string]any
	g := golden[object, object, *goldenRepoHost[object, object, object, object, object], object]{Keep: goldenKeep(plan.Keep)}
	if plan.ConfigMap != nil {
		g.ConfigMap = readable(t, plan.ConfigMap)
	}
	if plan.Credential != nil {
		g.Credential = readable(t, plan.Credential)
	}
	if host := plan.RepoHost; host != nil {
		g.RepoHost = &goldenRepoHost[object, object, object, object, object]{
			CommonName: host.CommonName, DNSNames: host.DNSNames,
			ConfigMap: readable(t, &host.ConfigMap), StatefulSet: readable(t, &host.StatefulSet),
		}
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
	for i := range plan.CronWorkflows {
		g.CronWorkflows = append(g.CronWorkflows, readable(t, &plan.CronWorkflows[i]))
	}
	for _, p := range plan.Problems {
		g.Problems = append(g.Problems, goldenProblem(p))
	}
	text, err := yaml.Marshal(g)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// readable is an object for want.yaml: the script stands in its own file, and
// the data of a Secret as its user would write them.
func readable(t testing.TB, typed any) map[string]any {
	t.Helper()
	o := object(t, typed)
	data, _ := o["data"].(map[string]any)
	if data[translate.ServerScriptName] != nil {
		data[translate.ServerScriptName] = "(internal/translate/" + translate.ServerScriptName + ")"
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
	o, err := translate.Object(typed)
	if err != nil {
		t.Fatal(err)
	}
	return o
}
