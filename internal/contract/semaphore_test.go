// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/stanzaflow/stanzaflow/internal/contract"
)

func slot(namespace, key string) *wfv1.SemaphoreRef {
	return &wfv1.SemaphoreRef{Namespace: namespace, ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "pgbackrest-caps"}, Key: key}}
}

func slots(refs ...*wfv1.SemaphoreRef) *wfv1.Synchronization {
	return &wfv1.Synchronization{Semaphores: refs}
}

// capped does to entrypoint backup what component caps does.
func capped(s *wfv1.WorkflowSpec) {
	pod := named(s, "backup")
	outer := wfv1.Template{
		Name: "backup", Synchronization: pod.Synchronization.DeepCopy(),
		DAG: &wfv1.DAGTemplate{Tasks: []wfv1.DAGTask{{Name: "backup", Template: "capped-backup"}}},
	}
	pod.Name, pod.Synchronization = "capped-backup", slots(slot("argo", "all"))
	s.Templates = append(s.Templates, outer)
}

func TestCaps(t *testing.T) {
	t.Parallel()
	const all = "cap all of ConfigMap argo/pgbackrest-caps"
	const oneBlock = " and another lock in one block: a run that waits for one would stop all runs that wait for the other; nest them"
	const mutex = "mutex pgbackrest-{{workflow.parameters.cluster}}"
	for name, tc := range map[string]struct {
		change func(*wfv1.WorkflowSpec)
		want   []string
		caps   []contract.Cap
	}{
		"none":            {change: func(*wfv1.WorkflowSpec) {}},
		"below the mutex": {change: capped, caps: []contract.Cap{{"argo", "pgbackrest-caps", "all"}}},
		"a level for each": {
			change: func(s *wfv1.WorkflowSpec) {
				capped(s)
				named(s, "capped-backup").Name = "fleet-backup"
				s.Templates = append(s.Templates, wfv1.Template{
					Name: "capped-backup", Synchronization: slots(slot("argo", "{{workflow.parameters.repo}}")),
					DAG: &wfv1.DAGTemplate{Tasks: []wfv1.DAGTask{{Name: "backup", Template: "fleet-backup"}}},
				})
			},
			caps: []contract.Cap{{"argo", "pgbackrest-caps", "all"}, {"argo", "pgbackrest-caps", ""}},
		},
		"in a database": {
			change: func(s *wfv1.WorkflowSpec) {
				capped(s)
				named(s, "capped-backup").Synchronization = slots(&wfv1.SemaphoreRef{Namespace: "argo", Database: &wfv1.SyncDatabaseRef{Key: "all"}})
			},
		},
		"a ConfigMap that only a run knows": {
			change: func(s *wfv1.WorkflowSpec) {
				capped(s)
				named(s, "capped-backup").Synchronization = slots(slot("{{workflow.namespace}}", "all"))
			},
		},
		"in the block of the mutex": {
			change: func(s *wfv1.WorkflowSpec) {
				named(s, "backup").Synchronization.Semaphores = []*wfv1.SemaphoreRef{slot("argo", "all")}
			},
			caps: []contract.Cap{{"argo", "pgbackrest-caps", "all"}}, want: []string{"template backup has " + all + oneBlock},
		},
		"in the block of the mutex, in the older field": {
			change: func(s *wfv1.WorkflowSpec) { named(s, "stanza").Synchronization.Semaphore = slot("argo", "all") },
			caps:   []contract.Cap{{"argo", "pgbackrest-caps", "all"}}, want: []string{"template stanza has " + all + oneBlock},
		},
		"two in one block": {
			change: func(s *wfv1.WorkflowSpec) {
				capped(s)
				named(s, "capped-backup").Synchronization = slots(slot("", "bucket"), slot("argo", "all"))
			},
			caps: []contract.Cap{{"", "pgbackrest-caps", "bucket"}, {"argo", "pgbackrest-caps", "all"}},
			want: []string{"template capped-backup has cap bucket of ConfigMap pgbackrest-caps" + oneBlock},
		},
		"above the mutex": {
			change: func(s *wfv1.WorkflowSpec) { named(s, "predeploy").Synchronization = slots(slot("argo", "all")) },
			caps:   []contract.Cap{{"argo", "pgbackrest-caps", "all"}},
			want: []string{
				"template predeploy has " + all + " above template predeploy-make with " + mutex + ": a run that waits for its cluster would hold a slot; the cap belongs below the mutex",
			},
		},
		"the same one twice": {
			change: func(s *wfv1.WorkflowSpec) {
				capped(s)
				named(s, "capped-backup").Name = "fleet-backup"
				s.Templates = append(s.Templates, wfv1.Template{
					Name: "capped-backup", Synchronization: slots(slot("argo", "all")),
					DAG: &wfv1.DAGTemplate{Tasks: []wfv1.DAGTask{{Name: "backup", Template: "fleet-backup"}}},
				})
			},
			caps: []contract.Cap{{"argo", "pgbackrest-caps", "all"}},
			want: []string{"templates capped-backup and fleet-backup both have " + all + ": the run would wait for itself"},
		},
		"of the whole run": {
			change: func(s *wfv1.WorkflowSpec) { s.Synchronization = slots(slot("argo", "all")) },
			want:   []string{"spec.synchronization has " + all + ": a run that is terminated while it waits would be Succeeded; a template below the mutex may have it"},
		},
		"of every template": {
			change: func(s *wfv1.WorkflowSpec) {
				s.TemplateDefaults = &wfv1.Template{Synchronization: slots(slot("argo", "all"))}
			},
			want: []string{"spec.templateDefaults has synchronization: every template of a run would wait for the one around it"},
		},
		"the level has lost the mutex": {
			change: func(s *wfv1.WorkflowSpec) {
				capped(s)
				named(s, "backup").Synchronization = nil
			},
			caps: []contract.Cap{{"argo", "pgbackrest-caps", "all"}},
			want: []string{"template capped-backup does not run under " + mutex + " (synchronization.mutexes): two runs of a cluster could run at once"},
		},
		"the level goes around in a circle": {
			change: func(s *wfv1.WorkflowSpec) {
				capped(s)
				outer := named(s, "backup")
				outer.DAG.Tasks = append(outer.DAG.Tasks, wfv1.DAGTask{Name: "again", Template: "backup"})
			},
			caps: []contract.Cap{{"argo", "pgbackrest-caps", "all"}},
			want: []string{"templates backup and backup both have " + mutex + ": the run would wait for itself"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			template := ours(t)
			tc.change(&template.Spec)
			if diff := cmp.Diff(tc.want, contract.Check(template)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.caps, contract.Caps(template)); diff != "" {
				t.Errorf("caps (-want +got):\n%s", diff)
			}
		})
	}
}

// For Argo, a semaphore without a namespace is in that of the run, so two texts may be one
// lock. With a limit of 1 the run would wait for itself.
func TestOneCapUnderTwoNames(t *testing.T) {
	t.Parallel()
	inDatabase := func(namespace string) *wfv1.SemaphoreRef {
		return &wfv1.SemaphoreRef{Namespace: namespace, Database: &wfv1.SyncDatabaseRef{Key: "all"}}
	}
	for name, tc := range map[string]struct {
		namespace    string
		outer, inner *wfv1.SemaphoreRef
		want         bool
	}{
		"none, and the template's":            {namespace: "db", outer: slot("", "all"), inner: slot("db", "all"), want: true},
		"the template's, and none":            {namespace: "db", outer: slot("db", "all"), inner: slot("", "all"), want: true},
		"a tag, and the template's":           {namespace: "db", outer: slot("{{ workflow.namespace }}", "all"), inner: slot("db", "all"), want: true},
		"none, and another":                   {namespace: "db", outer: slot("", "all"), inner: slot("argo", "all")},
		"another key":                         {namespace: "db", outer: slot("", "bucket"), inner: slot("db", "all")},
		"nobody knows the template's":         {outer: slot("", "all"), inner: slot("argo", "all"), want: true},
		"in a database, of two namespaces":    {namespace: "db", outer: inDatabase("argo"), inner: inDatabase("db")},
		"in a database, none, the template's": {namespace: "db", outer: inDatabase(""), inner: inDatabase("db"), want: true},
		"in a database, and in a ConfigMap":   {namespace: "db", outer: inDatabase("db"), inner: slot("db", "all")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			template := ours(t)
			template.Namespace = tc.namespace
			capped(&template.Spec)
			inner := named(&template.Spec, "capped-backup")
			inner.Name, inner.Synchronization = "fleet-backup", slots(tc.inner)
			template.Spec.Templates = append(template.Spec.Templates, wfv1.Template{
				Name: "capped-backup", Synchronization: slots(tc.outer),
				DAG: &wfv1.DAGTemplate{Tasks: []wfv1.DAGTask{{Name: "backup", Template: "fleet-backup"}}},
			})
			if findings := contract.Check(template); (len(findings) > 0) != tc.want {
				t.Errorf("findings %q, want some: %t", findings, tc.want)
			}
		})
	}
}
