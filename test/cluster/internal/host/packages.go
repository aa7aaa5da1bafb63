// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package host prepares the machine: the Debian packages that the node and the
// image builds need.
package host

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/command"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/progress"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/set"
)

// requirement is a package and the files or programs that we need from it. We look
// for those, not for the package: containerd, for example, also comes from other
// packages, which Debian's would displace.
type requirement struct {
	pkg   string
	of    set.Set
	paths []string // a file if absolute, else a program
}

var requirements = []requirement{
	{"containerd", set.Demo, []string{"containerd", "ctr", "containerd-shim-runc-v2"}},
	{"runc", set.Demo, []string{"runc"}},
	{"containernetworking-plugins", set.Demo, []string{"/usr/lib/cni/ptp", "/usr/lib/cni/host-local", "/usr/lib/cni/portmap"}},
	{"iptables", set.Demo, []string{"iptables"}},
	{"iproute2", set.Demo, []string{"ip", "ss"}},
	{"e2fsprogs", set.Demo, []string{"mkfs.ext4"}},
	{"mount", set.Demo, []string{"mount", "losetup"}},
	{"procps", set.Demo, []string{"sysctl"}},
	{"util-linux", set.Demo, []string{"nsenter"}},
	{"mmdebstrap", set.Demo, []string{"mmdebstrap"}},
	{"debian-archive-keyring", set.Demo, []string{"/usr/share/keyrings/debian-archive-keyring.gpg"}},
	{"npm", set.All, []string{"npm"}},
	{"ca-certificates", set.Demo, []string{"/etc/ssl/certs/ca-certificates.crt"}},
}

// systemPath is where system programs are, which not every user's PATH includes.
const systemPath = "/usr/local/sbin:/usr/sbin:/sbin"

// ExtendPath adds systemPath to PATH.
func ExtendPath() error {
	return os.Setenv("PATH", os.Getenv("PATH")+":"+systemPath)
}

// Missing lists the packages that a cluster for s needs and whose programs are
// missing.
func Missing(s set.Set) []string {
	return missing(func(r requirement) bool { return s.Includes(r.of) })
}

func missing(wanted func(requirement) bool) []string {
	var pkgs []string
	for _, r := range requirements {
		if wanted(r) && slices.ContainsFunc(r.paths, func(path string) bool { return !present(path) }) {
			pkgs = append(pkgs, r.pkg)
		}
	}
	return pkgs
}

func present(path string) bool {
	if filepath.IsAbs(path) {
		_, err := os.Stat(path)
		return err == nil
	}
	_, err := exec.LookPath(path)
	return err == nil
}

// EnsurePackages installs missing packages, and does nothing if none is missing.
func EnsurePackages(ctx context.Context, out *progress.Printer, log string, s set.Set) error {
	return ensure(ctx, out, log, func() []string { return Missing(s) })
}

// EnsureNamed installs the named packages that are missing.
func EnsureNamed(ctx context.Context, out *progress.Printer, log string, names []string) error {
	named := func(r requirement) bool { return slices.Contains(names, r.pkg) }
	return ensure(ctx, out, log, func() []string { return missing(named) })
}

func ensure(ctx context.Context, out *progress.Printer, log string, missing func() []string) error {
	pkgs := missing()
	if len(pkgs) == 0 {
		return nil
	}
	return out.Step("installing "+strings.Join(pkgs, " "), func() error {
		// Package lists may be missing or old. Try with the existing ones first.
		if err := apt(ctx, log, append([]string{"install", "-y", "--no-install-recommends"}, pkgs...)...); err != nil {
			if err := apt(ctx, log, "update"); err != nil {
				return err
			}
			if err := apt(ctx, log, append([]string{"install", "-y", "--no-install-recommends"}, pkgs...)...); err != nil {
				return err
			}
		}
		if still := missing(); len(still) > 0 {
			return fmt.Errorf("installed, but still missing: %s", strings.Join(still, " "))
		}
		return nil
	})
}

// lockWait is how long another package manager may keep its lock: unattended
// upgrades take minutes on a fresh machine.
const lockWait = 5 * time.Minute

// apt runs apt-get. apt-get waits for dpkg's lock but not for that of the package
// lists, so apt tries again after a lock error.
func apt(ctx context.Context, log string, args ...string) error {
	for deadline := time.Now().Add(lockWait); ; {
		_, err := command.Cmd{
			Args: append([]string{"apt-get", "-q", "-o", fmt.Sprintf("DPkg::Lock::Timeout=%d", int(lockWait.Seconds()))}, args...),
			Env:  []string{"DEBIAN_FRONTEND=noninteractive"},
			Log:  log,
		}.Run(ctx)
		if err == nil || time.Now().After(deadline) || !strings.Contains(err.Error(), "Could not get lock") {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(2 * time.Second):
		}
	}
}
