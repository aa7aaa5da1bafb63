// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"maps"
	"slices"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/option"
	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
	"github.com/stanzaflow/stanzaflow/internal/translate/repohost"
	"github.com/stanzaflow/stanzaflow/internal/translate/schedule"
	"github.com/stanzaflow/stanzaflow/internal/translate/storage"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// selection is the repos of a cluster that can be planned.
type selection struct {
	// repos in the order of their names.
	repos    []storage.Repo
	problems problem.List
	keep     Keep
}

// selectRepos selects the repos that can be planned. The existing objects of the
// others stay unchanged.
func selectRepos(in Input, broken map[int]bool, certificate problem.List) selection {
	var s selection
	p := in.Cluster.PgBackRest
	if len(p.Repos) == 0 {
		s.problems.Add(cpo.Section+".repos", vocab.ReasonMissingField, "names no repo; to stop all backups, remove spec.backup instead")
		return s
	}
	host := checkHost(in)
	s.problems = append(s.problems, host...)
	hostRefused := host.Refuse() || certificate.Refuse()
	byName := s.byName(p)
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		first, others := byName[name][0], byName[name][1:]
		for _, r := range others {
			s.problems.Add(r.Path+".name", vocab.ReasonDuplicateRepo, "%s is already named in repos[%d]; remove one of them", name, first.Index)
		}
		good := len(others) == 0
		if good {
			var found problem.List
			found, good = checkRepo(in, first, hostRefused)
			s.problems = append(s.problems, found...)
		}
		if good && !broken[first.Index] {
			s.repos = append(s.repos, first)
		} else {
			s.keep.add(Keep{Configuration: true, CronWorkflows: schedule.Names(in.Cluster.Name, name)})
		}
	}
	return s
}

// byName groups the entries of repos by their names.
func (s *selection) byName(p *cpo.PgBackRest) map[string][]storage.Repo {
	byName := map[string][]storage.Repo{}
	for i := range p.Repos {
		r, err := storage.RepoAt(p, i)
		if err != nil {
			s.problems.Add(r.Path+".name", vocab.ReasonUnknownRepo, "%v%s", err, problem.Not(r.Name, nil))
			// It may have been the good name of a repo that has schedules.
			s.keep.add(Keep{Configuration: true, Everything: true})
			continue
		}
		byName[r.Name] = append(byName[r.Name], r)
	}
	return byName
}

// checkHost finds the Problems of the host of the repos on volumes.
func checkHost(in Input) problem.List {
	if !in.provisioned() || !storage.UsesRepoHost(in.Cluster.PgBackRest) {
		return nil
	}
	return repohost.Check(in.Cluster)
}

// checkRepo finds the Problems of one repo, and reports whether it can be planned.
// Where somebody else provisions, the only Problem is an unknown storage.
func checkRepo(in Input, r storage.Repo, hostRefused bool) (problem.List, bool) {
	if !in.provisioned() {
		problems := storage.CheckKnown(r)
		return problems, !problems.Refuse()
	}
	problems := append(storage.Check(in.Cluster, r), checkLocation(in, r)...)
	hostRefused = hostRefused && r.OnRepoHost()
	if problems.Refuse() {
		return problems, false
	}
	problems = slices.Concat(problems, checkPlaceInGlobal(in.Cluster.PgBackRest, r), checkPassPhrase(in.Cluster.PgBackRest, r))
	return problems, !problems.Refuse() && !hostRefused && cipherIsReadable(in, r)
}

// checkPlaceInGlobal finds the Problems of global with which a repo lacks what it
// takes from there.
func checkPlaceInGlobal(p *cpo.PgBackRest, r storage.Repo) problem.List {
	if !r.ReliesOnGlobal() {
		return nil
	}
	repos := []storage.Repo{r}
	good, problems := checkGlobal(p, repos)
	lacks := func(m option.Missing) bool { return m.Name.Number == r.Number && !m.InSecret }
	if !slices.ContainsFunc(storage.AllOptions(good, repos).Missing(), lacks) {
		return nil
	}
	return problems
}
