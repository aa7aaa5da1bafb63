// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package precheck

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/cpo/cpotest"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
)

// sample is a file that a real CPO has written, and what we expect of it.
type sample struct {
	file string
	text string
	want []cpo.Line
}

// samples are all configuration files in folders with a postgresql.
func samples(t *testing.T) []sample {
	t.Helper()
	var found []sample
	resources, err := fs.Glob(cpotest.Samples(), "*/postgresql-*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, resource := range resources {
		var object map[string]any
		cpotest.Decode(t, resource, &object)
		cluster, _ := cpo.Decode(object)
		folder, _, _ := strings.Cut(resource, "/")
		for configMap, want := range map[string][]cpo.Line{
			cpo.ConfigMapName(cluster.Name): cpo.PrimaryLines(cluster), cpo.RepoHostConfigMapName(cluster.Name): cpo.RepoHostLines(cluster),
		} {
			file := folder + "/configmap-" + configMap + ".yaml"
			if _, err := fs.Stat(cpotest.Samples(), file); err != nil {
				continue
			}
			var made corev1.ConfigMap
			cpotest.Decode(t, file, &made)
			found = append(found, sample{file, made.Data[cpo.ConfigFileName], want})
		}
	}
	return found
}

// placesIn reads a file as a run does.
func placesIn(t *testing.T, text string) []pgbackrest.PlaceOption {
	t.Helper()
	pattern, printed := regexp.MustCompile(pgbackrest.PlacesCommand("x")[2]), ""
	for line := range strings.Lines(text) {
		if pattern.MatchString(strings.TrimRight(line, "\n")) {
			printed += line
		}
	}
	places, err := pgbackrest.ParsePlaces([]byte(printed))
	if err != nil {
		t.Fatal(err)
	}
	return places
}

// TestPlacesOfCPO: what a real CPO has written for a real resource is what we expect,
// in any order, and nothing else is.
func TestPlacesOfCPO(t *testing.T) {
	t.Parallel()
	all := samples(t)
	if len(all) < 14 {
		t.Fatalf("only %d files", len(all))
	}
	for _, s := range all {
		t.Run(s.file, func(t *testing.T) {
			t.Parallel()
			want := valuesOf(placesOf(s.want))
			compare := func(text string) string { return differ(valuesOf(placesIn(t, text)), want) }
			if difference := compare(s.text); difference != "" {
				t.Fatalf("CPO's own file differs: %s", difference)
			}
			lines := strings.Split(s.text, "\n")
			changed := func(i int, by ...string) string {
				return strings.Join(slices.Replace(slices.Clone(lines), i, i+1, by...), "\n")
			}
			places := 0
			for i, line := range lines {
				option, value, _ := strings.Cut(line, "=")
				name, ok := pgbackrest.PlaceName(strings.TrimSpace(option))
				if !ok {
					continue
				}
				places++
				value = strings.TrimSpace(value)
				other := name + " = x" + value
				for what, text := range map[string]string{
					"changed": changed(i, other), "gone": changed(i), "twice, once changed": changed(i, line, other),
					"of another repo": changed(i, strings.Replace(line, name, strings.Replace(name, "repo", "repo3", 1), 1)),
				} {
					if got := compare(text); !strings.Contains(got, "repo") || !strings.Contains(got, " is ") {
						t.Errorf("%s, %s: %q", line, what, got)
					}
				}
				if got, want := compare(changed(i, other)), name+" is x"+value+" there, and must be "+strings.TrimSuffix(value, ".cluster.local"); got != want {
					t.Errorf("%s: %q, want %q", line, got, want)
				}
				// CPO writes some lines twice, and in another order each time.
				if got := compare(changed(i, line, line)); got != "" {
					t.Errorf("%s twice: %q", line, got)
				}
			}
			if places == 0 {
				t.Error("no option says where backups go")
			}
		})
	}
}

// TestPlacesOfCPOInAnyOrder: CPO writes global in another order at most of its syncs.
func TestPlacesOfCPOInAnyOrder(t *testing.T) {
	t.Parallel()
	for _, s := range samples(t) {
		var text string
		for section := range strings.SplitSeq(strings.TrimPrefix(s.text, "["), "\n[") {
			title, body, _ := strings.Cut(section, "\n")
			lines := strings.Split(body, "\n")
			slices.Reverse(lines)
			text += "[" + title + "\n" + strings.Join(lines, "\n") + "\n"
		}
		if got := differ(valuesOf(placesIn(t, text)), valuesOf(placesOf(s.want))); got != "" {
			t.Errorf("%s: %s", s.file, got)
		}
	}
}

func TestDiffer(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ have, want, text string }{
		"equal":                      {"[global]\nrepo1-path = /a", "[global]\nrepo1-path=/a", ""},
		"another value":              {"[global]\nrepo1-path=/a", "[global]\nrepo1-path=/b", "repo1-path is /a there, and must be /b"},
		"missing":                    {"", "[global]\nrepo1-path=/b", "repo1-path is not set there, and must be /b"},
		"too much":                   {"[global]\nrepo1-path=/b", "", "repo1-path is /b there, and must not be set"},
		"empty":                      {"[global]\nrepo1-s3-region = ", "[global]\nrepo1-s3-region=eu", "repo1-s3-region is empty there, and must be eu"},
		"an older name":              {"[global]\nrepo1-s3-host=a", "[global]\nrepo1-storage-host=a", ""},
		"the oldest name":            {"[global]\nbackup-host=a", "[global]\nrepo1-host=a", ""},
		"without a number":           {"[global]\nrepo-path=/a", "[global]\nrepo1-path=/a", ""},
		"the stanza before global":   {"[global]\nrepo1-path=/a\n[db]\nrepo1-path=/b", "[db]\nrepo1-path=/b", ""},
		"global under the stanza":    {"[global]\nrepo1-path=/b\n[db]\nrepo1-path=/a", "[global]\nrepo1-path=/b", "repo1-path is /a there, and must be /b"},
		"for one command":            {"[global]\nrepo1-path=/b\n[global:backup]\nrepo1-path=/a", "[global]\nrepo1-path=/b", "repo1-path in section [global:backup] is /a there, and must not be set"},
		"two values":                 {"[global]\nrepo1-path=/b\nrepo1-path=/a", "[global]\nrepo1-path=/b", "repo1-path is /b and /a there, and must be /b"},
		"another domain":             {"[global]\nrepo1-host=a.b.shop.svc.example.org", "[global]\nrepo1-host=a.b.shop.svc", ""},
		"another host":               {"[global]\nrepo1-host=a.b.shop.svcx.example.org", "[global]\nrepo1-host=a.b.shop.svc", "repo1-host is a.b.shop.svcx.example.org there, and must be a.b.shop.svc"},
		"several":                    {"", "[global]\nrepo1-path=/b\nrepo1-type=s3\nrepo2-type=s3", "repo1-path is not set there, and must be /b (and 2 more)"},
		"a password in the endpoint": {"[global]\nrepo1-s3-endpoint=https://u:hunter2@x", "[global]\nrepo1-s3-endpoint=x", "repo1-s3-endpoint is set to what is not shown here there, and must be x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := differ(valuesOf(placesIn(t, tc.have)), valuesOf(placesIn(t, tc.want))); got != tc.text {
				t.Errorf("got %q, want %q", got, tc.text)
			}
		})
	}
}
