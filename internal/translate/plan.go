// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"slices"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	corev1 "k8s.io/api/core/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate/drill"
	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
	"github.com/stanzaflow/stanzaflow/internal/translate/repohost"
	"github.com/stanzaflow/stanzaflow/internal/translate/storage"
	"github.com/stanzaflow/stanzaflow/internal/translate/trigger"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Input is everything that a Plan depends on.
type Input struct {
	// Cluster is the decoded postgresql resource.
	Cluster cpo.Postgresql
	// FieldErrors are what cpo.Decode could not read of it.
	FieldErrors []cpo.FieldError
	// Stanza is the spec of the Stanza of the same name, zero without one.
	Stanza stanzaflowv1alpha1.StanzaSpec
	// Known is status.repos of that Stanza: what earlier runs have proven about
	// each repo. It shows a change that a repo with backups cannot make.
	Known []stanzaflowv1alpha1.RepoStatus
	// Taken are the locations that other clusters had first, as TakenLocations
	// returns them.
	Taken map[string]string
	// TemplateVersion is "<uid>.<generation>" of the WorkflowTemplate, empty
	// while it is not known.
	TemplateVersion string
	// Window is that of a Stanza that sets none.
	Window Window
	// StartOverdue is that of a Stanza that does not say it.
	StartOverdue bool
	// Provisioner owns the configuration. Unless that is vocab.ProvisionedByUs,
	// only schedules are planned, and what the resource says of the configuration
	// is for the provisioner to check.
	Provisioner vocab.Provisioner
	// Claim is what CPO claims of the cluster. It counts where we would write the
	// configuration.
	Claim cpo.Claim
	// Undecided: it is not known what belongs to the cluster. Nothing is planned, and
	// what exists is kept.
	Undecided bool
	// Drill is what the drills need of the Kubernetes cluster.
	Drill drill.Observed
	// EmptySchedule is what an empty schedule means to CPO, empty if that is not known.
	EmptySchedule string
}

func (in Input) provisioned() bool {
	return in.Provisioner == vocab.ProvisionedByUs && !in.Claim.Managed
}

// leftToCPO reports whether CPO manages a cluster for which we would provide
// everything.
func (in Input) leftToCPO() bool {
	return in.Provisioner == vocab.ProvisionedByUs && in.Claim.Managed
}

// unmanaged reports whether the Stanza asks for no backups of the cluster.
func (in Input) unmanaged() bool { return in.Stanza.Managed != nil && !*in.Stanza.Managed }

// Plan is what should exist for one cluster.
type Plan struct {
	// Provision is the configuration of pgBackRest. Nil where the cluster has no
	// repo that can be configured, or where somebody else provisions.
	Provision *Provision
	// Repos that are planned, in the order of their names.
	Repos []storage.Repository
	// Schedules are CronWorkflows, sorted by name.
	Schedules []wfv1.CronWorkflow
	// Offsets are by how much later the schedules of each repo fire, because of a window.
	Offsets map[string]time.Duration
	// Drills are the restore drills. Both provisioners leave them to us.
	Drills drill.Planned
	// Triggers of the Stanza that can start a run, in the order of their names.
	Triggers []trigger.Trigger
	// Initial are the first runs, one for each of Repos.
	Initial []trigger.Initial
	// Overdue start the backups of overdue schedules, one for each of Repos, if that is
	// wanted.
	Overdue []trigger.Overdue
	// Problems are the mistakes in the input, sorted by field.
	Problems problem.List
	// Keep says which existing objects stay untouched although the Plan does
	// not hold them or, of the configuration, holds another form.
	Keep Keep
	// LeftToCPO: CPO manages the cluster. Nothing is planned, what exists is kept, and
	// what the resource says of the configuration is for CPO to check.
	LeftToCPO bool
}

// Provision is everything that the PostgreSQL pods and the repo host need.
type Provision struct {
	// ConfigMap is the pgBackRest configuration of the PostgreSQL pods.
	ConfigMap corev1.ConfigMap
	// Credential is our Secret with the keys that stand in the resource itself.
	// Nil where none does, as it should be.
	Credential *corev1.Secret
	// RepoHost serves the repos on volumes, nil without such a repo.
	RepoHost *repohost.Host
}

// Objects returns the objects of the configuration, as pointers or maps, in the
// order in which they are applied: what others refer to first, and last what makes
// PostgreSQL use all of it. It returns none where nothing is provisioned.
func (p *Provision) Objects() []any {
	if p == nil {
		return nil
	}
	var objects []any
	host := p.RepoHost
	if host != nil {
		for i := range host.Services {
			objects = append(objects, &host.Services[i])
		}
		for i := range host.Claims {
			objects = append(objects, &host.Claims[i])
		}
		for _, certificate := range host.Certificates {
			objects = append(objects, certificate)
		}
	}
	if p.Credential != nil {
		objects = append(objects, p.Credential)
	}
	if host != nil {
		objects = append(objects, &host.ConfigMap, &host.StatefulSet)
	}
	return append(objects, &p.ConfigMap)
}

// Keep names what a Problem must not take away. It never holds back a CronWorkflow
// of the same Plan: what is planned is good, and applied. Nor does it hold back
// spec.suspend of the Stanza, which is meant for every schedule.
type Keep struct {
	// Configuration keeps the ConfigMaps, our Secret, the claims and the repo host
	// unchanged. Those in the Plan are for a cluster that has none yet.
	Configuration bool
	// CronWorkflows are the names of those that stay unchanged.
	CronWorkflows []string
	// Everything is true if part of the input could not be tied to a name: no
	// CronWorkflow may be removed.
	Everything bool
	// Triggers are the names of those that start nothing now and keep their status.
	Triggers []string
	// Initial is true if what the operator starts by itself keeps its status although it is
	// not planned: a repo has a mistake.
	Initial bool
}

// add keeps what other keeps, too.
func (k *Keep) add(other Keep) {
	k.Configuration = k.Configuration || other.Configuration
	k.CronWorkflows = append(k.CronWorkflows, other.CronWorkflows...)
	k.Everything = k.Everything || other.Everything
}

// CronWorkflow reports whether an existing CronWorkflow of that name stays although
// the Plan does not hold it.
func (k Keep) CronWorkflow(name string) bool {
	return k.Everything || slices.Contains(k.CronWorkflows, name)
}
