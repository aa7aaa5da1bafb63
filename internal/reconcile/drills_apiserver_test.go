//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/drill"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

const (
	drillConfig = "shop-pgbackrest-drill-config"
	drillNewest = "pgbackrest-shop-drill-newest"
)

// TestDrills has an operator with the rights and the policies of the manifest, and a cluster
// with drills.
func TestDrills(t *testing.T) {
	for _, variant := range []string{"minimal", "full"} {
		t.Run(variant, func(t *testing.T) {
			s := startServer(t, argoCRDs(t, variant)...)
			for name, test := range map[string]func(*world){
				"describes the pod, and starts drills":            testDrillsBegin,
				"follows a database that grows, step by step":     testDrillsGrow,
				"ends with the last drill":                        testDrillsEnd,
				"says what a drill finds":                         testDrillsFold,
				"says that data are missing":                      testDrillsMissing,
				"takes a plan of a restore for nothing":           testDrillsPlanOfARestore,
				"says that a drill does not start":                testDrillsPending,
				"says what a drill lacks":                         testDrillsLack,
				"says that a volume stays":                        testDrillsRetained,
				"puts its ConfigMap right":                        testDrillsRepair,
				"is no backup, and takes nothing from the backup": testDrillsAreNoBackup,
			} {
				t.Run(name, func(t *testing.T) { test(s.world(t)) })
			}
		})
	}
}

// drillSet is the StatefulSet of PostgreSQL.
func drillSet() *appsv1.StatefulSet {
	labels := map[string]string{"app": "shop"}
	set := &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Name: reconciletest.Cluster}}
	set.Spec.ServiceName, set.Spec.Selector = reconciletest.Cluster, &metav1.LabelSelector{MatchLabels: labels}
	set.Spec.Template.Labels = labels
	set.Spec.Template.Spec = corev1.PodSpec{
		Containers: []corev1.Container{{
			Name: "postgres", Image: "registry.example.com/postgres:17",
			VolumeMounts: []corev1.VolumeMount{{Name: "pgdata", MountPath: "/home/postgres/pgdata"}, {Name: "config", MountPath: "/etc/pgbackrest/conf.d"}},
		}},
		Volumes: []corev1.Volume{{Name: "config", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: reconciletest.ConfigMap},
		}}}},
	}
	claim := corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "pgdata"}}
	claim.Spec.AccessModes, claim.Spec.StorageClassName = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, new("keeps")
	claim.Spec.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: *drillSize("5Gi")}
	set.Spec.VolumeClaimTemplates = []corev1.PersistentVolumeClaim{claim}
	return set
}

func withDrill(change ...func(*stanzaflowv1alpha1.StanzaSpec)) *stanzaflowv1alpha1.Stanza {
	stanza := &stanzaflowv1alpha1.Stanza{ObjectMeta: metav1.ObjectMeta{Name: reconciletest.Cluster}}
	stanza.Spec.Drills = []stanzaflowv1alpha1.Drill{{Name: "newest", Schedule: "0 5 * * 0"}}
	for _, f := range change {
		f(&stanza.Spec)
	}
	return stanza
}

// drills sets up a cluster with drills, and settles.
func (w *world) drills(change ...func(*stanzaflowv1alpha1.StanzaSpec)) {
	w.Helper()
	w.create(reconciletest.DrillTemplate(w.namespace))
	w.create(reconciletest.DrillAccount())
	w.create(drillSet())
	w.create(withDrill(change...))
	w.setUp(reconciletest.Postgresql(w.T, w.namespace))
	w.recorder.take()
}

func testDrillsBegin(w *world) {
	w.drills()
	config, cronWorkflow := w.get(object.ConfigMap, drillConfig), w.get(object.CronWorkflow, drillNewest)
	if got := config.GetLabels()["workflows.argoproj.io/configmap-type"]; got != "Parameter" {
		w.Errorf("Argo does not take parameters from the ConfigMap: its type is %q", got)
	}
	pod, _, _ := unstructured.NestedString(config.Object, "data", vocab.DrillConfigPod)
	for _, part := range []string{"registry.example.com/postgres:17", reconciletest.ConfigMap, `"storageClassName":"keeps"`, `"storage":"1Gi"`, `"image":"` + reconciletest.DrillImage + `"`} {
		if !strings.Contains(pod, part) {
			w.Errorf("the pod has no %s: %s", part, pod)
		}
	}
	text, _, _ := unstructured.NestedString(config.Object, "data", vocab.DrillConfigDrills)
	if decoded, err := drill.Decode(text); err != nil || len(decoded.Drills) != 1 {
		w.Errorf("the drills are %s: %v", text, err)
	}
	if schedule, _, _ := unstructured.NestedStringSlice(cronWorkflow.Object, "spec", "schedules"); fmt.Sprint(schedule) != "[0 5 * * 0]" {
		w.Errorf("the schedule is %v", schedule)
	}
	w.want(vocab.ConditionProgrammed, "True", vocab.ReasonProgrammed)
	w.want(vocab.ConditionRecoverable, "Unknown", vocab.ReasonNoDrillYet)
	entry := w.stanza().Status.Drills[0]
	if entry.CronWorkflow != drillNewest || entry.NextRunTime == nil || entry.Overdue {
		w.Errorf("status.drills is %s", reconciletest.JSON(entry))
	}
	w.wantQuiet()
}

func testDrillsGrow(w *world) {
	w.drills()
	changes := 0
	for bytes, was := int64(1<<30), w.get(object.ConfigMap, drillConfig).GetResourceVersion(); bytes < 2<<30; bytes += bytes / 25 {
		w.proven(bytes)
		w.settle()
		if is := w.get(object.ConfigMap, drillConfig).GetResourceVersion(); is != was {
			changes, was = changes+1, is
		}
	}
	// 1.04^18 is 2, and so is 1.1^7.3.
	if changes < 6 || changes > 9 {
		w.Errorf("the ConfigMap has changed %d times while the database grew to twice its size", changes)
	}
	w.recorder.take()
	w.wantQuiet()
}

// proven puts a proven backup of a size into the status, as a run does.
func (w *world) proven(bytes int64) {
	w.Helper()
	stanza := w.stanza()
	at := metav1.NewTime(w.clock.Now().Add(-time.Hour))
	stanza.Status.LastBackup = &stanzaflowv1alpha1.BackupStatus{Label: "20261122-100000F", Repo: "repo1", Type: "full", Workflow: "x", StartTime: at, StopTime: at, DatabaseBytes: bytes}
	if err := w.client.Status().Update(w.Context(), stanza); err != nil {
		w.Fatal(err)
	}
}

func testDrillsEnd(w *world) {
	w.drills()
	stanza := w.stanza()
	stanza.Spec.Drills = nil
	w.update(stanza)
	w.settle()
	w.clock.SetTime(w.clock.Now().Add(time.Minute))
	w.settle()
	if left := w.find(object.CronWorkflow, drillNewest); left != nil {
		w.Errorf("its CronWorkflow is still there: %s", reconciletest.JSON(left))
	}
	if data := w.get(object.ConfigMap, drillConfig).Object["data"]; data != nil {
		w.Errorf("a pod can still be made of the ConfigMap: %v", data)
	}
	if found := w.find(object.CronWorkflow, reconciletest.Full); found == nil {
		w.Error("the backups have ended, too")
	}
	for _, c := range w.stanza().Status.Conditions {
		if c.Type == vocab.ConditionRecoverable {
			w.Errorf("there is still a condition %s: %s", c.Type, c.Message)
		}
	}
	w.recorder.take()
	w.wantQuiet()
}

// drilled adds a drill that has ended.
func (w *world) drilled(result stanzaflowv1alpha1.RunResult, change func(*report.Report)) {
	w.Helper()
	w.drilledAs("newest-1", result, change)
}

func (w *world) drilledAs(name string, result stanzaflowv1alpha1.RunResult, change func(*report.Report)) {
	w.Helper()
	u := reconciletest.DrillWorkflow(w.namespace, name, "newest")
	w.create(u)
	reconciletest.EndDrill(u, w.clock.Now().Add(-20*time.Minute), result, change)
	w.update(u)
}

func testDrillsFold(w *world) {
	w.drills(func(spec *stanzaflowv1alpha1.StanzaSpec) {
		spec.Objectives.RTO = &metav1.Duration{Duration: time.Minute}
	})
	w.drilled(stanzaflowv1alpha1.RunSucceeded, nil)
	w.settle()
	status := w.stanza().Status
	if status.Recovery == nil || status.Recovery.RTO.Duration != 4*time.Minute || status.Recovery.Drill != "newest" || status.Recovery.RPO.Duration != 58*time.Second {
		w.Errorf("status.recovery is %s", reconciletest.JSON(status.Recovery))
	}
	proven := status.Drills[0].LastProven
	if proven == nil || proven.Repo != "repo1" || proven.Backup != "20261122-020000F" || len(status.Drills[0].Runs) != 1 {
		w.Errorf("status.drills is %s", reconciletest.JSON(status.Drills))
	}
	w.want(vocab.ConditionRecoverable, "False", vocab.ReasonRTOExceeded)
	if notes := w.recorder.take(); !has(notes, "Proven") {
		w.Errorf("events: %q", notes)
	}
	stanza := w.stanza()
	stanza.Spec.Objectives.RTO.Duration = time.Hour
	w.update(stanza)
	w.settle()
	w.want(vocab.ConditionRecoverable, "True", vocab.ReasonProven)
	w.recorder.take()
	w.wantQuiet()

	// A drill that was due and did not run, whatever the reason.
	w.clock.SetTime(w.clock.Now().Add(9 * 24 * time.Hour))
	w.settle()
	w.want(vocab.ConditionRecoverable, "False", vocab.ReasonDrillOverdue)
	if notes := w.recorder.take(); !has(notes, string(vocab.ReasonDrillOverdue)) {
		w.Errorf("events: %q", notes)
	}
}

func testDrillsMissing(w *world) {
	w.drills()
	w.drilled(stanzaflowv1alpha1.RunFailed, func(r *report.Report) {
		r.Message, r.Drill.DataMissing = "recovery ended at 05:00:04, and the archive must reach 05:12:11", true
	})
	w.settle()
	c := w.want(vocab.ConditionRecoverable, "False", vocab.ReasonNewestUnreachable)
	if !strings.Contains(c.Message, "05:12:11") {
		w.Errorf("the condition does not say what the drill says: %s", c.Message)
	}
	if notes := w.recorder.take(); !has(notes, string(vocab.ReasonDataNotRecovered)) {
		w.Errorf("events: %q", notes)
	}
	w.wantQuiet()
	// One that is lost has proven nothing, and is not good.
	lost := reconciletest.DrillWorkflow(w.namespace, "newest-2", "newest")
	w.create(lost)
	reconciletest.StartDrill(lost, w.clock.Now())
	w.update(lost)
	w.settle()
	w.delete(lost)
	w.settle()
	last := w.stanza().Status.Drills[0].LastRun
	if last.Workflow != "newest-2" || last.Result != stanzaflowv1alpha1.RunUnknown {
		w.Errorf("the last run is %s", reconciletest.JSON(last))
	}
	w.want(vocab.ConditionRecoverable, "False", vocab.ReasonNewestUnreachable)
	w.recorder.take()
	w.wantQuiet()
	// Nor is one to Immediate, whether the Workflows are there or not.
	w.delete(w.get(object.Workflow, "newest-1"))
	w.clock.SetTime(w.clock.Now().Add(time.Hour))
	w.drilledAs("newest-3", stanzaflowv1alpha1.RunSucceeded, func(r *report.Report) { r.Drill.Target = "Immediate" })
	w.settle()
	w.want(vocab.ConditionRecoverable, "False", vocab.ReasonNewestUnreachable)
	if found := w.stanza().Status.DrilledRepos; len(found) != 1 || found[0].Repo != "repo1" || found[0].Missing == nil || found[0].Missing.Workflow != "newest-1" {
		w.Errorf("status.drilledRepos is %s", reconciletest.JSON(found))
	}
	w.recorder.take()
	w.wantQuiet()
	w.clock.SetTime(w.clock.Now().Add(time.Hour))
	w.drilledAs("newest-4", stanzaflowv1alpha1.RunSucceeded, nil)
	w.settle()
	w.want(vocab.ConditionRecoverable, "True", vocab.ReasonProven)
	w.recorder.take()
	w.wantQuiet()
}

// testDrillsPlanOfARestore: a refusal is shown where Argo lists it, and counts nowhere.
func testDrillsPlanOfARestore(w *world) {
	w.drills()
	before := w.stanza().Status
	plan := reconciletest.DrillWorkflow(w.namespace, "plan-1", "")
	labels := plan.GetLabels()
	labels[vocab.LabelKind], labels[vocab.LabelTrigger] = string(vocab.RunRestorePlan), vocab.TriggerManual
	plan.SetLabels(labels)
	w.create(plan)
	at := w.clock.Now().UTC()
	plan.Object["status"] = map[string]any{
		"phase": "Failed", "startedAt": at.Add(-time.Minute).Format(time.RFC3339), "finishedAt": at.Format(time.RFC3339),
		"outputs": map[string]any{"parameters": []any{
			map[string]any{"name": vocab.OutputResult, "value": vocab.PlanRefused}, map[string]any{"name": vocab.OutputMessage, "value": "Gap: WAL is missing"},
		}},
	}
	w.update(plan)
	w.settle()
	shown := w.get(object.Workflow, "plan-1")
	if got := shown.GetLabels()[vocab.LabelResult]; got != string(vocab.ShownFailed) || !strings.Contains(shown.GetAnnotations()[vocab.AnnotationDescription], "Refused: Gap") {
		w.Errorf("it is shown as %s, %v", got, shown.GetAnnotations())
	}
	if was, is := reconciletest.JSON(before), reconciletest.JSON(w.stanza().Status); was != is {
		w.Errorf("the status was\n%s\nand is\n%s", was, is)
	}
	if notes := w.recorder.take(); len(notes) > 0 {
		w.Errorf("events: %q", notes)
	}
	w.wantQuiet()
}

func testDrillsPending(w *world) {
	w.drills()
	pending := reconciletest.DrillWorkflow(w.namespace, "newest-1", "newest")
	w.create(pending)
	begun := w.clock.Now()
	reconciletest.StartDrill(pending, begun)
	pod := map[string]any{
		"id": "restore", "name": "newest-1[1].restore(0)", "type": "Pod", "phase": "Pending", "startedAt": begun.UTC().Format(time.RFC3339),
		"message": "Unschedulable: 0/3 nodes are available: 3 Insufficient memory.",
	}
	_ = unstructured.SetNestedMap(pending.Object, map[string]any{"restore": pod}, "status", "nodes")
	w.update(pending)
	w.settle()
	if last := w.stanza().Status.Drills[0].LastRun; last == nil || last.Message != "" {
		w.Errorf("the last run is %s", reconciletest.JSON(last))
	}
	w.wantQuiet()
	w.clock.SetTime(begun.Add(16 * time.Minute))
	w.settle()
	last := w.stanza().Status.Drills[0].LastRun
	if last.Result != stanzaflowv1alpha1.RunRunning || last.Message != "the pod was Pending for 15 minutes: Unschedulable: 0/3 nodes are available: 3 Insufficient memory: quota, StorageClass or node; its events say more" {
		w.Errorf("the last run is %s", reconciletest.JSON(last))
	}
	w.want(vocab.ConditionRecoverable, "False", vocab.ReasonDrillPending)
	if notes := w.recorder.take(); !has(notes, string(vocab.ReasonDrillPending)) {
		w.Errorf("events: %q", notes)
	}
	w.wantQuiet()
	w.clock.SetTime(begun.Add(18 * time.Minute))
	w.wantQuiet()
	// It starts at last, and is no longer called so.
	_ = unstructured.SetNestedField(pending.Object, "Running", "status", "nodes", "restore", "phase")
	w.update(pending)
	w.settle()
	w.want(vocab.ConditionRecoverable, "Unknown", vocab.ReasonNoDrillYet)
}

func testDrillsLack(w *world) {
	w.create(withDrill())
	w.setUp(reconciletest.Postgresql(w.T, w.namespace))
	c := w.want(vocab.ConditionAccepted, "False", vocab.ReasonMissingField)
	if !strings.Contains(c.Message, "spec.restorePod.image") {
		w.Errorf("it does not name the field: %s", c.Message)
	}
	c = w.want(vocab.ConditionProgrammed, "False", vocab.ReasonDrillTemplateUnusable)
	if !strings.Contains(c.Message, vocab.DrillTemplate) || !strings.Contains(c.Message, "kubectl apply -k workflows/") {
		w.Errorf("it does not say what to apply: %s", c.Message)
	}
	if w.find(object.CronWorkflow, reconciletest.Full) == nil {
		w.Error("the backups wait for the drills")
	}
	w.recorder.take()
	w.wantQuiet()
}

func testDrillsRetained(w *world) {
	class := &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "keeps-" + w.namespace}, Provisioner: "x", ReclaimPolicy: new(corev1.PersistentVolumeReclaimRetain)}
	if err := w.client.Create(w.Context(), class); err != nil {
		w.Fatal(err)
	}
	w.create(reconciletest.DrillTemplate(w.namespace))
	w.create(reconciletest.DrillAccount())
	w.create(drillSet())
	w.create(withDrill(func(spec *stanzaflowv1alpha1.StanzaSpec) {
		spec.RestorePod = &stanzaflowv1alpha1.RestorePod{Volume: stanzaflowv1alpha1.RestoreVolume{StorageClassName: class.Name}}
	}))
	w.setUp(reconciletest.Postgresql(w.T, w.namespace))
	w.want(vocab.ConditionProgrammed, "True", vocab.ReasonDrillVolumeRetained)
	if notes := w.recorder.take(); !has(notes, string(vocab.ReasonDrillVolumeRetained)) {
		w.Errorf("events: %q", notes)
	}
	w.wantQuiet()
}

func testDrillsRepair(w *world) {
	w.drills()
	config := w.get(object.ConfigMap, drillConfig)
	stolen := config.DeepCopy()
	_ = unstructured.SetNestedField(stolen.Object, `{"containers":[{"name":"main","image":"evil"}]}`, "data", vocab.DrillConfigPod)
	if err := w.as(operatorUser).Patch(w.Context(), stolen, client.MergeFrom(config)); err != nil {
		w.Fatal(err)
	}
	w.settle()
	if pod, _, _ := unstructured.NestedString(w.get(object.ConfigMap, drillConfig).Object, "data", vocab.DrillConfigPod); strings.Contains(pod, "evil") {
		w.Errorf("the pod is still %s", pod)
	}
}

func testDrillsAreNoBackup(w *world) {
	w.drills()
	before := w.stanza().Status
	w.drilled(stanzaflowv1alpha1.RunFailed, func(r *report.Report) { r.Message = "the volume is too small" })
	w.settle()
	after := w.stanza().Status
	if after.LastRun != nil || after.LastBackup != nil {
		w.Errorf("a drill counts as a backup: %s", reconciletest.JSON(after))
	}
	w.want(vocab.ConditionRecoverable, "False", vocab.ReasonDrillFailed)
	was, is := reconciletest.Condition(w.T, before, vocab.ConditionBackupHealthy), reconciletest.Condition(w.T, after, vocab.ConditionBackupHealthy)
	if was.Reason != is.Reason || was.Message != is.Message {
		w.Errorf("BackupHealthy was %s and is %s", was.Message, is.Message)
	}
}

// as returns a client of somebody.
func (w *world) as(user string) client.Client {
	w.Helper()
	config := rest.CopyConfig(w.config)
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: []string{"system:authenticated", "system:serviceaccounts"}}
	return w.newClient(w.T, config)
}

// TestDrillsAlongside: the operator that may write no configuration writes the ConfigMap of
// drills, and no other.
func TestDrillsAlongside(t *testing.T) {
	s := startBareServer(t, argoCRDs(t, "minimal")...)
	s.grant(t, "alongside")
	w := s.world(t)
	w.controller.options.Provisioner, w.controller.provision = vocab.ProvisionedByCPO, nil
	w.controller.skew.by = vocab.ProvisionedByCPO
	w.drills()
	w.get(object.ConfigMap, drillConfig)
	w.get(object.CronWorkflow, drillNewest)
	if found := w.find(object.ConfigMap, reconciletest.ConfigMap); found != nil {
		t.Errorf("the configuration is CPO's: %s", reconciletest.JSON(found))
	}
	w.want(vocab.ConditionRecoverable, "Unknown", vocab.ReasonNoDrillYet)
	w.wantQuiet()
	stanza := w.stanza()
	stanza.Spec.Drills = nil
	w.update(stanza)
	w.settle()
	if data := w.get(object.ConfigMap, drillConfig).Object["data"]; data != nil {
		t.Errorf("a pod can still be made of the ConfigMap: %v", data)
	}
}

// TestDrillPolicies checks that nobody makes a pod of a drill out of something else.
func TestDrillPolicies(t *testing.T) {
	for _, overlay := range []string{"standalone", "alongside"} {
		t.Run(overlay, func(t *testing.T) {
			s := startBareServer(t, argoCRDs(t, "minimal")...)
			s.grant(t, overlay)
			w := s.world(t)
			t.Run("the ConfigMap is the operator's", func(t *testing.T) { testDrillConfigPolicy(t, w, overlay) })
			t.Run("the pod is no member of the cluster", func(t *testing.T) { testDrillPodPolicy(t, w) })
			t.Run("its account reports to Argo, and does nothing else", func(t *testing.T) { testDrillAccount(t, s.world(t)) })
		})
	}
}

func testDrillConfigPolicy(t *testing.T, w *world, overlay string) {
	config := func(name string) *corev1.ConfigMap {
		c := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: w.namespace, Labels: object.Labels("shop")}}
		if strings.HasPrefix(name, "unlabelled") {
			c.Labels = nil
		}
		return c
	}
	others := "other-namespace"
	for title, tc := range map[string]struct {
		by, name string
		may      bool
	}{
		"the operator":                      {operatorUser, drillConfig, true},
		"an administrator":                  {"", drillConfig, false},
		"an account of that name elsewhere": {"system:serviceaccount:" + others + ":stanzaflow", drillConfig, false},
		"a ConfigMap of somebody else":      {"", "shop-settings", true},
		"one that is named almost like it":  {operatorUser, "shop-drill-config", false},
		"the operator, without its label":   {operatorUser, "unlabelled" + drillConfig, false},
		"the configuration of pgBackRest":   {operatorUser, reconciletest.ConfigMap, overlay == "standalone"},
	} {
		var c client.Client = w.client
		if tc.by != "" {
			c = w.as(tc.by)
		}
		// RBAC alone would refuse an account that has no rights.
		if err := c.Create(t.Context(), config(tc.name), client.DryRunAll); (err == nil) != tc.may {
			t.Errorf("%s writes %s: %v", title, tc.name, err)
		}
	}
	// An account of another namespace with rights on ConfigMaps.
	w.mayWriteConfigMaps(t, others)
	eventually(t, func() error {
		err := w.as("system:serviceaccount:"+others+":stanzaflow").Create(t.Context(), config(drillConfig), client.DryRunAll)
		if err == nil || !strings.Contains(err.Error(), "stanzaflow-drill-config") {
			return fmt.Errorf("the policy does not refuse it: %w", err)
		}
		return nil
	})
}

func testDrillPodPolicy(t *testing.T, w *world) {
	w.create(reconciletest.DrillAccount())
	for title, tc := range map[string]struct {
		change func(*corev1.Pod)
		want   string
	}{
		"as planned":           {func(*corev1.Pod) {}, ""},
		"a label of CPO":       {func(p *corev1.Pod) { p.Labels = map[string]string{"cluster.cpo.opensource.cybertec.at/name": "shop"} }, "no label of CPO"},
		"a claim":              {volume(corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "pgdata-shop-0"}}), "volumes of a drill"},
		"a folder of the node": {volume(corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/"}}), "volumes of a drill"},
		"a second volume":      {volume(ephemeral(nil)), "only one volume"},
		"a copy of a volume": {func(p *corev1.Pod) {
			p.Spec.Volumes[0].VolumeSource = ephemeral(&corev1.TypedLocalObjectReference{Kind: "PersistentVolumeClaim", Name: "pgdata-shop-0"})
		}, "only one volume"},
		"root":         {func(p *corev1.Pod) { p.Spec.SecurityContext.RunAsUser = new(int64(0)) }, "must not run as root"},
		"perhaps root": {func(p *corev1.Pod) { p.Spec.SecurityContext.RunAsNonRoot = nil }, "must not run as root"},
		"root in one": {func(p *corev1.Pod) {
			p.Spec.Containers[0].SecurityContext.RunAsUser = new(int64(0))
		}, "no container of a drill"},
		"a privilege": {func(p *corev1.Pod) {
			p.Spec.Containers[0].SecurityContext = &corev1.SecurityContext{Privileged: new(true), Capabilities: restricted().Capabilities}
		}, "no container of a drill"},
		"a privilege that it may gain": {func(p *corev1.Pod) { p.Spec.Containers[0].SecurityContext.AllowPrivilegeEscalation = nil }, "no container of a drill"},
		"a capability":                 {func(p *corev1.Pod) { p.Spec.Containers[0].SecurityContext.Capabilities = nil }, "no container of a drill"},
		"the network of the node":      {func(p *corev1.Pod) { p.Spec.HostNetwork = true }, "of the node"},
	} {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "drill", Namespace: w.namespace}}
		pod.Spec = corev1.PodSpec{
			ServiceAccountName: "pgbackrest-drill", SecurityContext: &corev1.PodSecurityContext{RunAsNonRoot: new(true)},
			Containers: []corev1.Container{{Name: "main", Image: "x", SecurityContext: restricted()}}, Volumes: []corev1.Volume{{Name: "scratch", VolumeSource: ephemeral(nil)}},
		}
		tc.change(pod)
		err := w.client.Create(t.Context(), pod, client.DryRunAll)
		switch {
		case tc.want == "" && err != nil, tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
			t.Errorf("%s: %v", title, err)
		}
	}
}

// restricted is what every container of a drill has.
func restricted() *corev1.SecurityContext {
	return &corev1.SecurityContext{AllowPrivilegeEscalation: new(false), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}}
}

// testDrillAccount asks for every right on every kind that matters.
func testDrillAccount(t *testing.T, w *world) {
	text, err := os.ReadFile("../../workflows/pgbackrest-drill-account.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range reconciletest.AllFromYAML(t, string(text)) {
		if subjects, ok := o.Object["subjects"].([]any); ok {
			subjects[0].(map[string]any)["namespace"] = w.namespace
		}
		w.create(o)
	}
	user := "system:serviceaccount:" + w.namespace + ":pgbackrest-drill"
	may := func(verb, group, resource, subresource string) bool {
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User: user, Groups: []string{"system:authenticated", "system:serviceaccounts", "system:serviceaccounts:" + w.namespace},
			ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: w.namespace, Verb: verb, Group: group, Resource: resource, Subresource: subresource, Version: "*"},
		}}
		if err := w.client.Create(t.Context(), review); err != nil {
			t.Fatal(err)
		}
		return review.Status.Allowed
	}
	eventually(t, func() error {
		if !may("create", "argoproj.io", "workflowtaskresults", "") || !may("patch", "argoproj.io", "workflowtaskresults", "") {
			return errors.New("it may not report to Argo")
		}
		return nil
	})
	for _, kind := range [][3]string{
		{"", "pods", ""},
		{"", "pods", "exec"},
		{"", "pods", "log"},
		{"", "secrets", ""},
		{"", "configmaps", ""},
		{"", "persistentvolumeclaims", ""},
		{"", "serviceaccounts", "token"},
		{"argoproj.io", "workflows", ""},
		{"argoproj.io", "workflowtemplates", ""},
		{"argoproj.io", "workflowtaskresults", ""},
		{"cpo.opensource.cybertec.at", "postgresqls", ""},
		{"stanzaflow.dev", "stanzas", ""},
		{"batch", "jobs", ""},
		{"apps", "statefulsets", ""},
		{"events.k8s.io", "events", ""},
	} {
		for _, verb := range []string{"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"} {
			reports := kind[1] == "workflowtaskresults" && (verb == "create" || verb == "patch")
			if got := may(verb, kind[0], kind[1], kind[2]); got != reports {
				t.Errorf("it may %s %s/%s/%s: %t", verb, kind[0], kind[1], kind[2], got)
			}
		}
	}
}

func volume(source corev1.VolumeSource) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Spec.Volumes = append(p.Spec.Volumes, corev1.Volume{Name: "more", VolumeSource: source})
	}
}

func ephemeral(from *corev1.TypedLocalObjectReference) corev1.VolumeSource {
	claim := corev1.PersistentVolumeClaimSpec{AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, DataSource: from}
	claim.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: *drillSize("1Gi")}
	return corev1.VolumeSource{Ephemeral: &corev1.EphemeralVolumeSource{VolumeClaimTemplate: &corev1.PersistentVolumeClaimTemplate{Spec: claim}}}
}

func drillSize(text string) *resource.Quantity {
	q := resource.MustParse(text)
	return &q
}

// mayWriteConfigMaps lets the account stanzaflow of another namespace write ConfigMaps here.
func (w *world) mayWriteConfigMaps(t *testing.T, others string) {
	t.Helper()
	role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: "configmaps", Namespace: w.namespace}}
	role.Rules = []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"create"}}}
	binding := &rbacv1.RoleBinding{ObjectMeta: role.ObjectMeta}
	binding.RoleRef = rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role.Name}
	binding.Subjects = []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: "stanzaflow", Namespace: others}}
	for _, o := range []client.Object{role, binding} {
		if err := w.client.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
}
