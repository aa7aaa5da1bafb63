// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Names that the CR of makePostgresql gives.
const (
	testCluster   = "shop"
	testFull      = "pgbackrest-shop-repo1-full"
	testIncr      = "pgbackrest-shop-repo1-incr"
	testConfigMap = "shop-pgbackrest-config"
)

// Names that the CR of makeHosted gives too.
const (
	testHost       = "shop-pgbackrest-repo-host"
	testClaim      = "repo1-shop-pgbackrest-repo-host-0"
	testCert       = "shop-pgbackrest-cert"
	testCredential = "shop-pgbackrest-credential"
)

const hostedYAML = `
apiVersion: cpo.opensource.cybertec.at/v1
kind: postgresql
metadata:
  name: shop
spec:
  backup:
    pgbackrest:
      image: registry.example.com/pgbackrest:17
      global:
        repo1-retention-full: "7"
      repos:
        - name: repo1
          storage: pvc
          volume:
            size: 2Gi
            storageClass: fast
          schedule:
            full: 30 2 * * *
            incr: '*/30 * * * *'
`

// makeHosted is the cluster of makePostgresql with its repo on a volume.
func makeHosted(t *testing.T, namespace string) *unstructured.Unstructured {
	t.Helper()
	u := fromYAML(t, hostedYAML)
	u.SetNamespace(namespace)
	return u
}

func setRepos(postgresql *unstructured.Unstructured, repos ...any) {
	section, _, _ := unstructured.NestedFieldNoCopy(postgresql.Object, "spec", "backup", "pgbackrest")
	section.(map[string]any)["repos"] = repos
}

const postgresqlYAML = `
apiVersion: cpo.opensource.cybertec.at/v1
kind: postgresql
metadata:
  name: shop
spec:
  backup:
    pgbackrest:
      configuration:
        secret: shop-s3-credential
      global:
        repo1-path: /shop/repo1/
        repo1-retention-full: "7"
      repos:
        - name: repo1
          storage: s3
          resource: shop-backups
          endpoint: https://s3.example.com
          region: zurich
          schedule:
            full: 30 2 * * *
            incr: '*/30 * * * *'
`

// makePostgresql is a cluster with a full and an incr schedule on repo1.
func makePostgresql(t *testing.T, namespace string) *unstructured.Unstructured {
	t.Helper()
	u := fromYAML(t, postgresqlYAML)
	u.SetNamespace(namespace)
	return u
}

func fromYAML(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{}
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := u.UnmarshalJSON(data); err != nil {
		t.Fatal(err)
	}
	return u
}

// setSchedule changes one schedule of repo1, and removes it when empty.
func setSchedule(postgresql *unstructured.Unstructured, backupType, expression string) {
	schedule := repo1(postgresql)["schedule"].(map[string]any)
	if expression == "" {
		delete(schedule, backupType)
		return
	}
	schedule[backupType] = expression
}

func repo1(postgresql *unstructured.Unstructured) map[string]any {
	repos, _, _ := unstructured.NestedFieldNoCopy(postgresql.Object, "spec", "backup", "pgbackrest", "repos")
	return repos.([]any)[0].(map[string]any)
}

func makeTemplate(namespace string) *unstructured.Unstructured {
	u := newObject(workflowTemplateKind)
	u.SetNamespace(namespace)
	u.SetName(vocab.DefaultWorkflowTemplate)
	u.SetLabels(map[string]string{vocab.LabelContract: vocab.TemplateContract})
	u.Object["spec"] = map[string]any{
		"entrypoint": "backup",
		"templates":  []any{map[string]any{"name": "backup", "suspend": map[string]any{}}},
	}
	return u
}

// runOptions say how a Workflow of makeWorkflow ended.
type runOptions struct {
	name, backupType, phase string
	// cron is the CronWorkflow that started it, if any.
	cron    *unstructured.Unstructured
	started time.Time
	// result of its report, none if empty.
	result stanzaflowv1alpha1.RunResult
	// storage and location of the repo that the report names.
	storage, location string
	// uid is set where there is no API server to do it.
	uid string
}

func makeWorkflow(namespace string, o runOptions) *unstructured.Unstructured {
	u := newObject(workflowKind)
	u.SetNamespace(namespace)
	u.SetName(o.name)
	labels := map[string]string{
		vocab.LabelCluster: testCluster, vocab.LabelRepo: "repo1", vocab.LabelType: o.backupType, vocab.LabelTrigger: vocab.TriggerSchedule,
	}
	if o.cron != nil {
		labels[labelCronWorkflow] = o.cron.GetName()
		u.SetOwnerReferences([]metav1.OwnerReference{{
			APIVersion: o.cron.GetAPIVersion(), Kind: o.cron.GetKind(), Name: o.cron.GetName(), UID: o.cron.GetUID(), Controller: new(true),
		}})
	}
	u.SetLabels(labels)
	if o.uid != "" {
		u.SetUID(types.UID(o.uid))
	}
	u.Object["spec"] = map[string]any{"workflowTemplateRef": map[string]any{"name": vocab.DefaultWorkflowTemplate}}
	setRun(u, o)
	return u
}

// setRun writes the status of a Workflow as Argo does.
func setRun(u *unstructured.Unstructured, o runOptions) {
	status := map[string]any{"phase": o.phase, "startedAt": o.started.UTC().Format(time.RFC3339)}
	if o.phase != "Running" && o.phase != "" {
		status["finishedAt"] = o.started.Add(10 * time.Minute).UTC().Format(time.RFC3339)
	}
	if o.result != "" {
		status["outputs"] = map[string]any{"parameters": []any{map[string]any{
			"name": vocab.OutputReport, "value": string(reportFor(u, o)),
		}}}
	}
	u.Object["status"] = status
}

func reportFor(u *unstructured.Unstructured, o runOptions) []byte {
	r := report.Report{
		Result: o.result, Step: "verify", Run: string(u.GetUID()),
		Cluster: testCluster, Repo: "repo1", Type: o.backupType, Trigger: vocab.TriggerSchedule,
	}
	if o.result == stanzaflowv1alpha1.RunSucceeded {
		r.Backup = &report.Backup{
			Label: o.started.UTC().Format("20060102-150405") + "F", Type: o.backupType,
			Start: o.started, Stop: o.started.Add(9 * time.Minute), DatabaseBytes: 1 << 30, RepoDeltaBytes: 1 << 28,
			WALStart: "000000010000000000000002", WALStop: "000000010000000000000003",
			OldestInRepo: o.started.Add(-240 * time.Hour), BackupsInRepo: 5, FullsInRepo: 2,
			Storage: o.storage, Location: o.location, Cipher: "none", Verified: stanzaflowv1alpha1.VerifiedContents,
		}
		r.Retention = &report.Retention{}
	} else {
		r.Message = "disk full; free some space"
	}
	data, err := r.Encode()
	if err != nil {
		panic(err)
	}
	return data
}

// recording is a Recorder that remembers.
type recording struct {
	mu    sync.Mutex
	notes []string
}

func (r *recording) Eventf(regarding, _ runtime.Object, eventtype, reason, _, note string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = regarding
	r.notes = append(r.notes, eventtype+" "+reason+": "+fmt.Sprintf(note, args...))
}

// take gives the events since the last call.
func (r *recording) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	notes := r.notes
	r.notes = nil
	return notes
}

// has reports whether one of some events contains a text.
func has(notes []string, text string) bool {
	for _, note := range notes {
		if strings.Contains(note, text) {
			return true
		}
	}
	return false
}

func conditionOf(t *testing.T, status stanzaflowv1alpha1.StanzaStatus, kind string) metav1.Condition {
	t.Helper()
	for _, c := range status.Conditions {
		if c.Type == kind {
			return c
		}
	}
	t.Fatalf("no condition %s in %s", kind, asJSON(status.Conditions))
	return metav1.Condition{}
}

func asJSON(value any) string {
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err.Error()
	}
	return string(data)
}
