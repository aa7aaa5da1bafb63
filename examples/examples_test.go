// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package examples_test renders the examples as `kubectl apply -k` does.
package examples_test

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// postgresImage is the image of the local cluster, which nobody can pull.
const postgresImage = "stanzaflow.local/postgres:17-pgbackrest-2.55"

// TestExamplesLeaveTheTemplateAlone keeps the template out of the examples: a person
// applies workflows/ with their own image, and an example with the template would
// undo that.
func TestExamplesLeaveTheTemplateAlone(t *testing.T) {
	for _, folder := range folders(t) {
		found := 0
		for _, object := range kustomized(t, folder).Resources() {
			if object.GetKind() == "WorkflowTemplate" || object.GetName() == "pgbackrest-runner" {
				found++
			}
		}
		// The demo is one command, so it brings what it needs.
		if folder == "quickstart" {
			if found == 0 {
				t.Errorf("%s: brings no WorkflowTemplate, so the demo has none", folder)
			}
			continue
		}
		if found != 0 {
			t.Errorf("%s: brings %d objects of workflows/", folder, found)
		}
	}
}

// TestImagesReachTheRepoHost shows that one entry in an overlay changes the image of
// PostgreSQL and of the repo host. Two versions of pgBackRest refuse each other.
func TestImagesReachTheRepoHost(t *testing.T) {
	const mine = "registry.example.com/postgres:17"
	for _, folder := range folders(t) {
		before := images(kustomized(t, folder))
		// The S3 server, and the operator in the demo's template, have their own images.
		maps.DeleteFunc(before, func(_, image string) bool { return image != postgresImage })
		if folder != "object-store" && len(before) == 0 {
			t.Errorf("%s: nothing has the image %s", folder, postgresImage)
		}
		want := map[string]string{}
		for place := range before {
			want[place] = mine
		}
		got := images(kustomizedWith(t, folder, mine))
		maps.DeleteFunc(got, func(place, _ string) bool { return before[place] == "" })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: images of an overlay (-want +got):\n%s", folder, diff)
		}
	}
}

// TestOneImageForPostgreSQLAndRepoHost compares the two images in each example.
func TestOneImageForPostgreSQLAndRepoHost(t *testing.T) {
	for _, folder := range folders(t) {
		for place, image := range images(kustomized(t, folder)) {
			if strings.HasPrefix(place, "postgresql/") && image != postgresImage {
				t.Errorf("%s: %s is %s, PostgreSQL has %s", folder, place, image, postgresImage)
			}
		}
	}
}

// folders returns the names of the examples.
func folders(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*/kustomization.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range files {
		names = append(names, filepath.Dir(file))
	}
	if len(names) < 9 {
		t.Fatalf("found %v, which cannot be all examples", names)
	}
	return names
}

// kustomizedWith renders an overlay of a folder with another PostgreSQL image.
func kustomizedWith(t *testing.T, folder, image string) resmap.ResMap {
	t.Helper()
	overlay := t.TempDir()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	base, err := filepath.Rel(overlay, filepath.Join(here, folder))
	if err != nil {
		t.Fatal(err)
	}
	oldName, _, _ := strings.Cut(postgresImage, ":")
	name, tag, _ := strings.Cut(image, ":")
	text := strings.Join([]string{
		"resources: [" + base + "]",
		"images:",
		"  - {name: " + oldName + ", newName: " + name + ", newTag: '" + tag + "'}",
	}, "\n")
	if err := os.WriteFile(filepath.Join(overlay, "kustomization.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return kustomized(t, overlay)
}

func kustomized(t *testing.T, folder string) resmap.ResMap {
	t.Helper()
	objects, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		t.Fatalf("kustomize build %s: %v", folder, err)
	}
	return objects
}

// images returns the images of pods and of the postgresql, by their place.
func images(objects resmap.ResMap) map[string]string {
	found := map[string]string{}
	for _, object := range objects.Resources() {
		name := object.GetKind() + "/" + object.GetName()
		for _, path := range []string{"spec.template.spec.containers", "spec.template.spec.initContainers"} {
			list, err := object.GetSlice(path)
			if err != nil {
				continue // no such pods
			}
			for _, item := range list {
				container, _ := item.(map[string]any)
				image, _ := container["image"].(string)
				found[name+"/"+container["name"].(string)] = image
			}
		}
		if image, err := object.GetString("spec.backup.pgbackrest.image"); err == nil {
			found[name+"/spec.backup.pgbackrest.image"] = image
		}
	}
	return found
}

// TestEveryExampleIsApplied shows that a test or the demo applies each example in a
// cluster. An example that none of them names may not even be valid.
func TestEveryExampleIsApplied(t *testing.T) {
	var applied strings.Builder
	read := func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Name() != "kustomization.yaml" && filepath.Ext(path) != ".sh" {
			return err
		}
		text, err := os.ReadFile(path)
		applied.Write(text)
		return err
	}
	for _, folder := range []string{"../test/e2e/testdata", "../hack"} {
		if err := filepath.WalkDir(folder, read); err != nil {
			t.Fatal(err)
		}
	}
	used := map[string]bool{}
	for _, folder := range folders(t) {
		if !regexp.MustCompile(`\bexamples/` + folder + `\b`).MatchString(applied.String()) {
			continue
		}
		used[folder] = true
		text, err := os.ReadFile(filepath.Join(folder, "kustomization.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		for _, base := range folders(t) {
			used[base] = used[base] || strings.Contains(string(text), "- ../"+base+"\n")
		}
	}
	for _, folder := range folders(t) {
		if !used[folder] {
			t.Errorf("examples/%s: no test applies it", folder)
		}
	}
}
