// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/yaml"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/translate"
	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
	"github.com/stanzaflow/stanzaflow/internal/translate/repohost"
	"github.com/stanzaflow/stanzaflow/internal/translate/storage"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// planted is part of every planted text.
const planted = "zqplanted"

// injections try to become more than a value: a line or a section of a
// configuration, an expression of Argo, a variable of Kubernetes, a word of a
// shell, an option of a command.
var injections = []string{
	planted + "\n[global]\nrepo1-path=/" + planted,
	planted + "\r\n[db]\r\npg1-path=/" + planted,
	planted + "\x00\nrepo1-type=posix",
	"\n" + planted + "=x",
	"{{" + planted + "}}",
	"{{=" + planted + "}}",
	"a{{workflow.parameters." + planted + "}}b",
	"$(" + planted + ")",
	"$$(" + planted + ")",
	"`" + planted + "`",
	"; " + planted,
	"x;" + planted + "&&" + planted + "|" + planted,
	"'" + planted + "\"",
	"--" + planted,
	"--" + planted + "=x",
	"[" + planted + "]",
	"#" + planted,
	planted + "=" + planted,
	"../../" + planted,
	planted + "\u2028[global]\u2028x=" + planted,
}

// TestNothingInjects plants each of them in every text of both definitions, and in
// every name that the user chooses. The fields come from the definitions, so that a
// new field is tried as well.
func TestNothingInjects(t *testing.T) {
	t.Parallel()
	tried, passed := map[string]int{}, 0
	for _, dir := range []string{"azure-key-inline", "pvc-everything", "pvc-beside-every-storage"} {
		dir = filepath.Join("testdata", dir)
		in, good := readCase(t, dir), readObject(t, filepath.Join(dir, fileCR))
		baseline := translate.Translate(in)
		if len(baseline.Problems) > 1 { // That of an inline key is one.
			t.Fatalf("%s is not good: %v", dir, baseline.Problems)
		}
		for _, place := range fieldsOf(t, "cpo.opensource.cybertec.at_postgresqls.yaml") {
			for _, text := range injections {
				for i := range listLength(good, place) {
					bad := clone(t, good)
					putText(bad, place, i, text)
					got := in
					got.Cluster, got.FieldErrors = cpo.Decode(bad)
					passed += checkInjection(t, fmt.Sprintf("%s: %s[%d]", dir, place, i), text, baseline, got)
					tried[place.String()]++
				}
			}
		}
		for _, place := range fieldsOf(t, "stanzaflow.dev_stanzas.yaml") {
			for _, text := range injections {
				spec := map[string]any{}
				putText(spec, place, 0, text)
				got := in
				got.Stanza = stanzaSpec(t, spec)
				checkInjection(t, dir+": Stanza "+place.String(), text, baseline, got)
				tried["Stanza "+place.String()]++
			}
		}
	}
	for _, field := range []string{
		"spec.backup.pgbackrest.repos[].endpoint", "spec.backup.pgbackrest.global{}", "spec.backup.pgbackrest.global{key}", "spec.backup.pgbackrest.repos[].schedule.full",
		"spec.backup.pgbackrest.configuration.secret", "spec.backup.pgbackrest.image", "spec.backup.pgbackrest.repos[].volume.size", "spec.nodeAffinity{}",
		"spec.podPriorityClassName", "metadata.name", "Stanza spec.timeZone", "Stanza spec.gate", "Stanza spec.workflowTemplate", "Stanza spec.certificate.issuerRef.name",
	} {
		if tried[field] == 0 {
			t.Errorf("%s is not tried: found %v", field, slices.Sorted(maps.Keys(tried)))
		}
	}
	if len(tried) < 40 || passed == 0 {
		t.Errorf("tried %d fields, and %d texts were passed on: too few to prove anything", len(tried), passed)
	}
}

// checkInjection compares a plan with that of the same resource without the planted
// text. It returns how many values of options the text became.
func checkInjection(t *testing.T, place, text string, baseline translate.Plan, in translate.Input) int {
	t.Helper()
	plan := translate.Translate(in)
	place = fmt.Sprintf("%s: %q", place, text)
	for i := range plan.Schedules {
		if got := encode(t, plan.Schedules[i]); strings.Contains(got, planted) || strings.Contains(got, "{{") {
			t.Errorf("%s is in a CronWorkflow: %s", place, got)
		}
	}
	values := 0
	for name, conf := range configurationsOf(plan) {
		values += checkOptions(t, place+" in "+name, text, conf, configurationsOf(baseline)[name])
	}
	if host := hostOf(plan); host != nil {
		checkPod(t, place, baseline, host.StatefulSet)
		commonName, dnsNames := repohost.CertificateNames(in.Cluster)
		for _, typed := range []any{host.Services, host.Certificates, commonName, dnsNames} {
			if got := encode(t, typed); strings.Contains(got, planted) {
				t.Errorf("%s is in %s", place, got)
			}
		}
		for _, claim := range host.Claims {
			claim.Spec.Selector = nil // Any text may be asked of a volume.
			if got := encode(t, claim); strings.Contains(got, planted) {
				t.Errorf("%s is in %s", place, got)
			}
		}
	}
	for _, problem := range plan.Problems {
		if line := problem.Field + problem.Message; strings.ContainsAny(line, "\n\r\x00\u2028") || strings.Contains(line, "{{"+planted) || strings.Contains(line, "{{=") {
			t.Errorf("%s is in the problem %+v", place, problem)
		}
	}
	checkCommands(t, place, in)
	return values
}

// configurationsOf returns the texts that programs read, by their names.
func configurationsOf(plan translate.Plan) map[string]string {
	texts := map[string]string{}
	add := func(from string, data map[string]string) {
		for key, text := range data {
			texts[from+"/"+key] = text
		}
	}
	if plan.Provision != nil {
		add("ConfigMap", plan.Provision.ConfigMap.Data)
	}
	if hostOf(plan) != nil {
		add("ConfigMap of the repo host", plan.Provision.RepoHost.ConfigMap.Data)
	}
	if credentialOf(plan) != nil {
		texts["Secret"] = string(plan.Provision.Credential.Data[manifest.CredentialFileName])
	}
	return texts
}

// newOption matches the options of fields that the resource did not have.
var newOption = regexp.MustCompile(`^process-max$|^repo[1-4]-(s3|azure|gcs)-(endpoint|account|region)$|^repo[1-4]-azure-key$`)

// checkOptions checks that a configuration has the same sections and options as
// before, and that the planted text is at most a whole value.
func checkOptions(t *testing.T, place, text, conf, baseline string) (values int) {
	t.Helper()
	if !strings.Contains(conf, planted) && !strings.Contains(conf, "{{") {
		return 0
	}
	had := map[string]bool{}
	for line := range strings.Lines(baseline) {
		option, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		had[option] = true
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(conf, "\n"), "\n") {
		option, value, _ := strings.Cut(line, "=")
		inlineKey := strings.HasSuffix(option, "-gcs-key") && strings.HasSuffix(value, text)
		switch {
		case strings.Contains(line, "{{"), strings.ContainsAny(line, "\r\x00"):
			t.Errorf("%s makes the line %q", place, line)
		case strings.Contains(option, planted), strings.Contains(line, planted) && !had[option] && !newOption.MatchString(option):
			t.Errorf("%s makes the option %q", place, line)
		case strings.Contains(line, planted) && value != text && !inlineKey:
			t.Errorf("%s is cut or joined to %q", place, line)
		case strings.Contains(line, planted):
			values++
		}
	}
	return values
}

// checkPod checks that the resource decides nothing about the pod of the repo host
// except where it may run.
func checkPod(t *testing.T, place string, baseline translate.Plan, host appsv1.StatefulSet) {
	t.Helper()
	if hostOf(baseline) == nil {
		return
	}
	pod := *host.Spec.Template.Spec.DeepCopy()
	pod.Tolerations, pod.PriorityClassName = nil, ""
	pod.Affinity.NodeAffinity = nil
	if got := encode(t, pod); strings.Contains(got, planted) || strings.Contains(got, "$(") {
		t.Errorf("%s is in the pod %s", place, got)
	}
	if host.Spec.Template.Labels[planted] != "" || strings.Contains(encode(t, host.ObjectMeta), planted) {
		t.Errorf("%s is in the metadata of the repo host", place)
	}
	for _, pods := range [][]corev1.Container{pod.Containers, pod.InitContainers} {
		for i := range pods {
			if was := baseline.Provision.RepoHost.StatefulSet.Spec.Template.Spec.Containers; i >= len(was) || !slices.Equal(pods[i].Command, was[i].Command) || len(pods[i].Args)+len(pods[i].Env) > 0 {
				t.Errorf("%s changes the command of %s: %v %v", place, pods[i].Name, pods[i].Command, pods[i].Args)
			}
		}
	}
}

// checkCommands checks that the steps run the same commands for every resource.
func checkCommands(t *testing.T, place string, in translate.Input) {
	t.Helper()
	if in.Cluster.PgBackRest == nil || len(validation.IsDNS1123Subdomain(in.Cluster.Name)) > 0 {
		return // No API server accepts it.
	}
	for _, r := range in.Cluster.PgBackRest.Repos {
		target, err := storage.TargetFor(in.Cluster, cpo.DefaultLabels(), r.Name)
		if err != nil {
			continue // There is no run.
		}
		backup, backupErr := pgbackrest.BackupCommand(pgbackrest.BackupOptions{
			Stanza: vocab.PgBackRestStanza, Repo: target.Repo, Type: pgbackrest.TypeFull, StartFast: target.StartFast,
		})
		expire, expireErr := pgbackrest.ExpireCommand(vocab.PgBackRestStanza, target.Repo)
		info, infoErr := pgbackrest.InfoCommand(vocab.PgBackRestStanza, target.Repo)
		if backupErr != nil || expireErr != nil || infoErr != nil {
			t.Errorf("%s: %v, %v, %v", place, backupErr, expireErr, infoErr)
		}
		for _, argument := range slices.Concat(backup, expire, info, []string{target.Host.Name, target.Primary.Name}) {
			if strings.Contains(argument, planted) {
				t.Errorf("%s is an argument of a command: %q", place, argument)
			}
		}
		if strings.ContainsAny(target.Repository.Location, "\n\r\x00") || strings.Contains(target.Repository.Location, "{{") {
			t.Errorf("%s is in the report: %q", place, target.Repository.Location)
		}
	}
}

// fieldPath is the path of a field: names, with [] for the items of a list, {} for the values of
// a map and {key} for its keys.
type fieldPath []string

func (p fieldPath) String() string {
	return strings.NewReplacer(".[]", "[]", ".{}", "{}", ".{key}", "{key}").Replace(strings.Join(p, "."))
}

// fieldsOf returns the texts in a definition, except those of the status. An object
// of any form has texts too.
func fieldsOf(t *testing.T, file string) []fieldPath {
	t.Helper()
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal([]byte(readFile(t, filepath.Join("../../deploy/crds", file))), &crd); err != nil {
		t.Fatal(err)
	}
	paths := []fieldPath{{"metadata", "name"}, {"metadata", "namespace"}}
	var collect func(at fieldPath, schema apiextensionsv1.JSONSchemaProps)
	collect = func(at fieldPath, schema apiextensionsv1.JSONSchemaProps) {
		under := func(name string) fieldPath { return append(slices.Clone(at), name) }
		switch {
		case schema.Items != nil && schema.Items.Schema != nil:
			collect(under("[]"), *schema.Items.Schema)
		case schema.AdditionalProperties != nil && schema.AdditionalProperties.Schema != nil:
			paths = append(paths, under("{key}"))
			collect(under("{}"), *schema.AdditionalProperties.Schema)
		case len(schema.Properties) > 0:
			for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
				collect(under(name), schema.Properties[name])
			}
		case schema.Type == "object":
			paths = append(paths, under("{key}"), under("{}"))
		case schema.Type == "string" || schema.XIntOrString || schema.Type == "":
			paths = append(paths, at)
		}
	}
	if spec, ok := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]; ok {
		collect(fieldPath{"spec"}, spec)
	}
	if len(paths) < 8 {
		t.Fatalf("%s has only the texts %v", file, paths)
	}
	return paths
}

// listLength is how many items the list on the way to a field has, 1 without one.
func listLength(object map[string]any, p fieldPath) int {
	var node any = object
	for _, name := range p {
		if name == "[]" {
			items, _ := node.([]any)
			return max(1, len(items))
		}
		fields, _ := node.(map[string]any)
		node = fields[name]
	}
	return 1
}

// putText puts a text into a field, in one item of the list on the way there. It
// makes what does not exist. In a map it uses an existing name, or else a good one.
func putText(object map[string]any, p fieldPath, index int, text string) {
	var put func(node any, rest fieldPath) any
	put = func(node any, rest fieldPath) any {
		if len(rest) == 0 {
			return text
		}
		if rest[0] == "[]" {
			items, _ := node.([]any)
			if len(items) == 0 {
				items = []any{nil}
			}
			items[index%len(items)] = put(items[index%len(items)], rest[1:])
			return items
		}
		fields, ok := node.(map[string]any)
		if !ok {
			fields = map[string]any{}
		}
		switch name := rest[0]; name {
		case "{key}":
			fields[text] = "x"
		case "{}":
			names := append(slices.Sorted(maps.Keys(fields)), "process-max")
			fields[names[0]] = put(fields[names[0]], rest[1:])
		default:
			fields[name] = put(fields[name], rest[1:])
		}
		return fields
	}
	put(object, p)
}

func clone(t *testing.T, object map[string]any) map[string]any {
	t.Helper()
	var copied map[string]any
	if err := json.Unmarshal([]byte(encode(t, object)), &copied); err != nil {
		t.Fatal(err)
	}
	return copied
}

// stanzaSpec reads a Stanza as the operator does. It returns an empty one for what
// an API server would refuse.
func stanzaSpec(t *testing.T, object map[string]any) stanzaflowv1alpha1.StanzaSpec {
	t.Helper()
	var stanza stanzaflowv1alpha1.Stanza
	if err := json.Unmarshal([]byte(encode(t, object)), &stanza); err != nil {
		return stanzaflowv1alpha1.StanzaSpec{}
	}
	return stanza.Spec
}
