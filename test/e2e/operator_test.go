// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
)

const (
	system  = "stanzaflow-system"
	release = "stanzaflow"
	// withoutCRDs selects what is deleted with the operator: not the CRDs, and not
	// the namespace, which holds the keys of the certificate authorities.
	withoutCRDs = "app.kubernetes.io/part-of=stanzaflow,!pod-security.kubernetes.io/enforce"
)

// released is the image that the manifests of a checkout name.
const released = "ghcr.io/stanzaflow/operator:v0.1.0"

// installOperator installs CRDs, policies and operator of a checkout over what is
// there. It is used when a test ends, too.
func installOperator(t testing.TB, tree, image string) {
	t.Helper()
	applyOf(t, tree, "deploy/overlays/standalone", image)
	operatorReady(t)
}

// applyOf applies a kustomization of a checkout, with options of kubectl.
func applyOf(t testing.TB, tree, folder, image string, options ...string) {
	t.Helper()
	ctx := context.Background()
	manifests, err := kubectlTry(ctx, nil, "kustomize", tree+"/"+folder)
	if err != nil {
		t.Fatalf("kubectl kustomize %s: %v\n%s", folder, err, manifests)
	}
	if !strings.Contains(manifests, released) {
		t.Fatalf("%s/%s does not name the image %s", tree, folder, released)
	}
	manifests = strings.ReplaceAll(manifests, released, image)
	arguments := append([]string{"apply", "--server-side", "--force-conflicts", "-f", "-"}, options...)
	if out, err := kubectlTry(ctx, []byte(manifests), arguments...); err != nil {
		t.Fatalf("kubectl apply of %s: %v\n%s", folder, err, out)
	}
}

func operatorReady(t testing.TB) {
	t.Helper()
	ctx := context.Background()
	if out, err := kubectlTry(ctx, nil, "rollout", "status", "-n", system, "deployment/stanzaflow", "--timeout=120s"); err != nil {
		pods, _ := kubectlTry(ctx, nil, "get", "pods", "-n", system, "-o", "wide")
		t.Fatalf("the operator does not become ready: %v\n%s\n%s", err, out, pods)
	}
}

// program runs something in a folder, with additions to the environment.
func program(t testing.TB, dir string, environment []string, argv ...string) string {
	t.Helper()
	command := exec.CommandContext(context.Background(), argv[0], argv[1:]...)
	command.Dir, command.Env = dir, append(os.Environ(), environment...)
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, out)
	}
	return string(out)
}

func clusterProgram(t testing.TB) string {
	t.Helper()
	path := os.Getenv("CLUSTER")
	if path == "" {
		t.Fatal("CLUSTER must name the program of the local cluster: run make test-cluster")
	}
	return path
}
