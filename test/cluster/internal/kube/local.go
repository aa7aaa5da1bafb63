// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"sigs.k8s.io/yaml"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/layout"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/node"
)

// Local returns an error that says why a kubeconfig does not point to this machine's
// cluster, or nil if it does: its file is ours, or its current context has our API
// server's address and trusts our authority. The address alone proves nothing: it is
// private, and another machine's cluster has the same. paths are the files of
// KUBECONFIG.
func Local(dirs layout.Dirs, paths []string) error {
	if len(paths) == 0 {
		return errors.New("no kubeconfig is given and KUBECONFIG is not set")
	}
	// The first file decides when it names a context, and ours does.
	if same(paths[0], dirs.Kubeconfig()) {
		return nil
	}
	target, err := currentCluster(paths)
	if err != nil {
		return err
	}
	if target.Server != node.ServerURL {
		return fmt.Errorf("the kubeconfig points to %s, the local cluster is %s", target.Server, node.ServerURL)
	}
	ours, err := os.ReadFile(filepath.Join(dirs.PKI(), "ca.crt"))
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New("there is no local cluster")
	}
	if err != nil {
		return err
	}
	if theirs, err := target.authority(); err != nil || !bytes.Equal(bytes.TrimSpace(theirs), bytes.TrimSpace(ours)) {
		return errors.Join(errors.New("the kubeconfig trusts another authority than the local cluster's"), err)
	}
	return nil
}

// same reports whether two paths are one file, even if the file does not exist yet or
// any more.
func same(a, b string) bool {
	if absolute, err := filepath.Abs(a); err == nil && absolute == b {
		return true
	}
	first, err := os.Stat(a)
	if err != nil {
		return false
	}
	second, err := os.Stat(b)
	return err == nil && os.SameFile(first, second)
}

// config is the part of a kubeconfig that we read.
type config struct {
	CurrentContext string `json:"current-context"`
	Contexts       []struct {
		Name    string
		Context struct{ Cluster string }
	}
	Clusters []struct {
		Name    string
		Cluster target
	}
}

type target struct {
	Server string
	Data   []byte `json:"certificate-authority-data"`
	File   string `json:"certificate-authority"`
	dir    string // the directory that a relative File starts from
}

func (t target) authority() ([]byte, error) {
	if len(t.Data) > 0 || t.File == "" {
		return t.Data, nil
	}
	if !filepath.IsAbs(t.File) {
		t.File = filepath.Join(t.dir, t.File)
	}
	return os.ReadFile(t.File)
}

// currentCluster reads where the current context points to. Like kubectl, it skips
// missing files and uses the first of several entries.
func currentCluster(paths []string) (target, error) {
	var name string
	contexts, clusters := map[string]string{}, map[string]target{}
	for _, path := range paths {
		content, err := os.ReadFile(path) //nolint:gosec // The caller's own kubeconfig.
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return target{}, err
		}
		var c config
		if err := yaml.Unmarshal(content, &c); err != nil {
			return target{}, fmt.Errorf("%s is not a kubeconfig: %w", path, err)
		}
		if name == "" {
			name = c.CurrentContext
		}
		for _, e := range c.Contexts {
			if _, there := contexts[e.Name]; !there {
				contexts[e.Name] = e.Context.Cluster
			}
		}
		for _, e := range c.Clusters {
			if _, there := clusters[e.Name]; !there {
				e.Cluster.dir = filepath.Dir(path)
				clusters[e.Name] = e.Cluster
			}
		}
	}
	t, ok := clusters[contexts[name]]
	if !ok {
		return target{}, fmt.Errorf("no cluster for the current context %q in %v", name, paths)
	}
	return t, nil
}
