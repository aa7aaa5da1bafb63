// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package reconciletest makes clusters for the tests of package reconcile and of
// the packages below it: resources as users write them, Workflows as Argo leaves
// them, and the State of a cluster that has everything in place.
//
// It fakes only what a user or Argo would write. Planned objects are those of a
// real translation.
package reconciletest

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/workflows"
)

// Names that the resource of Postgresql leads to.
const (
	Cluster   = "shop"
	Full      = "pgbackrest-shop-repo1-full"
	Incr      = "pgbackrest-shop-repo1-incr"
	ConfigMap = "shop-pgbackrest-config"
	// Location is where its backups are.
	Location = "s3://shop-backups/shop/repo1"
)

// Names that the resource of Hosted leads to as well.
const (
	Host       = "shop-pgbackrest-repo-host"
	Claim      = "repo1-shop-pgbackrest-repo-host-0"
	Cert       = "shop-pgbackrest-cert"
	Credential = "shop-pgbackrest-credential"
)

// Hosted returns the cluster of Postgresql with its repo on a volume.
func Hosted(t testing.TB, namespace string) *unstructured.Unstructured {
	t.Helper()
	return cluster(t, namespace, `
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
`)
}

// SetRepos replaces the repos.
func SetRepos(postgresql *unstructured.Unstructured, repos ...any) {
	section, _, _ := unstructured.NestedFieldNoCopy(postgresql.Object, "spec", "backup", "pgbackrest")
	section.(map[string]any)["repos"] = repos
}

// Postgresql returns a cluster with a full and an incr schedule on repo1.
func Postgresql(t testing.TB, namespace string) *unstructured.Unstructured {
	t.Helper()
	return cluster(t, namespace, `
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
`)
}

// Rename gives a cluster another name, and a bucket of its own.
func Rename(postgresql *unstructured.Unstructured, name string) {
	postgresql.SetName(name)
	Repo1(postgresql)["resource"] = name + "-backups"
}

// cluster returns a cluster with some lines of YAML as its backup settings.
func cluster(t testing.TB, namespace, settings string) *unstructured.Unstructured {
	t.Helper()
	u := FromYAML(t, `
apiVersion: cpo.opensource.cybertec.at/v1
kind: postgresql
metadata:
  name: shop
spec:
  backup:
    pgbackrest:`+settings)
	u.SetNamespace(namespace)
	return u
}

// FromYAML reads one object.
func FromYAML(t testing.TB, text string) *unstructured.Unstructured {
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

// AllFromYAML reads a stream of objects.
func AllFromYAML(t testing.TB, text string) []*unstructured.Unstructured {
	t.Helper()
	var objects []*unstructured.Unstructured
	for document := range strings.SplitSeq(text, "\n---\n") {
		objects = append(objects, FromYAML(t, document))
	}
	return objects
}

// SetSchedule changes one schedule of repo1, and removes it if it is empty.
func SetSchedule(postgresql *unstructured.Unstructured, backupType, expression string) {
	schedule := Repo1(postgresql)["schedule"].(map[string]any)
	if expression == "" {
		delete(schedule, backupType)
		return
	}
	schedule[backupType] = expression
}

// Repo1 returns the first repo, to be changed.
func Repo1(postgresql *unstructured.Unstructured) map[string]any {
	repos, _, _ := unstructured.NestedFieldNoCopy(postgresql.Object, "spec", "backup", "pgbackrest", "repos")
	return repos.([]any)[0].(map[string]any)
}

const (
	// template is an entrypoint of the WorkflowTemplate.
	template     = vocab.EntrypointBackup
	fieldName    = "name"
	fieldPhase   = "phase"
	fieldStarted = "startedAt"
)

// Template returns the WorkflowTemplate of workflows/. It needs the ServiceAccount of
// Account.
func Template(namespace string) *unstructured.Unstructured {
	u := object.New(object.WorkflowTemplate)
	if err := yaml.Unmarshal(workflows.Template, &u.Object); err != nil {
		panic(err)
	}
	u.SetNamespace(namespace)
	return u
}

// Account returns the ServiceAccount of the pods of a run.
func Account(namespace string) *corev1.ServiceAccount {
	return &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "pgbackrest-runner"}}
}

// Run says how a Workflow ended.
type Run struct {
	Name, Type, Phase string
	// CronWorkflow that started it, if any.
	CronWorkflow *unstructured.Unstructured
	Started      time.Time
	// Result of its report, none if empty.
	Result stanzaflowv1alpha1.RunResult
	// Storage and Location of the repo that the report names.
	Storage, Location string
	// UID is set where there is no API server to do it.
	UID string
	// Heartbeat in its report, nil for none.
	Heartbeat *report.Heartbeat
}

// Workflow returns the Workflow of a run of repo1.
func Workflow(namespace string, o Run) *unstructured.Unstructured {
	u := object.New(object.Workflow)
	u.SetNamespace(namespace)
	u.SetName(o.Name)
	labels := map[string]string{
		vocab.LabelCluster: Cluster, vocab.LabelRepo: "repo1", vocab.LabelType: o.Type, vocab.LabelTrigger: vocab.TriggerSchedule,
		vocab.LabelResult: string(vocab.ShownRunning), // as the template does
	}
	if o.CronWorkflow != nil {
		labels[object.LabelCronWorkflow] = o.CronWorkflow.GetName()
		u.SetOwnerReferences([]metav1.OwnerReference{{
			APIVersion: o.CronWorkflow.GetAPIVersion(), Kind: o.CronWorkflow.GetKind(), Name: o.CronWorkflow.GetName(), UID: o.CronWorkflow.GetUID(), Controller: new(true),
		}})
	}
	u.SetLabels(labels)
	if o.UID != "" {
		u.SetUID(types.UID(o.UID))
	}
	u.Object["spec"] = map[string]any{"workflowTemplateRef": map[string]any{fieldName: vocab.DefaultWorkflowTemplate}}
	SetRun(u, o)
	return u
}

// AddRun adds a run to a state. Its result says how far it is.
func AddRun(state *object.State, name, backupType string, result stanzaflowv1alpha1.RunResult, started string) {
	phase := "Failed"
	switch result {
	case stanzaflowv1alpha1.RunRunning:
		phase, result = "Running", ""
	case stanzaflowv1alpha1.RunSucceeded, stanzaflowv1alpha1.RunUnknown:
		phase = "Succeeded"
	case stanzaflowv1alpha1.RunFailed, stanzaflowv1alpha1.RunHeld:
	}
	o := Run{Name: name, Type: backupType, Phase: phase, Started: Moment(started), Result: result, UID: name, Storage: cpo.StorageS3, Location: Location}
	state.Workflows = append(state.Workflows, object.DecodeWorkflow(Workflow("db", o)))
}

// SetRun writes the status of a Workflow as Argo does.
func SetRun(u *unstructured.Unstructured, o Run) {
	status := map[string]any{fieldPhase: o.Phase, fieldStarted: o.Started.UTC().Format(time.RFC3339)}
	if o.Phase != "Running" && o.Phase != "" {
		status["finishedAt"] = o.Started.Add(10 * time.Minute).UTC().Format(time.RFC3339)
	}
	if o.Result != "" {
		status["outputs"] = map[string]any{"parameters": []any{map[string]any{
			fieldName: vocab.OutputReport, "value": string(reportFor(u, o)),
		}}}
	}
	u.Object["status"] = status
}

func reportFor(u *unstructured.Unstructured, o Run) []byte {
	r := report.Report{
		Result: o.Result, Step: "verify", Run: string(u.GetUID()),
		Cluster: Cluster, Repo: "repo1", Type: o.Type, Trigger: vocab.TriggerSchedule,
		Heartbeat: o.Heartbeat,
	}
	if o.Result == stanzaflowv1alpha1.RunSucceeded {
		r.Backup = &report.Backup{
			Label: o.Started.UTC().Format("20060102-150405") + "F", Type: o.Type,
			Start: o.Started, Stop: o.Started.Add(9 * time.Minute), DatabaseBytes: 1 << 30, RepoDeltaBytes: 1 << 28,
			WALStart: "000000010000000000000002", WALStop: "000000010000000000000003",
			OldestInRepo: o.Started.Add(-240 * time.Hour), BackupsInRepo: 5, FullsInRepo: 2,
			Storage: o.Storage, Location: o.Location, Cipher: "none", Verified: stanzaflowv1alpha1.VerifiedContents,
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

// Waiting is the status of a run that waits for a mutex, as Argo writes it.
func Waiting(holder string) map[string]any {
	const run = "incr-1"
	return map[string]any{
		fieldPhase: "Running", fieldStarted: "2026-11-22T12:00:02Z",
		"synchronization": map[string]any{"mutex": map[string]any{"waiting": []any{map[string]any{
			"mutex": "db/Mutex/pgbackrest-shop", "holder": holder,
		}}}},
		"nodes": map[string]any{run: map[string]any{
			"id": run, fieldName: run, "displayName": run, "type": "Pod", "templateName": template, fieldPhase: "Pending",
			"message": "Waiting for db/Mutex/pgbackrest-shop lock. Lock status: 0/1", fieldStarted: "2026-11-22T12:00:02Z",
			"synchronizationStatus": map[string]any{"waiting": "db/Mutex/pgbackrest-shop"},
		}},
	}
}

// JSON shows a value in the message of a test.
func JSON(value any) string {
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// Moment reads a time as RFC 3339 writes it.
func Moment(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

// Noon is a moment at which no schedule of Postgresql was due just now.
var Noon = time.Date(2026, time.November, 22, 12, 7, 0, 0, time.UTC)

// Condition returns a condition of a status, which must have it.
func Condition(t testing.TB, status stanzaflowv1alpha1.StanzaStatus, kind string) metav1.Condition {
	t.Helper()
	c := meta.FindStatusCondition(status.Conditions, kind)
	if c == nil {
		t.Fatalf("no condition %s in %s", kind, JSON(status.Conditions))
	}
	return *c
}

// State returns the state of the cluster of Postgresql with everything in place.
func State(t testing.TB) object.State {
	t.Helper()
	return StateOf(t, Postgresql(t, "db"))
}

// StateOf returns the state of a cluster with everything in place.
func StateOf(t testing.TB, postgresql *unstructured.Unstructured) object.State {
	t.Helper()
	state := object.State{
		Key:           types.NamespacedName{Namespace: "db", Name: Cluster},
		Postgresql:    postgresql,
		Stanza:        &stanzaflowv1alpha1.Stanza{ObjectMeta: metav1.ObjectMeta{Name: Cluster, Namespace: "db", Labels: map[string]string{vocab.LabelManagedBy: vocab.ManagedBy}}},
		CPO:           cpo.DefaultOperatorConfiguration(),
		ArgoInstalled: true,
		Template:      object.Template{Name: vocab.DefaultWorkflowTemplate, Found: true, Version: "uid.1", Contract: vocab.TemplateContract},
		Objects:       object.Objects{},
		Foreign:       map[string]bool{},
	}
	for _, planned := range Planned(t, state).Objects() {
		if object.KindOf(planned.GroupVersionKind()).Ownership == object.WriteOnly {
			continue
		}
		there := planned.DeepCopy()
		there.SetCreationTimestamp(metav1.NewTime(Noon.Add(-48 * time.Hour)))
		state.Objects.Add(there)
	}
	return state
}

// Planned returns what a real translation plans for a state.
func Planned(t testing.TB, state object.State) object.Planned {
	t.Helper()
	planned, err := object.Translate(state, vocab.ProvisionedByUs)
	if err != nil {
		t.Fatal(err)
	}
	return planned
}
