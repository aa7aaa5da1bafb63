// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cpo

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

func TestClaimOn(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		object    string
		installed bool
		want      Claim
	}{
		"no CPO":                              {`{}`, false, Claim{}},
		"no CPO, and an id means nothing":     {`{metadata: {annotations: {cpo.opensource.cybertec.at/controller: blue}}}`, false, Claim{}},
		"CPO is installed":                    {`{}`, true, Claim{Managed: true}},
		"CPO was here":                        {`{status: {PostgresClusterStatus: Running}}`, false, Claim{Managed: true, Touched: true}},
		"CPO is here":                         {`{status: {PostgresClusterStatus: Creating}}`, true, Claim{Managed: true, Touched: true}},
		"an empty status is nobody's":         {`{status: {PostgresClusterStatus: ""}}`, false, Claim{}},
		"another status is not CPO's":         {`{status: {observed: "1"}}`, false, Claim{}},
		"handed over to us":                   {`{metadata: {annotations: {cpo.opensource.cybertec.at/controller: stanzaflow}}}`, true, Claim{}},
		"handed over to us, CPO was here":     {`{metadata: {annotations: {cpo.opensource.cybertec.at/controller: stanzaflow}}, status: {PostgresClusterStatus: Running}}`, true, Claim{Touched: true}},
		"another spelling is an id of a CPO":  {`{metadata: {annotations: {cpo.opensource.cybertec.at/controller: Stanzaflow}}}`, true, Claim{Managed: true, Controller: "Stanzaflow"}},
		"the CPO with an id":                  {`{metadata: {annotations: {cpo.opensource.cybertec.at/controller: blue}}}`, true, Claim{Managed: true, Controller: "blue"}},
		"an empty id is that of the CPO":      {`{metadata: {annotations: {cpo.opensource.cybertec.at/controller: ""}}}`, true, Claim{Managed: true}},
		"what cannot be read hands over none": {`{metadata: {annotations: [stanzaflow]}, status: [Running]}`, true, Claim{Managed: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			object := map[string]any{}
			if err := yaml.Unmarshal([]byte(tc.object), &object); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, ClaimOn(object, tc.installed)); diff != "" {
				t.Errorf("unexpected claim (-want +got):\n%s", diff)
			}
		})
	}
}

func TestInstalled(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		resources           []string
		installed, complete bool
	}{
		"our CRD alone":             {[]string{"postgresqls", "postgresqls/status"}, false, true},
		"CPO":                       {[]string{"operatorconfigurations", "postgresqls", "postgresqls/status", "postgresteams"}, true, true},
		"not yet served":            {[]string{"postgresteams"}, false, false},
		"postgresql not yet served": {[]string{"operatorconfigurations"}, true, false},
		"nothing":                   {nil, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if installed, complete := Installed(tc.resources); installed != tc.installed || complete != tc.complete {
				t.Errorf("installed %t, complete %t; want %t, %t", installed, complete, tc.installed, tc.complete)
			}
		})
	}
}
