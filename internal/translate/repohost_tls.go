// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	_ "embed"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

// ServerScriptName is the key of both ConfigMaps with the script that runs
// pgBackRest's TLS server.
const ServerScriptName = "pgbackrest-server.sh"

//go:embed pgbackrest-server.sh
var serverScript string

// serverPort is pgBackRest's default.
const serverPort = 8432

// tlsFiles are the certificate of one end.
type tlsFiles struct{ cert, key string }

var (
	clientFiles   = tlsFiles{cpo.FileClientCert, cpo.FileClientKey}
	repoHostFiles = tlsFiles{cpo.FileRepoHostCert, cpo.FileRepoHostKey}
)

// options name the files, under an option that ends in a dash.
func (f tlsFiles) options(prefix string) map[string]string {
	return map[string]string{
		prefix + "ca-file":   cpo.CertDir + "/" + cpo.FileCARoots,
		prefix + "cert-file": cpo.CertDir + "/" + f.cert,
		prefix + "key-file":  cpo.CertDir + "/" + f.key,
	}
}

// tlsServer lets the two ends of this cluster in and nobody else: both have the
// name of the cluster in their certificates.
func (t *translation) tlsServer(files tlsFiles) map[string]string {
	options := files.options("tls-server-")
	options["tls-server-address"] = "*"
	options["tls-server-auth"] = t.in.Cluster.Name + "=*"
	return options
}
