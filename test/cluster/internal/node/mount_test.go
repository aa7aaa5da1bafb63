// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMountsBelow(t *testing.T) {
	t.Parallel()
	//nolint:dupword // As the kernel writes it: type and source have the same name.
	const mountinfo = `21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
22 21 0:20 / /proc rw,nosuid - proc proc rw
30 21 0:40 / /run rw - tmpfs tmpfs rw
31 30 0:41 / /run/ours/containerd/a/rootfs rw - overlay overlay rw
32 21 0:42 / /home/u/.cache/state/kubelet/pods/1/volumes/token rw - tmpfs tmpfs rw
33 32 0:43 / /home/u/.cache/state/kubelet/pods/1/volumes/token/deeper rw - tmpfs tmpfs rw
34 30 0:44 / /run/ours-not/x rw - tmpfs tmpfs rw
35 21 0:45 / /home/u/.cache/state/with\040blank rw - tmpfs tmpfs rw
36 31 0:46 / /run/ours/containerd/a/rootfs rw - tmpfs over-the-first rw
37 30 0:47 / /run/ours rw - tmpfs tmpfs rw
short line
`
	cases := map[string]struct {
		roots []string
		want  []string
	}{
		"LastFirst": {
			roots: []string{"/run/ours", "/home/u/.cache/state"},
			want: []string{
				"/run/ours",
				"/run/ours/containerd/a/rootfs",
				"/home/u/.cache/state/with blank",
				"/home/u/.cache/state/kubelet/pods/1/volumes/token/deeper",
				"/home/u/.cache/state/kubelet/pods/1/volumes/token",
				"/run/ours/containerd/a/rootfs",
			},
		},
		"ANameThatOnlyBeginsAlikeIsNotOurs": {roots: []string{"/run/our"}},
		"NoRootsSelectNothing":              {},
		"AnEmptyRootSelectsNothing":         {roots: []string{""}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, mountsBelow(mountinfo, tc.roots...)); diff != "" {
				t.Errorf("mountsBelow (-want +got):\n%s", diff)
			}
		})
	}
}

func TestUnescape(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`/plain`:       "/plain",
		`/a\040b`:      "/a b",
		`/tab\011\134`: "/tab\t\\",
		`/end\04`:      `/end\04`,
		`/not\999`:     `/not\999`,
	} {
		if got := unescape(in); got != want {
			t.Errorf("unescape(%q) = %q, want %q", in, got, want)
		}
	}
}
