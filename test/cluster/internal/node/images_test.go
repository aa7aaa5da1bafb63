// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseImages(t *testing.T) {
	t.Parallel()
	const table = `REF                      TYPE                                       DIGEST        SIZE    PLATFORMS   LABELS
stanzaflow.local/pause:1 application/vnd.oci.image.manifest.v1+json sha256:aa11   1.2 MiB linux/amd64 io.cri-containerd.image=managed
sha256:bb22              application/vnd.oci.image.manifest.v1+json sha256:aa11   1.2 MiB linux/amd64 io.cri-containerd.image=managed

`
	want := map[string]string{"stanzaflow.local/pause:1": "sha256:aa11", "sha256:bb22": "sha256:aa11"}
	if diff := cmp.Diff(want, parseImages(table)); diff != "" {
		t.Errorf("parseImages (-want +got):\n%s", diff)
	}
}
