// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"cmp"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

const keyTypeAuto = "auto"

var azureKeyTypes = []string{"shared", "sas", keyTypeAuto}

// azureFields are those of Azure Blob Storage, which has no regions. The account
// may stand beside its key in the Secret.
func azureFields(r repo, secret bool) []optionField {
	return []optionField{
		{field: fieldResource, option: "azure-container", value: r.Resource, required: true},
		{field: fieldAccount, option: "azure-account", value: r.Account, required: !secret},
		{field: fieldEndpoint, option: "azure-endpoint", value: r.Endpoint},
		{field: fieldKeyType, option: "azure-key-type", value: r.KeyType},
	}
}

func (t *translation) acceptsAzure(r repo) bool {
	ok := t.acceptsOptions(r)
	if r.Key == "" {
		return ok
	}
	field, name := r.path+"."+fieldKey, CredentialName(t.in.Cluster.Name)
	option := pgbackrest.RepoOption(r.number, "azure-key")
	if cmp.Or(r.KeyType, t.in.Cluster.PgBackRest.Global[option+"-type"]) == keyTypeAuto {
		t.problem(field, vocab.ReasonInvalidField, "is not used with keyType auto; remove it")
		return false
	}
	if err := pgbackrest.CheckOption(option, r.Key); err != nil {
		t.problem(field, vocab.ReasonInvalidOption, "%v", err)
		return false
	}
	if t.in.Cluster.PgBackRest.Secret == name {
		t.problem(section+".configuration.secret", vocab.ReasonInvalidName, "is the name of a Secret of the operator's own, for the key in %s; move the key into yours", field)
		return false
	}
	t.problem(field, vocab.ReasonCredentialInline,
		"is the key itself, and readable in this resource; it is used from the Secret %s, which the PostgreSQL pods must mount beside the ConfigMap; put it as %s into the Secret of configuration.secret, replace it, and remove it here",
		name, option)
	return ok
}

// CredentialName is <cluster>-pgbackrest-credential, the Secret with the keys
// that stand in the resource itself.
func CredentialName(cluster string) string {
	return shortName("", cluster, "-pgbackrest-credential", maxLabel)
}

// CredentialFileName is the key of that Secret, a configuration file.
const CredentialFileName = "pgbackrest_credential.conf"

// credential holds the keys of Azure that stand in the resource: CPO takes them
// from there, and writes them into a ConfigMap.
func (t *translation) credential(repos []repo) *corev1.Secret {
	keys := map[string]string{}
	for _, r := range repos {
		if r.Storage == cpo.StorageAzure && r.Key != "" {
			keys[pgbackrest.RepoOption(r.number, "azure-key")] = r.Key
		}
	}
	if len(keys) == 0 {
		return nil
	}
	return &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: t.newMeta(CredentialName(t.in.Cluster.Name)),
		Type:       corev1.SecretTypeOpaque,
		Data:       map[string][]byte{CredentialFileName: []byte(pgbackrest.RenderConf(pgbackrest.Section{Name: "global", Options: keys}))},
	}
}
