// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"cmp"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

const keyTypeToken = "token"

var gcsKeyTypes = []string{"service", keyTypeAuto, keyTypeToken}

// gcsFields are those of Google Cloud Storage, which pgBackRest asks for no
// region. The key is a file of the Secret.
func gcsFields(r repo) []optionField {
	file := ""
	if r.Key != "" {
		file = cpo.ConfigDir + "/" + r.Key
	}
	return []optionField{
		{field: fieldResource, option: "gcs-bucket", value: r.Resource, required: true},
		{field: fieldEndpoint, option: "gcs-endpoint", value: r.Endpoint},
		{field: fieldKey, option: "gcs-key", value: file},
		{field: fieldKeyType, option: "gcs-key-type", value: r.KeyType},
	}
}

func (t *translation) acceptsGCS(r repo) bool {
	if t.refusesUnused(r, fieldAccount) || !t.acceptsGCSKey(r) {
		return false
	}
	return t.acceptsOptions(r)
}

// acceptsGCSKey: the key is the name of a file, and never repeated, because it
// may be the key itself.
func (t *translation) acceptsGCSKey(r repo) bool {
	option := pgbackrest.RepoOption(r.number, "gcs-key")
	message := ""
	switch keyType := cmp.Or(r.KeyType, t.in.Cluster.PgBackRest.Global[option+"-type"]); {
	case r.Key == "":
	case keyType == keyTypeAuto:
		message = "is not used with keyType auto; remove it"
	case keyType == keyTypeToken:
		message = "is not used with keyType token; put the token as " + option + " into a file *.conf of the Secret named in configuration.secret, and remove it here"
	case len(validation.IsConfigMapKey(r.Key)) > 0:
		message = "must be the name of a file in the Secret named in configuration.secret, such as gcs.json; the key itself belongs into that file"
	case strings.HasSuffix(r.Key, ".conf"):
		message = "must not end in .conf, or pgBackRest reads the file as its configuration"
	}
	if message != "" {
		t.problem(r.path+"."+fieldKey, vocab.ReasonInvalidField, "%s", message)
	}
	return message == ""
}
