// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// testDemoElsewhere runs make demo in a cluster of the user's own, which has no registry.
// With LOAD the local cluster is one; its own loader stands for that of kind. Then the
// story runs every command that the demo prints, unchanged.
func testDemoElsewhere(t *testing.T) {
	config, err := os.ReadFile(os.Getenv("KUBECONFIG"))
	if err != nil {
		t.Fatalf("KUBECONFIG must be set, run make test-cluster: %v", err)
	}
	own := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(own, config, 0o600); err != nil {
		t.Fatal(err)
	}
	kit.New(t, "stanzaflow-demo")
	handOver(t)
	out, err := bash(t.Context(), "hack/demo.sh", "KUBECONFIG="+own, "IMAGE=", "LOAD=go -C test/cluster run . load")
	t.Log(out)
	if err != nil || !strings.Contains(out, "PROVEN: backup ") {
		t.Fatalf("the demo proves no backup: %v", err)
	}
	for _, want := range []string{"operator.tar", "postgres-17-pgbackrest-2.55", "versitygw-v"} {
		if !regexp.MustCompile(`run \. load .*/` + regexp.QuoteMeta(want)).MatchString(out) {
			t.Errorf("the demo does not load %s", want)
		}
	}
	runPrinted(t, out)
}

// handOver makes the operator belong to the demo alone. Other stories install it as
// kubectl too, and the demo refuses to change what somebody else has set. A manager that
// applies only the name of an object gives up all its fields.
func handOver(t *testing.T) {
	t.Helper()
	manifests := filepath.Join(t.TempDir(), "operator.yaml")
	program.Kubectl(t, "kustomize", program.Checkout+"/deploy/overlays/standalone", "-o", manifests)
	const each = `{{range .items}}{{$object := .}}{{range .metadata.managedFields}}{{if eq .operation "Apply"}}{{if not .subresource}}` +
		`{{.manager}}{{"\t"}}{"apiVersion":"{{$object.apiVersion}}","kind":"{{$object.kind}}","metadata":{"name":"{{$object.metadata.name}}"` +
		`{{with $object.metadata.namespace}},"namespace":"{{.}}"{{end}}}}{{"\n"}}{{end}}{{end}}{{end}}{{end}}`
	names := map[string]string{}
	for line := range strings.Lines(program.Kubectl(t, "get", "--show-managed-fields", "-f", manifests, "-o", "go-template="+each)) {
		if manager, name, _ := strings.Cut(line, "\t"); manager != "stanzaflow-demo" {
			names[manager] += name
		}
	}
	for manager, objects := range names {
		out, err := program.TryKubectl(t.Context(), []byte(objects), "apply", "--server-side", "--field-manager="+manager, "-f", "-")
		if err != nil {
			t.Fatalf("%s cannot give up its fields: %v\n%s", manager, err, out)
		}
	}
}

// runPrinted runs the commands that the demo printed, with its exports.
func runPrinted(t *testing.T, out string) {
	t.Helper()
	exports, tried := "", 0
	for _, line := range regexp.MustCompile(`(?m)^  \$ (.*)$`).FindAllStringSubmatch(out, -1) {
		command := line[1]
		tried++
		if strings.HasPrefix(command, "export ") {
			exports += command + "\n"
			continue
		}
		if strings.Contains(command, "port-forward") {
			awaitAnswer(t, exports+"exec "+command, regexp.MustCompile(`https?://localhost:\S+[^,\s]`).FindString(out))
			continue
		}
		if strings.HasPrefix(command, "kubectl delete -k") { // Other stories use the operator.
			command += " --dry-run=server"
		}
		start := time.Now()
		result, err := bash(t.Context(), "set -eo pipefail\n"+exports+command)
		t.Logf("$ %s\n%s(%s)", command, result, time.Since(start).Round(time.Second))
		if err != nil {
			t.Fatalf("the command does not work as printed: %s\n%v", command, err)
		}
		if strings.HasSuffix(command, "-o wide") && !strings.Contains(result, "LastRunFailed") {
			t.Errorf("the Stanza does not say that the run failed:\n%s", result)
		}
	}
	if tried < 13 {
		t.Errorf("only %d commands are printed", tried)
	}
}

// awaitAnswer runs a server until it answers.
func awaitAnswer(t *testing.T, script, url string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan string, 1)
	go func() {
		out, err := bash(ctx, script)
		done <- fmt.Sprintf("%v: %s", err, out)
	}()
	wait.Until(t, time.Minute, "an answer from "+url, func() (bool, string) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return false, err.Error()
		}
		defer func() { _ = response.Body.Close() }()
		return response.StatusCode == http.StatusOK, response.Status
	})
	cancel()
	t.Logf("$ %s\n%s", script, <-done)
}

// bash runs a script at the top of the checkout and returns all that it prints.
func bash(ctx context.Context, script string, environment ...string) (string, error) {
	return program.TryRun(ctx, program.Checkout, environment, "bash", "-c", script)
}
