// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"cmp"
	"slices"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// checkCredential refuses a repo that needs a key and has none: the Secret holds
// it, unless it stands in the resource itself. With it PostgreSQL could archive
// nothing. A repo on a volume needs no key.
func checkCredential(s Storage, cluster cpo.Postgresql, r Repo) problem.List {
	var problems problem.List
	keyType := cmp.Or(r.KeyType, cluster.PgBackRest.Global[r.option(s.keyType)])
	_, inline := InlineKey(r)
	if s.keyType == "" || inline != "" || cluster.PgBackRest.Secret != "" || slices.Contains(s.identities, keyType) {
		return nil
	}
	problems.Add(cpo.Section+".configuration.secret", vocab.ReasonMissingField,
		"is required, because the key of %s belongs in a Secret; name the Secret, or set keyType of the repo to %s if the pods have an identity",
		r.Name, problem.Alternatives(s.identities))
	return problems
}
