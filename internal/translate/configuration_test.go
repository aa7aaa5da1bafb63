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
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// published is a plan without the one object that holds credentials, and
// without the script, which is the same in every plan.
func published(plan translate.Plan) translate.Plan {
	plan.Credential = nil
	if host := plan.RepoHost; host != nil {
		plan.ConfigMap, plan.RepoHost = plan.ConfigMap.DeepCopy(), &translate.RepoHost{}
		*plan.RepoHost = *host
		plan.RepoHost.ConfigMap = *host.ConfigMap.DeepCopy()
		delete(plan.ConfigMap.Data, translate.ServerScriptName)
		delete(plan.RepoHost.ConfigMap.Data, translate.ServerScriptName)
	}
	return plan
}

// checkConfiguration holds for every input.
func checkConfiguration(t testing.TB, in translate.Input, plan translate.Plan) {
	t.Helper()
	checkNoKey(t, in, plan)
	if (plan.ConfigMap == nil) != (len(plan.Repos) == 0) {
		t.Errorf("%d repos, ConfigMap %v", len(plan.Repos), plan.ConfigMap)
	}
	var hosted []translate.Repository
	for i, r := range plan.Repos {
		if i > 0 && plan.Repos[i-1].Name >= r.Name {
			t.Errorf("repos are not sorted: %v", plan.Repos)
		}
		if r.Cipher != "none" && r.Cipher != "aes-256-cbc" || !strings.HasPrefix(r.Location, r.Storage+"://") || strings.ContainsAny(r.Location, "\n{") {
			t.Errorf("no good repo: %+v", r)
		}
		if r.Storage == cpo.StoragePVC {
			hosted = append(hosted, r)
		}
	}
	if (plan.RepoHost == nil) != (len(hosted) == 0) {
		t.Fatalf("repos on volumes: %v, repo host %v", hosted, plan.RepoHost)
	}
	names := map[string]bool{}
	for _, typed := range plan.Configuration() {
		if reflect.TypeOf(typed).Kind() != reflect.Pointer && reflect.TypeOf(typed).Kind() != reflect.Map {
			t.Errorf("%T is neither a pointer nor a map", typed)
		}
		key := checkObject(t, in, typed)
		if names[key] {
			t.Errorf("two objects are %s", key)
		}
		names[key] = true
	}
	if plan.RepoHost != nil {
		checkRepoHost(t, in, plan, hosted)
	}
	if plan.ConfigMap != nil {
		checkConf(t, plan.ConfigMap.Data[cpo.ConfigFileName], plan)
	}
}

// checkNoKey: an inline key is in the Secret, and nowhere else.
func checkNoKey(t testing.TB, in translate.Input, plan translate.Plan) {
	t.Helper()
	if text := encode(t, published(plan)); strings.Contains(text, secretMark) {
		t.Errorf("repeats a credential: %s", text)
	}
	inline := slices.ContainsFunc(plan.Problems, func(p translate.Problem) bool { return p.Reason == vocab.ReasonCredentialInline })
	if plan.Credential != nil && !inline {
		t.Error("uses a key of the resource and does not say so")
	}
	if plan.Credential != nil {
		checkConf(t, string(plan.Credential.Data[translate.CredentialFileName]), plan)
	}
	if in.Cluster.PgBackRest == nil {
		return
	}
	for _, r := range plan.Repos {
		i := slices.IndexFunc(in.Cluster.PgBackRest.Repos, func(repo cpo.Repo) bool { return repo.Name == r.Name })
		key := in.Cluster.PgBackRest.Repos[i].Key
		if r.Storage == cpo.StorageAzure && key != "" &&
			!strings.Contains(string(plan.Credential.Data[translate.CredentialFileName]), r.Name+"-azure-key="+key+"\n") {
			t.Errorf("the key of %s is not in the Secret", r.Name)
		}
	}
}

// checkObject holds for every object but CronWorkflows, and gives its name.
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

// checkConf: what pgBackRest refuses is in no configuration file, and a repo on
// a volume is where we put it.
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

func checkRepoHost(t testing.TB, in translate.Input, plan translate.Plan, hosted []translate.Repository) {
	t.Helper()
	host := plan.RepoHost
	checkConf(t, host.ConfigMap.Data[cpo.ConfigFileName], plan)

	// Names that certificates and DNS can hold.
	if host.CommonName != in.Cluster.Name || len(host.CommonName) > 64 || !slices.IsSorted(host.DNSNames) {
		t.Errorf("common name %q, names %q", host.CommonName, host.DNSNames)
	}
	for _, name := range host.DNSNames {
		if errs := validation.IsDNS1123Subdomain(strings.TrimPrefix(name, "*.")); len(errs) > 0 {
			t.Errorf("name %q of a certificate: %v", name, errs)
		}
	}
	// What each end dials is in the certificate of the other.
	pod := host.StatefulSet.Name + "-0." + host.StatefulSet.Spec.ServiceName + "." + in.Cluster.Namespace + ".svc"
	primary := host.Services[1].Name + "." + in.Cluster.Namespace + ".svc"
	if !slices.Contains(host.DNSNames, "*."+strings.SplitN(pod, ".", 2)[1]) || !slices.Contains(host.DNSNames, primary) {
		t.Errorf("%s or %s is not in %q", pod, primary, host.DNSNames)
	}
	if !strings.Contains(host.ConfigMap.Data[cpo.ConfigFileName], "pg1-host="+primary+"\n") {
		t.Errorf("the repo host does not dial %s:\n%s", primary, host.ConfigMap.Data[cpo.ConfigFileName])
	}
	for _, r := range hosted {
		if !strings.Contains(plan.ConfigMap.Data[cpo.ConfigFileName], r.Name+"-host="+pod+"\n") {
			t.Errorf("the PostgreSQL pods do not dial %s:\n%s", pod, plan.ConfigMap.Data[cpo.ConfigFileName])
		}
	}
	if host.Services[0].Name != host.StatefulSet.Spec.ServiceName {
		t.Errorf("the StatefulSet is of Service %s", host.StatefulSet.Spec.ServiceName)
	}

	// Names with what Kubernetes adds to them, as labels of pods.
	if name := host.StatefulSet.Name; len(name) > 52 || len(validation.IsDNS1123Label(name+"-0")) > 0 {
		t.Errorf("name of the StatefulSet: %q", name)
	}
	checkRepoHostPod(t, host, hosted)
}

func checkRepoHostPod(t testing.TB, host *translate.RepoHost, hosted []translate.Repository) {
	t.Helper()
	pod := host.StatefulSet.Spec.Template
	for _, selector := range []map[string]string{host.StatefulSet.Spec.Selector.MatchLabels, host.Services[0].Spec.Selector} {
		for key, value := range selector {
			if pod.Labels[key] != value {
				t.Errorf("label %s=%s selects, and the pod has %v", key, value, pod.Labels)
			}
		}
	}
	if pod.Labels[cpo.LabelRole] != "" {
		t.Errorf("the repo host is a %s of PostgreSQL", pod.Labels[cpo.LabelRole])
	}
	volumes := map[string]corev1.VolumeSource{}
	for _, v := range pod.Spec.Volumes {
		volumes[v.Name] = v.VolumeSource
		if errs := validation.IsDNS1123Label(v.Name); len(errs) > 0 {
			t.Errorf("volume %q: %v", v.Name, errs)
		}
	}
	paths := map[string]string{}
	container := pod.Spec.Containers[0]
	for _, m := range container.VolumeMounts {
		if _, ok := volumes[m.Name]; !ok || paths[m.MountPath] != "" {
			t.Errorf("mount %s of %s", m.MountPath, m.Name)
		}
		paths[m.MountPath] = m.Name
	}
	if len(host.Claims) != len(hosted) || len(volumes) != len(paths) {
		t.Errorf("%d claims for %d repos, %d volumes for %d mounts", len(host.Claims), len(hosted), len(volumes), len(paths))
	}
	for i, r := range hosted {
		claim := host.Claims[i]
		size := claim.Spec.Resources.Requests[corev1.ResourceStorage]
		volume := volumes[paths["/data/pgbackrest/"+r.Name]]
		if claim.Name != r.Claim || claim.Labels[vocab.LabelRepo] != r.Name || size.Sign() <= 0 ||
			volume.PersistentVolumeClaim == nil || volume.PersistentVolumeClaim.ClaimName != r.Claim {
			t.Errorf("%s has claim %s and volume %v, wants %s", r.Name, encode(t, claim), volume, r.Claim)
		}
		if _, err := metav1.LabelSelectorAsSelector(claim.Spec.Selector); err != nil {
			t.Errorf("selector of %s: %v", claim.Name, err)
		}
	}
	for name, request := range container.Resources.Requests {
		if limit, ok := container.Resources.Limits[name]; ok && request.Cmp(limit) > 0 {
			t.Errorf("%s: %s is asked for, %s is the limit", name, request.String(), limit.String())
		}
	}
	for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		if request := container.Resources.Requests[name]; request.Sign() <= 0 {
			t.Errorf("no %s is asked for", name)
		}
	}
}

// TestConfigurationIsInOrder: what others refer to comes first, and what makes
// PostgreSQL use it comes last.
func TestConfigurationIsInOrder(t *testing.T) {
	t.Parallel()
	plan := translate.Translate(readCase(t, "testdata/pvc-everything"))
	var kinds []string
	for _, typed := range plan.Configuration() {
		kinds = append(kinds, fmt.Sprint(object(t, typed)["kind"]))
	}
	want := []string{
		"Service", "Service", "PersistentVolumeClaim", "PersistentVolumeClaim", "Certificate", "Certificate",
		"Secret", "ConfigMap", "StatefulSet", "ConfigMap",
	}
	if !slices.Equal(kinds, want) {
		t.Errorf("order is %v, want %v", kinds, want)
	}
	if last, ok := plan.Configuration()[len(want)-1].(*corev1.ConfigMap); !ok || last != plan.ConfigMap {
		t.Errorf("last is %v", last)
	}
	if got := (translate.Plan{}).Configuration(); len(got) != 0 {
		t.Errorf("nothing planned gives %v", got)
	}
}

// TestRepoHostStaysWhenOptionsChange: a new template is a restart, and a restart
// ends a backup.
func TestRepoHostStaysWhenOptionsChange(t *testing.T) {
	t.Parallel()
	in := readCase(t, "testdata/pvc-everything")
	before := encode(t, translate.Translate(in).RepoHost.StatefulSet)
	in.Cluster.PgBackRest.Global["repo1-retention-full"] = "99"
	in.Cluster.PgBackRest.Global["repo1-cipher-type"] = "aes-256-cbc"
	in.Cluster.PgBackRest.Repos[0].Schedule = nil
	in.Cluster.PgBackRest.Repos[0].Volume.Size = "99Gi"
	in.Stanza.Certificate.Duration = nil
	in.Stanza.Suspend = true
	plan := translate.Translate(in)
	if got := encode(t, plan.RepoHost.StatefulSet); got != before {
		t.Errorf("the StatefulSet was\n%s\nand is\n%s", before, got)
	}
	if !strings.Contains(plan.RepoHost.ConfigMap.Data[cpo.ConfigFileName], "repo1-retention-full=99\n") {
		t.Error("the option has not changed")
	}
}

// TestServerScriptIsOfNoCluster: it is run by a shell, so nothing of a resource
// may be in it.
func TestServerScriptIsOfNoCluster(t *testing.T) {
	t.Parallel()
	script := readFile(t, "pgbackrest-server.sh")
	for _, dir := range caseDirs(t) {
		plan := translate.Translate(readCase(t, dir))
		for _, typed := range plan.Configuration() {
			c, ok := typed.(*corev1.ConfigMap)
			if got := ""; ok && plan.RepoHost != nil {
				if got = c.Data[translate.ServerScriptName]; got != script {
					t.Errorf("%s: the script in %s is %q", dir, c.Name, got)
				}
			} else if ok && c.Data[translate.ServerScriptName] != got {
				t.Errorf("%s: %s has a script, and no server", dir, c.Name)
			}
		}
	}
}
