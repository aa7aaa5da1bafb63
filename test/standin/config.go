// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// configFile is the key of both ConfigMaps.
const configFile = "pgbackrest_instance.conf"

func (p *Postgresql) configName() string         { return p.Name + "-pgbackrest-config" }
func (p *Postgresql) repoHostConfigName() string { return p.Name + "-pgbackrest-repohost-config" }

// configMaps are the configuration of the PostgreSQL pods and, with a repo host, its
// own. They have no labels and no owner.
func (o Options) configMaps(p *Postgresql) []*corev1.ConfigMap {
	maps := []*corev1.ConfigMap{{
		ObjectMeta: p.meta(p.configName(), nil), Data: map[string]string{configFile: p.databaseConfig()},
	}}
	if p.hasRepoHost() {
		maps = append(maps, &corev1.ConfigMap{
			ObjectMeta: p.meta(p.repoHostConfigName(), nil), Data: map[string]string{configFile: p.repoHostConfig()},
		})
	}
	return maps
}

// options are lines k = v.
type options struct{ lines []string }

func (o *options) section(name string) { o.lines = append(o.lines, "["+name+"]") }

func (o *options) set(pairs ...string) {
	for i := 0; i+1 < len(pairs); i += 2 {
		o.lines = append(o.lines, pairs[i]+" = "+pairs[i+1])
	}
}

// global writes spec.backup.pgbackrest.global in the order of a Go map: another one at
// every sync, as CPO does.
func (o *options) global(global map[string]string) {
	for key, value := range global {
		o.set(key, value)
	}
}

func (o *options) tlsServer(p *Postgresql, certificate string) {
	o.lines = append(o.lines, "tls-server-address=*")
	o.set(
		"tls-server-ca-file", certificates+"/pgbackrest.ca-roots",
		"tls-server-cert-file", certificates+"/"+certificate+".crt",
		"tls-server-key-file", certificates+"/"+certificate+".key",
		"tls-server-auth", p.Name+"=*",
	)
}

func (o *options) String() string { return strings.Join(o.lines, "\n") }

const (
	certificates   = "/etc/pgbackrest/certs"
	clientCert     = "pgbackrest-client"
	repoHostCert   = "pgbackrest-repo-host"
	postgresqlData = "/home/postgres/pgdata"
)

// databaseConfig is the file of the PostgreSQL pods. A pvc repo is numbered by its
// index, every other one by its name, and the server's options come with each pvc repo.
func (p *Postgresql) databaseConfig() string {
	o := &options{}
	o.section("db")
	o.set("pg1-path", postgresqlData+"/pgroot/data", "pg1-port", "5432", "pg1-socket-path", "/var/run/postgresql/")
	o.lines = append(o.lines, "")
	o.section("global")
	o.set("log-path", postgresqlData+"/pgbackrest/log", "spool-path", postgresqlData+"/pgbackrest/spool-path")
	if p.backup() == nil {
		return o.String()
	}
	o.global(p.backup().Global)
	for i, repo := range p.backup().Repos {
		if repo.Storage == storagePVC {
			o.tlsServer(p, clientCert)
			host := fmt.Sprintf("repo%d-host", i+1)
			o.set(
				host, p.podHost(p.repoHostName()),
				host+"-ca-file", certificates+"/pgbackrest.ca-roots",
				host+"-cert-file", certificates+"/"+clientCert+".crt",
				host+"-key-file", certificates+"/"+clientCert+".key",
				host+"-type", "tls", host+"-user", "postgres",
			)
			continue
		}
		o.cloud(repo)
	}
	return o.String()
}

// cloud writes every option of an object store, also those without a value.
func (o *options) cloud(repo Repo) {
	name := repo.Name + "-" + repo.Storage
	switch repo.Storage {
	case "s3":
		o.set(name+"-bucket", repo.Resource, name+"-endpoint", repo.Endpoint, name+"-region", repo.Region)
	case "gcs":
		o.set(name+"-bucket", repo.Resource, name+"-key", "/etc/pgbackrest/conf.d/"+repo.Key, name+"-key-type", repo.KeyType)
	case "azure":
		o.set(name+"-container", repo.Resource, name+"-endpoint", repo.Endpoint, name+"-key", repo.Key, name+"-account", repo.Account)
	}
	o.set(repo.Name+"-type", repo.Storage)
}

// repoHostConfig is the file of the repo host. spec.backup.pgbackrest.global stands in
// section db, and the repos that have no storage pvc are left out.
func (p *Postgresql) repoHostConfig() string {
	o := &options{}
	o.section("global")
	o.set("log-path", "/data/pgbackrest/repo1/log")
	o.tlsServer(p, repoHostCert)
	for i, repo := range p.backup().Repos {
		if repo.Storage == storagePVC {
			path := fmt.Sprintf("repo%d", i+1)
			o.set(path+"-path", "/data/pgbackrest/"+path)
		}
	}
	o.section("db")
	o.global(p.backup().Global)
	for i := range p.Spec.NumberOfInstances {
		host := fmt.Sprintf("pg%d-host", i+1)
		o.set(
			host, fmt.Sprintf("%s-%d.%s", p.Name, i, p.domain()),
			host+"-ca-file", certificates+"/pgbackrest.ca-roots",
			host+"-cert-file", certificates+"/"+repoHostCert+".crt",
			host+"-key-file", certificates+"/"+repoHostCert+".key",
			host+"-type", "tls",
			fmt.Sprintf("pg%d-path", i+1), postgresqlData+"/pgroot/data",
		)
	}
	return o.String()
}

// podHost is the name of pod 0 of a StatefulSet in the network.
func (p *Postgresql) podHost(statefulSet string) string { return statefulSet + "-0." + p.domain() }

func (p *Postgresql) domain() string {
	return p.serviceName() + "." + p.Namespace + ".svc.cluster.local"
}
