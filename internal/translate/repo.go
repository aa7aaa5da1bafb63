// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"strings"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// repo is an entry of repos with its place in the resource.
type repo struct {
	cpo.Repo
	number int
	index  int
	path   string
}

// RepoNumber is the number that pgBackRest gives a repo: 1 for repo1. It comes
// from the name, never from the position in the list.
func RepoNumber(name string) (int, bool) {
	digit, ok := strings.CutPrefix(name, "repo")
	if !ok || len(digit) != 1 || digit[0] < '1' || digit[0] > '4' {
		return 0, false
	}
	return int(digit[0] - '0'), true
}

// accepts reports whether a repo can be configured, with a Problem for each
// reason against it.
func (t *translation) accepts(r repo) bool {
	ok := !t.broken[r.index]
	for _, f := range []struct{ name, value string }{
		{"resource", r.Resource}, {"endpoint", r.Endpoint}, {"region", r.Region},
	} {
		if t.refusesExpression(r.path+"."+f.name, f.value) {
			ok = false
		}
	}
	switch r.Storage {
	case cpo.StorageS3:
	case cpo.StoragePVC, cpo.StorageAzure, cpo.StorageGCS:
		t.problem(r.path+".storage", vocab.ReasonUnsupportedStorage, "storage %s is not supported yet, only s3", r.Storage)
		ok = false
	case "":
		t.problem(r.path+".storage", vocab.ReasonMissingField, "must be s3")
		ok = false
	default:
		t.problem(r.path+".storage", vocab.ReasonUnsupportedStorage, "must be s3")
		ok = false
	}
	return ok && t.acceptsOptions(r)
}
