// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate"
)

const goodKey = "s3://s3.example.com:443/bucket/cluster/repo1"

// TestLocationBelongsToOneCluster checks who has a location, whatever the order in
// which the clusters are compared.
func TestLocationBelongsToOneCluster(t *testing.T) {
	t.Parallel()
	january := time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
	proven := []stanzaflowv1alpha1.RepoStatus{{Name: "repo1", Location: "s3://bucket/cluster/repo1", LastBackup: &stanzaflowv1alpha1.BackupStatus{}}}
	elsewhere := []stanzaflowv1alpha1.RepoStatus{{Name: "repo1", Location: "s3://bucket/old", LastBackup: &stanzaflowv1alpha1.BackupStatus{}}}
	noBackup := []stanzaflowv1alpha1.RepoStatus{{Name: "repo1", Location: "s3://bucket/cluster/repo1"}}
	for name, tc := range map[string]struct {
		// The one that has the location comes first.
		clusters []translate.Claimant
	}{
		"the elder one":                    {[]translate.Claimant{claim("z", january, nil), claim("a", january.Add(time.Second), nil)}},
		"the elder one of three":           {[]translate.Claimant{claim("z", january, nil), claim("b", january.Add(time.Hour), nil), claim("a", january.Add(time.Second), nil)}},
		"the first name":                   {[]translate.Claimant{claim("a", january, nil), claim("b", january, nil)}},
		"the one with backups":             {[]translate.Claimant{claim("z", january.Add(time.Hour), proven), claim("a", january, nil)}},
		"backups elsewhere do not count":   {[]translate.Claimant{claim("z", january, nil), claim("a", january.Add(time.Hour), elsewhere)}},
		"a location alone does not count":  {[]translate.Claimant{claim("z", january, nil), claim("a", january.Add(time.Hour), noBackup)}},
		"both have backups":                {[]translate.Claimant{claim("z", january, proven), claim("a", january.Add(time.Hour), proven)}},
		"a file is younger than a cluster": {[]translate.Claimant{claim("z", january, nil), claim("a", time.Time{}, nil)}},
		"two files":                        {[]translate.Claimant{claim("a", time.Time{}, nil), claim("z", time.Time{}, nil)}},
	} {
		for i, c := range tc.clusters {
			var others []translate.Claimant
			for j, other := range tc.clusters {
				if j != i {
					others = append(others, other)
				}
			}
			want := map[string]string{}
			if i > 0 {
				want[goodKey] = "cpo/" + tc.clusters[0].Cluster.Name
			}
			if diff := cmp.Diff(want, translate.TakenLocations(c, others)); diff != "" {
				t.Errorf("%s: locations of %s that another has (-want +got):\n%s", name, c.Cluster.Name, diff)
			}
		}
	}
}

// claim is a cluster with the location goodKey.
func claim(name string, created time.Time, known []stanzaflowv1alpha1.RepoStatus) translate.Claimant {
	cluster := goodInput().Cluster
	cluster.Name = name
	return translate.Claimant{Cluster: cluster, Created: created, Known: known}
}

// TestTwoReposInOneLocation checks that the repo with backups keeps its location.
func TestTwoReposInOneLocation(t *testing.T) {
	t.Parallel()
	in := goodInput()
	section := in.Cluster.PgBackRest
	second := section.Repos[0]
	second.Name = "repo2"
	section.Repos = append(section.Repos, second)
	section.Global["repo2-path"] = section.Global["repo1-path"]

	refused := func() string {
		for _, p := range translate.Translate(in).Problems {
			return p.Field
		}
		return ""
	}
	if got, want := refused(), "spec.backup.pgbackrest.repos[1].resource"; got != want {
		t.Errorf("without backups %q is refused, want %q", got, want)
	}
	in.Known = []stanzaflowv1alpha1.RepoStatus{{Name: "repo2", Location: "s3://bucket/cluster/repo1", LastBackup: &stanzaflowv1alpha1.BackupStatus{}}}
	if got, want := refused(), "spec.backup.pgbackrest.repos[0].resource"; got != want {
		t.Errorf("with backups in repo2 %q is refused, want %q", got, want)
	}
}

func TestLocationKeysOfAClusterWithoutBackups(t *testing.T) {
	t.Parallel()
	if keys := translate.LocationKeys(cpo.Postgresql{Name: "cluster"}); keys != nil {
		t.Errorf("got %q", keys)
	}
}

// takenBy returns the locations of a postgresql that the clusters of a file had first.
func takenBy(t testing.TB, file, postgresql string, known []stanzaflowv1alpha1.RepoStatus) map[string]string {
	t.Helper()
	if !exists(file) {
		return nil
	}
	var others []translate.Claimant
	for document := range strings.SplitSeq(readFile(t, file), "\n---\n") {
		others = append(others, claimant(t, document))
	}
	self := claimant(t, postgresql)
	self.Known = known
	return translate.TakenLocations(self, others)
}

// claimant reads a postgresql as the operator sees it beside others.
func claimant(t testing.TB, text string) translate.Claimant {
	t.Helper()
	var object map[string]any
	if err := yaml.UnmarshalStrict([]byte(text), &object); err != nil {
		t.Fatal(err)
	}
	u := unstructured.Unstructured{Object: object}
	c := translate.Claimant{Created: u.GetCreationTimestamp().Time}
	c.Cluster, _ = cpo.Decode(object)
	return c
}
