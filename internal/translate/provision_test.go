// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate"
	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
	"github.com/stanzaflow/stanzaflow/internal/translate/repohost"
	"github.com/stanzaflow/stanzaflow/internal/translate/storage"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// hostOf is the repo host of a plan, nil without one.
func hostOf(plan translate.Plan) *repohost.Host {
	if plan.Provision == nil {
		return nil
	}
	return plan.Provision.RepoHost
}

// credentialOf is the Secret of a plan, nil without one.
func credentialOf(plan translate.Plan) *corev1.Secret {
	if plan.Provision == nil {
		return nil
	}
	return plan.Provision.Credential
}

// published is a plan without the one object that holds credentials, and
// without the script, which is the same in every plan.
func published(plan translate.Plan) translate.Plan {
	if plan.Provision == nil {
		return plan
	}
	provision := *plan.Provision
	provision.Credential = nil
	if provision.RepoHost != nil {
		host := *provision.RepoHost
		provision.ConfigMap, host.ConfigMap = *provision.ConfigMap.DeepCopy(), *host.ConfigMap.DeepCopy()
		delete(provision.ConfigMap.Data, repohost.ServerScriptName)
		delete(host.ConfigMap.Data, repohost.ServerScriptName)
		provision.RepoHost = &host
	}
	plan.Provision = &provision
	return plan
}

// checkConfiguration checks what is true of every configuration.
func checkConfiguration(t testing.TB, in translate.Input, plan translate.Plan) {
	t.Helper()
	if text := encode(t, published(plan)); strings.Contains(text, secretMark) {
		t.Errorf("repeats a credential: %s", text)
	}
	if in.Provisioner != vocab.ProvisionedByUs {
		if plan.Provision != nil || plan.Keep.Configuration {
			t.Errorf("plans or keeps a configuration of %s: %+v", in.Provisioner, plan)
		}
		return
	}
	checkKeys(t, in, plan)
	if (plan.Provision == nil) != (len(plan.Repos) == 0) {
		t.Errorf("%d repos, configuration %v", len(plan.Repos), plan.Provision)
	}
	var hosted []storage.Repository
	for i, r := range plan.Repos {
		if i > 0 && plan.Repos[i-1].Name >= r.Name {
			t.Errorf("repos are not sorted: %v", plan.Repos)
		}
		if r.Cipher != "none" && r.Cipher != "aes-256-cbc" || !strings.HasPrefix(r.Location, r.Storage+"://") || strings.Contains(r.Location, "\n") || strings.Contains(r.Location, "{{") {
			t.Errorf("no good repo: %+v", r)
		}
		if r.Storage == cpo.StoragePVC {
			hosted = append(hosted, r)
		}
	}
	if (hostOf(plan) == nil) != (len(hosted) == 0) {
		t.Fatalf("repos on volumes: %v, repo host %v", hosted, hostOf(plan))
	}
	names := map[string]bool{}
	for _, typed := range plan.Provision.Objects() {
		if reflect.TypeOf(typed).Kind() != reflect.Pointer && reflect.TypeOf(typed).Kind() != reflect.Map {
			t.Errorf("%T is neither a pointer nor a map", typed)
		}
		key := checkObject(t, in, typed)
		if names[key] {
			t.Errorf("two objects are %s", key)
		}
		names[key] = true
	}
	if hostOf(plan) != nil {
		checkRepoHost(t, in, plan, hosted)
	}
	if plan.Provision != nil {
		checkConf(t, plan.Provision.ConfigMap.Data[cpo.ConfigFileName], plan)
	}
}

// checkKeys checks that a key in the resource is in the Secret.
func checkKeys(t testing.TB, in translate.Input, plan translate.Plan) {
	t.Helper()
	inline := slices.ContainsFunc(plan.Problems, func(p problem.Problem) bool { return p.Reason == vocab.ReasonCredentialInline })
	if credentialOf(plan) != nil && !inline {
		t.Error("uses a key of the resource and does not say so")
	}
	if credentialOf(plan) != nil {
		checkConf(t, string(plan.Provision.Credential.Data[manifest.CredentialFileName]), plan)
	}
	if in.Cluster.PgBackRest == nil {
		return
	}
	for _, r := range plan.Repos {
		i := slices.IndexFunc(in.Cluster.PgBackRest.Repos, func(repo cpo.Repo) bool { return repo.Name == r.Name })
		key := in.Cluster.PgBackRest.Repos[i].Key
		if r.Storage == cpo.StorageAzure && key != "" &&
			!strings.Contains(string(plan.Provision.Credential.Data[manifest.CredentialFileName]), r.Name+"-azure-key="+key+"\n") {
			t.Errorf("the key of %s is not in the Secret", r.Name)
		}
	}
}

// checkObject checks what is true of every object of the configuration. It returns
// its name.
func checkObject(t testing.TB, in translate.Input, typed any) string {
	t.Helper()
	o := object(t, typed)
	kind, _ := o["kind"].(string)
	metadata, _ := o["metadata"].(map[string]any)
	name, _ := metadata["name"].(string)
	if kind == "" || o["apiVersion"] == nil || metadata["namespace"] != any(in.Cluster.Namespace) && in.Cluster.Namespace != "" {
		t.Errorf("not an object of the namespace %s: %v", in.Cluster.Namespace, o)
	}
	valid := validation.IsDNS1123Subdomain
	if kind == "Service" {
		valid = validation.IsDNS1035Label
	}
	if errs := valid(name); len(errs) > 0 {
		t.Errorf("name of the %s %q: %v", kind, name, errs)
	}
	if strings.Contains(encode(t, o), "{{") && kind != "StatefulSet" && kind != "Secret" {
		t.Errorf("the %s holds an Argo expression", kind)
	}
	if o["status"] != nil {
		t.Errorf("the %s has a status", kind)
	}
	walk(o, func(key string, value any) {
		labels, ok := value.(map[string]any)
		if !ok || !slices.Contains([]string{"labels", "matchLabels"}, key) {
			return
		}
		for key, value := range labels {
			text, _ := value.(string)
			if errs := slices.Concat(validation.IsQualifiedName(key), validation.IsValidLabelValue(text)); text == "" || len(errs) > 0 {
				t.Errorf("label %s=%s of the %s: %v", key, text, kind, errs)
			}
		}
	})
	labels, _ := metadata["labels"].(map[string]any)
	if labels[vocab.LabelManagedBy] != vocab.ManagedBy || labels[vocab.LabelCluster] != in.Cluster.Name {
		t.Errorf("the %s %s does not carry our labels: %v", kind, name, labels)
	}
	return kind + " " + name
}

func walk(node any, visit func(key string, value any)) {
	switch node := node.(type) {
	case map[string]any:
		for key, value := range node {
			visit(key, value)
			walk(value, visit)
		}
	case []any:
		for _, value := range node {
			walk(value, visit)
		}
	}
}

// checkConf checks that a configuration file holds nothing that pgBackRest refuses,
// and that a repo on a volume has our path.
func checkConf(t testing.TB, text string, plan translate.Plan) {
	t.Helper()
	seen := map[string]bool{}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		option, value, ok := strings.Cut(line, "=")
		if line == "" || strings.HasPrefix(line, "[") {
			continue
		}
		if !ok || value == "" || seen[option] {
			t.Errorf("line %q of\n%s", line, text)
		}
		seen[option] = true
	}
	for _, r := range plan.Repos {
		if path := r.Name + "-path"; r.Storage == cpo.StoragePVC && strings.Contains(text, "\n"+path+"=") && !strings.Contains(text, "\n"+path+"=/data/pgbackrest/"+r.Name+"\n") {
			t.Errorf("%s is not ours in\n%s", path, text)
		}
	}
}

// TestConfigurationIsInOrder checks that an object comes after those that it refers
// to, and that the one that makes PostgreSQL use all of it comes last.
func TestConfigurationIsInOrder(t *testing.T) {
	t.Parallel()
	plan := translate.Translate(readCase(t, "testdata/pvc-everything"))
	var kinds []string
	for _, typed := range plan.Provision.Objects() {
		kinds = append(kinds, fmt.Sprint(object(t, typed)["kind"]))
	}
	want := []string{
		"Service", "Service", "PersistentVolumeClaim", "PersistentVolumeClaim", "Certificate", "Certificate",
		"Secret", "ConfigMap", "StatefulSet", "ConfigMap",
	}
	if !slices.Equal(kinds, want) {
		t.Errorf("order is %v, want %v", kinds, want)
	}
	if last, ok := plan.Provision.Objects()[len(want)-1].(*corev1.ConfigMap); !ok || last != &plan.Provision.ConfigMap {
		t.Errorf("last is %v", last)
	}
	if got := (translate.Plan{}).Provision.Objects(); len(got) != 0 {
		t.Errorf("nothing planned gives %v", got)
	}
}
