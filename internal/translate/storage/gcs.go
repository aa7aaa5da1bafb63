// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"cmp"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

const keyTypeToken = "token"

// gcs is Google Cloud Storage, which pgBackRest asks for no region. The key is a
// file of the Secret.
var gcs = Storage{
	Name: cpo.StorageGCS,
	options: []option{
		{field: fieldResource, name: "gcs-bucket", required: true},
		{field: fieldEndpoint, name: "gcs-endpoint"},
		{field: fieldKey, name: gcsKey, isFile: true},
		{field: fieldKeyType, name: gcsKeyType},
	},
	keyTypes:   []string{"service", keyTypeAuto, keyTypeToken},
	keyType:    gcsKeyType,
	identities: []string{keyTypeAuto},
	unused:     []string{fieldAccount},
	bucket:     "gcs-bucket",
	server:     gcsServer,
	check: func(s Storage, cluster cpo.Postgresql, r Repo) problem.List {
		if problems := checkUnused(s, r); len(problems) > 0 {
			return problems
		}
		if problems := checkGCSKey(cluster, r); len(problems) > 0 {
			return problems
		}
		return checkOptions(s, cluster, r)
	},
}

const (
	gcsKey     = "gcs-key"
	gcsKeyType = "gcs-key-type"
)

// checkGCSKey checks the name of the file with the key. No message repeats it,
// because it may be the key itself.
func checkGCSKey(cluster cpo.Postgresql, r Repo) problem.List {
	var problems problem.List
	refuse := func(message string) { problems.Add(r.Path+"."+fieldKey, vocab.ReasonInvalidField, "%s", message) }
	switch keyType := cmp.Or(r.KeyType, cluster.PgBackRest.Global[r.option(gcsKeyType)]); {
	case r.Key == "":
	case keyType == keyTypeAuto:
		refuse("is not used with keyType auto; remove it")
	case keyType == keyTypeToken:
		refuse("is not used with keyType token; put the token as " + r.option(gcsKey) + " into a file *.conf of the Secret named in configuration.secret, and remove it here")
	case len(validation.IsConfigMapKey(r.Key)) > 0:
		refuse("must be the name of a file in the Secret named in configuration.secret, such as gcs.json; the key itself belongs in that file")
	case strings.HasSuffix(r.Key, ".conf"):
		refuse("must not end in .conf, because pgBackRest would read the file as its configuration")
	}
	return problems
}
