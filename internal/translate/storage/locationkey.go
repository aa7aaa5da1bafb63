// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"cmp"
	"path"
	"strings"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

// LocationKey returns the location of a repo in one spelling: two repos with equal
// keys share their files, because pgBackRest's stanza has the same name in every
// cluster. It is empty for a volume, which belongs to one cluster, and where the
// resource does not say where the repo is.
func LocationKey(cluster cpo.Postgresql, r Repo) string {
	s, ok := Of(r.Storage)
	if !ok || s.server == nil {
		return ""
	}
	set := settings{cluster: cluster, repo: r}
	bucket, server := set.value(fieldResource, s.bucket), s.server(set)
	if bucket == "" || server == "" {
		return ""
	}
	dir := path.Clean("/" + cmp.Or(set.global("path"), defaultRepoPath))
	return s.Name + "://" + server + "/" + bucket + strings.TrimSuffix(dir, "/")
}

// settings are what a repo sets, in its fields or in spec.global.
type settings struct {
	cluster cpo.Postgresql
	repo    Repo
}

// value is that of a field, or that of its option in spec.global.
func (s settings) value(field, option string) string {
	return cmp.Or(printable(s.repo.option(option), s.repo.text(field)), s.global(option))
}

// global is the value of an option in spec.global.
func (s settings) global(option string) string {
	return printable(s.repo.option(option), s.cluster.PgBackRest.Global[s.repo.option(option)])
}

// server returns the host and the port that a storage connects to. An option of the
// storage, in its own or in its older spelling, overrides what the endpoint says.
func (s settings) server(endpoint string) string {
	endpoint = strings.ToLower(endpoint)
	if _, rest, ok := strings.Cut(endpoint, "://"); ok {
		endpoint = rest
	}
	endpoint, _, _ = strings.Cut(endpoint, "/")
	host, port, _ := strings.Cut(endpoint, ":")
	host = cmp.Or(strings.ToLower(s.global("storage-host")), strings.ToLower(s.global(s.repo.Storage+"-host")), host)
	port = cmp.Or(s.global("storage-port"), s.global(s.repo.Storage+"-port"), port, "443")
	if host = s.fullHost(host); host == "" {
		return ""
	}
	return host + ":" + port
}

// fullHost returns the name of a host in one spelling: a Service of Kubernetes is
// service.namespace. It is empty for a server in the pod itself, which other pods
// do not see.
func (s settings) fullHost(host string) string {
	host = strings.TrimSuffix(host, ".")
	host = strings.TrimSuffix(strings.TrimSuffix(host, ".cluster.local"), ".svc")
	switch {
	case host == "", host == "localhost", strings.HasPrefix(host, "127."), strings.HasPrefix(host, "["):
		return ""
	case !strings.Contains(host, "."):
		return host + "." + s.cluster.Namespace
	}
	return host
}

// s3Server returns the server of a bucket. The name of a bucket at AWS is unique,
// whichever region and kind of endpoint leads to it.
func s3Server(set settings) string {
	server := set.server(set.value(fieldEndpoint, "s3-endpoint"))
	if strings.HasPrefix(server, "s3") && strings.HasSuffix(server, ".amazonaws.com:443") {
		return "s3.amazonaws.com:443"
	}
	return server
}

// azureServer returns the account at its server. An account that stands in the
// Secret is known by the name of the Secret.
func azureServer(set settings) string {
	account := set.value(fieldAccount, "azure-account")
	if secret := set.cluster.PgBackRest.Secret; account == "" && secret != "" {
		account = "secret/" + set.cluster.Namespace + "/" + secret
	}
	if account == "" {
		return ""
	}
	return set.server(cmp.Or(set.value(fieldEndpoint, "azure-endpoint"), "blob.core.windows.net")) + "/" + account
}

func gcsServer(set settings) string {
	return set.server(cmp.Or(set.value(fieldEndpoint, "gcs-endpoint"), "storage.googleapis.com"))
}
