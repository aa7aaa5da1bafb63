// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/certificate"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

const day = 24 * time.Hour

func TestDiffRepoHost(t *testing.T) {
	const certificates = "certificate for 2160h0m0s"
	suspended := func(s *State) {
		for _, object := range s.CronWorkflows {
			_ = unstructured.SetNestedField(object.Object, true, "spec", "suspend")
		}
	}
	gone := func(s *State) { s.Postgresql = nil; suspended(s) }
	volume := func(s *State, key string, value any) {
		repo1(s.Postgresql)["volume"].(map[string]any)[key] = value
	}
	for name, tc := range map[string]struct {
		change func(*State)
		want   []string
	}{
		"in place": {change: func(*State) {}, want: []string{certificates}},
		"nothing there": {
			change: func(s *State) {
				s.CronWorkflows, s.ConfigMaps, s.Services, s.Claims, s.StatefulSets = nil, nil, nil, nil, nil
			},
			want: []string{
				"create shop-clusterpods", "create shop-pgbackrest-primary", "create " + testClaim, "create shop-pgbackrest-repohost-config",
				"create " + testHost, "create " + testConfigMap, "create " + testFull, "create " + testIncr, certificates,
			},
		},
		"the API server has filled in a lot": {
			change: func(s *State) {
				spec := s.StatefulSets[0].Object["spec"].(map[string]any)
				spec["podManagementPolicy"], spec["revisionHistoryLimit"] = "OrderedReady", int64(10)
				pod := spec["template"].(map[string]any)["spec"].(map[string]any)
				pod["dnsPolicy"], pod["schedulerName"] = "ClusterFirst", "default-scheduler"
				pod["containers"].([]any)[0].(map[string]any)["imagePullPolicy"] = "IfNotPresent"
				s.StatefulSets[0].Object["status"] = map[string]any{"replicas": int64(1)}
				s.Services[0].Object["spec"].(map[string]any)["clusterIPs"] = []any{"None"}
			},
			want: []string{certificates},
		},
		"others add a container": {
			change: func(s *State) {
				pod := s.StatefulSets[0].Object["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)
				pod["containers"] = append([]any{map[string]any{"name": "mesh"}}, pod["containers"].([]any)...)
			},
			want: []string{certificates},
		},
		"others change ours": {
			change: func(s *State) {
				_ = unstructured.SetNestedField(s.StatefulSets[0].Object, int64(0), "spec", "replicas")
			},
			want: []string{"update " + testHost, certificates},
		},
		"others remove ours": {
			change: func(s *State) {
				unstructured.RemoveNestedField(s.Services[0].Object, "spec", "selector", "application")
			},
			want: []string{"update shop-clusterpods", certificates},
		},
		"what we do not plan any more is still there": {
			change: func(s *State) { annotate(s.StatefulSets[0], vocab.AnnotationApplied, "earlier") },
			want:   []string{"update " + testHost, certificates},
		},
		"a larger volume": {
			change: func(s *State) { volume(s, "size", "2049Mi") },
			want:   []string{"grow " + testClaim + " to 2049Mi", certificates},
		},
		"the same size in other words": {
			change: func(s *State) { volume(s, "size", "2048Mi") },
			want:   []string{certificates},
		},
		"a smaller volume": {
			change: func(s *State) { volume(s, "size", "2047Mi") },
			want: []string{
				"VolumeClaimMismatch PersistentVolumeClaim " + testClaim + " has 2Gi and 2047Mi is asked for: a volume cannot shrink, so set the size to 2Gi again", certificates,
			},
		},
		"another class, and larger": {
			change: func(s *State) { volume(s, "size", "3Gi"); volume(s, "storageClass", "slow") },
			want: []string{
				"grow " + testClaim + " to 3Gi",
				"VolumeClaimMismatch PersistentVolumeClaim " + testClaim + ` has storage class "fast" and "slow" is asked for: a volume keeps its class, so set it back, or give another repo the new one`,
				certificates,
			},
		},
		"a label of ours is gone from the claim": {
			change: func(s *State) { s.Claims[0].SetLabels(ourLabels(testCluster)) },
			want:   []string{certificates},
		},
		"the claim is somebody else's": {
			change: func(s *State) {
				s.Foreign["PersistentVolumeClaim "+testClaim], s.Claims, s.StatefulSets = true, nil, nil
				_ = unstructured.SetNestedField(s.ConfigMaps[0].Object, "x", "data", "x")
			},
			want: []string{certificates, "refuse " + testClaim},
		},
		"the claim of another repo is somebody else's": {
			change: func(s *State) {
				s.Foreign["PersistentVolumeClaim repo2-shop-pgbackrest-repo-host-0"] = true
				setRepos(s.Postgresql, repo1(s.Postgresql), map[string]any{"name": "repo2", "storage": "pvc", "volume": map[string]any{"size": "1Gi"}})
			},
			want: []string{certificates, "refuse repo2-shop-pgbackrest-repo-host-0"},
		},
		"the repo host is somebody else's": {
			change: func(s *State) {
				s.Foreign["StatefulSet "+testHost], s.StatefulSets, s.ConfigMaps = true, nil, s.ConfigMaps[1:]
				_ = unstructured.SetNestedField(s.ConfigMaps[0].Object, "x", "data", "x")
			},
			// What is not there can only help.
			want: []string{"create " + testConfigMap, certificates, "refuse " + testHost},
		},
		"a service is somebody else's": {
			change: func(s *State) {
				s.Foreign["Service shop-clusterpods"], s.Services = true, s.Services[1:]
				annotate(s.StatefulSets[0], vocab.AnnotationApplied, "earlier")
			},
			want: []string{"update " + testHost, certificates, "refuse shop-clusterpods"},
		},
		"kept by a problem": {
			change: func(s *State) {
				volume(s, "size", "0Gi")
				_ = unstructured.SetNestedField(s.StatefulSets[0].Object, int64(0), "spec", "replicas")
			},
			want: []string{certificates, "keep " + testFull, "keep " + testIncr, "keep " + testConfigMap, "keep shop-pgbackrest-repohost-config", "keep " + testHost},
		},
		"a bad option keeps the size": {
			change: func(s *State) {
				_ = unstructured.SetNestedStringMap(s.Postgresql.Object, map[string]string{"repo1-s3-key": "x"}, "spec", "backup", "pgbackrest", "global")
				volume(s, "size", "3Gi")
			},
			want: []string{certificates, "keep shop-pgbackrest-repohost-config", "keep " + testHost, "keep " + testConfigMap},
		},
		"cluster gone": {
			change: gone,
			want:   []string{certificates, "delete " + testFull, "delete " + testIncr},
		},
		"cluster gone, drained": {
			change: func(s *State) { gone(s); s.CronWorkflows = nil },
			want:   []string{certificates},
		},
		"cluster gone, its claim too": {
			change: func(s *State) { gone(s); s.CronWorkflows, s.Claims = nil, nil },
			want:   []string{certificates, "delete Stanza"},
		},
		"cluster gone, its repo host too": {
			change: func(s *State) { gone(s); s.CronWorkflows, s.Claims, s.StatefulSets = nil, nil, nil },
			want:   []string{"delete Stanza"},
		},
		"backup section removed": {
			change: func(s *State) {
				s.CronWorkflows = nil
				unstructured.RemoveNestedField(s.Postgresql.Object, "spec", "backup")
			},
			want: []string{certificates},
		},
		"other lives": {
			change: func(s *State) { s.Stanza.Spec.Certificate.Duration = &metav1.Duration{Duration: 30 * day} },
			want:   []string{"certificate for 720h0m0s"},
		},
		"cert-manager": {
			change: func(s *State) {
				s.Stanza.Spec.Certificate.IssuerRef = &stanzaflowv1alpha1.IssuerReference{Name: "ours"}
				s.StatefulSets = nil
			},
			want: []string{"create shop-pgbackrest-client-tls", "create shop-pgbackrest-repo-host-tls", "create " + testHost},
		},
		"cert-manager, and the repo host does not go by it yet": {
			change: func(s *State) {
				s.Stanza.Spec.Certificate.IssuerRef = &stanzaflowv1alpha1.IssuerReference{Name: "ours"}
			},
			want: []string{"create shop-pgbackrest-client-tls", "create shop-pgbackrest-repo-host-tls", "update " + testHost, certificates},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			state := makeStateOf(t, makeHosted(t, "db")).with(t, tc.change)
			got := lines(diff(state, state.plan(), mustPlan(t, state), noon))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("actions (-want +got): %s", diff)
			}
		})
	}
}

func TestCovers(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		have, want string
		covers     bool
	}{
		"the same":                        {`{a: 1, b: [x]}`, `{a: 1, b: [x]}`, true},
		"more":                            {`{a: 1, b: {c: 2, d: 3}}`, `{b: {c: 2}}`, true},
		"another value":                   {`{a: 1}`, `{a: 2}`, false},
		"another type":                    {`{a: {b: 1}}`, `{a: [1]}`, false},
		"not there":                       {`{}`, `{a: 1}`, false},
		"an empty object that is not":     {`{}`, `{a: {}}`, true},
		"a text in place of an object":    {`{a: x}`, `{a: {}}`, false},
		"a longer list":                   {`{a: [x, z]}`, `{a: [x]}`, false},
		"a shorter list":                  {`{a: [x]}`, `{a: [x, z]}`, false},
		"another order":                   {`{a: [x, z]}`, `{a: [z, x]}`, false},
		"elements by name":                {`{a: [{name: x, more: 1}, {name: z}]}`, `{a: [{name: z}]}`, true},
		"an element that is not there":    {`{a: [{name: x}]}`, `{a: [{name: z}]}`, false},
		"an element that differs":         {`{a: [{name: x, v: 1}]}`, `{a: [{name: x, v: 2}]}`, false},
		"two mounts of one volume":        {`{a: [{name: x, mountPath: /a, readOnly: true}, {name: x, mountPath: /b}]}`, `{a: [{name: x, mountPath: /a, readOnly: true}]}`, true},
		"a mount that differs":            {`{a: [{name: x, mountPath: /a}, {name: x, mountPath: /b, readOnly: true}]}`, `{a: [{name: x, mountPath: /a, readOnly: true}]}`, false},
		"elements without a name, filled": {`{a: [{secret: {name: x, more: 1}}]}`, `{a: [{secret: {name: x}}]}`, true},
		"one more without a name":         {`{a: [{secret: {name: x}}, {secret: {name: z}}]}`, `{a: [{secret: {name: x}}]}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			object := func(text string) any {
				return fromYAML(t, "apiVersion: v1\nkind: X\nspec: "+text).Object["spec"]
			}
			if got := covers(object(tc.have), object(tc.want)); got != tc.covers {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestRepoStatus(t *testing.T) {
	t.Parallel()
	const location = "pvc://" + testClaim
	known := stanzaflowv1alpha1.StanzaStatus{
		Repos: []stanzaflowv1alpha1.RepoStatus{
			{Name: "repo1", Storage: "pvc", Location: location, Cipher: "none", Backups: 3, Fulls: 1, LastBackup: &stanzaflowv1alpha1.BackupStatus{Label: "a"}},
		},
		OrphanedClaims: []string{"repo4-shop-pgbackrest-repo-host-0"},
	}
	orphan := func(s *State) {
		claim := newObject(claimKind)
		claim.SetName("repo4-shop-pgbackrest-repo-host-0")
		s.Claims = append(s.Claims, claim)
	}
	for name, tc := range map[string]struct {
		change       func(*State)
		want         string
		wantOrphaned []string
	}{
		"as it was": {change: func(*State) {}, want: "repo1 " + location + " none 3"},
		"an orphan": {change: orphan, want: "repo1 " + location + " none 3", wantOrphaned: []string{"repo4-shop-pgbackrest-repo-host-0"}},
		"another place starts anew": {
			change: func(s *State) { s.Postgresql = makePostgresql(t, "db") },
			want:   "repo1 s3://shop-backups/shop/repo1  0", wantOrphaned: []string{testClaim},
		},
		"a repo more": {
			change: func(s *State) {
				setRepos(s.Postgresql, map[string]any{"name": "repo2", "storage": "pvc", "volume": map[string]any{"size": "1Gi"}}, repo1(s.Postgresql))
			},
			want: "repo1 " + location + " none 3, repo2 pvc://repo2-shop-pgbackrest-repo-host-0  0",
		},
		"kept by a problem": {
			change: func(s *State) {
				orphan(s)
				repo1(s.Postgresql)["volume"] = map[string]any{"size": "0Gi"}
			},
			want: "repo1 " + location + " none 3", wantOrphaned: []string{"repo4-shop-pgbackrest-repo-host-0"},
		},
		"another place, kept by a problem": {
			change: func(s *State) {
				s.Postgresql = makePostgresql(t, "db")
				_ = unstructured.SetNestedField(s.Postgresql.Object, "x", "spec", "backup", "pgbackrest", "global", "repo1-s3-key")
			},
			want: "repo1 " + location + " none 3",
		},
		"cluster gone": {
			change: func(s *State) { s.Postgresql = nil },
			want:   "repo1 " + location + " none 3", wantOrphaned: []string{testClaim},
		},
		"backup section removed": {
			change: func(s *State) { unstructured.RemoveNestedField(s.Postgresql.Object, "spec", "backup") },
			want:   "repo1 " + location + " none 3", wantOrphaned: []string{testClaim},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			state := makeStateOf(t, makeHosted(t, "db")).with(t, tc.change)
			p := pass{State: state, Plan: state.plan(), Now: noon}
			p.Todo = diff(state, p.Plan, mustPlan(t, state), noon)
			status, _ := statusFor(known, 1, p)
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

func TestCertificateDuration(t *testing.T) {
	t.Parallel()
	was, _, err := certificate.Renew(certificate.State{}, certificate.Names{CommonName: "shop"}, 10*day, noon, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	set := func(duration time.Duration) func(*State) {
		return func(s *State) { s.Stanza.Spec.Certificate.Duration = &metav1.Duration{Duration: duration} }
	}
	known := func(s *State) { s.Issued = &issued{State: was} }
	for name, tc := range map[string]struct {
		change []func(*State)
		want   time.Duration
	}{
		"nothing said":                    {nil, 90 * day},
		"nothing said, other lives known": {[]func(*State){known}, 90 * day},
		"said":                            {[]func(*State){known, set(30 * day)}, 30 * day},
		"nonsense":                        {[]func(*State){set(-day)}, 90 * day},
		"nonsense, and lives known":       {[]func(*State){known, set(-day)}, 10 * day},
		"a problem beside it, and lives known": {[]func(*State){known, set(30 * day), func(s *State) {
			s.Stanza.Spec.Certificate.IssuerRef = &stanzaflowv1alpha1.IssuerReference{Name: "No Name"}
		}}, 10 * day},
		"no stanza":                  {[]func(*State){func(s *State) { s.Stanza = nil }}, 90 * day},
		"no stanza, and lives known": {[]func(*State){known, func(s *State) { s.Stanza = nil }}, 10 * day},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			state := makeStateOf(t, makeHosted(t, "db"))
			for _, change := range tc.change {
				change(&state)
			}
			if got := certificateFor(state, state.plan()).Duration; got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

// TestCertificateStatus: what is told is what the pods have.
func TestCertificateStatus(t *testing.T) {
	t.Parallel()
	at := func(text string) *stanzaflowv1alpha1.CertificateStatus {
		return &stanzaflowv1alpha1.CertificateStatus{NotAfter: metav1.NewTime(moment(text))}
	}
	before, after := at("2026-11-22T00:00:00Z"), at("2027-11-22T00:00:00Z")
	task := &certificateTask{}
	for name, tc := range map[string]struct {
		pass pass
		want *stanzaflowv1alpha1.CertificateStatus
	}{
		"issued":                        {pass{Todo: actions{Certificate: task}, Done: result{Certificate: after}}, after},
		"issued, another is not ours":   {pass{Todo: actions{Certificate: task}, Done: result{Certificate: after, Refused: []*unstructured.Unstructured{newObject(secretKind)}}}, after},
		"the pass failed":               {pass{Todo: actions{Certificate: task}}, before},
		"the Secret is somebody else's": {pass{Todo: actions{Certificate: task}, Done: result{Refused: []*unstructured.Unstructured{newObject(secretKind)}}}, nil},
		"not ours to issue":             {pass{}, nil},
	} {
		if got := certificateStatus(before, tc.pass); got != tc.want {
			t.Errorf("%s: got %v, want %v", name, got, tc.want)
		}
	}
}

// TestNoContentInErrors: the API server quotes bodies when it cannot read them.
func TestNoContentInErrors(t *testing.T) {
	t.Parallel()
	const content = "MIGHAgEAMBMGByqGSM49"
	for _, err := range []error{
		apierrors.NewBadRequest(content),
		apierrors.NewInvalid(schema.GroupKind{Kind: "Secret"}, "a", nil),
		apierrors.NewInternalError(errors.New(content)),
	} {
		got := withoutContent(err)
		if strings.Contains(plain(got), content) || strings.Contains(got.Error(), content) || !strings.Contains(plain(got), "reason") {
			t.Errorf("%v became %v", err, got)
		}
		if apierrors.ReasonForError(got) != apierrors.ReasonForError(err) {
			t.Errorf("the reason of %v became that of %v", err, got)
		}
	}
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "a", errors.New("no rights"))
	if got := withoutContent(forbidden); !strings.Contains(plain(got), "no rights") {
		t.Errorf("%v does not say what is wrong", got)
	}
}

// TestNothingIsEverDeleted: of what serves backups, whatever a pass finds.
func TestNothingIsEverDeleted(t *testing.T) {
	t.Parallel()
	state := makeStateOf(t, makeHosted(t, "db"))
	for _, change := range []func(*State){
		func(s *State) { s.Postgresql = nil },
		func(s *State) { unstructured.RemoveNestedField(s.Postgresql.Object, "spec", "backup") },
		func(s *State) { s.Postgresql = makePostgresql(t, "db") },
		func(s *State) { s.Postgresql.Object["spec"] = "nonsense" },
	} {
		state := state.with(t, func(s *State) { s.Postgresql = s.Postgresql.DeepCopy(); change(s) })
		todo := diff(state, state.plan(), mustPlan(t, state), noon)
		for _, object := range todo.Delete {
			if object.GetKind() != cronWorkflowKind.Kind {
				t.Errorf("%s is deleted", id(object))
			}
		}
	}
}

// TestWatchesWhatItMakes: but for CronWorkflows, which have a cache of their own.
func TestWatchesWhatItMakes(t *testing.T) {
	t.Parallel()
	for _, object := range mustPlan(t, makeStateOf(t, makeHosted(t, "db"))) {
		if kind := object.GroupVersionKind(); kind != cronWorkflowKind && !slices.Contains(watchedKinds, kind) {
			t.Errorf("%s is not watched", id(object))
		}
	}
}
