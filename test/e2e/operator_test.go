// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"context"
	"strings"
	"testing"

	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
)

const (
	release = "stanzaflow"
	// withoutCRDs selects what is deleted with the operator: neither the CRDs nor the
	// namespace, which holds the keys of the certificate authorities.
	withoutCRDs = "app.kubernetes.io/part-of=stanzaflow,!pod-security.kubernetes.io/enforce"
)

// installOperator installs CRDs, policies and operator of a checkout over what exists.
// It also works in a cleanup.
func installOperator(t testing.TB, tree, image string) {
	t.Helper()
	applyTree(t, tree, "deploy/overlays/standalone", image)
	awaitOperator(t)
}

// applyTree applies a kustomization of a checkout, with options of kubectl.
func applyTree(t testing.TB, tree, folder, image string, options ...string) {
	t.Helper()
	ctx := context.Background()
	manifests, err := program.TryKubectl(ctx, nil, "kustomize", tree+"/"+folder)
	if err != nil {
		t.Fatalf("kubectl kustomize %s: %v\n%s", folder, err, manifests)
	}
	if !strings.Contains(manifests, kit.Released) {
		t.Fatalf("%s/%s does not name the image %s", tree, folder, kit.Released)
	}
	manifests = strings.ReplaceAll(manifests, kit.Released, image)
	arguments := append([]string{"apply", "--server-side", "--force-conflicts", "-f", "-"}, options...)
	if out, err := program.TryKubectl(ctx, []byte(manifests), arguments...); err != nil {
		t.Fatalf("kubectl apply of %s: %v\n%s", folder, err, out)
	}
}

// awaitOperator waits until the operator is ready.
func awaitOperator(t testing.TB) {
	t.Helper()
	ctx := context.Background()
	if out, err := program.TryKubectl(ctx, nil, "rollout", "status", "-n", kit.System, "deployment/stanzaflow", "--timeout=120s"); err != nil {
		pods, _ := program.TryKubectl(ctx, nil, "get", "pods", "-n", kit.System, "-o", "wide")
		t.Fatalf("the operator does not become ready: %v\n%s\n%s", err, out, pods)
	}
}
