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

// configMap is the pgBackRest configuration of the PostgreSQL pods: section
// [db] says where PostgreSQL is, section [global] holds spec.global verbatim
// and the options of each repo. Credentials are not in it; the pods project
// the Secret of configuration.secret beside it.
func (t *translation) configMap(p *cpo.PgBackRest, repos []repo) *corev1.ConfigMap {
	t.checkSecretName(p.Secret)
	global := t.global(p, repos)
	// CPO's places, unless the user has others.
	for key, value := range map[string]string{"log-path": cpo.LogPath, "spool-path": cpo.SpoolPath} {
		if _, ok := global[key]; !ok {
			global[key] = value
		}
	}
	for _, r := range repos {
		maps.Copy(global, repoOptions(r))
	}
	if len(repos) == 0 {
		return nil
	}
	return &corev1.ConfigMap{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: metav1.ObjectMeta{
			Name: cpo.ConfigMapName(t.in.Cluster.Name), Namespace: t.in.Cluster.Namespace,
			Labels: clusterLabels(t.in.Cluster.Name),
		},
		Data: map[string]string{cpo.ConfigFileName: pgbackrest.RenderConf(
			pgbackrest.Section{Name: vocab.PgBackRestStanza, Options: map[string]string{
				"pg1-path": cpo.PGDataPath, "pg1-port": cpo.PGPort, "pg1-socket-path": cpo.PGSocketPath,
			}},
			pgbackrest.Section{Name: "global", Options: global},
		)},
	}
}

func (t *translation) checkSecretName(name string) {
	field := section + ".configuration.secret"
	if name == "" || t.refusesExpression(field, name) {
		return
	}
	if len(validation.IsDNS1123Subdomain(name)) > 0 {
		t.problem(field, vocab.ReasonInvalidName, "is not the name of a Secret: lower-case letters, digits, - and . only")
	}
}

// global returns the options of spec.global that may be written.
func (t *translation) global(p *cpo.PgBackRest, repos []repo) map[string]string {
	good := make(map[string]string, len(p.Global)+16)
	for _, key := range slices.Sorted(maps.Keys(p.Global)) {
		field, value := section+".global."+key, p.Global[key]
		credential := "is a credential"
		// A key may hold anything; a message must stay one readable line.
		if pgbackrest.CheckOption(key, "x") != nil {
			field, credential = section+".global", "has a credential under a name that is no option"
		}
		switch err := pgbackrest.CheckOption(key, value); {
		case pgbackrest.IsCredential(key, value), namesUser(value):
			t.problem(field, vocab.ReasonCredentialInGlobal,
				"%s; put it in a file *.conf of the Secret named in configuration.secret, under [global], and remove it here", credential)
		case t.refusesExpression(field, key+value):
		case err != nil:
			t.problem(field, vocab.ReasonInvalidOption, "%v", err)
		default:
			written, stray := placeOf(p, repos, key)
			if written {
				good[key] = value
			}
			if !stray {
				continue
			}
			t.problem(field, vocab.ReasonUnknownRepo, "belongs to a repository that repos does not name; one such option is enough for pgBackRest to archive to a repository on the disk of the pod")
		}
		t.plan.Keep.ConfigMap = true
	}
	return good
}

// placeOf finds out what to do with an option of spec.global that belongs to a
// repository. One such option is enough to make a repository for pgBackRest: on
// the disk of the pod unless others say where, and WAL must reach every
// repository before PostgreSQL lets go of it. So it is written for a repository
// that is planned, and for one that is not in repos but has its place in global.
// It is stray when it belongs to neither, nor to one that has a Problem of its own.
func placeOf(p *cpo.PgBackRest, repos []repo, option string) (written, stray bool) {
	number, ok := optionRepo(option)
	if !ok || slices.ContainsFunc(repos, func(r repo) bool { return r.number == number }) {
		return true, false
	}
	if slices.ContainsFunc(p.Repos, func(r cpo.Repo) bool { return r.Name == repoName(number) }) {
		return false, false
	}
	for _, place := range []string{"type", "host"} {
		if p.Global[pgbackrest.RepoOption(number, place)] != "" {
			return true, false
		}
	}
	// A repo whose name cannot be read may be this one.
	unnamed := slices.ContainsFunc(p.Repos, func(r cpo.Repo) bool { _, ok := RepoNumber(r.Name); return !ok })
	return false, !unnamed && len(p.Repos) > 0
}

// repoOptions are the pgBackRest options that the fields of a repo stand for.
// Empty fields give none: pgBackRest refuses an empty value.
func repoOptions(r repo) map[string]string {
	options := map[string]string{}
	for _, f := range s3Fields(r) {
		if f.value != "" {
			options[pgbackrest.RepoOption(r.number, f.option)] = f.value
		}
	}
	options[pgbackrest.RepoOption(r.number, "type")] = cpo.StorageS3
	return options
}

// optionField ties a field of a repo to its pgBackRest option.
type optionField struct{ field, option, value string }

func s3Fields(r repo) []optionField {
	return []optionField{
		{"resource", "s3-bucket", r.Resource},
		{"endpoint", "s3-endpoint", r.Endpoint},
		{"region", "s3-region", r.Region},
	}
}

// acceptsOptions checks the option fields of a repo, alone and against
// spec.global: the same option twice is an error to pgBackRest.
func (t *translation) acceptsOptions(r repo) bool {
	ok := true
	global := t.in.Cluster.PgBackRest.Global
	if value, set := global[pgbackrest.RepoOption(r.number, "type")]; set && value != r.Storage {
		t.problem(r.path+".storage", vocab.ReasonDuplicateOption, "global sets %s to something else; remove it there", pgbackrest.RepoOption(r.number, "type"))
		ok = false
	}
	for _, f := range s3Fields(r) {
		key := pgbackrest.RepoOption(r.number, f.option)
		value, set := global[key]
		switch {
		case f.value == "" && !set:
			t.problem(r.path+"."+f.field, vocab.ReasonMissingField, "is required for storage s3")
			ok = false
		case f.value == "":
		case set && value != f.value:
			t.problem(r.path+"."+f.field, vocab.ReasonDuplicateOption, "global sets %s to something else; remove it there", key)
			ok = false
		default:
			if err := pgbackrest.CheckOption(key, f.value); err != nil {
				t.problem(r.path+"."+f.field, vocab.ReasonInvalidOption, "%v", err)
				ok = false
			}
		}
	}
	return ok
}
