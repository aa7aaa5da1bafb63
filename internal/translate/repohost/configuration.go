// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package repohost

import (
	"maps"
	"slices"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
	"github.com/stanzaflow/stanzaflow/internal/translate/storage"
)

// pathsOfPostgreSQL are options of global that name a path in the PostgreSQL pods.
var pathsOfPostgreSQL = []string{"log-path", "spool-path", "lock-path"}

// files returns the files that pgBackRest reads on the repo host: where PostgreSQL
// is, and the same repos as the PostgreSQL pods have, so that pgbackrest info says
// the same at both ends.
func files(in Input, hosted []storage.Repo) map[string]string {
	options := make(map[string]string, len(in.Global)+16)
	for key, value := range in.Global {
		number, ofRepo := storage.OptionRepo(key)
		// A repo that only global describes is one in the PostgreSQL pods.
		planned := !ofRepo || slices.ContainsFunc(in.Repos, func(r storage.Repo) bool { return r.Number == number })
		if planned && !slices.Contains(pathsOfPostgreSQL, key) {
			options[key] = value
		}
	}
	options["log-path"] = repoDir(hosted[0]) + "/log"
	maps.Copy(options, serverOptions(in.Cluster.Name, repoHostFiles))
	for _, r := range in.Repos {
		maps.Copy(options, storage.Options(r))
	}
	for _, r := range hosted {
		options[pgbackrest.RepoOption(r.Number, "path")] = repoDir(r)
	}
	stanza := manifest.PostgreSQLOptions()
	stanza["pg1-host"] = inNamespace(in.Cluster, manifest.PrimaryServiceName(in.Cluster.Name))
	stanza["pg1-host-type"] = "tls"
	maps.Copy(stanza, repoHostFiles.options("pg1-host-"))
	return map[string]string{cpo.ConfigFileName: manifest.Conf(stanza, options), ServerScriptName: serverScript}
}

// ClientOptions returns the options with which the PostgreSQL pods reach the repos
// on the repo host.
func ClientOptions(cluster cpo.Postgresql, hosted []storage.Repo) map[string]string {
	options := serverOptions(cluster.Name, clientFiles)
	for _, r := range hosted {
		maps.Copy(options, clientFiles.options(pgbackrest.RepoOption(r.Number, "host-")))
		options[pgbackrest.RepoOption(r.Number, "host")] = manifest.RepoHostName(cluster.Name) + "-0." + inNamespace(cluster, manifest.ClusterPodsServiceName(cluster.Name))
		options[pgbackrest.RepoOption(r.Number, "host-type")] = "tls"
	}
	return options
}

// repoDir is where the volume of a repo is on the repo host.
func repoDir(r storage.Repo) string { return cpo.RepoDir + "/" + r.Name }

// inNamespace is the name of a Service for every pod of the Kubernetes cluster,
// whatever domain that has.
func inNamespace(cluster cpo.Postgresql, service string) string {
	return service + "." + cluster.Namespace + ".svc"
}
