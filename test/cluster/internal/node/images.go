// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"strings"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/command"
)

// ctr runs containerd's client in the namespace of the kubelet's images.
func (n *Node) ctr(ctx context.Context, args ...string) (string, error) {
	return command.Cmd{
		Args: append([]string{"ctr", "--address", n.dirs.ContainerdSocket(), "--namespace", "k8s.io"}, args...),
	}.Run(ctx)
}

// Images returns the digest of each image in the node's store by name.
func (n *Node) Images(ctx context.Context) (map[string]string, error) {
	out, err := n.ctr(ctx, "images", "list")
	if err != nil {
		return nil, err
	}
	return parseImages(out), nil
}

// parseImages reads the table of `ctr images list`: REF TYPE DIGEST SIZE and more.
func parseImages(table string) map[string]string {
	images := map[string]string{}
	for line := range strings.Lines(table) {
		if f := strings.Fields(line); len(f) >= 3 && strings.HasPrefix(f[2], "sha256:") {
			images[f[0]] = f[2]
		}
	}
	return images
}

// Import brings an image tarball into the node's store.
func (n *Node) Import(ctx context.Context, tarball string) error {
	_, err := n.ctr(ctx, "images", "import", tarball)
	return err
}
