// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package layout defines where the local cluster keeps its files.
//
//	<cache>/bin      programs, <component>-<version>-<hash>, and stable links to them
//	<cache>/images   image tarballs, <name>-<tag>-<hash>.tar
//	<cache>/build    sources that must be patched before they build, unfinished work
//	<cache>/logs     one log per daemon and per build
//	<cache>/state    etcd, volumes, containerd's images, certificates: what `down` keeps
//	<run>            pid files, sockets, mounts, rendered settings: what `down` removes
//
// Each user has a cache, but only one cluster can run per machine, because the network
// namespace and the addresses exist once. So the run directory is a fixed path: any
// clone finds the cluster again, with any cache directory.
package layout

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
)

// Run is fixed and below /run: a reboot ends all processes and empties it.
const Run = "/run/stanzaflow-cluster"

// Dirs are the directories of one user's cluster.
type Dirs struct {
	Cache string
	Run   string
}

// Find returns the directories for the current user. It creates nothing.
func Find() (Dirs, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		// Neither XDG_CACHE_HOME nor HOME is set, as in cron or a bare CI step:
		// the account database still knows the home directory.
		u, uerr := user.Current()
		if uerr != nil || u.HomeDir == "" {
			return Dirs{}, fmt.Errorf("cannot find the cache directory: %w", err)
		}
		base = filepath.Join(u.HomeDir, ".cache")
	}
	return Dirs{Cache: filepath.Join(base, "stanzaflow", "cluster"), Run: Run}, nil
}

// Bin holds programs and the stable links to them.
func (d Dirs) Bin() string { return filepath.Join(d.Cache, "bin") }

// Images holds image tarballs.
func (d Dirs) Images() string { return filepath.Join(d.Cache, "images") }

// Build holds patched sources and unfinished work.
func (d Dirs) Build() string { return filepath.Join(d.Cache, "build") }

// Logs holds a log per daemon and per build.
func (d Dirs) Logs() string { return filepath.Join(d.Cache, "logs") }

// Log returns the log file of one daemon or build.
func (d Dirs) Log(name string) string { return filepath.Join(d.Logs(), name+".log") }

// State is what survives `down`.
func (d Dirs) State() string { return filepath.Join(d.Cache, "state") }

// BrokenState is where we move a state that did not start again.
func (d Dirs) BrokenState() string { return d.State() + ".broken" }

// PKI holds keys and certificates.
func (d Dirs) PKI() string { return filepath.Join(d.State(), "pki") }

// Kubeconfig is the administrator's kubeconfig.
func (d Dirs) Kubeconfig() string { return filepath.Join(d.Cache, "kubeconfig") }

// Pids holds the pid files.
func (d Dirs) Pids() string { return filepath.Join(d.Run, "pids") }

// Config holds the daemons' rendered settings.
func (d Dirs) Config() string { return filepath.Join(d.Run, "config") }

// ContainerdSocket is where containerd listens. It is below Run to be short: the path
// of a unix socket has at most 107 bytes.
func (d Dirs) ContainerdSocket() string { return filepath.Join(d.Run, "containerd.sock") }

// Source finds the directory of this program's sources, which holds components/: the
// working directory, or test/cluster below it or below a parent. We need it because
// nested modules cannot be embedded.
func Source() (string, error) {
	wd, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := wd; ; dir = filepath.Dir(dir) {
		for _, candidate := range []string{dir, filepath.Join(dir, "test", "cluster")} {
			if _, err := os.Stat(filepath.Join(candidate, "components", "kubernetes", "go.mod")); err == nil {
				return candidate, nil
			}
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("cannot find test/cluster: run this inside a clone of the repository")
		}
	}
}
