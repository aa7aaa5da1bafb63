// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/yaml"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// testSensor applies the page to the kinds of Argo Events, and does with an event what
// the pod of the Sensor does, with the rights of its ServiceAccount.
func (w *predeployWays) testSensor(t *testing.T) {
	module := strings.TrimSpace(program.Run(t, program.Checkout, nil, "go", "-C", "test/argoevents", "list", "-m", "-f", "{{.Dir}}", "github.com/argoproj/argo-events"))
	crds := []string{"-f", module + "/manifests/base/crds/argoproj.io_eventsources.yaml", "-f", module + "/manifests/base/crds/argoproj.io_sensors.yaml"}
	program.Kubectl(t, append([]string{"apply", "--server-side"}, crds...)...)
	t.Cleanup(func() {
		if out, err := program.TryKubectl(context.Background(), nil, append([]string{"delete"}, crds...)...); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	program.Kubectl(t, append([]string{"wait", "--for=condition=Established", "--timeout=60s"}, crds...)...)
	if out, err := w.follow(t, "argo-events", nil); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	sensor := filepath.Join(t.TempDir(), "sensor.yaml")
	if err := os.WriteFile(sensor, []byte(program.Kubectl(t, "-n", w.Namespace, "get", "sensor", "release", "-o", "yaml")), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBECONFIG", filepath.Join(w.checkout["kubectl"], "pipeline.kubeconfig"))
	for _, event := range []struct{ body, want string }{
		{`{"environment": "staging", "release": "12"}`, "not selected"},
		{`{"environment": "production", "release": "12"}`, "release-12"},
		{`{"environment": "production", "release": "12"}`, `"release-12" already exists`},
	} {
		// The second time it is an error.
		if out, _ := w.pipe(t, []byte(event.body), "argoevents", sensor); !strings.Contains(out, event.want) {
			t.Errorf("the event %s: %s, want %s", event.body, out, event.want)
		}
	}
	_, r := w.AwaitSuccess(t, "release-12")
	if r.Predeploy == nil || !strings.HasPrefix(r.Predeploy.RestorePoint, "release-12-") {
		t.Errorf("the report of the run is %+v", r)
	}
}

// testWebhook sends what GitHub sends to a real Argo Server.
func (w *predeployWays) testWebhook(t *testing.T) {
	program.Kubectl(t, "-n", w.Namespace, "rollout", "status", "deployment/argo-server", "--timeout=180s")
	server := "https://" + program.Kubectl(t, "-n", w.Namespace, "get", "service", "argo-server", "-o", "jsonpath={.spec.clusterIP}") + ":2746"
	out, err := w.follow(t, "argo-server", map[string]string{"ARGO_SERVER": server})
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, program.Kubectl(t, "-n", w.Namespace, "logs", "deployment/argo-server", "--tail=30"))
	}
	workflow, r := w.AwaitSuccess(t, "release-7")
	if r.Kind != "" && r.Kind != vocab.RunBackup || r.Backup == nil {
		t.Errorf("the report of the run is %+v, want a backup", r)
	}
	w.ProvenBackup(t, workflow, kit.Primary)
	if creator, want := workflow.Labels["workflows.argoproj.io/creator"], "system-serviceaccount-"+w.Namespace+"-pgbackrest-submitter"; creator != want {
		t.Errorf("it was created by %s, want %s", creator, want)
	}

	var client struct {
		Secret string `json:"secret"`
	}
	if err := yaml.Unmarshal([]byte(w.ReadSecret(t, "argo-workflows-webhook-clients", "pgbackrest-submitter")), &client); err != nil || client.Secret == "" {
		t.Fatalf("there is no secret of the webhook: %v", err)
	}
	to := server + "/api/v1/events/" + w.Namespace + "/release"
	const selected = `{"action": "published", "release": {"id": 8}, "repository": {"full_name": "example/shop"}}`
	for title, event := range map[string]struct {
		body, signed, secret string
		want                 int
	}{
		"without a signature":      {selected, "", "", http.StatusUnauthorized},
		"with a wrong signature":   {selected, selected, "guessed", http.StatusUnauthorized},
		"changed on its way":       {selected, strings.Replace(selected, "8", "9", 1), client.Secret, http.StatusUnauthorized},
		"of another action":        {strings.Replace(selected, "published", "deleted", 1), "", client.Secret, http.StatusOK},
		"of another repository":    {strings.Replace(selected, "example/shop", "example/fork", 1), "", client.Secret, http.StatusOK},
		"of the release once more": {strings.Replace(selected, "8", "7", 1), "", client.Secret, http.StatusInternalServerError},
	} {
		t.Run(title, func(t *testing.T) {
			if event.signed == "" {
				event.signed = event.body
			}
			if got, answer := send(t, to, event.body, event.signed, event.secret); got != event.want {
				t.Errorf("the answer is %d %s, want %d", got, answer, event.want)
			}
		})
	}
	var again wfv1.Workflow
	if err := w.TryGet(t.Context(), "release-8", &again); !apierrors.IsNotFound(err) {
		t.Errorf("an event that should start nothing has started release-8: %v", err)
	}
	w.Get(t, "release-7", &again)
	if again.UID != workflow.UID {
		t.Error("the second event of a release has started a second run")
	}
}

// send sends an event as GitHub does. An empty secret leaves the signature out.
func send(t *testing.T, to, body, signed, secret string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, to, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Github-Event", "release")
	if secret != "" {
		sum := hmac.New(sha256.New, []byte(secret))
		_, _ = io.WriteString(sum, signed)
		request.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(sum.Sum(nil)))
	}
	c := http.Client{Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	answer, err := c.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// testSubmitter tries with the token of the pipeline what the policy must refuse.
func (w *predeployWays) testSubmitter(t *testing.T) {
	kubeconfig := "--kubeconfig=" + filepath.Join(w.checkout["kubectl"], "pipeline.kubeconfig")
	const run = `{apiVersion: argoproj.io/v1alpha1, kind: Workflow, metadata: {generateName: x-}, spec: {workflowTemplateRef: {name: pgbackrest-backup}, `
	for spec, want := range map[string]string{
		"serviceAccountName: default}}": "a submitter may set only",
		"entrypoint: stanza}}":          "a submitter may run only the entrypoints",
	} {
		out, err := program.TryKubectl(t.Context(), []byte(run+spec), kubeconfig, "create", "--filename=-")
		if err == nil || !strings.Contains(out, want) {
			t.Errorf("%s: %v %s, want %q", spec, err, out, want)
		}
	}
	for _, args := range [][]string{{"delete", "workflow", "release-7"}, {"get", "secrets"}, {"get", "pods"}} {
		if out, err := program.TryKubectl(t.Context(), nil, append([]string{kubeconfig}, args...)...); err == nil || !strings.Contains(out, "Forbidden") {
			t.Errorf("kubectl %s: %v %s", strings.Join(args, " "), err, out)
		}
	}
	wait.Until(t, time.Minute, "the run is still there", func() (bool, string) {
		var workflow wfv1.Workflow
		err := w.TryGet(t.Context(), "release-7", &workflow)
		return err == nil, ""
	})
}
