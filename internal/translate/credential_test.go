// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// TestPlanHasNoCredential puts something that looks like a credential in place
// of every text of every case, one by one, keys included.
func TestPlanHasNoCredential(t *testing.T) {
	t.Parallel()
	credentials := []string{
		"AKIAIOSFODNN7EXAMPLE",
		"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
		"https://user:wJalrXUtnFEMI@s3.example.com",
	}
	const section = "spec.backup.pgbackrest"
	// passedOn reports whether a field passes its text on by design: it cannot be
	// distinguished from a good one. Such a field is not meant for a credential, and
	// is written to a ConfigMap that the readers of the resource may read as well.
	passedOn := func(path, credential string) bool {
		field := path[strings.LastIndexAny(path, "].")+1:]
		switch {
		// A user may ask any text of a node or of a volume.
		case strings.HasPrefix(path, "spec.tolerations"), strings.HasPrefix(path, "spec.nodeAffinity"), path == "spec.podPriorityClassName",
			strings.Contains(path, ".volume.selector."):
			return true
		case strings.Contains(credential, "@"):
			return false
		case strings.HasPrefix(path, section+".repos["):
			return slices.Contains([]string{"resource", "endpoint", "region", "account"}, field) ||
				// It could be the name of a file.
				field == "key" && !strings.Contains(credential, "/")
		}
		return strings.HasPrefix(path, section+".global.") || path == section+".image"
	}
	planted := 0
	for _, dir := range caseDirs(t) {
		in := readCase(t, dir)
		object := readObject(t, filepath.Join(dir, fileCR))
		for _, credential := range credentials {
			plant(object, "", credential, func(path string) {
				planted++
				in.Cluster, in.FieldErrors = cpo.Decode(object)
				text := encode(t, published(translate.Translate(in)))
				// A path that is made clean loses a slash.
				if strings.Contains(text, strings.TrimPrefix(credential, "https://")) && !passedOn(path, credential) {
					t.Errorf("%s: %s at %s is repeated: %s", dir, credential, path, text)
				}
			})
		}
		for _, credential := range []string{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI", "hunter2", "correct horse", "ZXhhbXBsZQ"} {
			if strings.Contains(readFile(t, filepath.Join(dir, fileWant)), credential) {
				t.Errorf("%s repeats %s", filepath.Join(dir, fileWant), credential)
			}
		}
	}
	if planted < 2000 {
		t.Errorf("planted %d credentials, too few to prove anything", planted)
	}

	// The names of the options that hold one, whatever their value.
	for _, option := range []string{"repo1-s3-key", "repo1-s3-key-secret", "repo2-cipher-pass", "repo1-gcs-key", "repo1-azure-key", "repo1-s3-token"} {
		in := goodInput()
		in.Cluster.PgBackRest.Global = map[string]string{option: "plain"}
		if text := encode(t, translate.Translate(in)); strings.Contains(text, "plain") || !strings.Contains(text, string(vocab.ReasonCredentialInGlobal)) {
			t.Errorf("%s in global gives %s", option, text)
		}
	}

	in := goodInput()
	in.Stanza = stanzaflowv1alpha1.StanzaSpec{
		TimeZone: credentials[0], WorkflowTemplate: credentials[1],
		Gate: `run.type == "` + credentials[0] + `"`, // a gate that does not compile quotes itself, in its own Stanza
	}
	for _, credential := range credentials {
		if text := encode(t, translate.Translate(in)); strings.Contains(text, credential) {
			t.Errorf("%s in the Stanza is repeated: %s", credential, text)
		}
	}
}

// plant puts a text in place of each leaf and of each key of a tree, in turn,
// and calls visit each time.
func plant(node any, path, text string, visit func(path string)) {
	switch node := node.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(node)) {
			value, place := node[key], strings.TrimPrefix(path+"."+key, ".")
			plant(value, place, text, visit)
			node[key] = text
			visit(place)
			delete(node, key)
			node[text] = value
			visit(place + " (key)")
			delete(node, text)
			node[key] = value
		}
	case []any:
		for i, value := range node {
			place := fmt.Sprintf("%s[%d]", path, i)
			plant(value, place, text, visit)
			node[i] = text
			visit(place)
			node[i] = value
		}
	}
}
