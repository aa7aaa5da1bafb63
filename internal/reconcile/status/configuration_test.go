// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

func TestRepoStatus(t *testing.T) {
	t.Parallel()
	const location = "pvc://" + reconciletest.Claim
	known := stanzaflowv1alpha1.StanzaStatus{
		Repos: []stanzaflowv1alpha1.RepoStatus{
			{Name: "repo1", Storage: "pvc", Location: location, Cipher: "none", Backups: 3, Fulls: 1, LastBackup: &stanzaflowv1alpha1.BackupStatus{Label: "a"}},
		},
		OrphanedClaims: []string{"repo4-shop-pgbackrest-repo-host-0"},
	}
	orphan := func(s *object.State) {
		claim := object.New(object.Claim)
		claim.SetName("repo4-shop-pgbackrest-repo-host-0")
		s.Objects[object.Claim] = append(s.Objects[object.Claim], claim)
	}
	for name, tc := range map[string]struct {
		change       func(*object.State)
		want         string
		wantOrphaned []string
	}{
		"unchanged": {change: func(*object.State) {}, want: "repo1 " + location + " none 3"},
		"an orphan": {change: orphan, want: "repo1 " + location + " none 3", wantOrphaned: []string{"repo4-shop-pgbackrest-repo-host-0"}},
		"another location starts from nothing": {
			change: func(s *object.State) { s.Postgresql = reconciletest.Postgresql(t, "db") },
			want:   "repo1 s3://shop-backups/shop/repo1  0", wantOrphaned: []string{reconciletest.Claim},
		},
		"a repo more": {
			change: func(s *object.State) {
				reconciletest.SetRepos(s.Postgresql, map[string]any{"name": "repo2", "storage": "pvc", "volume": map[string]any{"size": "1Gi"}}, reconciletest.Repo1(s.Postgresql))
			},
			want: "repo1 " + location + " none 3, repo2 pvc://repo2-shop-pgbackrest-repo-host-0  0",
		},
		"kept by a problem": {
			change: func(s *object.State) {
				orphan(s)
				reconciletest.Repo1(s.Postgresql)["volume"] = map[string]any{"size": "0Gi"}
			},
			want: "repo1 " + location + " none 3", wantOrphaned: []string{"repo4-shop-pgbackrest-repo-host-0"},
		},
		"another place, kept by a problem": {
			change: func(s *object.State) {
				s.Postgresql = reconciletest.Postgresql(t, "db")
				_ = unstructured.SetNestedField(s.Postgresql.Object, "x", "spec", "backup", "pgbackrest", "global", "repo1-s3-key")
			},
			want: "repo1 " + location + " none 3",
		},
		"cluster gone": {
			change: func(s *object.State) { s.Postgresql = nil },
			want:   "repo1 " + location + " none 3", wantOrphaned: []string{reconciletest.Claim},
		},
		"backup section removed": {
			change: func(s *object.State) { unstructured.RemoveNestedField(s.Postgresql.Object, "spec", "backup") },
			want:   "repo1 " + location + " none 3", wantOrphaned: []string{reconciletest.Claim},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, _ := For(known, 1, makePass(t, func(p *Pass) {
				p.State = reconciletest.StateOf(t, reconciletest.Hosted(t, "db"))
				tc.change(&p.State)
			}))
			var texts []string
			for _, entry := range status.Repos {
				texts = append(texts, fmt.Sprintf("%s %s %s %d", entry.Name, entry.Location, entry.Cipher, entry.Backups))
			}
			if got := strings.Join(texts, ", "); got != tc.want {
				t.Errorf("repos are %q, want %q", got, tc.want)
			}
			if diff := cmp.Diff(tc.wantOrphaned, status.OrphanedClaims); diff != "" {
				t.Errorf("orphaned claims (-want +got): %s", diff)
			}
		})
	}
}

// TestCertificateStatus checks that the status has the certificate of the pods.
func TestCertificateStatus(t *testing.T) {
	t.Parallel()
	at := func(text string) *stanzaflowv1alpha1.CertificateStatus {
		return &stanzaflowv1alpha1.CertificateStatus{NotAfter: metav1.NewTime(reconciletest.Moment(text))}
	}
	before, after := at("2026-11-22T00:00:00Z"), at("2027-11-22T00:00:00Z")
	issue := []object.Action{{Verb: object.Issue}}
	for name, tc := range map[string]struct {
		pass Pass
		want *stanzaflowv1alpha1.CertificateStatus
	}{
		"issued":                        {Pass{Actions: issue, Done: object.Result{Certificate: after}}, after},
		"issued, another is not ours":   {Pass{Actions: issue, Done: object.Result{Certificate: after, Refused: []*unstructured.Unstructured{object.New(object.Secret)}}}, after},
		"the pass failed":               {Pass{Actions: issue}, before},
		"the Secret is somebody else's": {Pass{Actions: issue, Done: object.Result{Refused: []*unstructured.Unstructured{object.New(object.Secret)}}}, nil},
		"not ours to issue":             {Pass{}, nil},
	} {
		if got := certificate(before, tc.pass, nil); got != tc.want {
			t.Errorf("%s: got %v, want %v", name, got, tc.want)
		}
	}
}

// TestConfiguration: precheck compares the files in the pods with these digests,
// and the resource that it reads with the source.
func TestConfiguration(t *testing.T) {
	t.Parallel()
	global := func(s *object.State, key, value string) {
		_ = unstructured.SetNestedField(s.Postgresql.Object, value, "spec", "backup", "pgbackrest", "global", key)
	}
	for name, tc := range map[string]struct {
		hosted bool
		change func(*object.State)
		// want are the fields that are set.
		want string
	}{
		"a store":               {change: func(*object.State) {}, want: "source primary"},
		"a repo host":           {hosted: true, change: func(*object.State) {}, want: "source primary repoHost"},
		"kept by a problem":     {hosted: true, change: func(s *object.State) { global(s, "repo1-s3-key", "x") }, want: "source"},
		"no field can be read":  {change: func(s *object.State) { s.Postgresql.Object["spec"] = "nonsense" }, want: "source"},
		"no backup section":     {change: func(s *object.State) { unstructured.RemoveNestedField(s.Postgresql.Object, "spec", "backup") }},
		"no postgresql":         {hosted: true, change: func(s *object.State) { s.Postgresql = nil }},
		"CPO came later":        {change: func(s *object.State) { s.CPOInstalled = true }, want: "source"},
		"CPO was there first":   {change: func(s *object.State) { s.CPOInstalled, s.Objects = true, object.Objects{} }},
		"Argo is not installed": {change: func(s *object.State) { s.ArgoInstalled = false }, want: "source primary"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := makePass(t, func(p *Pass) {
				if tc.hosted {
					p.State = reconciletest.StateOf(t, reconciletest.Hosted(t, "db"))
				}
				tc.change(&p.State)
			})
			status, _ := For(stanzaflowv1alpha1.StanzaStatus{}, 1, p)
			got := status.Configuration
			if got == nil {
				got = &stanzaflowv1alpha1.ConfigurationStatus{}
			}
			var set []string
			for _, field := range []struct{ name, value, want string }{
				{"source", got.Source, sourceOf(p.State)},
				{"primary", got.Primary, fileIn(p.State, reconciletest.ConfigMap)},
				{"repoHost", got.RepoHost, fileIn(p.State, "shop-pgbackrest-repohost-config")},
			} {
				if field.value == "" {
					continue
				}
				set = append(set, field.name)
				if field.value != field.want {
					t.Errorf("%s is %s, want %s", field.name, field.value, field.want)
				}
			}
			if text := strings.Join(set, " "); text != tc.want || (status.Configuration == nil) != (tc.want == "") {
				t.Errorf("%q is set, want %q: %v", text, tc.want, status.Configuration)
			}
		})
	}
	digest := func(change func(*object.State)) string {
		return configuration(nil, makePass(t, func(p *Pass) { change(&p.State) })).Source
	}
	before := digest(func(*object.State) {})
	if before == digest(func(s *object.State) { global(s, "repo1-retention-full", "8") }) {
		t.Error("another setting has the same source")
	}
	if before != digest(func(s *object.State) {
		_ = unstructured.SetNestedField(s.Postgresql.Object, int64(3), "spec", "numberOfInstances")
	}) {
		t.Error("another number of instances has another source")
	}
}

func sourceOf(state object.State) string {
	if state.Postgresql == nil {
		return ""
	}
	return cpo.BackupDigest(state.Postgresql.Object)
}

// fileIn is the digest of the file in an existing ConfigMap, empty without one.
func fileIn(state object.State, name string) string {
	configMap := state.Objects.Find(object.ConfigMap, name)
	if configMap == nil {
		return ""
	}
	text, _, _ := unstructured.NestedString(configMap.Object, "data", cpo.ConfigFileName)
	return fmt.Sprintf("%x", sha256.Sum256([]byte(text)))
}

// TestConfigurationOfCPOLabels: a run takes CPO's defaults for what is not declared.
func TestConfigurationOfCPOLabels(t *testing.T) {
	t.Parallel()
	p := makePass(t, func(p *Pass) {
		p.State.CPO.Labels = cpo.Labels{Cluster: map[string]string{"app": "pg"}, ClusterName: "cluster-name", Role: "spilo-role"}
	})
	p.Provisioner = vocab.ProvisionedByCPO
	status, _ := For(stanzaflowv1alpha1.StanzaStatus{}, 1, p)
	want := &stanzaflowv1alpha1.PodLabels{Cluster: map[string]string{"app": "pg"}, ClusterName: "cluster-name", Role: "spilo-role"}
	if diff := cmp.Diff(want, status.Configuration.Labels); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	// While it is not known which CPO is meant, what was declared stays.
	before := stanzaflowv1alpha1.StanzaStatus{
		Configuration: status.Configuration, CronJobs: []stanzaflowv1alpha1.CronJobStatus{{Name: "a", UID: "1", Owner: stanzaflowv1alpha1.OwnerStanzaflow}},
	}
	undecided := makePass(t, func(p *Pass) { p.State.Undecided = "there are 2" })
	undecided.Provisioner = vocab.ProvisionedByCPO
	after, _ := For(before, 1, undecided)
	if diff := cmp.Diff(before.Configuration, after.Configuration); diff != "" || len(after.CronJobs) != 1 {
		t.Errorf("%v (-want +got):\n%s", after.CronJobs, diff)
	}
}

// TestConfigurationOfCPO: alongside, the files are CPO's, and the settings are what a
// run compares the pods with.
func TestConfigurationOfCPO(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*object.State)
		want   bool
	}{
		"settings":                    {func(s *object.State) { s.CPOInstalled = true }, true},
		"a setting that is refused":   {func(s *object.State) { reconciletest.Repo1(s.Postgresql)["storage"] = "blob" }, true},
		"no backup section":           {func(s *object.State) { unstructured.RemoveNestedField(s.Postgresql.Object, "spec", "backup") }, false},
		"settings that are no object": {func(s *object.State) { s.Postgresql.Object["spec"] = "nonsense" }, false},
		"no postgresql":               {func(s *object.State) { s.Postgresql = nil }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := makePass(t, func(p *Pass) { tc.change(&p.State) })
			p.Provisioner = vocab.ProvisionedByCPO
			var want *stanzaflowv1alpha1.ConfigurationStatus
			if tc.want {
				want = &stanzaflowv1alpha1.ConfigurationStatus{Provisioner: "CPO", Source: sourceOf(p.State)}
			}
			status, _ := For(stanzaflowv1alpha1.StanzaStatus{}, 1, p)
			if diff := cmp.Diff(want, status.Configuration); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestConfigurationLeftToCPO: when the operator changes from alongside to standalone,
// the schedules that it has taken over continue. Their runs need to know that the files
// are still CPO's.
func TestConfigurationLeftToCPO(t *testing.T) {
	t.Parallel()
	p := makePass(t, func(p *Pass) {
		p.State.CPOInstalled = true
		delete(p.State.Objects, object.ConfigMap)
	})
	if !p.Plan.LeftToCPO {
		t.Fatal("the test is wrong: the cluster is not left to CPO")
	}
	labels := &stanzaflowv1alpha1.PodLabels{ClusterName: "cluster-name", Role: "spilo-role"}
	theirs := &stanzaflowv1alpha1.ConfigurationStatus{Provisioner: "CPO", Source: "older", Labels: labels}
	for name, tc := range map[string]struct {
		before, want *stanzaflowv1alpha1.ConfigurationStatus
	}{
		"taken over":    {theirs, &stanzaflowv1alpha1.ConfigurationStatus{Provisioner: "CPO", Source: sourceOf(p.State), Labels: labels}},
		"never ours":    {nil, nil},
		"ours, written": {&stanzaflowv1alpha1.ConfigurationStatus{Provisioner: "Stanzaflow", Source: "older"}, nil},
	} {
		status, _ := For(stanzaflowv1alpha1.StanzaStatus{Configuration: tc.before}, 1, p)
		if diff := cmp.Diff(tc.want, status.Configuration); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
