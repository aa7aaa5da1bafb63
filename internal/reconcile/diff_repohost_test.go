// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

const day = 24 * time.Hour

func TestDiffRepoHost(t *testing.T) {
	const certificates = "issue " + reconciletest.Cert + " for 2160h0m0s"
	suspended := func(s *object.State) {
		for _, o := range s.Objects[object.CronWorkflow] {
			_ = unstructured.SetNestedField(o.Object, true, "spec", "suspend")
		}
	}
	gone := func(s *object.State) { s.Postgresql = nil; suspended(s) }
	volume := func(s *object.State, key string, value any) {
		reconciletest.Repo1(s.Postgresql)["volume"].(map[string]any)[key] = value
	}
	for name, tc := range map[string]struct {
		change func(*object.State)
		want   []string
	}{
		"in place": {change: func(*object.State) {}, want: []string{certificates}},
		"nothing there": {
			change: func(s *object.State) {
				s.Objects[object.CronWorkflow], s.Objects[object.ConfigMap], s.Objects[object.Service], s.Objects[object.Claim], s.Objects[object.StatefulSet] = nil, nil, nil, nil, nil
			},
			want: []string{
				certificates, "create shop-clusterpods", "create shop-pgbackrest-primary", "create " + reconciletest.Claim, "create shop-pgbackrest-repohost-config",
				"create " + reconciletest.Host, "create " + reconciletest.ConfigMap, "create " + reconciletest.Full, "create " + reconciletest.Incr,
			},
		},
		"the API server has filled in a lot": {
			change: func(s *object.State) {
				spec := s.Objects[object.StatefulSet][0].Object["spec"].(map[string]any)
				spec["podManagementPolicy"], spec["revisionHistoryLimit"] = "OrderedReady", int64(10)
				pod := spec["template"].(map[string]any)["spec"].(map[string]any)
				pod["dnsPolicy"], pod["schedulerName"] = "ClusterFirst", "default-scheduler"
				pod["containers"].([]any)[0].(map[string]any)["imagePullPolicy"] = "IfNotPresent"
				s.Objects[object.StatefulSet][0].Object["status"] = map[string]any{"replicas": int64(1)}
				s.Objects[object.Service][0].Object["spec"].(map[string]any)["clusterIPs"] = []any{"None"}
			},
			want: []string{certificates},
		},
		"others add a container": {
			change: func(s *object.State) {
				pod := s.Objects[object.StatefulSet][0].Object["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)
				pod["containers"] = append([]any{map[string]any{"name": "mesh"}}, pod["containers"].([]any)...)
			},
			want: []string{certificates},
		},
		"others change ours": {
			change: func(s *object.State) {
				_ = unstructured.SetNestedField(s.Objects[object.StatefulSet][0].Object, int64(0), "spec", "replicas")
			},
			want: []string{certificates, "update " + reconciletest.Host},
		},
		"others remove ours": {
			change: func(s *object.State) {
				unstructured.RemoveNestedField(s.Objects[object.Service][0].Object, "spec", "selector", "application")
			},
			want: []string{certificates, "update shop-clusterpods"},
		},
		"what we do not plan any more is still there": {
			change: func(s *object.State) {
				object.Annotate(s.Objects[object.StatefulSet][0], vocab.AnnotationApplied, "earlier")
			},
			want: []string{certificates, "update " + reconciletest.Host},
		},
		"a larger volume": {
			change: func(s *object.State) { volume(s, "size", "2049Mi") },
			want:   []string{certificates, "grow " + reconciletest.Claim + " to 2049Mi"},
		},
		"the same size in other words": {
			change: func(s *object.State) { volume(s, "size", "2048Mi") },
			want:   []string{certificates},
		},
		"a smaller volume": {
			change: func(s *object.State) { volume(s, "size", "2047Mi") },
			want: []string{
				certificates, "mismatch PersistentVolumeClaim " + reconciletest.Claim + " has 2Gi, and the resource asks for 2047Mi: a volume cannot shrink, so set the size back to 2Gi",
			},
		},
		"another class, and larger": {
			change: func(s *object.State) { volume(s, "size", "3Gi"); volume(s, "storageClass", "slow") },
			want: []string{
				certificates, "grow " + reconciletest.Claim + " to 3Gi",
				"mismatch PersistentVolumeClaim " + reconciletest.Claim + ` has storage class "fast", and the resource asks for "slow": a volume keeps its class, so set it back or use the new class for another repo`,
			},
		},
		"a label of ours is gone from the claim": {
			change: func(s *object.State) { s.Objects[object.Claim][0].SetLabels(object.Labels(reconciletest.Cluster)) },
			want:   []string{certificates},
		},
		"the claim is somebody else's": {
			change: func(s *object.State) {
				s.Foreign["PersistentVolumeClaim "+reconciletest.Claim], s.Objects[object.Claim], s.Objects[object.StatefulSet] = true, nil, nil
				_ = unstructured.SetNestedField(s.Objects[object.ConfigMap][0].Object, "x", "data", "x")
			},
			want: []string{certificates, "refuse " + reconciletest.Claim},
		},
		"the claim of another repo is somebody else's": {
			change: func(s *object.State) {
				s.Foreign["PersistentVolumeClaim repo2-shop-pgbackrest-repo-host-0"] = true
				reconciletest.SetRepos(s.Postgresql, reconciletest.Repo1(s.Postgresql), map[string]any{"name": "repo2", "storage": "pvc", "volume": map[string]any{"size": "1Gi"}})
			},
			want: []string{certificates, "refuse repo2-shop-pgbackrest-repo-host-0"},
		},
		"the repo host is somebody else's": {
			change: func(s *object.State) {
				s.Foreign["StatefulSet "+reconciletest.Host], s.Objects[object.StatefulSet], s.Objects[object.ConfigMap] = true, nil, s.Objects[object.ConfigMap][1:]
				_ = unstructured.SetNestedField(s.Objects[object.ConfigMap][0].Object, "x", "data", "x")
			},
			// What is not there can only help.
			want: []string{certificates, "create " + reconciletest.ConfigMap, "refuse " + reconciletest.Host},
		},
		"a service is somebody else's": {
			change: func(s *object.State) {
				s.Foreign["Service shop-clusterpods"], s.Objects[object.Service] = true, s.Objects[object.Service][1:]
				object.Annotate(s.Objects[object.StatefulSet][0], vocab.AnnotationApplied, "earlier")
			},
			want: []string{certificates, "update " + reconciletest.Host, "refuse shop-clusterpods"},
		},
		"kept by a problem": {
			change: func(s *object.State) {
				volume(s, "size", "0Gi")
				_ = unstructured.SetNestedField(s.Objects[object.StatefulSet][0].Object, int64(0), "spec", "replicas")
			},
			want: []string{certificates, "keep " + reconciletest.Full, "keep " + reconciletest.Incr, "keep " + reconciletest.ConfigMap, "keep shop-pgbackrest-repohost-config", "keep " + reconciletest.Host},
		},
		"a bad option keeps the size": {
			change: func(s *object.State) {
				_ = unstructured.SetNestedStringMap(s.Postgresql.Object, map[string]string{"repo1-s3-key": "x"}, "spec", "backup", "pgbackrest", "global")
				volume(s, "size", "3Gi")
			},
			want: []string{certificates, "keep shop-pgbackrest-repohost-config", "keep " + reconciletest.Host, "keep " + reconciletest.ConfigMap},
		},
		"cluster gone": {
			change: gone,
			want:   []string{certificates, "delete " + reconciletest.Full, "delete " + reconciletest.Incr},
		},
		"cluster gone, drained": {
			change: func(s *object.State) { gone(s); s.Objects[object.CronWorkflow] = nil },
			want:   []string{certificates},
		},
		"cluster gone, its claim too": {
			change: func(s *object.State) { gone(s); s.Objects[object.CronWorkflow], s.Objects[object.Claim] = nil, nil },
			want:   []string{certificates, "delete Stanza"},
		},
		"cluster gone, its repo host too": {
			change: func(s *object.State) {
				gone(s)
				s.Objects[object.CronWorkflow], s.Objects[object.Claim], s.Objects[object.StatefulSet] = nil, nil, nil
			},
			want: []string{"delete Stanza"},
		},
		"backup section removed": {
			change: func(s *object.State) {
				s.Objects[object.CronWorkflow] = nil
				unstructured.RemoveNestedField(s.Postgresql.Object, "spec", "backup")
			},
			want: []string{certificates},
		},
		"other lives": {
			change: func(s *object.State) { s.Stanza.Spec.Certificate.Duration = &metav1.Duration{Duration: 30 * day} },
			want:   []string{"issue " + reconciletest.Cert + " for 720h0m0s"},
		},
		"CPO was installed": {
			change: func(s *object.State) {
				s.CPOInstalled = true
				volume(s, "size", "5Gi")
				reconciletest.SetSchedule(s.Postgresql, "full", "15 3 * * *")
			},
			want: []string{
				"renew " + reconciletest.Cert + " for 2160h0m0s", "keep " + reconciletest.Full, "keep " + reconciletest.Incr,
				"keep " + reconciletest.ConfigMap, "keep shop-pgbackrest-repohost-config", "keep " + reconciletest.Host,
			},
		},
		"CPO was installed and the cluster is new": {
			change: func(s *object.State) { s.CPOInstalled, s.Objects = true, object.Objects{} },
			want:   nil,
		},
		"CPO was installed and the cluster is ours": {
			change: func(s *object.State) {
				s.CPOInstalled = true
				s.Postgresql.SetAnnotations(map[string]string{cpo.AnnotationController: cpo.ControllerStanzaflow})
			},
			want: []string{certificates},
		},
		"CPO was installed and the cluster is gone": {
			change: func(s *object.State) { s.CPOInstalled = true; gone(s) },
			want:   []string{"renew " + reconciletest.Cert + " for 2160h0m0s", "delete " + reconciletest.Full, "delete " + reconciletest.Incr},
		},
		"cert-manager": {
			change: func(s *object.State) {
				s.Stanza.Spec.Certificate.IssuerRef = &stanzaflowv1alpha1.IssuerReference{Name: "ours"}
				s.Objects[object.StatefulSet] = nil
			},
			want: []string{"create shop-pgbackrest-client-tls", "create shop-pgbackrest-repo-host-tls", "create " + reconciletest.Host},
		},
		"cert-manager, and the repo host does not go by it yet": {
			change: func(s *object.State) {
				s.Stanza.Spec.Certificate.IssuerRef = &stanzaflowv1alpha1.IssuerReference{Name: "ours"}
			},
			want: []string{certificates, "create shop-pgbackrest-client-tls", "create shop-pgbackrest-repo-host-tls", "update " + reconciletest.Host},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			state := with(reconciletest.StateOf(t, reconciletest.Hosted(t, "db")), tc.change)
			got := lines(diffOf(t, state, reconciletest.Noon))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("actions (-want +got): %s", diff)
			}
		})
	}
}

// TestNothingIsEverDeleted checks that nothing that serves backups is deleted,
// whatever a pass finds.
func TestNothingIsEverDeleted(t *testing.T) {
	t.Parallel()
	state := reconciletest.StateOf(t, reconciletest.Hosted(t, "db"))
	for _, change := range []func(*object.State){
		func(s *object.State) { s.Postgresql = nil },
		func(s *object.State) { unstructured.RemoveNestedField(s.Postgresql.Object, "spec", "backup") },
		func(s *object.State) { s.Postgresql = reconciletest.Postgresql(t, "db") },
		func(s *object.State) { s.Postgresql.Object["spec"] = "nonsense" },
	} {
		state := with(state, func(s *object.State) { s.Postgresql = s.Postgresql.DeepCopy(); change(s) })
		for _, action := range object.With(diffOf(t, state, reconciletest.Noon), object.Delete, object.Retire, object.Drain) {
			if action.Have.GroupVersionKind() != object.CronWorkflow {
				t.Errorf("%s %s", action.Verb, object.ID(action.Have))
			}
		}
	}
}
