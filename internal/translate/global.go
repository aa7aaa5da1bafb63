// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
	"github.com/stanzaflow/stanzaflow/internal/translate/storage"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// checkGlobal returns the options of spec.global that may be written, and the
// Problems of the others.
func checkGlobal(p *cpo.PgBackRest, repos []storage.Repo) (map[string]string, problem.List) {
	var problems problem.List
	good := make(map[string]string, len(p.Global)+24)
	for _, key := range slices.Sorted(maps.Keys(p.Global)) {
		field, reason, message := refusal(p, key)
		switch written, stray := classifyOption(p, repos, key); {
		case reason != "":
			problems.Add(field, reason, "%s", message)
		case stray:
			problems.Add(field, vocab.ReasonUnknownRepo, "belongs to a repo that is not in repos; a single such option makes pgBackRest archive to a repo on the disk of the pod; add the repo, or remove the option")
		case written:
			good[key] = p.Global[key]
		}
	}
	return good, problems
}

// refusal says why an option of global is not written, whichever repo it belongs
// to. It returns the first reason: that is the worst, and one is enough.
func refusal(p *cpo.PgBackRest, key string) (field string, reason vocab.Reason, message string) {
	field, value := fieldGlobal+"."+key, p.Global[key]
	credential := "is a credential"
	// A key may hold anything; a message must stay one readable line.
	if pgbackrest.CheckOption(key, "x") != nil {
		field, credential = fieldGlobal, "has a credential under a name that is not an option"
	}
	if pgbackrest.IsCredential(key, value) || problem.NamesUser(value) {
		return field, vocab.ReasonCredentialInGlobal,
			credential + "; put it in a file *.conf of the Secret named in configuration.secret, under [global], and remove it here"
	}
	if problem.HoldsExpression(key + value) {
		return field, vocab.ReasonTemplateExpression, problem.ExpressionMessage
	}
	if err := pgbackrest.CheckOption(key, value); err != nil {
		return field, vocab.ReasonInvalidOption, err.Error()
	}
	if strings.HasPrefix(key, unnumberedRepo) {
		return field, vocab.ReasonInvalidOption, "has no repo number; begin it with repo1- instead"
	}
	if strings.HasPrefix(key, "repo") && strings.HasSuffix(key, "-"+optionCipher) && !slices.Contains(ciphers, value) {
		return field, vocab.ReasonInvalidOption, "must be " + problem.Alternatives(ciphers)
	}
	if message := reserved(p, key); message != "" {
		return field, vocab.ReasonDuplicateOption, message
	}
	return field, "", ""
}

// unnumberedRepo begins options in an old spelling, which pgBackRest reads as
// those of repo1. With one spelling there is one to check.
const unnumberedRepo = "repo-"

var (
	// postgreSQLOption is an option of section [db].
	postgreSQLOption = regexp.MustCompile(`^pg[0-9]+-`)
	// locationOption says where a repo is.
	locationOption = regexp.MustCompile(`^repo[0-9]+-(path|type|host(-.+)?|storage-.+)$`)
)

// reserved says who sets an option that global may not set. In section [db] the
// user sets only the names with which pgBackRest connects to PostgreSQL. With a
// path or a second server in global, pgBackRest in every pod of the cluster would
// look for PostgreSQL where it is not.
func reserved(p *cpo.PgBackRest, option string) string {
	if strings.HasPrefix(option, "pg") && postgreSQLOption.MatchString(option) && option != "pg1-user" && option != "pg1-database" {
		return "says where PostgreSQL is; the operator writes that into section [db], remove it here"
	}
	if !storage.UsesRepoHost(p) {
		return ""
	}
	if strings.HasPrefix(option, "tls-server-") {
		return "is set by the operator for the repo host and the PostgreSQL pods, because a repo has storage pvc; remove it here"
	}
	if number, ok := storage.OptionRepo(option); ok && locationOption.MatchString(option) && slices.ContainsFunc(p.Repos, func(r cpo.Repo) bool {
		return r.Name == cpo.RepoName(number) && storage.Repo{Repo: r}.OnRepoHost()
	}) {
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
