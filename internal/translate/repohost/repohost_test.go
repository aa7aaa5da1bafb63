// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package repohost_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
	"github.com/stanzaflow/stanzaflow/internal/translate/repohost"
	"github.com/stanzaflow/stanzaflow/internal/translate/storage"
)

func cluster() cpo.Postgresql {
	return cpo.Postgresql{Namespace: "shop", Name: "orders", PgBackRest: &cpo.PgBackRest{
		Image:  "registry.example.com/pgbackrest:17",
		Global: map[string]string{},
		Repos: []cpo.Repo{
			{Name: "repo1", Storage: cpo.StoragePVC, Volume: &cpo.Volume{Size: "5Gi"}},
			{Name: "repo2", Storage: cpo.StorageS3, Resource: "backups"},
		},
	}}
}

func fields(problems problem.List) []string {
	var all []string
	for _, p := range problems {
		all = append(all, p.Field)
	}
	return all
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*cpo.Postgresql)
		want   []string
	}{
		"good":           {change: func(*cpo.Postgresql) {}},
		"no image":       {change: func(c *cpo.Postgresql) { c.PgBackRest.Image = "" }, want: []string{"spec.backup.pgbackrest.image"}},
		"a URL":          {change: func(c *cpo.Postgresql) { c.PgBackRest.Image = "https://host/image" }, want: []string{"spec.backup.pgbackrest.image"}},
		"no namespace":   {change: func(c *cpo.Postgresql) { c.Namespace = "" }, want: []string{"metadata.namespace"}},
		"a digit first":  {change: func(c *cpo.Postgresql) { c.Name = "1orders" }, want: []string{"metadata.name"}},
		"more than asks": {change: func(c *cpo.Postgresql) { c.PgBackRest.Resources = resources("2", "1") }, want: []string{"spec.backup.pgbackrest.resources.requests.cpu"}},
		"as much":        {change: func(c *cpo.Postgresql) { c.PgBackRest.Resources = resources("1", "1") }},
	} {
		c := cluster()
		tc.change(&c)
		if diff := cmp.Diff(tc.want, fields(repohost.Check(c))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func resources(request, limit string) corev1.ResourceRequirements {
	return corev1.ResourceRequirements{
		Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(request)},
		Limits:   corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(limit)},
	}
}

func TestCheckCertificate(t *testing.T) {
	t.Parallel()
	issuer := func(name, kind, group string) *stanzaflowv1alpha1.IssuerReference {
		return &stanzaflowv1alpha1.IssuerReference{Name: name, Kind: kind, Group: group}
	}
	lasts := func(d time.Duration) *metav1.Duration { return &metav1.Duration{Duration: d} }
	for name, tc := range map[string]struct {
		spec stanzaflowv1alpha1.CertificateSpec
		want []string
	}{
		"none":                  {},
		"a minute of our own":   {spec: stanzaflowv1alpha1.CertificateSpec{Duration: lasts(time.Minute)}},
		"less than a minute":    {spec: stanzaflowv1alpha1.CertificateSpec{Duration: lasts(time.Second)}, want: []string{"spec.certificate.duration"}},
		"a minute of an issuer": {spec: stanzaflowv1alpha1.CertificateSpec{Duration: lasts(time.Minute), IssuerRef: issuer("company", "", "")}, want: []string{"spec.certificate.duration"}},
		"an issuer":             {spec: stanzaflowv1alpha1.CertificateSpec{IssuerRef: issuer("company", "ClusterIssuer", "cert-manager.io")}},
		"no names": {
			spec: stanzaflowv1alpha1.CertificateSpec{IssuerRef: issuer("Not a name", "issuer", "a group")},
			want: []string{"spec.certificate.issuerRef.name", "spec.certificate.issuerRef.kind", "spec.certificate.issuerRef.group"},
		},
	} {
		problems := repohost.CheckCertificate(tc.spec)
		if diff := cmp.Diff(tc.want, fields(problems)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if slices.ContainsFunc(problems, func(p problem.Problem) bool { return p.Kind != problem.KindStanza }) {
			t.Errorf("%s: %v are of the Stanza", name, problems)
		}
	}
}

// Each end finds the other by names that the certificates hold.
func TestEndsFindEachOther(t *testing.T) {
	t.Parallel()
	in := repohost.Input{Cluster: cluster()}
	for i := range in.Cluster.PgBackRest.Repos {
		r, err := storage.RepoAt(in.Cluster.PgBackRest, i)
		if err != nil {
			t.Fatal(err)
		}
		in.Repos = append(in.Repos, r)
	}
	_, names := repohost.CertificateNames(in.Cluster)
	if want := []string{"*.orders-clusterpods.shop.svc", "orders-pgbackrest-primary.shop.svc"}; !slices.Equal(names, want) {
		t.Errorf("names are %q, want %q", names, want)
	}
	options := repohost.ClientOptions(in.Cluster, storage.OnRepoHost(in.Repos))
	if got := options["repo1-host"]; got != "orders-pgbackrest-repo-host-0.orders-clusterpods.shop.svc" {
		t.Errorf("the PostgreSQL pods dial %q", got)
	}
	if _, ok := options["repo2-host"]; ok || options["tls-server-auth"] != "orders=*" {
		t.Errorf("options of the PostgreSQL pods: %v", options)
	}
	host := repohost.Plan(in)
	if len(host.Claims) != 1 || len(host.Certificates) != 0 {
		t.Errorf("%d claims and %d certificates", len(host.Claims), len(host.Certificates))
	}
	volumes := host.StatefulSet.Spec.Template.Spec.Volumes
	if i := slices.IndexFunc(volumes, func(v corev1.Volume) bool { return v.Name == "repo1" }); i < 0 || volumes[i].PersistentVolumeClaim.ClaimName != host.Claims[0].Name {
		t.Errorf("claim %s is not mounted: %v", host.Claims[0].Name, volumes)
	}
}
