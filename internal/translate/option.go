// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"errors"
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
	storage.CheckValue(&problems, field, name, value)
	if !problems.Refuse() {
		checkEffect(&problems, field, name, value)
	}
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
