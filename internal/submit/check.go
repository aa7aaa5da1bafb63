// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/stanzaflow/stanzaflow/internal/contract"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/nearmiss"
	"github.com/stanzaflow/stanzaflow/internal/translate/workflow"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Request is what a person or a pipeline asks for.
type Request struct {
	Kind               vocab.RunKind
	Namespace, Cluster string
	// Repo is the name of a repo. Empty means the first one of the postgresql.
	Repo string
	// Type of the backup, if one is made.
	Type string
	// MaxAge and RestorePoint are for the kind predeploy. Empty means the default of
	// the template.
	MaxAge, RestorePoint string
	// Drill and Target are for the kind drill: the name of a drill of the Stanza, empty for
	// none, and a target that replaces its own, empty for its own.
	Drill, Target string
}

// RepoName returns the name of a repo that a person gives as a number or as a name.
func RepoName(text string) (string, error) {
	name := text
	if len(text) == 1 {
		name = "repo" + text
	}
	if _, err := cpo.RepoNumber(name); err != nil {
		return "", fmt.Errorf("%w, or its number", err)
	}
	return name, nil
}

// Checked is a request that can be submitted.
type Checked struct {
	Run       workflow.Run
	Namespace string
	// Warnings are sentences about what does not prevent the run from being started.
	Warnings []string
}

// Check refuses a request that no run can meet. Its errors name the object and what to
// do.
func Check(ctx context.Context, from Finder, r Request) (Checked, error) {
	c := Checked{Namespace: r.Namespace, Run: workflow.Run{
		Kind: r.Kind, Cluster: r.Cluster, Type: r.Type, Trigger: vocab.TriggerManual, MaxAge: r.MaxAge, RestorePoint: r.RestorePoint,
	}}
	cluster, fieldErrors, err := from.Postgresql(ctx, r.Namespace, r.Cluster)
	if err != nil {
		return c, explainPostgresql(ctx, from, r, err)
	}
	if c.Run.Repo, err = chooseRepo(r, cluster, fieldErrors); err != nil {
		return c, err
	}
	if why := cluster.Operation.Held(); why != "" {
		c.warn("postgresql %s/%s cannot be backed up now, so the run will be held: %s", r.Namespace, r.Cluster, why)
	}
	stanza, err := from.Stanza(ctx, r.Namespace, r.Cluster)
	if err != nil {
		return c, explain(err, "get", "stanzas."+vocab.Domain, "Stanza", r.Namespace, r.Cluster)
	}
	c.Run.Template, c.Run.Form = workflow.TemplateName(stanza.Spec), workflow.FormOf(stanza.Spec, r.Type)
	return c, c.checkTemplate(ctx, from)
}

func (c *Checked) warn(format string, args ...any) {
	c.Warnings = append(c.Warnings, fmt.Sprintf(format, args...))
}

func explainPostgresql(ctx context.Context, from Finder, r Request, err error) error {
	const resource = "postgresqls.cpo.opensource.cybertec.at"
	switch {
	case notServed(err):
		return fmt.Errorf("this Kubernetes cluster does not have the kind postgresql (%s): check --context and --kubeconfig", resource)
	case !apierrors.IsNotFound(err):
		return explain(err, "get", resource, "postgresql", r.Namespace, r.Cluster)
	}
	const few = 8
	names, err := from.Postgresqls(ctx, r.Namespace)
	hint := nearmiss.DidYouMean(r.Cluster, names)
	switch {
	case err != nil || hint != "":
	case len(names) == 0:
		hint = ", which has none at all: check -n and --context"
	case len(names) <= few:
		slices.Sort(names)
		hint = ", only " + strings.Join(names, ", ")
	}
	return fmt.Errorf("there is no postgresql %s in namespace %s%s", r.Cluster, r.Namespace, hint)
}

func chooseRepo(r Request, cluster cpo.Postgresql, fieldErrors []cpo.FieldError) (string, error) {
	if cluster.PgBackRest == nil {
		return "", fmt.Errorf("postgresql %s/%s has no %s, so it has no repo for backups", r.Namespace, r.Cluster, cpo.Section)
	}
	var names []string
	for _, repo := range cluster.PgBackRest.Repos {
		if _, err := cpo.RepoNumber(repo.Name); err == nil {
			names = append(names, repo.Name)
		}
	}
	switch {
	case r.Repo == "" && len(names) > 0:
		return names[0], nil
	case r.Repo != "" && slices.Contains(names, r.Repo):
		return r.Repo, nil
	}
	what := fmt.Sprintf("postgresql %s/%s has no %s in %s.repos", r.Namespace, r.Cluster, cmp.Or(r.Repo, "repo"), cpo.Section)
	if len(names) > 0 {
		what += ", only " + strings.Join(names, ", ")
	}
	for _, e := range fieldErrors {
		if strings.HasPrefix(e.Field, cpo.Section+".repos") {
			return "", fmt.Errorf("%s; %s: %s", what, e.Field, e.Message)
		}
	}
	return "", errors.New(what)
}

func (c *Checked) checkTemplate(ctx context.Context, from Finder) error {
	const resource = "workflowtemplates.argoproj.io"
	name, install := c.Run.Template, "install it with kubectl apply -k workflows/ -n "+c.Namespace
	template, err := from.Template(ctx, c.Namespace, name)
	switch {
	case apierrors.IsForbidden(err):
		c.warn("WorkflowTemplate %s was not checked: you may not get %s in namespace %s", name, resource, c.Namespace)
		return nil
	case notServed(err):
		return noArgo()
	case apierrors.IsNotFound(err):
		return fmt.Errorf("there is no WorkflowTemplate %s in namespace %s: %s", name, c.Namespace, install)
	case err != nil:
		return explain(err, "get", resource, "WorkflowTemplate", c.Namespace, name)
	case template.Labels[vocab.LabelContract] != vocab.TemplateContract:
		return fmt.Errorf("WorkflowTemplate %s in namespace %s has the label %s=%s, and this program needs %s: use the program of the release that is installed, or upgrade the template (docs/install.md#upgrade)",
			name, c.Namespace, vocab.LabelContract, template.Labels[vocab.LabelContract], vocab.TemplateContract)
	}
	if findings := contract.Check(template); len(findings) > 0 {
		return errors.New("WorkflowTemplate " + name + " in namespace " + c.Namespace + " " + contract.Sentence(findings))
	}
	return nil
}
