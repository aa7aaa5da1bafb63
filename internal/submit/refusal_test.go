// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// TestRefusals shows what is said before anything is started.
func TestRefusals(t *testing.T) {
	backup, notFound := aBackup(), func(name string) error { return apierrors.NewNotFound(templates.GroupResource(), name) }
	backup.Wait = false
	cases := map[string]struct {
		fake    func(*fake)
		options func(*Options)
		// starts: it is no refusal.
		starts bool
	}{
		"submitted":         {starts: true},
		"repo3":             {options: func(o *Options) { o.Repo = "repo3" }, starts: true},
		"own-template":      {fake: func(f *fake) { f.stanza.Spec.WorkflowTemplate = "ours" }, starts: true},
		"near-miss":         {options: func(o *Options) { o.Cluster = "ordesr" }},
		"no-postgresql":     {options: func(o *Options) { o.Cluster = "payments" }},
		"none-at-all":       {options: func(o *Options) { o.Cluster = "payments" }, fake: func(f *fake) { f.names = nil }},
		"unlisted":          {options: func(o *Options) { o.Cluster = "payments" }, fake: func(f *fake) { f.listErr = rejected("list", "postgresqls") }},
		"kind-missing":      {fake: func(f *fake) { f.postgresqlErr = unserved("postgresqls") }},
		"postgresql-hidden": {fake: func(f *fake) { f.postgresqlErr = rejected("get", "postgresqls") }},
		"api-server-down":   {fake: func(f *fake) { f.postgresqlErr = errLost }},
		"no-pgbackrest":     {fake: func(f *fake) { f.postgresql = "metadata: {name: orders}" }},
		"no-repos":          {fake: func(f *fake) { f.postgresql = "spec: {backup: {pgbackrest: {}}}" }},
		"no-such-repo":      {options: func(o *Options) { o.Repo = "repo2" }},
		"repo-unreadable":   {options: func(o *Options) { o.Repo = "repo2" }, fake: func(f *fake) { f.postgresql = strings.Replace(postgresql, "repo3", "[repo2]", 1) }},
		"stanza-hidden":     {fake: func(f *fake) { f.stanzaErr = rejected("get", "stanzas") }},
		"no-template":       {fake: func(f *fake) { f.templateErr = notFound("pgbackrest-backup") }},
		"another-contract":  {fake: func(f *fake) { f.contract = "v3" }},
		"broken-template": {fake: func(f *fake) {
			f.breakTemplate = func(s *wfv1.WorkflowSpec) { s.ServiceAccountName, s.WorkflowMetadata.LabelsFrom = "", nil }
		}},
		"no-argo": {fake: func(f *fake) { f.templateErr = unserved("workflowtemplates") }},
		"no-argo-seen-late": {fake: func(f *fake) {
			f.templateErr, f.createErrs = rejected("get", "workflowtemplates"), []error{unserved("workflows")}
		}},
		"template-hidden": {fake: func(f *fake) { f.templateErr = rejected("get", "workflowtemplates") }, starts: true},
		"may-not-create":  {fake: func(f *fake) { f.createErrs = []error{rejected("create", "workflows")} }},
		"quota": {fake: func(f *fake) {
			f.createErrs = []error{apierrors.NewForbidden(workflows.GroupResource(), "x", fmt.Errorf("exceeded quota: runs"))}
		}},
		"to-be-held": {fake: func(f *fake) {
			f.postgresql = strings.Replace(postgresql, "numberOfInstances: 2", "numberOfInstances: 0", 1)
		}, starts: true},
		"answer-lost":          {fake: func(f *fake) { f.createErrs, f.createdAnyway = []error{errLost}, true }, starts: true},
		"request-lost":         {fake: func(f *fake) { f.createErrs = []error{errLost, apierrors.NewTooManyRequestsError("slow")} }, starts: true},
		"never-answered":       {fake: func(f *fake) { f.createErrs = slices.Repeat([]error{errLost}, creations) }},
		"another-has-the-name": {fake: func(f *fake) { f.now = state(""); f.now.Namespace = namespace }},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			f, options, want := newFake(t), backup, ExitFailed
			if tc.fake != nil {
				tc.fake(f)
			}
			if tc.options != nil {
				tc.options(&options)
			}
			if tc.starts {
				want = ExitProven
			}
			if code := play(t, f, t.Context(), options, "refusal/"+name); code != want {
				t.Errorf("exit code %d, want %d", code, want)
			}
			if len(f.created) > 1 || tc.starts != (len(f.created) == 1) {
				t.Errorf("%d Workflows were created", len(f.created))
			}
		})
	}
	checkFiles(t, "refusal", cases)
}

// TestTheWorkflowIsThatOfARun: what is created is what package workflow builds.
func TestTheWorkflowIsThatOfARun(t *testing.T) {
	f := newFake(t, ended(wfv1.WorkflowSucceeded, says(aReport(beforeDeploy)))...)
	s, _, _ := f.session()
	options := aPredeploy()
	options.Repo = "repo3"
	s.Run(t.Context(), options)
	checked, err := Check(t.Context(), f, options.Request)
	if err != nil || len(f.created) != 1 {
		t.Fatalf("%d Workflows, error %v", len(f.created), err)
	}
	want := checked.Run.Workflow(namespace, "pgbackrest-orders-repo3-predeploy-x7k2p", nil)
	if d := cmp.Diff(want.Spec, f.created[0].Spec); d != "" || want.Name != f.created[0].Name {
		t.Errorf("%s (-want +got):\n%s", f.created[0].Name, d)
	}
}

func TestRepoName(t *testing.T) {
	for text, want := range map[string]string{"1": "repo1", "repo4": "repo4", "5": "", "0": "", "repo": "", "": "", "repo12": "", "x": ""} {
		if got, err := RepoName(text); got != want || (err == nil) != (want != "") {
			t.Errorf("%q is %q, error %v, want %q", text, got, err, want)
		}
	}
}

// TestForm: a run by hand has the form that the Stanza chooses for its type.
func TestForm(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.stanza.Spec.Runs.Incr = stanzaflowv1alpha1.RunForm(vocab.FormDAG)
	f.stanza.Spec.Runs.Full = stanzaflowv1alpha1.RunForm(vocab.FormPod)
	for _, tc := range []struct {
		kind             vocab.RunKind
		backupType, want string
	}{
		{vocab.RunBackup, "full", ""},
		{vocab.RunBackup, "diff", vocab.EntrypointBackupDAG},
		{vocab.RunBackup, "incr", vocab.EntrypointBackupDAG},
		{vocab.RunPredeploy, "incr", vocab.EntrypointPredeploy},
	} {
		checked, err := Check(t.Context(), f, Request{Kind: tc.kind, Namespace: namespace, Cluster: orders, Type: tc.backupType})
		if err != nil {
			t.Fatal(err)
		}
		if got := checked.Run.Spec().Entrypoint; got != tc.want {
			t.Errorf("the entrypoint of a %s of type %s is %q, want %q", tc.kind, tc.backupType, got, tc.want)
		}
	}
}
