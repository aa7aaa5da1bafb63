// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package repohost

import (
	_ "embed"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

// ServerScriptName is the key of both ConfigMaps with the script that runs
// pgBackRest's TLS server.
const ServerScriptName = "pgbackrest-server.sh"

//go:embed pgbackrest-server.sh
var serverScript string

// ServerScript returns that script.
func ServerScript() string { return serverScript }

// serverPort is pgBackRest's default.
const serverPort = 8432

// tlsFiles are the files with the certificate and the key of one end.
type tlsFiles struct{ cert, key string }

var (
	clientFiles   = tlsFiles{cpo.FileClientCert, cpo.FileClientKey}
	repoHostFiles = tlsFiles{cpo.FileRepoHostCert, cpo.FileRepoHostKey}
)

// options returns the options that name the files. The prefix ends in a dash.
func (f tlsFiles) options(prefix string) map[string]string {
	return map[string]string{
		prefix + "ca-file":   cpo.CertDir + "/" + cpo.FileCARoots,
		prefix + "cert-file": cpo.CertDir + "/" + f.cert,
		prefix + "key-file":  cpo.CertDir + "/" + f.key,
	}
}

// serverOptions returns the options of a server that accepts only the two ends of
// this cluster: both have the name of the cluster in their certificates.
func serverOptions(cluster string, files tlsFiles) map[string]string {
	options := files.options("tls-server-")
	options["tls-server-address"] = "*"
	options["tls-server-auth"] = cluster + "=*"
	return options
}
