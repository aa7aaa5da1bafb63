// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"slices"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/option"
	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
	"github.com/stanzaflow/stanzaflow/internal/translate/storage"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

const optionCipher = "cipher-type"

// ciphers are the values of repoN-cipher-type.
var ciphers = []string{pgbackrest.CipherNone, pgbackrest.CipherAES256CBC}

// cipherIsReadable reports whether the cipher of a repo is known, and no name in
// global is a misspelt one of that option. Without the option its first backup would
// be made in the clear, and so would all that follow. The Problem is one of spec.global.
func cipherIsReadable(in Input, r storage.Repo) bool {
	field, global := fieldGlobal+"."+pgbackrest.RepoOption(r.Number, optionCipher), in.Cluster.PgBackRest.Global
	if slices.ContainsFunc(in.FieldErrors, func(e cpo.FieldError) bool {
		return e.Lost() == field || e.Lost() == fieldGlobal && (global == nil || e.Meant != "")
	}) {
		return false
	}
	for key, value := range global {
		name, err := option.Parse(key)
		if err != nil {
			name, _ = option.Meant(key)
		}
		ofRepo := name.Number == r.Number || name.Number == 0
		if name.Option != nil && name.Option.Name == "repo-"+optionCipher && ofRepo && (err != nil || !slices.Contains(ciphers, value)) {
			return false
		}
	}
	return true
}

// checkPassPhrase refuses a repo that is to be encrypted and cannot have a pass
// phrase: pgBackRest would archive nothing.
func checkPassPhrase(p *cpo.PgBackRest, r storage.Repo) problem.List {
	var problems problem.List
	cipher := pgbackrest.RepoOption(r.Number, optionCipher)
	if p.Secret == "" && p.Global[cipher] == pgbackrest.CipherAES256CBC {
		problems.Add(fieldGlobal+"."+cipher, vocab.ReasonMissingField, needsInSecret, pgbackrest.RepoOption(r.Number, "cipher-pass"))
	}
	return problems
}

// checkCiphers finds the repos whose cipher in the resource is not that of their
// backups. The configuration is kept, so that archiving continues. The schedules
// stay planned, and their runs report the same.
func checkCiphers(in Input, repos []storage.Repo, planned []storage.Repository) problem.List {
	var problems problem.List
	for i, r := range repos {
		for _, known := range in.Known {
			if known.Name != r.Name || known.Location != planned[i].Location || known.Cipher == planned[i].Cipher || !slices.Contains(ciphers, known.Cipher) {
				continue
			}
			elsewhere := "give the repo a new " + pgbackrest.RepoOption(r.Number, "path")
			if r.OnRepoHost() {
				elsewhere = "make a new repo beside it"
			}
			problems.Add(fieldGlobal+"."+pgbackrest.RepoOption(r.Number, optionCipher), vocab.ReasonCipherChanged,
				"asks for cipher %s, but the backups in %s have cipher %s; pgBackRest cannot change the cipher of a repo that has a stanza; set it back, or %s",
				planned[i].Cipher, r.Name, known.Cipher, elsewhere)
		}
	}
	return problems
}
