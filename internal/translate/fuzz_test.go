// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"path/filepath"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// FuzzTranslate checks that Translate gives the same plan each time, whatever is in
// a resource, and that the plan is good.
func FuzzTranslate(f *testing.F) {
	for _, dir := range caseDirs(f) {
		in := readCase(f, dir)
		f.Add([]byte(readFile(f, filepath.Join(dir, fileCR))), in.Stanza.TimeZone, in.Stanza.WorkflowTemplate, in.Stanza.Gate, "company", int64(time.Hour), "none", in.Stanza.Suspend)
	}
	f.Fuzz(func(t *testing.T, cr []byte, zone, template, gate, issuer string, duration int64, cipher string, suspend bool) {
		if len(cr) > 16<<10 || len(gate) > 2048 { // the CRD of Stanza has the second limit
			return
		}
		var object map[string]any
		if yaml.Unmarshal(cr, &object) != nil {
			return // not a resource
		}
		in := translate.Input{
			Stanza: stanzaflowv1alpha1.StanzaSpec{
				TimeZone: zone, WorkflowTemplate: template, Gate: gate, Suspend: suspend,
				Certificate: stanzaflowv1alpha1.CertificateSpec{Duration: &metav1.Duration{Duration: time.Duration(duration)}},
			},
			TemplateVersion: "uid.1",
			Provisioner:     vocab.ProvisionedByUs,
		}
		if issuer != "" {
			in.Stanza.Certificate.IssuerRef = &stanzaflowv1alpha1.IssuerReference{Name: issuer, Kind: issuer, Group: issuer}
		}
		in.Cluster, in.FieldErrors = cpo.Decode(object)
		for _, repo := range translate.Translate(in).Repos { // as the resource asks, apart from the cipher
			in.Known = append(in.Known, stanzaflowv1alpha1.RepoStatus{Name: repo.Name, Location: repo.Location, Cipher: cipher})
		}
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
