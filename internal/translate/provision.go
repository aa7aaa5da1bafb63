// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
	"github.com/stanzaflow/stanzaflow/internal/translate/repohost"
	"github.com/stanzaflow/stanzaflow/internal/translate/storage"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// provisioning is the configuration of a cluster, and what is wrong with it.
type provisioning struct {
	provision *Provision
	problems  problem.List
	// keep is true if an existing configuration stays unchanged.
	keep bool
}

// planProvision plans what pgBackRest reads at both ends, and the host of the
// repos on volumes.
func planProvision(in Input, repos []storage.Repo, planned []storage.Repository) provisioning {
	p := in.Cluster.PgBackRest
	secret := checkSecret(p.Secret)
	options, global := checkGlobal(p, repos)
	ciphers := checkCiphers(in, repos, planned)
	hosted := storage.OnRepoHost(repos)
	result := provisioning{
		problems: slices.Concat(secret, global, ciphers),
		// The PostgreSQL pods name the Secret themselves.
		keep: global.Refuse() || ciphers.Refuse() || len(hosted) > 0 && secret.Refuse(),
	}
	if len(repos) == 0 {
		return result
	}
	result.provision = &Provision{ConfigMap: configMap(in.Cluster, repos, options), Credential: credential(in.Cluster, repos)}
	if len(hosted) > 0 {
		host := repohost.Input{Cluster: in.Cluster, Certificate: in.Stanza.Certificate, Repos: repos, Global: options}
		if p.Secret != "" && len(secret) == 0 {
			host.Secrets = append(host.Secrets, p.Secret)
		}
		if result.provision.Credential != nil {
			host.Secrets = append(host.Secrets, result.provision.Credential.Name)
		}
		result.provision.RepoHost = repohost.Plan(host)
	}
	return result
}

// configMap returns what PostgreSQL and the pgBackRest beside it read. Section [db]
// says where PostgreSQL is; section [global] holds spec.global verbatim and the
// options of each repo. It holds no credentials: the pods project the Secret of
// configuration.secret beside it. pgBackRest reads only the files *.conf of the
// directory and ignores the other keys.
func configMap(cluster cpo.Postgresql, repos []storage.Repo, global map[string]string) corev1.ConfigMap {
	options := maps.Clone(global)
	// CPO's paths, unless the user has others.
	for key, value := range map[string]string{"log-path": cpo.LogPath, "spool-path": cpo.SpoolPath} {
		if _, ok := options[key]; !ok {
			options[key] = value
		}
	}
	data := map[string]string{IncludeFileName: includeFile}
	for _, r := range repos {
		maps.Copy(options, storage.Options(r))
	}
	if hosted := storage.OnRepoHost(repos); len(hosted) > 0 {
		maps.Copy(options, repohost.ClientOptions(cluster, hosted))
		data[repohost.ServerScriptName] = repohost.ServerScript()
	}
	data[cpo.ConfigFileName] = manifest.Conf(manifest.PostgreSQLOptions(), options)
	return manifest.ConfigMap(cluster, cpo.ConfigMapName(cluster.Name), data)
}

// checkSecret checks the name of the Secret with the credentials.
func checkSecret(name string) problem.List {
	var problems problem.List
	field := cpo.Section + ".configuration.secret"
	if name != "" && problems.CheckExpression(field, name) && len(validation.IsDNS1123Subdomain(name)) > 0 {
		problems.Add(field, vocab.ReasonInvalidName, "is not a valid name of a Secret; use only lower-case letters, digits, dashes and dots")
	}
	return problems
}

// credential returns the Secret with the keys that stand in the resource, nil
// without one. CPO takes them from there too, and writes them into a ConfigMap.
func credential(cluster cpo.Postgresql, repos []storage.Repo) *corev1.Secret {
	keys := map[string]string{}
	for _, r := range repos {
		if option, key := storage.InlineKey(r); key != "" {
			keys[option] = key
		}
	}
	if len(keys) == 0 {
		return nil
	}
	return &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: manifest.Meta(cluster, manifest.CredentialName(cluster.Name)),
		Type:       corev1.SecretTypeOpaque,
		Data:       map[string][]byte{manifest.CredentialFileName: []byte(pgbackrest.RenderConf(pgbackrest.Section{Name: "global", Options: keys}))},
	}
}
