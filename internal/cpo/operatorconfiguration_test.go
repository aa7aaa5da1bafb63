// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cpo

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

func TestDecodeOperatorConfiguration(t *testing.T) {
	t.Parallel()
	const named = `metadata: {namespace: cpo, name: main}
`
	defaults := DefaultOperatorConfiguration()
	with := func(change func(*OperatorConfiguration)) OperatorConfiguration {
		c := DefaultOperatorConfiguration()
		change(&c)
		return c
	}
	for name, tc := range map[string]struct {
		object string
		want   OperatorConfiguration
	}{
		"empty":      {`{}`, defaults},
		"no section": {`configuration: {}`, defaults},
		"the defaults, spelled out": {`
configuration:
  kubernetes:
    cluster_labels: {application: cpo}
    cluster_name_label: cluster.cpo.opensource.cybertec.at/name
    pod_role_label: member.cpo.opensource.cybertec.at/role
  logical_backup: {logical_backup_schedule: 30 00 * * *}`, defaults},
		"others": {`
configuration:
  kubernetes:
    cluster_labels: {app: pg, env: prod}
    cluster_name_label: cluster-name
    pod_role_label: spilo-role
    watched_namespace: '*'
  logical_backup: {logical_backup_schedule: 15 4 * * *}
  workers: 8`, with(func(c *OperatorConfiguration) {
			c.Labels = Labels{Cluster: map[string]string{"app": "pg", "env": "prod"}, ClusterName: "cluster-name", Role: "spilo-role"}
			c.EmptySchedule = "15 4 * * *"
		})},
		"empty to CPO": {`
configuration:
  kubernetes: {cluster_labels: {}, cluster_name_label: "", pod_role_label: null}
  logical_backup: {logical_backup_schedule: ""}`, defaults},
		"wrong types": {`
configuration:
  kubernetes: {cluster_labels: [a], cluster_name_label: 1, pod_role_label: {}}
  logical_backup: nothing`, defaults},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			object := map[string]any{}
			if err := yaml.Unmarshal([]byte(named+tc.object), &object); err != nil && tc.object != "{}" {
				t.Fatal(err)
			}
			if tc.object == "{}" {
				object = map[string]any{"metadata": map[string]any{"namespace": "cpo", "name": "main"}}
			}
			want := tc.want
			want.Name = "cpo/main"
			got := DecodeOperatorConfiguration(object)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if !got.Equal(want) {
				t.Error("not Equal")
			}
		})
	}
}

func TestChooseOperatorConfiguration(t *testing.T) {
	t.Parallel()
	all := []OperatorConfiguration{{Name: "cpo/blue", EmptySchedule: "b"}, {Name: "cpo/amber", EmptySchedule: "a"}}
	for name, tc := range map[string]struct {
		all  []OperatorConfiguration
		flag string
		want string
		err  string
	}{
		"none":                {nil, "", "", ""},
		"one":                 {all[:1], "", "cpo/blue", ""},
		"several":             {all, "", "", "there are 2 OperatorConfigurations (cpo/amber, cpo/blue)"},
		"several, one named":  {all, "cpo/amber", "cpo/amber", ""},
		"one, another named":  {all[:1], "cpo/amber", "", "there is no OperatorConfiguration cpo/amber"},
		"none, but one named": {nil, "cpo/amber", "", "there is no OperatorConfiguration cpo/amber"},
	} {
		got, err := ChooseOperatorConfiguration(tc.all, tc.flag)
		switch {
		case tc.err == "" && (err != nil || got.Name != tc.want):
			t.Errorf("%s: %+v, %v", name, got, err)
		case tc.err != "" && (err == nil || !strings.Contains(err.Error(), tc.err) || !strings.Contains(err.Error(), "--operator-configuration")):
			t.Errorf("%s: %v, want %q", name, err, tc.err)
		}
	}
	if got, _ := ChooseOperatorConfiguration(nil, ""); !got.Equal(DefaultOperatorConfiguration()) {
		t.Errorf("without one: %+v", got)
	}
}
