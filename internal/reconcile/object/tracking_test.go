// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package object

import (
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

// TestTracking shows to which application a CronWorkflow belongs.
func TestTracking(t *testing.T) {
	t.Parallel()
	const tracking, installation = "argocd.argoproj.io/tracking-id", "argocd.argoproj.io/installation-id"
	tracked := func(application string) map[string]string {
		return map[string]string{
			tracking:                             application + ":argoproj.io/CronWorkflow:db/pgbackrest-shop-repo1-full",
			"argocd.argoproj.io/compare-options": "IgnoreExtraneous", "argocd.argoproj.io/sync-options": "Prune=false,Delete=false",
		}
	}
	installed := tracked("shop")
	installed[installation] = "east"
	ofPostgresql := "cpo.opensource.cybertec.at/postgresql:db/shop"
	for name, tc := range map[string]struct {
		off                bool
		stanza, postgresql map[string]string
		want               map[string]string
	}{
		"of the Stanza":         {stanza: map[string]string{tracking: "backups:stanzaflow.dev/Stanza:db/shop"}, postgresql: map[string]string{tracking: "shop:" + ofPostgresql}, want: tracked("backups")},
		"of the postgresql":     {postgresql: map[string]string{tracking: "shop:" + ofPostgresql}, want: tracked("shop")},
		"of one of several":     {postgresql: map[string]string{tracking: "shop:" + ofPostgresql, installation: "east"}, want: installed},
		"in another namespace":  {postgresql: map[string]string{tracking: "argo_shop:" + ofPostgresql}, want: tracked("argo_shop")},
		"of none":               {},
		"switched off":          {off: true, postgresql: map[string]string{tracking: "shop:" + ofPostgresql}},
		"a copy":                {postgresql: map[string]string{tracking: "shop:cpo.opensource.cybertec.at/postgresql:db/other"}},
		"a copy on the Stanza":  {stanza: map[string]string{tracking: "shop:" + ofPostgresql}},
		"no application":        {postgresql: map[string]string{tracking: ":" + ofPostgresql}},
		"an application's name": {postgresql: map[string]string{tracking: "shop"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			postgresql, o := New(cpo.GroupVersionKind), New(CronWorkflow)
			postgresql.SetAnnotations(tc.postgresql)
			o.SetNamespace("db")
			o.SetName("pgbackrest-shop-repo1-full")
			o.SetAnnotations(map[string]string{"ours": "stays"})
			track(State{
				Key: types.NamespacedName{Namespace: "db", Name: "shop"}, ArgoCD: !tc.off, Postgresql: postgresql,
				Stanza: &stanzaflowv1alpha1.Stanza{ObjectMeta: metav1.ObjectMeta{Annotations: tc.stanza}},
			}, []*unstructured.Unstructured{o})
			want := map[string]string{"ours": "stays"}
			maps.Copy(want, tc.want)
			if diff := cmp.Diff(want, o.GetAnnotations()); diff != "" {
				t.Errorf("annotations (-want +got):\n%s", diff)
			}
		})
	}
}
