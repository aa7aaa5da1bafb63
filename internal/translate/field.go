// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
	"github.com/stanzaflow/stanzaflow/internal/translate/storage"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// unreadable is what the unreadable fields of a resource spoil.
type unreadable struct {
	problems problem.List
	keep     Keep
	// broken holds the indices of the repos with an unreadable field.
	broken map[int]bool
	// refused is true if the cluster as a whole cannot be planned.
	refused bool
}

// fieldGlobal is the path of the options of all repos.
const fieldGlobal = cpo.Section + ".global"

// repoHostFields begin the paths of what only the repo host is made of.
var repoHostFields = []string{
	cpo.Section + ".image", cpo.Section + ".resources",
	"spec.tolerations", "spec.nodeAffinity", "spec.podPriorityClassName",
}

// checkFieldErrors decides what each unreadable field may not take away.
func checkFieldErrors(in Input) unreadable {
	found := unreadable{broken: map[int]bool{}}
	for _, e := range in.FieldErrors {
		lost := e.Lost()
		ofRepoHost := slices.ContainsFunc(repoHostFields, func(field string) bool { return strings.HasPrefix(lost, field) })
		if ofRepoHost && !storage.UsesRepoHost(in.Cluster.PgBackRest) {
			if e.Meant == "" && !e.Ignored {
				continue
			}
			e.Ignored = true // without a repo host nothing uses the field
		}
		if e.Ignored {
			found.problems.Warn(e.Field, vocab.ReasonUnknownField, "%s", e.Message)
			continue
		}
		found.problems.Add(e.Field, reasonOf(e), "%s", e.Message)
		var index int
		switch _, err := fmt.Sscanf(lost, cpo.Section+".repos[%d]", &index); {
		case err == nil && strings.Contains(lost, "].schedule."):
			found.keepSchedule(in.Cluster, index, lost[strings.LastIndex(lost, ".")+1:])
		case err == nil && e.Meant != "" && strings.HasSuffix(lost, "].schedule"):
			found.keepSchedules(in.Cluster, index)
		case err == nil:
			found.broken[index] = true
		case ofRepoHost, strings.HasPrefix(lost, fieldGlobal), strings.HasPrefix(lost, cpo.Section+".configuration"):
			found.keep.Configuration = true
		default:
			// spec, spec.backup or the list of repos: nothing below it is known.
			found.refused = true
		}
	}
	return found
}

func reasonOf(e cpo.FieldError) vocab.Reason {
	if e.Meant != "" {
		return vocab.ReasonUnknownField
	}
	return vocab.ReasonInvalidField
}

// keepSchedules keeps the schedules of a repo that it does not set, because they
// may stand under a misspelt name. The repo itself is good.
func (u *unreadable) keepSchedules(cluster cpo.Postgresql, index int) {
	for _, backupType := range cpo.BackupTypes {
		if _, set := cluster.PgBackRest.Repos[index].Schedule[backupType]; !set {
			u.keepSchedule(cluster, index, backupType)
		}
	}
}

// keepSchedule keeps one schedule by its name. A repo with a wrong name keeps
// everything anyway.
func (u *unreadable) keepSchedule(cluster cpo.Postgresql, index int, backupType string) {
	p := cluster.PgBackRest
	if p == nil || index >= len(p.Repos) {
		return
	}
	repo := p.Repos[index].Name
	if _, err := cpo.RepoNumber(repo); err == nil {
		u.keep.CronWorkflows = append(u.keep.CronWorkflows, manifest.CronWorkflowName(cluster.Name, repo, backupType))
	}
}

// withoutUnreadable leaves out the Problems of what an unreadable field is missing
// from: that is the same mistake, and reported once.
func withoutUnreadable(problems problem.List, errors []cpo.FieldError) problem.List {
	return slices.DeleteFunc(problems, func(p problem.Problem) bool {
		return p.Kind == problem.KindPostgresql && !strings.HasPrefix(p.Field, fieldGlobal) && slices.ContainsFunc(errors, func(e cpo.FieldError) bool {
			return !e.Ignored && (p.Field == e.Lost() || strings.HasPrefix(p.Field, e.Lost()+"."))
		})
	})
}
