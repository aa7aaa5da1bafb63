// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"encoding/base64"
	"fmt"
	"os"
)

const kubeconfigFormat = `apiVersion: v1
kind: Config
current-context: stanzaflow
contexts: [{name: stanzaflow, context: {cluster: stanzaflow, user: %[1]s}}]
clusters: [{name: stanzaflow, cluster: {server: %[2]q, certificate-authority-data: %[3]s}}]
users: [{name: %[1]s, user: {client-certificate-data: %[4]s, client-key-data: %[5]s}}]
`

// writeKubeconfig writes a kubeconfig that contains the certificates, so that it can
// be copied anywhere.
func (p pki) writeKubeconfig(path, user string) error {
	var data [3]string
	for i, file := range []string{p.crt("ca"), p.crt(user), p.key(user)} {
		content, err := os.ReadFile(file) //nolint:gosec // Our own file.
		if err != nil {
			return err
		}
		data[i] = base64.StdEncoding.EncodeToString(content)
	}
	// Rename it into place, because a test may be reading it.
	temp := path + ".tmp"
	content := fmt.Sprintf(kubeconfigFormat, user, ServerURL, data[0], data[1], data[2])
	if err := os.WriteFile(temp, []byte(content), 0o600); err != nil { //nolint:gosec // A path below our own directories.
		return err
	}
	return os.Rename(temp, path)
}
