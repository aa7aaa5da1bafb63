// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"cmp"
	"slices"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// keyTypeAuto is the key type of a storage that asks the machine for a token.
const keyTypeAuto = "auto"

// azure is Azure Blob Storage, which has no regions. The account may stand beside
// its key in the Secret. CPO takes the key from the resource, too.
var azure = Storage{
	Name: cpo.StorageAzure,
	options: []option{
		{field: fieldResource, name: "azure-container", required: true},
		{field: fieldAccount, name: "azure-account", required: true, inSecret: true},
		{field: fieldEndpoint, name: "azure-endpoint"},
		{field: fieldKeyType, name: azureKeyType},
	},
	keyTypes:   []string{"shared", "sas", keyTypeAuto},
	keyType:    azureKeyType,
	identities: []string{keyTypeAuto},
	bucket:     "azure-container",
	inlineKey:  azureKey,
	server:     azureServer,
	check: func(s Storage, cluster cpo.Postgresql, r Repo) problem.List {
		return slices.Concat(checkOptions(s, cluster, r), checkAzureKey(cluster, r))
	},
}

const (
	azureKey     = "azure-key"
	azureKeyType = "azure-key-type"
)

// checkAzureKey checks a key that stands in the resource itself. A good one is
// used, and reported.
func checkAzureKey(cluster cpo.Postgresql, r Repo) problem.List {
	var problems problem.List
	field, option := r.Path+"."+fieldKey, r.option(azureKey)
	credential, err := manifest.CredentialName(cluster.Name), pgbackrest.CheckOption(option, r.Key)
	switch {
	case r.Key == "":
	case cmp.Or(r.KeyType, cluster.PgBackRest.Global[r.option(azureKeyType)]) == keyTypeAuto:
		problems.Add(field, vocab.ReasonInvalidField, "is not used with keyType auto; remove it")
	case err != nil:
		problems.Add(field, vocab.ReasonInvalidOption, "%v", err)
	case cluster.PgBackRest.Secret == credential:
		problems.Add(cpo.Section+".configuration.secret", vocab.ReasonInvalidName, "is the name of the operator's own Secret for the key in %s; move the key into a Secret of yours", field)
	default:
		problems.Add(field, vocab.ReasonCredentialInline,
			"is the key itself, and anybody who reads this resource can read it; the operator writes it into the Secret %s, which the PostgreSQL pods must mount beside the ConfigMap; make a new key, put it as %s into the Secret named in configuration.secret, and remove this one",
			credential, option)
	}
	return problems
}
