// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"path/filepath"
	"testing"

	"sigs.k8s.io/yaml"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate"
)

// FuzzTranslate: whatever is in a resource, Translate gives the same plan each
// time, and what is in the plan is good.
func FuzzTranslate(f *testing.F) {
	for _, dir := range caseDirs(f) {
		in := readCase(f, dir)
		f.Add([]byte(readFile(f, filepath.Join(dir, fileCR))), in.Stanza.TimeZone, in.Stanza.WorkflowTemplate, in.Stanza.Gate, in.Stanza.Suspend)
	}
	f.Fuzz(func(t *testing.T, cr []byte, zone, template, gate string, suspend bool) {
		if len(cr) > 16<<10 || len(gate) > 2048 { // the CRD of Stanza has the second limit
			return
		}
		var object map[string]any
		if yaml.Unmarshal(cr, &object) != nil {
			return // no resource at all
		}
		in := translate.Input{
			Stanza:          stanzaflowv1alpha1.StanzaSpec{TimeZone: zone, WorkflowTemplate: template, Gate: gate, Suspend: suspend},
			TemplateVersion: "uid.1",
		}
		in.Cluster, in.FieldErrors = cpo.Decode(object)
		plan := translate.Translate(in)
		if again := translate.Translate(in); encode(t, plan) != encode(t, again) {
			t.Errorf("two plans for one input:\n%s\n%s", encode(t, plan), encode(t, again))
		}
		checkPlan(t, in, plan)
	})
}

func readObject(t testing.TB, file string) map[string]any {
	t.Helper()
	var object map[string]any
	if err := yaml.UnmarshalStrict([]byte(readFile(t, file)), &object); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return object
}
