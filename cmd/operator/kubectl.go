// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Names of the program. kubectl finds a plugin by the name of its file.
const (
	programName = "operator"
	pluginFile  = "kubectl-stanzaflow"
	pluginName  = "kubectl stanzaflow"
)

// nameOfProgram returns what a person types to run this program, by the file that was run.
func nameOfProgram(file string) string {
	if filepath.Base(file) == pluginFile {
		return pluginName
	}
	return programName
}

// asPlugin has the program show itself as a plugin of kubectl: without the commands
// that only pods run.
func asPlugin(root *cobra.Command) {
	root.Use = pluginFile
	root.Short = "Back up PostgreSQL clusters with Stanzaflow, and see whether they are recoverable"
	root.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: pluginName}
	for _, command := range root.Commands() {
		switch command.Name() {
		case "manager", "step", "watch", "drill-step", "copy", "release":
			command.Hidden = true
		}
	}
}

// kubectlFlags are flags that kubectl has, too, and that mean the same: which
// Kubernetes cluster, and which namespace.
type kubectlFlags struct {
	rules     *clientcmd.ClientConfigLoadingRules
	overrides clientcmd.ConfigOverrides
}

func (k *kubectlFlags) add(flags *pflag.FlagSet) {
	k.rules = clientcmd.NewDefaultClientConfigLoadingRules()
	flags.StringVar(&k.rules.ExplicitPath, clientcmd.RecommendedConfigPathFlag, "", "file with the access to the Kubernetes cluster; by default that of kubectl, and in a pod its ServiceAccount")
	flags.StringVar(&k.overrides.CurrentContext, clientcmd.FlagContext, "", "context of that file; by default its current one")
	flags.StringVarP(&k.overrides.Context.Namespace, clientcmd.FlagNamespace, "n", "", "namespace of the postgresql; by default that of the context, and in a pod its own")
}

// load returns the access to the API server, and the namespace.
func (k *kubectlFlags) load() (*rest.Config, string, error) {
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(k.rules, &k.overrides)
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, "", fmt.Errorf("cannot find the Kubernetes cluster, see --kubeconfig and --context: %w", err)
	}
	namespace, _, err := loader.Namespace()
	if err != nil {
		return nil, "", fmt.Errorf("cannot find the namespace, see --namespace: %w", err)
	}
	return config, namespace, nil
}
