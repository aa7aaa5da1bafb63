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
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// global returns the options of spec.global that may be written.
func (t *translation) global(p *cpo.PgBackRest, repos []repo) map[string]string {
	good := make(map[string]string, len(p.Global)+24)
	for _, key := range slices.Sorted(maps.Keys(p.Global)) {
		field, reason, message := t.refusal(p, key)
		switch written, stray := placeOf(p, repos, key); {
		case reason != "":
			t.problem(field, reason, "%s", message)
			t.plan.Keep.Configuration = true
		case stray:
			t.problem(field, vocab.ReasonUnknownRepo, "belongs to a repository that repos does not name; one such option is enough for pgBackRest to archive to a repository on the disk of the pod")
			t.plan.Keep.Configuration = true
		case written:
			good[key] = p.Global[key]
		}
	}
	return good
}

// refusal says why an option of global is not written, wherever it belongs: the
// first reason, the worst, is enough.
func (t *translation) refusal(p *cpo.PgBackRest, key string) (field, reason, message string) {
	field, value := section+".global."+key, p.Global[key]
	credential := "is a credential"
	// A key may hold anything; a message must stay one readable line.
	if pgbackrest.CheckOption(key, "x") != nil {
		field, credential = section+".global", "has a credential under a name that is no option"
	}
	if pgbackrest.IsCredential(key, value) || namesUser(value) {
		return field, vocab.ReasonCredentialInGlobal,
			credential + "; put it in a file *.conf of the Secret named in configuration.secret, under [global], and remove it here"
	}
	if holdsExpression(key + value) {
		return field, vocab.ReasonTemplateExpression, expressionMessage
	}
	if err := pgbackrest.CheckOption(key, value); err != nil {
		return field, vocab.ReasonInvalidOption, err.Error()
	}
	if strings.HasPrefix(key, unnumberedRepo) {
		return field, vocab.ReasonInvalidOption, "names no repo; begin it with repo1- instead"
	}
	if strings.HasPrefix(key, "repo") && strings.HasSuffix(key, "-cipher-type") && !slices.Contains(ciphers, value) {
		return field, vocab.ReasonInvalidOption, "must be " + cipherNone + " or " + cipherAES
	}
	if message := reserved(p, key); message != "" {
		return field, vocab.ReasonDuplicateOption, message
	}
	return field, "", ""
}

// unnumberedRepo begins options in an old spelling, which pgBackRest takes for
// those of repo1. One spelling is enough to check.
const unnumberedRepo = "repo-"

var (
	// postgreSQLOption is an option of section [db].
	postgreSQLOption = regexp.MustCompile(`^pg[0-9]+-`)
	// placeOption says where a repo is.
	placeOption = regexp.MustCompile(`^repo[0-9]+-(path|type|host(-.+)?|storage-.+)$`)
)

// reserved says who sets an option that global may not set. Of section [db]
// only the name under which pgBackRest goes to PostgreSQL is the user's: with a
// place in global, or a second server, pgBackRest would look for PostgreSQL
// where it is not, in every pod of the cluster.
func reserved(p *cpo.PgBackRest, option string) string {
	if strings.HasPrefix(option, "pg") && postgreSQLOption.MatchString(option) && option != "pg1-user" && option != "pg1-database" {
		return "says where PostgreSQL is, which the operator writes into section [db]; remove it here"
	}
	if !usesRepoHost(p) {
		return ""
	}
	if strings.HasPrefix(option, "tls-server-") {
		return "is set by the operator for the repo host and the PostgreSQL pods, because a repo has storage pvc; remove it here"
	}
	if number, ok := optionRepo(option); ok && placeOption.MatchString(option) && slices.ContainsFunc(p.Repos, func(r cpo.Repo) bool {
		return r.Name == repoName(number) && r.Storage == cpo.StoragePVC
	}) {
		return "is for the operator to set, because " + repoName(number) + " has storage pvc; remove it here"
	}
	return ""
}

// placeOf finds out what to do with an option of spec.global that belongs to a
// repository. One such option is enough to make a repository for pgBackRest: on
// the disk of the pod unless others say where, and WAL must reach every
// repository before PostgreSQL lets go of it. So it is written for a repository
// that is planned, and for one that is not in repos but has its place in global.
// It is stray when it belongs to neither, nor to one that has a Problem of its own.
func placeOf(p *cpo.PgBackRest, repos []repo, option string) (written, stray bool) {
	number, ok := optionRepo(option)
	if !ok || slices.ContainsFunc(repos, func(r repo) bool { return r.number == number }) {
		return true, false
	}
	if slices.ContainsFunc(p.Repos, func(r cpo.Repo) bool { return r.Name == repoName(number) }) {
		return false, false
	}
	for _, place := range []string{"type", "host"} {
		if p.Global[pgbackrest.RepoOption(number, place)] != "" {
			return true, false
		}
	}
	// A repo whose name cannot be read may be this one.
	unnamed := slices.ContainsFunc(p.Repos, func(r cpo.Repo) bool { _, ok := RepoNumber(r.Name); return !ok })
	return false, !unnamed && len(p.Repos) > 0
}
