// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package addon installs what a cluster needs besides its daemons: DNS, the
// storage class, Argo Workflows.
//
// A ConfigMap in the cluster holds the hash of what was applied, so a restart with
// unchanged manifests applies nothing. Argo's full CRDs alone take ten seconds.
package addon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/fingerprint"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/kube"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/layout"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/progress"
	"github.com/stanzaflow/stanzaflow/test/cluster/manifests"
)

// Installer installs addons.
type Installer struct {
	Dirs   layout.Dirs
	Out    *progress.Printer
	Kube   *kube.Client
	Values manifests.Values
	// ArgoManifests is the directory of Argo's own manifests.
	ArgoManifests string
	// ArgoSettings is the directory of the settings that the product recommends for Argo.
	ArgoSettings string

	mu      sync.Mutex
	applied map[string]string // guarded by mu
}

const (
	argoNamespace   = "argo"
	recordNamespace = "kube-system"
	recordName      = "stanzaflow-cluster"
)

// ensure applies one addon unless the same was applied before. Several addons may be
// applied at the same time.
func (i *Installer) ensure(ctx context.Context, name, hash string, apply func() error) error {
	before, err := i.recorded(ctx, name)
	if err != nil || before == hash {
		return err
	}
	if err := i.Out.Step("applying "+name, apply); err != nil {
		return err
	}
	return i.record(ctx, name, hash)
}

// recorded returns the recorded hash of an addon.
func (i *Installer) recorded(ctx context.Context, name string) (string, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.applied == nil {
		var configMap struct{ Data map[string]string }
		err := i.Kube.Get(ctx, "/api/v1/namespaces/"+recordNamespace+"/configmaps/"+recordName, &configMap)
		if err != nil && !errors.Is(err, kube.ErrNotFound) {
			return "", err
		}
		i.applied = map[string]string{}
		maps.Copy(i.applied, configMap.Data)
	}
	return i.applied[name], nil
}

// record stores the hash of an applied addon in the cluster.
func (i *Installer) record(ctx context.Context, name, hash string) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.applied[name] = hash
	configMap, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]string{"namespace": recordNamespace, "name": recordName},
		"data":     i.applied,
	})
	if err != nil {
		return err
	}
	// In an API server's first seconds the namespace may not exist yet.
	return kube.Retry(ctx, 30*time.Second, func(ctx context.Context) error { return i.Kube.Apply(ctx, string(configMap)) })
}

// Base installs the storage class and DNS.
func (i *Installer) Base(ctx context.Context) error {
	for _, file := range []string{"storage.yaml", "coredns.yaml"} {
		content, err := manifests.Render(file, i.Values)
		if err != nil {
			return err
		}
		if err := i.ensure(ctx, file, fingerprint.Of(content), func() error {
			// In an API server's first seconds a namespace or a default role may not
			// exist yet.
			return kube.Retry(ctx, 30*time.Second, func(ctx context.Context) error { return i.Kube.Apply(ctx, content) })
		}); err != nil {
			return err
		}
	}
	return nil
}

// patience is how long a pod may take to be ready. It takes two seconds; on a
// machine that compiles at the same time, a hundred times as long.
const patience = 4 * time.Minute

// workload is a Deployment whose pod must be ready.
type workload struct{ namespace, selector string }

var workloads = []workload{
	{"kube-system", "k8s-app=kube-dns"},
	{argoNamespace, "app=argo-archive"},
	{argoNamespace, "app=workflow-controller"},
	{argoNamespace, "app=argo-server"},
}

// Problem returns an error for an addon without a ready pod since the given time.
func (i *Installer) Problem(ctx context.Context, since time.Time) error {
	for _, w := range workloads {
		if err := i.Kube.PodReady(ctx, w.namespace, w.selector, since); err != nil {
			return fmt.Errorf("%s: %w", w.selector, err)
		}
	}
	return nil
}

// AwaitDNS waits for the DNS pod.
func (i *Installer) AwaitDNS(ctx context.Context, since time.Time) error {
	return i.await(ctx, workloads[0], since, patience)
}

// AwaitArgo waits for Argo's pods.
func (i *Installer) AwaitArgo(ctx context.Context, since time.Time) error {
	for _, w := range workloads[1:] {
		if err := i.await(ctx, w, since, patience); err != nil {
			return err
		}
	}
	return nil
}

func (i *Installer) await(ctx context.Context, w workload, since time.Time, within time.Duration) error {
	err := kube.Retry(ctx, within, func(ctx context.Context) error {
		return i.Kube.PodReady(ctx, w.namespace, w.selector, since)
	})
	if err == nil {
		return nil
	}
	// The pod's log says more than its status.
	logs, logErr := i.Kube.Kubectl(context.WithoutCancel(ctx), "-n", w.namespace, "logs", "-l", w.selector, "--tail=15", "--all-containers")
	if logErr != nil || logs == "" {
		return err
	}
	return fmt.Errorf("%w; its log ends:\n%s", err, logs)
}
