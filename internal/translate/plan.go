// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"cmp"
	"slices"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	corev1 "k8s.io/api/core/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

// Input is everything that a Plan depends on.
type Input struct {
	// Cluster is the decoded postgresql resource.
	Cluster cpo.Postgresql
	// FieldErrors are what cpo.Decode could not read of it.
	FieldErrors []cpo.FieldError
	// Stanza is the spec of the Stanza of the same name, zero without one.
	Stanza stanzaflowv1alpha1.StanzaSpec
	// TemplateVersion is "<uid>.<generation>" of the WorkflowTemplate, empty
	// while it is not known.
	TemplateVersion string
}

// Plan is what should exist for one cluster.
type Plan struct {
	// ConfigMap is the pgBackRest configuration of the PostgreSQL pods, nil
	// when there should be none.
	ConfigMap *corev1.ConfigMap
	// CronWorkflows, sorted by name.
	CronWorkflows []wfv1.CronWorkflow
	// Problems are the mistakes in the input, sorted by field.
	Problems []Problem
	// Keep says which existing objects stay untouched although the Plan does
	// not hold them or, of the ConfigMap, holds another form.
	Keep Keep
}

// Keep names what a Problem must not take away. It never stands against a
// CronWorkflow of the same Plan: what is planned is good, and applied. Nor does
// it stand against spec.suspend of the Stanza, which is meant for every schedule.
type Keep struct {
	// ConfigMap: an existing ConfigMap stays as it is. The one in the Plan is
	// for a cluster that has none yet.
	ConfigMap bool
	// CronWorkflows by name: the last good one stays as it is.
	CronWorkflows []string
	// Everything: part of the input could not be tied to a name, so no
	// CronWorkflow may be removed.
	Everything bool
}

// CronWorkflow reports whether an existing CronWorkflow of that name, which
// the Plan does not hold, stays.
func (k Keep) CronWorkflow(name string) bool {
	return k.Everything || slices.Contains(k.CronWorkflows, name)
}

// Problem is a mistake in a resource of the user.
type Problem struct {
	// Kind of the object: postgresql or Stanza.
	Kind string
	// Field is the path in that object.
	Field string
	// Reason is one of the vocab.Reason constants.
	Reason string
	// Message is one sentence without a full stop: what is wrong, what to do.
	// It never holds a value that may be a credential.
	Message string
}

func sortProblems(problems []Problem) {
	slices.SortFunc(problems, func(a, b Problem) int {
		return cmp.Or(
			// postgresql before Stanza: it is the one people edit.
			-cmp.Compare(a.Kind, b.Kind),
			cmp.Compare(a.Field, b.Field),
			cmp.Compare(a.Reason, b.Reason),
			cmp.Compare(a.Message, b.Message),
		)
	})
}
