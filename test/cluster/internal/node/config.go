// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"embed"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/layout"
)

//go:embed config
var configFiles embed.FS

// configTargets maps each template to its path below the configuration directory.
var configTargets = map[string]string{
	"containerd.toml":     "containerd.toml",
	"cni.conflist":        "cni/10-stanzaflow.conflist",
	"kubelet.yaml":        "kubelet.yaml",
	"kube-proxy.yaml":     "kube-proxy.yaml",
	"kube-scheduler.yaml": "kube-scheduler.yaml",
	"resolv.conf":         "resolv.conf",
}

// configValues are the values that the templates may use.
type configValues struct {
	State, Run, Config, PKI, ContainerdSocket string
	PauseImage                                string
	NodeName, DNSIP, PodCIDR                  string
	Cgroup, CNINetwork                        string
}

// renderConfig renders all templates; the keys are paths of files to write.
func renderConfig(dirs layout.Dirs, pauseImage string) (map[string]string, error) {
	values := configValues{
		State: dirs.State(), Run: dirs.Run, Config: dirs.Config(), PKI: dirs.PKI(),
		ContainerdSocket: dirs.ContainerdSocket(),
		PauseImage:       pauseImage,
		NodeName:         Name, DNSIP: DNSIP, PodCIDR: podCIDR,
		Cgroup: cgroup, CNINetwork: cniNetwork,
	}
	parsed, err := template.New("").Option("missingkey=error").ParseFS(configFiles, "config/*")
	if err != nil {
		return nil, err
	}
	files := map[string]string{}
	for name, target := range configTargets {
		var b strings.Builder
		if err := parsed.ExecuteTemplate(&b, name, values); err != nil {
			return nil, err
		}
		files[filepath.Join(dirs.Config(), target)] = b.String()
	}
	return files, nil
}

func writeConfig(files map[string]string) error {
	for path, content := range files {
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			return err
		}
	}
	return nil
}
