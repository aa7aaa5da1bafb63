// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/command"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/fingerprint"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/layout"
)

// Node is the one node of the cluster.
type Node struct {
	dirs    layout.Dirs
	daemons []daemon
	config  map[string]string
	print   string
}

// record describes the running cluster. The program that starts it leaves the record
// in the run directory for the next one, perhaps from another clone or with another
// cache directory.
type record struct {
	Cache       string    // the cache directory whose state is mounted and open
	Fingerprint string    // of programs, flags and configuration
	Started     time.Time // when the cluster was started
}

// New returns a node whose programs are identified by programKey. It starts and writes
// nothing.
func New(dirs layout.Dirs, pauseImage, programKey string) (*Node, error) {
	config, err := renderConfig(dirs, pauseImage)
	if err != nil {
		return nil, err
	}
	n := &Node{dirs: dirs, daemons: daemons(dirs), config: config}
	parts := []string{programKey}
	for _, d := range n.daemons {
		parts = append(parts, d.name)
		parts = append(parts, d.args...)
		parts = append(parts, d.env...)
	}
	for _, path := range slices.Sorted(maps.Keys(config)) {
		parts = append(parts, path, config[path])
	}
	n.print = fingerprint.Of(parts...)
	return n, nil
}

// Status is the state of one daemon.
type Status struct {
	Name    string
	PID     int       // 0 if it does not run
	Since   time.Time // start of the process
	Problem error     // nil if healthy
	Log     string
}

// Status looks at all daemons.
func (n *Node) Status(ctx context.Context) []Status {
	var all []Status
	for _, d := range n.daemons {
		s := Status{Name: d.name, Log: n.dirs.Log(d.name)}
		if p, ok := n.process(d.name); ok {
			s.PID, s.Since = p.pid, p.started()
			s.Problem = d.healthy(ctx)
		} else {
			s.Problem = errors.New("does not run")
		}
		all = append(all, s)
	}
	return all
}

// Running returns nil if the node runs with the settings that it would be started with
// now, else an error that says why not.
func (n *Node) Running(ctx context.Context) error {
	if err := n.current(); err != nil {
		return err
	}
	for _, s := range n.Status(ctx) {
		if s.Problem != nil {
			return fmt.Errorf("%s: %w", s.Name, s.Problem)
		}
	}
	return nil
}

// current returns nil if the running node was started with the settings of now, else
// an error that says why not.
func (n *Node) current() error {
	r, err := n.readRecord()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("not started")
	case err != nil:
		return err
	case r.Cache != n.dirs.Cache:
		return fmt.Errorf("started with the cache directory %s", r.Cache)
	case r.Fingerprint != n.print:
		return errors.New("started with other programs or settings")
	}
	return nil
}

// Started is when the node was started; zero if it was not.
func (n *Node) Started() time.Time {
	r, err := n.readRecord()
	if err != nil {
		return time.Time{}
	}
	return r.Started
}

// Traces reports whether there is anything of a cluster to stop.
func (n *Node) Traces() bool {
	for _, path := range []string{n.dirs.Run, netnsFile, filepath.Join("/sys/class/net", hostLink)} {
		if _, err := os.Stat(path); err == nil {
			return true
		}
	}
	return len(cgroupDirs()) > 0
}

// Resuming reports whether there is the state of an earlier run.
func (n *Node) Resuming() bool {
	_, err := os.Stat(filepath.Join(n.dirs.State(), "etcd", "member"))
	return err == nil
}

// Start starts everything up to a ready API server and containerd; StartRest starts
// the others. Nothing may be running: see Stop.
func (n *Node) Start(ctx context.Context) error {
	for _, dir := range []string{n.dirs.Run, n.dirs.Pids(), n.dirs.Logs(), n.dirs.State(), filepath.Join(n.dirs.State(), "volumes")} {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return err
		}
	}
	// etcd wants its directory for itself.
	if err := os.MkdirAll(filepath.Join(n.dirs.State(), "etcd"), 0o700); err != nil {
		return err
	}
	content, err := json.Marshal(record{Cache: n.dirs.Cache, Fingerprint: n.print, Started: time.Now()})
	if err != nil {
		return err
	}
	// Do this first: from now on Stop knows which directories to look at.
	if err := os.WriteFile(n.recordFile(), content, 0o600); err != nil {
		return err
	}

	keys := pki{n.dirs.PKI()}
	if err := keys.ensure(); err != nil {
		return fmt.Errorf("cannot make certificates: %w", err)
	}
	for _, name := range []string{admin, controllerManager, scheduler, kubeProxy, kubelet} {
		if err := keys.writeKubeconfig(filepath.Join(n.dirs.PKI(), name+".kubeconfig"), name); err != nil {
			return err
		}
	}
	if err := keys.writeKubeconfig(n.dirs.Kubeconfig(), admin); err != nil {
		return err
	}
	if err := writeConfig(n.config); err != nil {
		return err
	}
	if err := makeNetwork(ctx); err != nil {
		return fmt.Errorf("cannot make the network: %w", err)
	}
	if err := makeCgroup(); err != nil {
		return fmt.Errorf("cannot make the cgroup: %w", err)
	}
	if err := n.mountVolumes(ctx); err != nil {
		return err
	}

	// etcd, containerd and the API server wait for each other; the rest would give up
	// or log errors until the API server is ready.
	for _, name := range []string{etcd, containerd, apiserver} {
		if err := n.launch(findDaemon(n.daemons, name)); err != nil {
			return err
		}
	}
	return nil
}

// StartRest starts what needs a ready API server, and waits until all daemons
// are healthy.
func (n *Node) StartRest(ctx context.Context) error {
	for _, name := range []string{etcd, containerd, apiserver} {
		if err := n.await(ctx, findDaemon(n.daemons, name)); err != nil {
			return err
		}
	}
	for _, d := range n.daemons {
		if d.name == etcd || d.name == containerd || d.name == apiserver {
			continue
		}
		if err := n.launch(d); err != nil {
			return err
		}
	}
	for _, d := range n.daemons {
		if err := n.await(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// AwaitAPI waits until the API server answers.
func (n *Node) AwaitAPI(ctx context.Context) error {
	return n.await(ctx, findDaemon(n.daemons, apiserver))
}

// AwaitContainerd waits until images can be imported.
func (n *Node) AwaitContainerd(ctx context.Context) error {
	return n.await(ctx, findDaemon(n.daemons, containerd))
}

// launch starts a daemon with its own log.
func (n *Node) launch(d daemon) error {
	logFile := n.dirs.Log(d.name)
	// Keep the log of the previous run, which one needs after a crash.
	if err := os.Rename(logFile, logFile+".previous"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return n.start(d)
}

// start starts a daemon that survives this program, its terminal and its pipes.
func (n *Node) start(d daemon) error {
	logFile := n.dirs.Log(d.name)
	out, err := os.OpenFile(logFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600) //nolint:gosec // Our own file.
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }()

	args := inNode(d.args...)
	cmd := exec.Command(args[0], args[1:]...) //nolint:gosec // From the table of daemons; it outlives this program and its context.
	cmd.Dir = n.dirs.Run
	cmd.Env = append([]string{
		"PATH=" + n.dirs.Bin() + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/root",
		"LANG=C.UTF-8",
	}, d.env...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("cannot start %s: %w", d.name, err)
	}
	// nsenter becomes the daemon, with the same pid and start time. Write the file at
	// once: if this program is killed before that, Stop does not know the process.
	p, ok := find(cmd.Process.Pid)
	if !ok {
		_ = cmd.Wait()
		return fmt.Errorf("%s ended at once, %s", d.name, command.Tail(logFile))
	}
	if err := os.WriteFile(n.pidFile(d.name), []byte(p.String()), 0o600); err != nil {
		return errors.Join(err, p.end(0))
	}
	return cmd.Process.Release()
}

// patience is how long a daemon may take to be healthy. The slowest takes five
// seconds; on a machine that compiles at the same time, many times as long.
const patience = 3 * time.Minute

// await waits until a daemon is healthy. It gives up when the daemon ends, the time is
// up, or ctx is done.
func (n *Node) await(ctx context.Context, d daemon) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		problem := d.healthy(ctx)
		if problem == nil {
			if _, ok := n.process(d.name); ok {
				return nil
			}
		}
		if _, ok := n.process(d.name); !ok {
			return fmt.Errorf("%s ended, %s", d.name, command.Tail(n.dirs.Log(d.name)))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is not healthy within %s: %w, %s", d.name, patience, problem, command.Tail(n.dirs.Log(d.name)))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// process returns the running process of a daemon's pid file.
func (n *Node) process(name string) (process, bool) {
	content, err := os.ReadFile(n.pidFile(name))
	if err != nil {
		return process{}, false
	}
	p, err := parseProcess(string(content))
	if err != nil || !p.running() {
		return process{}, false
	}
	return p, true
}

func (n *Node) pidFile(name string) string { return filepath.Join(n.dirs.Pids(), name) }

func (n *Node) recordFile() string { return filepath.Join(n.dirs.Run, "cluster.json") }

func (n *Node) readRecord() (record, error) {
	var r record
	content, err := os.ReadFile(n.recordFile())
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(content, &r)
}
