// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Kinds as Problems name them.
const (
	kindPostgresql = "postgresql"
	kindStanza     = "Stanza"
)

const kindCronWorkflow = "CronWorkflow"

const section = "spec.backup.pgbackrest"

// Translate gives the Plan for one cluster.
func Translate(in Input) Plan {
	t := &translation{in: in}
	t.checkFieldErrors()
	t.checkCluster()
	t.checkStanza()
	if pgbackrest := in.Cluster.PgBackRest; pgbackrest != nil && !t.refused {
		repos := t.repos(pgbackrest)
		t.configuration(pgbackrest, repos)
		t.plan.CronWorkflows = make([]wfv1.CronWorkflow, 0, len(repos)*len(cpo.BackupTypes))
		// Repos come in the order of their names and the types of each too: the
		// names of CronWorkflows, which differ in these only, are sorted.
		for _, repo := range repos {
			t.schedules(repo)
		}
	}
	if t.refused { // no name that would have to be kept one by one can be trusted
		t.plan.Keep.CronWorkflows = nil
	}
	slices.Sort(t.plan.Keep.CronWorkflows)
	t.plan.Keep.CronWorkflows = slices.Compact(t.plan.Keep.CronWorkflows)
	sortProblems(t.plan.Problems)
	t.plan.Problems = slices.Compact(t.plan.Problems)
	return t.plan
}

// translation is one call of Translate.
type translation struct {
	in   Input
	plan Plan
	// refused: the cluster as a whole cannot be planned.
	refused bool
	// stanzaRefused: the Stanza has a mistake that no schedule could run with.
	stanzaRefused bool
	// certificateAccepted: the certificates of a repo host can be planned.
	certificateAccepted bool
	// hostAccepted: the repo host, if a repo needs one, can be planned.
	hostAccepted bool
	// broken holds the indices of repos that have an unreadable field.
	broken map[int]bool
}

// problem adds a mistake in the postgresql resource. What an unreadable field
// is missing from is the same mistake, and told once.
func (t *translation) problem(field, reason, format string, args ...any) {
	if !strings.HasPrefix(field, section+".global") && slices.ContainsFunc(t.in.FieldErrors, func(e cpo.FieldError) bool {
		return field == e.Field || strings.HasPrefix(field, e.Field+".")
	}) {
		return
	}
	t.addProblem(field, reason, format, args...)
}

func (t *translation) addProblem(field, reason, format string, args ...any) {
	t.plan.Problems = append(t.plan.Problems, Problem{
		Kind: kindPostgresql, Field: field, Reason: reason, Message: fmt.Sprintf(format, args...),
	})
}

func (t *translation) stanzaProblem(field, reason, format string, args ...any) {
	t.plan.Problems = append(t.plan.Problems, Problem{
		Kind: kindStanza, Field: field, Reason: reason, Message: fmt.Sprintf(format, args...),
	})
}

// refusesExpression reports a value that holds an Argo template expression.
// Argo substitutes those in everything that it runs, so none may come from a
// resource of a user.
func (t *translation) refusesExpression(field, value string) bool {
	if !holdsExpression(value) {
		return false
	}
	t.problem(field, vocab.ReasonTemplateExpression, "%s", expressionMessage)
	return true
}

const expressionMessage = "holds {{, which Argo would evaluate; remove it"

func holdsExpression(value string) bool { return strings.Contains(value, "{{") }

// checkFieldErrors decides what each unreadable field may not take away.
func (t *translation) checkFieldErrors() {
	t.broken = map[int]bool{}
	for _, e := range t.in.FieldErrors {
		ofRepoHost := slices.ContainsFunc(repoHostFields, func(field string) bool { return strings.HasPrefix(e.Field, field) })
		if ofRepoHost && !usesRepoHost(t.in.Cluster.PgBackRest) {
			continue // nobody reads it
		}
		t.addProblem(e.Field, vocab.ReasonInvalidField, "%s", e.Message)
		var index int
		switch _, err := fmt.Sscanf(e.Field, section+".repos[%d]", &index); {
		case err == nil && strings.Contains(e.Field, "].schedule."):
			// One schedule; schedules keeps it by name.
			t.keepSchedule(index, e.Field[strings.LastIndex(e.Field, ".")+1:])
		case err == nil:
			t.broken[index] = true
		case ofRepoHost, strings.HasPrefix(e.Field, section+".global"), strings.HasPrefix(e.Field, section+".configuration"):
			t.plan.Keep.Configuration = true
		default:
			// spec, spec.backup or the list of repos: nothing below it is known.
			t.refuseAll()
		}
	}
}

// repoHostFields begin the paths of what only the repo host is made of.
var repoHostFields = []string{
	section + ".image", section + ".resources",
	"spec.tolerations", "spec.nodeAffinity", "spec.podPriorityClassName",
}

// usesRepoHost reports whether a repo has storage pvc.
func usesRepoHost(p *cpo.PgBackRest) bool {
	return p != nil && slices.ContainsFunc(p.Repos, func(r cpo.Repo) bool { return r.Storage == cpo.StoragePVC })
}

func (t *translation) keepSchedule(index int, backupType string) {
	if p := t.in.Cluster.PgBackRest; p != nil && index < len(p.Repos) {
		t.keep(p.Repos[index].Name, backupType)
	}
}

// keep keeps one schedule. A repo with a wrong name has kept everything.
func (t *translation) keep(repo, backupType string) {
	if _, ok := RepoNumber(repo); !ok {
		return
	}
	t.plan.Keep.CronWorkflows = append(t.plan.Keep.CronWorkflows, CronWorkflowName(t.in.Cluster.Name, repo, backupType))
}

// keepRepo keeps every schedule of a repo.
func (t *translation) keepRepo(repo string) {
	for _, backupType := range cpo.BackupTypes {
		t.keep(repo, backupType)
	}
}

// refuseAll keeps whatever exists.
func (t *translation) refuseAll() {
	t.refused = true
	t.plan.Keep.Everything = true
	t.plan.Keep.Configuration = true
}

// checkCluster refuses names that cannot be part of other names or a label. An
// API server has seen to most of it; render reads files that none has seen.
func (t *translation) checkCluster() {
	switch name := t.in.Cluster.Name; {
	case t.refusesExpression("metadata.name", name):
	case name == "" || len(name) > validation.LabelValueMaxLength:
		t.problem("metadata.name", vocab.ReasonInvalidName, "must have 1 to 63 characters, because the pods of the cluster carry it as a label; it has %d", len(name))
	case len(validation.IsDNS1123Subdomain(name)) > 0:
		t.problem("metadata.name", vocab.ReasonInvalidName, "must be lower-case letters, digits, - and ., and start and end with a letter or a digit")
	case len(validation.IsDNS1123Label(t.in.Cluster.Namespace)) > 0 && t.in.Cluster.Namespace != "":
		t.problem("metadata.namespace", vocab.ReasonInvalidName, "is not the name of a namespace: lower-case letters, digits and - only")
	default:
		return
	}
	t.refuseAll()
}

// repos returns the repos that can be configured, in the order of their names.
func (t *translation) repos(p *cpo.PgBackRest) []repo {
	if len(p.Repos) == 0 {
		t.problem(section+".repos", vocab.ReasonMissingField, "names no repository; to stop all backups remove spec.backup instead")
		t.refuseAll()
		return nil
	}
	t.hostAccepted = !usesRepoHost(p) || t.acceptsRepoHost(p)
	byName := map[string][]repo{}
	for i, entry := range p.Repos {
		number, ok := RepoNumber(entry.Name)
		path := fmt.Sprintf("%s.repos[%d]", section, i)
		if !ok {
			t.problem(path+".name", vocab.ReasonUnknownRepo, "must be repo1, repo2, repo3 or repo4")
			// It may have been the good name of a repo that has schedules.
			t.plan.Keep.Everything = true
			t.plan.Keep.Configuration = true
			continue
		}
		byName[entry.Name] = append(byName[entry.Name], repo{Repo: entry, number: number, path: path, index: i})
	}
	var repos []repo
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		same := byName[name]
		if len(same) > 1 {
			for _, r := range same[1:] {
				t.problem(r.path+".name", vocab.ReasonDuplicateRepo, "%s is already named in repos[%d]; remove one of them", name, same[0].index)
			}
			t.refuseRepo(same[0])
			continue
		}
		if t.accepts(same[0]) {
			repos = append(repos, same[0])
		} else {
			t.refuseRepo(same[0])
		}
	}
	return repos
}

// refuseRepo leaves a repo as it was when it was good.
func (t *translation) refuseRepo(r repo) {
	t.keepRepo(r.Name)
	t.plan.Keep.Configuration = true
}
