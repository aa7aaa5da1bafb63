// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package addon

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/fingerprint"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/kube"
	"github.com/stanzaflow/stanzaflow/test/cluster/manifests"
)

// argoFiles are our changes to Argo's own installation, as templates of the manifests.
var argoFiles = []string{"kustomization.yaml", "namespace.yaml", "controller.yaml", "server.yaml", "database.yaml"}

// argoSettings are what the product recommends for Argo in production, in its own files.
var argoSettings = []string{"settings.yaml", "strict.yaml", "archive.yaml"}

// Production serves Argo at an address of its own. Here a person forwards a port.
const (
	argoInProduction = "https://argo.example.com/"
	argoHere         = "http://localhost:2746/"
)

// ArgoCRDs installs the CRDs, with their full schemas: the minimal ones accept
// anything inside spec.
func (i *Installer) ArgoCRDs(ctx context.Context) error {
	return i.ensure(ctx, "argo-crds", fingerprint.Of(i.argoSource()), func() error { return i.argoCRDs(ctx) })
}

// Argo installs the controller and the server.
func (i *Installer) Argo(ctx context.Context) error {
	rendered := map[string]string{}
	parts := []string{i.argoSource()}
	for _, name := range argoFiles {
		content, err := manifests.Render("argo/"+name, i.Values)
		if err != nil {
			return err
		}
		rendered[name] = content
		parts = append(parts, name, content)
	}
	for _, name := range argoSettings {
		content, err := os.ReadFile(filepath.Join(i.ArgoSettings, name)) //nolint:gosec // A file of this repository.
		if err != nil {
			return err
		}
		rendered[name] = strings.ReplaceAll(string(content), argoInProduction, argoHere)
		parts = append(parts, name, rendered[name])
	}
	return i.ensure(ctx, "argo", fingerprint.Of(parts...), func() error { return i.argoInstall(ctx, rendered) })
}

// argoSource identifies Argo's own manifests: the name of their directory's
// parent carries the version and the hash of what is in it.
func (i *Installer) argoSource() string { return filepath.Base(filepath.Dir(i.ArgoManifests)) }

func (i *Installer) argoCRDs(ctx context.Context) error {
	files, err := filepath.Glob(filepath.Join(i.ArgoManifests, "base", "crds", "full", "argoproj.io_*.yaml"))
	if err != nil {
		return err
	}
	// Apply server-side, because the full schemas do not fit into client-side apply's
	// annotation. Apply file by file, because kustomize needs seven seconds of CPU to
	// join them for nothing. Try again after a failure: on a busy machine the API
	// server may need longer for the largest than it allows a request.
	args := []string{"apply", "--server-side", "--force-conflicts"}
	for _, f := range files {
		args = append(args, "-f", f)
	}
	if err := kube.Retry(ctx, 5*time.Minute, func(ctx context.Context) error {
		_, err := i.Kube.Kubectl(ctx, args...)
		return err
	}); err != nil {
		return err
	}
	// Wait until the kinds are served. That is a cheap request; kubectl wait would
	// read megabytes of schemas, and fails for a CRD without conditions.
	return kube.Retry(ctx, 2*time.Minute, func(ctx context.Context) error {
		var group struct{ Resources []struct{ Name string } }
		if err := i.Kube.Get(ctx, "/apis/argoproj.io/v1alpha1", &group); err != nil {
			return err
		}
		served := 0
		for _, r := range group.Resources {
			if !strings.Contains(r.Name, "/") { // A subresource.
				served++
			}
		}
		if served < len(files) {
			return fmt.Errorf("%d of %d resources of Argo are served", served, len(files))
		}
		return nil
	})
}

func (i *Installer) argoInstall(ctx context.Context, files map[string]string) error {
	dir, err := os.MkdirTemp("", "stanzaflow-argo-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			return err
		}
	}
	// Kustomize takes no resource from outside its own directory.
	upstream, err := i.Kube.Kubectl(ctx, "kustomize", filepath.Join(i.ArgoManifests, "cluster-install-no-crds"))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "install.yaml"), []byte(upstream), 0o600); err != nil {
		return err
	}
	all, err := i.Kube.Kubectl(ctx, "kustomize", dir)
	if err != nil {
		return err
	}
	return i.Kube.Apply(ctx, all)
}
