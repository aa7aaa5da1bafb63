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
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// configuration plans what pgBackRest reads at both ends, and the host of the
// repos on volumes.
func (t *translation) configuration(p *cpo.PgBackRest, repos []repo) {
	secret := t.secretName(p.Secret)
	global := t.global(p, repos)
	if len(repos) == 0 {
		return
	}
	t.plan.Repos = make([]Repository, 0, len(repos))
	for _, r := range repos {
		t.plan.Repos = append(t.plan.Repos, repositoryOf(t.in.Cluster, r))
	}
	t.checkCiphers(repos)
	t.plan.ConfigMap = t.configMap(repos, global)
	t.plan.Credential = t.credential(repos)
	if hosted := onVolumes(repos); len(hosted) > 0 {
		if secret != p.Secret {
			t.plan.Keep.Configuration = true
		}
		t.plan.RepoHost = t.repoHost(repos, hosted, global, secret)
	}
}

// onVolumes are the repos that need a repo host.
func onVolumes(repos []repo) []repo {
	return slices.DeleteFunc(slices.Clone(repos), func(r repo) bool { return r.Storage != cpo.StoragePVC })
}

// configMap is what PostgreSQL and the pgBackRest beside it read: section [db]
// says where PostgreSQL is, section [global] holds spec.global verbatim and the
// options of each repo. Credentials are not in it; the pods project the Secret
// of configuration.secret beside it. pgBackRest reads the files *.conf of the
// directory only, so the other keys are none of its business.
func (t *translation) configMap(repos []repo, global map[string]string) *corev1.ConfigMap {
	options := maps.Clone(global)
	// CPO's places, unless the user has others.
	for key, value := range map[string]string{"log-path": cpo.LogPath, "spool-path": cpo.SpoolPath} {
		if _, ok := options[key]; !ok {
			options[key] = value
		}
	}
	data := map[string]string{IncludeFileName: includeFile}
	for _, r := range repos {
		if r.Storage == cpo.StoragePVC {
			maps.Copy(options, t.tlsServer(clientFiles))
			maps.Copy(options, t.hostOptions(r))
			data[ServerScriptName] = serverScript
		} else {
			maps.Copy(options, t.repoOptions(r))
		}
	}
	data[cpo.ConfigFileName] = renderConf(placeOfPostgreSQL(), options)
	return t.newConfigMap(cpo.ConfigMapName(t.in.Cluster.Name), data)
}

func (t *translation) newConfigMap(name string, data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: t.newMeta(name),
		Data:       data,
	}
}

// newMeta is the metadata of an object of ours.
func (t *translation) newMeta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Namespace: t.in.Cluster.Namespace, Labels: clusterLabels(t.in.Cluster.Name)}
}

// placeOfPostgreSQL is the same at both ends.
func placeOfPostgreSQL() map[string]string {
	return map[string]string{"pg1-path": cpo.PGDataPath, "pg1-port": cpo.PGPort, "pg1-socket-path": cpo.PGSocketPath}
}

func renderConf(stanza, global map[string]string) string {
	return pgbackrest.RenderConf(
		pgbackrest.Section{Name: vocab.PgBackRestStanza, Options: stanza},
		pgbackrest.Section{Name: "global", Options: global},
	)
}

// secretName returns the name of the Secret with the credentials if it is one.
func (t *translation) secretName(name string) string {
	field := section + ".configuration.secret"
	if name == "" || t.refusesExpression(field, name) {
		return ""
	}
	if len(validation.IsDNS1123Subdomain(name)) > 0 {
		t.problem(field, vocab.ReasonInvalidName, "is not the name of a Secret: lower-case letters, digits, - and . only")
		return ""
	}
	return name
}
