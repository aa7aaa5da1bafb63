// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"strconv"
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

// Fields of a repo that hold a text and stand for an option.
const (
	fieldResource = "resource"
	fieldEndpoint = "endpoint"
	fieldRegion   = "region"
	fieldAccount  = "account"
	fieldKey      = "key"
	fieldKeyType  = "keyType"
)

// texts are those fields of a repo.
func (r repo) texts() []optionField {
	return []optionField{
		{field: fieldResource, value: r.Resource},
		{field: fieldEndpoint, value: r.Endpoint},
		{field: fieldRegion, value: r.Region},
		{field: fieldAccount, value: r.Account},
		{field: fieldKey, value: r.Key},
		{field: fieldKeyType, value: r.KeyType},
	}
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

// repoName is the name of the repo with a number.
func repoName(number int) string { return "repo" + strconv.Itoa(number) }

// optionRepo is the number of the repo that a pgBackRest option belongs to.
// pgBackRest knows more of them than CPO.
func optionRepo(option string) (int, bool) {
	name, _, _ := strings.Cut(option, "-")
	digits, ok := strings.CutPrefix(name, "repo")
	if !ok || digits == "" || digits[0] == '0' {
		return 0, false
	}
	number, err := strconv.Atoi(digits)
	return number, err == nil && number > 0
}

// namesUser reports a URL with a user or a password, as in https://user:password@host.
func namesUser(value string) bool {
	_, rest, isURL := strings.Cut(value, "://")
	host, _, _ := strings.Cut(rest, "/")
	return isURL && strings.Contains(host, "@")
}

// accepts reports whether a repo can be configured, with a Problem for each
// reason against it.
func (t *translation) accepts(r repo) bool {
	ok := t.acceptsTexts(r) && t.acceptsCipher(r) && !t.broken[r.index]
	switch r.Storage {
	case cpo.StorageS3:
		return t.acceptsS3(r) && ok
	case cpo.StorageAzure:
		return t.acceptsAzure(r) && ok
	case cpo.StorageGCS:
		return t.acceptsGCS(r) && ok
	case cpo.StoragePVC:
		return t.acceptsVolume(r) && t.hostAccepted && ok
	case "":
		t.problem(r.path+".storage", vocab.ReasonMissingField, "must be s3, azure, gcs or pvc")
	default:
		t.problem(r.path+".storage", vocab.ReasonUnsupportedStorage, "must be s3, azure, gcs or pvc")
	}
	return false
}

// acceptsTexts refuses in every field what is good in none.
func (t *translation) acceptsTexts(r repo) bool {
	ok := true
	for _, f := range r.texts() {
		switch {
		case holdsExpression(f.value):
			t.problem(r.path+"."+f.field, vocab.ReasonTemplateExpression, "%s", expressionMessage)
			ok = false
		case namesUser(f.value):
			t.problem(r.path+"."+f.field, vocab.ReasonInvalidField, "must not name a user or a password before an @; put credentials in the Secret named in configuration.secret")
			ok = false
		}
	}
	return ok
}
