// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drill_test

import (
	"encoding/json"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate/drill"
	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

func input(change func(*drill.Input)) drill.Input {
	in := drill.Input{
		Cluster: cpo.Postgresql{Namespace: "db", Name: "shop", PgBackRest: &cpo.PgBackRest{Secret: "keys", Repos: []cpo.Repo{{Name: "repo1"}}}},
		Repos:   []string{"repo1"},
		Observed: drill.Observed{Image: "operator:v1", Source: &drill.Source{Pod: corev1.PodSpec{
			Containers: []corev1.Container{{Name: "postgres", Image: "postgres:17", VolumeMounts: []corev1.VolumeMount{{Name: "etc", MountPath: "/etc/pgbackrest"}}}},
			Volumes:    []corev1.Volume{{Name: "etc", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "keys"}}}},
		}}},
	}
	in.Stanza.Drills = []stanzaflowv1alpha1.Drill{{Name: "newest", Schedule: "0 5 * * 0"}}
	change(&in)
	return in
}

// What is not known is kept, and nothing is planned that a user does not ask for.
func TestPlan(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change                  func(*drill.Input)
		config, keep            bool
		cronWorkflows, problems int
	}{
		"as asked":       {func(*drill.Input) {}, true, false, 1, 0},
		"not asked":      {func(in *drill.Input) { in.Stanza.Drills = nil }, false, false, 0, 0},
		"by hand only":   {func(in *drill.Input) { in.Stanza.Drills, in.Stanza.RestorePod = nil, &stanzaflowv1alpha1.RestorePod{} }, true, false, 0, 0},
		"no template":    {func(in *drill.Input) { in.Image = "" }, false, true, 1, 0},
		"may not read":   {func(in *drill.Input) { in.Source, in.SourceUnknown = nil, true }, false, true, 1, 0},
		"no StatefulSet": {func(in *drill.Input) { in.Source = nil }, false, true, 1, 1},
		"no StatefulSet, an image": {func(in *drill.Input) {
			in.Source, in.Stanza.RestorePod = nil, &stanzaflowv1alpha1.RestorePod{Image: "x:1"}
		}, true, false, 1, 0},
		"no repo is planned":       {func(in *drill.Input) { in.Repos = nil }, false, true, 1, 0},
		"the Stanza is refused":    {func(in *drill.Input) { in.StanzaRefused = true }, true, false, 0, 0},
		"an expression in the pod": {func(in *drill.Input) { in.Source.Pod.NodeSelector = map[string]string{"a": "{{x}}"} }, false, true, 1, 1},
		"the Secret has no name":   {func(in *drill.Input) { in.Cluster.PgBackRest.Secret = "AKIA" }, false, true, 1, 0},
		"a repo that has a mistake": {func(in *drill.Input) {
			in.Cluster.PgBackRest.Repos = append(in.Cluster.PgBackRest.Repos, cpo.Repo{Name: "repo2"})
			in.Stanza.Drills[0].Repo = "repo2"
		}, true, false, 0, 0},
	} {
		got := drill.Plan(input(tc.change))
		if (got.ConfigMap != nil) != tc.config || got.KeepConfigMap != tc.keep || len(got.CronWorkflows) != tc.cronWorkflows || len(got.Problems) != tc.problems {
			t.Errorf("%s: ConfigMap %t, kept %t, %d CronWorkflows, Problems %v", name, got.ConfigMap != nil, got.KeepConfigMap, len(got.CronWorkflows), got.Problems)
		}
	}
}

// The pod has no root, whoever PostgreSQL is in its own.
func TestUser(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		pod  *corev1.PodSecurityContext
		own  *corev1.SecurityContext
		want string
	}{
		"of the pod":          {&corev1.PodSecurityContext{RunAsUser: new(int64(70)), FSGroup: new(int64(71))}, nil, `{"fsGroup":71,"runAsGroup":null,"runAsUser":70}`},
		"of the container":    {&corev1.PodSecurityContext{RunAsUser: new(int64(0)), RunAsGroup: new(int64(26))}, &corev1.SecurityContext{RunAsUser: new(int64(26))}, `{"fsGroup":26,"runAsGroup":26,"runAsUser":26}`},
		"root":                {&corev1.PodSecurityContext{RunAsUser: new(int64(0)), RunAsGroup: new(int64(0)), FSGroup: new(int64(0))}, nil, `{"fsGroup":null,"runAsGroup":null,"runAsUser":null}`},
		"what the image says": {nil, nil, `{"fsGroup":null,"runAsGroup":null,"runAsUser":null}`},
	} {
		got := drill.Plan(input(func(in *drill.Input) {
			in.Source.Pod.SecurityContext, in.Source.Pod.Containers[0].SecurityContext = tc.pod, tc.own
		}))
		var pod struct{ SecurityContext map[string]any }
		if err := json.Unmarshal([]byte(got.ConfigMap.Data[vocab.DrillConfigPod]), &pod); err != nil {
			t.Fatal(err)
		}
		if pod.SecurityContext["runAsNonRoot"] != true {
			t.Errorf("%s: the pod may be root", name)
		}
		for _, key := range []string{"runAsNonRoot", "fsGroupChangePolicy", "seccompProfile"} {
			delete(pod.SecurityContext, key)
		}
		text, err := json.Marshal(pod.SecurityContext)
		if err != nil {
			t.Fatal(err)
		}
		if string(text) != tc.want {
			t.Errorf("%s: %s, want %s", name, text, tc.want)
		}
	}
}

// No drill has a name with which its CronWorkflow could be that of another cluster.
func TestNamesAreOfOneCluster(t *testing.T) {
	t.Parallel()
	clusters := []string{"a", "a-drill-b", "a-drill", "drill", "a-drill-b-drill-c", strings.Repeat("x", 60), strings.Repeat("x", 59) + "y"}
	names := []string{"b", "c", "drill-c", "b-drill-c", "repo1-full", "b-repo1-full", "drill", "newest"}
	owners := map[string]string{}
	for _, cluster := range clusters {
		for _, backupType := range cpo.BackupTypes {
			owners[manifest.CronWorkflowName(cluster, "repo1", backupType)] = cluster
		}
	}
	for _, cluster := range clusters {
		for _, name := range names {
			got := drill.Plan(input(func(in *drill.Input) {
				in.Cluster.Name, in.Stanza.Drills[0].Name = cluster, name
			}))
			for _, c := range got.CronWorkflows {
				if other, taken := owners[c.Name]; taken || len(c.Name) > 52 {
					t.Errorf("%s of cluster %s and of %s", c.Name, cluster, other)
				}
				owners[c.Name] = cluster
			}
		}
	}
}
