// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// deployByArgoCD syncs an application with the hook of the page. Its engine makes a name
// of the revision.
func (w *predeployWays) deployByArgoCD(t *testing.T) (string, error) {
	t.Helper()
	if out, err := w.follow(t, "argo-cd", nil); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	hook, err := os.ReadFile(filepath.Join(w.checkout["argo-cd"], "examples/pre-deploy/argo-cd/predeploy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	application := fmt.Sprintf("\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: application, namespace: %s}\ndata: {version: '2'}\n", w.Namespace)
	return w.pipe(t, append(hook, application...), "argocd", "sync", w.Namespace, "0123456789abcdef0123456789abcdef01234567")
}

// pipe runs a program of the test modules.
func (w *predeployWays) pipe(t *testing.T, in []byte, name string, args ...string) (string, error) {
	t.Helper()
	command := exec.CommandContext(t.Context(), filepath.Join(w.bin, name), args...)
	command.Stdin = bytes.NewReader(in)
	out, err := command.CombinedOutput()
	return string(out), err
}

// health is what Argo CD says of an object.
func (w *predeployWays) health(t *testing.T, object string) string {
	t.Helper()
	text := program.Kubectl(t, "-n", w.Namespace, "get", object, "-o", "yaml")
	out, err := w.pipe(t, []byte(text), "argocd", "health", program.Checkout+"/deploy/argocd/argocd-cm.yaml")
	if err != nil {
		t.Fatalf("%v: %s\n%s", err, out, text)
	}
	return out
}

func (w *predeployWays) wantHealth(t *testing.T, object, want string) {
	t.Helper()
	if got := w.health(t, object); !strings.HasPrefix(got, want) {
		t.Errorf("Argo CD says of %s: %s, want %s", object, got, want)
	}
}

// awaitHealth waits for the health of the Stanza.
func (w *predeployWays) awaitHealth(t *testing.T, want string) {
	t.Helper()
	wait.Until(t, time.Minute, "Argo CD says of the Stanza: "+want, func() (bool, string) {
		got := w.health(t, "stanza/cluster")
		return strings.HasPrefix(got, want), got
	})
}
