// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/option"
	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
	"github.com/stanzaflow/stanzaflow/internal/translate/storage"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// checkGlobal returns the options of spec.global that may be written, and the
// Problems of all.
func checkGlobal(p *cpo.PgBackRest, repos []storage.Repo) (map[string]string, problem.List) {
	var problems problem.List
	g := global{section: p, repos: repos, good: make(map[string]string, len(p.Global)+24)}
	first := map[string]string{} // the keys of options, by their canonical names
	for _, key := range slices.Sorted(maps.Keys(p.Global)) {
		found, name := checkOption(p, key)
		if other, twice := first[name]; twice && !found.Refuse() {
			found.Add(fieldGlobal+"."+key, vocab.ReasonDuplicateOption, "is the same option as %s, which global sets, too, and pgBackRest refuses both; remove one of them", other)
		}
		first[name] = key
		if written, stray := classifyOption(p, repos, name); stray && !found.Refuse() {
			found.Add(fieldGlobal+"."+key, vocab.ReasonUnknownRepo, "belongs to a repo that is not in repos; a single such option makes pgBackRest archive to a repo on the disk of the pod; add the repo, or remove the option")
		} else if written {
			g.good[key] = p.Global[key]
		}
		problems = append(problems, found...)
	}
	g.drop(problems)
	for _, check := range []func() problem.List{g.conflicts, g.missing} {
		found := check()
		g.drop(found)
		problems = append(problems, found...)
	}
	return g.good, problems
}

// global is the options of global while they are checked against each other.
type global struct {
	section *cpo.PgBackRest
	repos   []storage.Repo
	// good are those that may be written.
	good map[string]string
}

// drop removes the options that are refused. Of a repo that only global describes
// it removes all: without its type, pgBackRest would look for the repo on the disk
// of the pod.
func (g global) drop(problems problem.List) {
	for _, p := range problems.Mistakes() {
		key := strings.TrimPrefix(p.Field, fieldGlobal+".")
		delete(g.good, key)
		name, err := option.Parse(key)
		if err != nil {
			name, _ = option.Meant(key)
		}
		if number := name.Number; number > 0 && !g.isPlanned(number) {
			maps.DeleteFunc(g.good, func(key, _ string) bool {
				other, err := option.Parse(key)
				return err == nil && other.Option.Group() == option.Repo && other.Number == number
			})
		}
	}
}

func (g global) isPlanned(repo int) bool {
	return slices.ContainsFunc(g.repos, func(r storage.Repo) bool { return r.Number == repo })
}

// key is the key of an option in global, false if it is not there.
func (g global) key(name option.Name) (string, bool) {
	for key := range g.good {
		if other, err := option.Parse(key); err == nil && other == name {
			return key, true
		}
	}
	return "", false
}

// conflicts finds the options that pgBackRest refuses because of others. A field of
// a repo has its Problems with its storage.
func (g global) conflicts() problem.List {
	var problems problem.List
	for _, conflict := range storage.AllOptions(g.good, g.repos).Conflicts() {
		if key, ok := g.key(conflict.Name); ok {
			storage.AddConflict(&problems, fieldGlobal+"."+key, conflict)
		}
	}
	return problems
}

// missing finds what options of global need. The fields of a repo are checked with
// its storage.
func (g global) missing() problem.List {
	var problems problem.List
	for _, missing := range storage.AllOptions(g.good, g.repos).Missing() {
		key, ok := g.key(missing.Of)
		switch {
		case !ok:
		case !missing.InSecret:
			problems.Add(fieldGlobal+"."+key, vocab.ReasonMissingField, "needs %s, which global does not set", missing.Name)
		case g.section.Secret == "":
			problems.Warn(fieldGlobal+"."+key, vocab.ReasonMissingField,
				"needs %s; put it in a file *.conf of a Secret, and name that in configuration.secret", missing.Name)
		}
	}
	return problems
}

// checkOption finds the Problems of an option of global, whichever repo it belongs
// to, and returns its canonical name. Of several mistakes it returns the first: that
// is the worst, and one is enough.
func checkOption(p *cpo.PgBackRest, key string) (problem.List, string) {
	var problems problem.List
	field, value := fieldGlobal+"."+key, p.Global[key]
	credential := "is a credential"
	// A key may hold anything; a message must stay one readable line.
	if pgbackrest.CheckOption(key, "x") != nil {
		field, credential = fieldGlobal, "has a credential under a name that is not an option"
	}
	refuse := func(reason vocab.Reason, message string) problem.List {
		problems.Add(field, reason, "%s", message)
		return problems
	}
	if pgbackrest.IsCredential(key, value) || problem.NamesUser(value) {
		return refuse(vocab.ReasonCredentialInGlobal,
			credential+"; put it in a file *.conf of the Secret named in configuration.secret, under [global], and remove it here"), key
	}
	if problem.HoldsExpression(key + value) {
		return refuse(vocab.ReasonTemplateExpression, problem.ExpressionMessage), key
	}
	if err := pgbackrest.CheckOption(key, value); err != nil {
		if meant, ok := option.Meant(strings.ToLower(strings.ReplaceAll(key, "_", "-"))); ok && field == fieldGlobal {
			return refuse(vocab.ReasonInvalidOption, "has a name that is not an option of pgBackRest; did you mean "+meant.String()+"?"), key
		}
		return refuse(vocab.ReasonInvalidOption, err.Error()), key
	}
	name, err := option.Parse(key)
	if errors.As(err, &option.UnknownError{}) {
		problems.Warn(field, vocab.ReasonUnknownOption, "%v", err)
		return problems, key
	}
	if err != nil {
		return refuse(vocab.ReasonInvalidOption, err.Error()), key
	}
	canonical := name.String()
	if message := reserved(p, canonical); message != "" {
		return refuse(vocab.ReasonDuplicateOption, message), canonical
	}
	if err := name.Check(value); err != nil {
		return refuse(vocab.ReasonInvalidOption, err.Error()), canonical
	}
	checkEffect(&problems, field, name, value)
	storage.WarnOfRelease(&problems, field, name, value)
	return problems, canonical
}

var (
	// postgreSQLOption is an option of section [db].
	postgreSQLOption = regexp.MustCompile(`^pg[0-9]+-`)
	// hostOption says that a repo is on another host.
	hostOption = regexp.MustCompile(`^repo[0-9]+-host(-.+)?$`)
	// locationOption says where a repo is.
	locationOption = regexp.MustCompile(`^repo[0-9]+-(path|type|host(-.+)?|storage-.+)$`)
)

// reserved says who sets an option that global may not set. In section [db] the
// user sets only the names with which pgBackRest connects to PostgreSQL. With a
// path or a second server in global, pgBackRest in every pod of the cluster would
// look for PostgreSQL where it is not. The name is the canonical one.
func reserved(p *cpo.PgBackRest, option string) string {
	if postgreSQLOption.MatchString(option) && option != "pg1-user" && option != "pg1-database" {
		return "says where PostgreSQL is; the operator writes that into section [db], remove it here"
	}
	number, ofRepo := storage.OptionRepo(option)
	inRepos := func(good func(storage.Repo) bool) bool {
		return ofRepo && slices.ContainsFunc(p.Repos, func(r cpo.Repo) bool { return r.Name == cpo.RepoName(number) && good(storage.Repo{Repo: r}) })
	}
	if hostOption.MatchString(option) && inRepos(func(r storage.Repo) bool { return !r.OnRepoHost() }) {
		return "says that " + cpo.RepoName(number) + " is on another host, and repos says which storage it has; remove it here, or the repo from repos"
	}
	if !storage.UsesRepoHost(p) {
		return ""
	}
	if strings.HasPrefix(option, "tls-server-") {
		return "is set by the operator for the repo host and the PostgreSQL pods, because a repo has storage pvc; remove it here"
	}
	if locationOption.MatchString(option) && inRepos(storage.Repo.OnRepoHost) {
		return "is set by the operator, because " + cpo.RepoName(number) + " has storage pvc; remove it here"
	}
	return ""
}

// classifyOption decides what to do with an option of spec.global. A single option
// of a repo makes that repo exist for pgBackRest, on the disk of the pod unless
// other options say where, and PostgreSQL keeps WAL until every repo has it. So
// the option of a repo is written if the repo is planned, or if it is not in repos
// and global says where it is. It is stray if neither is true, and the repo has no
// Problem of its own.
func classifyOption(p *cpo.PgBackRest, repos []storage.Repo, option string) (written, stray bool) {
	number, ok := storage.OptionRepo(option)
	if !ok || slices.ContainsFunc(repos, func(r storage.Repo) bool { return r.Number == number }) {
		return true, false
	}
	if slices.ContainsFunc(p.Repos, func(r cpo.Repo) bool { return r.Name == cpo.RepoName(number) }) {
		return false, false
	}
	for _, location := range []string{"type", "host"} {
		if p.Global[pgbackrest.RepoOption(number, location)] != "" {
			return true, false
		}
	}
	// A repo whose name cannot be read may be this one.
	unnamed := slices.ContainsFunc(p.Repos, func(r cpo.Repo) bool { _, err := cpo.RepoNumber(r.Name); return err != nil })
	return false, !unnamed && len(p.Repos) > 0
}
