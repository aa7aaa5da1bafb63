// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/stanzaflow/stanzaflow/internal/goldentest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/monitor"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// testMonitoring breaks a database, and the operator itself: each alert fires in a real
// Prometheus, arrives in Alertmanager and is resolved after the repair. Meanwhile every query
// of the dashboards returns data.
func testMonitoring(t *testing.T) {
	watchEveryMinute(t)
	k := kit.New(t, "e2e-monitored")
	claim := k.Namespace + "/repo1-cluster-pgbackrest-repo-host-0"
	k.CreateNamespace(t)
	program.LocalCluster(t, "volume", "make", claim, "2Gi")
	t.Cleanup(func() {
		k.DeleteNamespace(t)
		program.LocalCluster(t, "volume", "remove", claim)
	})
	s := &situations{stack: startMonitoring(t, "e2e-monitoring")}
	d := s.startIn(t, k, "monitored")
	d.AwaitPod(t, kit.RepoHost)
	d.CreateAccounts(t)
	d.backUp(t)
	d.repaired(t, "the first backup")

	// First, because the counters of the runs begin again with the operator.
	t.Run("the operator is down", func(t *testing.T) { tryOperatorDown(t, d) })
	t.Run("a run fails", func(t *testing.T) { tryRunFails(t, d) })
	t.Run("a drill fails", func(t *testing.T) { tryDrillFails(t, d) })
	t.Run("the volume of the repo fills", func(t *testing.T) { tryVolumeFilling(t, d) })
	t.Run("commits are at risk", func(t *testing.T) { tryAtRisk(t, d) })
	t.Run("the backups are gone", func(t *testing.T) { tryBackupsGone(t, d) })
	restoreToTheEnd(t, d.Kit)
}

// tryOperatorDown stops the operator. The alert has no namespace of a database.
func tryOperatorDown(t *testing.T, d *database) {
	scale := func(replicas string) {
		program.Kubectl(t, "scale", "-n", kit.System, "deployment/stanzaflow", "--replicas="+replicas)
	}
	scale("0")
	defer awaitOperator(t)
	defer scale("1")
	d.awaitFiring(t, "", "StanzaflowOperatorDown", true)
	scale("1")
	awaitOperator(t)
	d.awaitFiring(t, "", "StanzaflowOperatorDown", false)
}

// tryRunFails makes a run without a backup, and then a good one. A run refuses to make a
// backup whose WAL would get nowhere.
func tryRunFails(t *testing.T, d *database) {
	d.PSQL(t, kit.Primary, "ALTER SYSTEM SET archive_command = '/bin/false'")
	d.PSQL(t, kit.Primary, "SELECT pg_reload_conf()")
	d.AwaitRun(t, d.Submit(t, "cluster=cluster", "repo=repo1", "type=full", "attempts=1"))
	d.awaitFiring(t, d.Namespace, "StanzaflowLastRunFailed", true)
	d.PSQL(t, kit.Primary, "ALTER SYSTEM RESET archive_command")
	d.PSQL(t, kit.Primary, "SELECT pg_reload_conf()")
	d.AwaitArchived(t)
	d.backUp(t)
	d.repaired(t, "a run fails")
}

// tryDrillFails restores by drills: one takes longer than its objective, in one the query of
// the user gives another answer, one finds no WAL. What dashboards show of drills stays.
func tryDrillFails(t *testing.T, d *database) {
	drills := func(rows int) {
		d.SetDrills(t, fmt.Sprintf(`[{"name":"newest","target":"Newest","checks":["Dump"],"sql":[
{"name":"accounts","database":"postgres","query":"SELECT count(*) FROM account","min":%d}]}]`, rows))
	}
	good := func() { d.GoodDrill(t, "cluster=cluster", "drill=newest") }
	bad := func() { d.BadDrill(t, "cluster=cluster", "drill=newest") }

	drills(1)
	d.PatchStanza(t, `{"spec":{"objectives":{"rto":"1s"}}}`)
	good()
	d.awaitFiring(t, d.Namespace, "StanzaflowRTOExceeded", true)
	d.PatchStanza(t, `{"spec":{"objectives":{"rto":"1h"}}}`)
	d.awaitFiring(t, d.Namespace, "StanzaflowRTOExceeded", false)

	drills(1_000_000)
	bad()
	d.awaitFiring(t, d.Namespace, "StanzaflowDrillFailed", true)
	drills(1)
	good()
	d.awaitFiring(t, d.Namespace, "StanzaflowDrillFailed", false)

	d.PSQL(t, kit.Primary, "UPDATE account SET balance = balance + 1 WHERE id = 1")
	segment := d.PSQL(t, kit.Primary, "SELECT pg_walfile_name(pg_current_wal_lsn())")
	d.AwaitArchived(t)
	removeSegment(t, d.Kit, kit.RepoHost, segment)
	bad()
	d.awaitFiring(t, d.Namespace, "StanzaflowDataNotRecovered", true)
	d.backUp(t)
	good()
	d.repaired(t, "a drill fails")
}

// tryVolumeFilling fills the volume of the repo, apart from a little.
func tryVolumeFilling(t *testing.T, d *database) {
	const folder, filler = "/data/pgbackrest/repo1", "/data/pgbackrest/repo1/filler"
	d.Exec(t, kit.RepoHost, "bash", "-c", `fallocate -l "$(($(df --output=avail -B1 "$1" | tail -n 1) - 1048576))" "$2"`, "-", folder, filler)
	d.awaitFiring(t, d.Namespace, "StanzaflowRepoVolumeFilling", true)
	d.Exec(t, kit.RepoHost, "rm", filler)
	d.repaired(t, "the volume of the repo fills")
}

// tryAtRisk makes archiving fail while rows are written, for longer than the objective.
func tryAtRisk(t *testing.T, d *database) {
	d.PatchStanza(t, `{"spec":{"objectives":{"rpo":"90s"}}}`)
	d.FakePgBackRest(t, kit.Primary, `*' archive-push '*) echo "P00  ERROR: [039]: unable to write to the repository: no space left on device" >&2; exit 39`)
	stop := d.keepWriting(t)
	d.awaitFiring(t, d.Namespace, "StanzaflowArchivingFailing", true)
	d.awaitFiring(t, d.Namespace, "StanzaflowRPOExceeded", true)
	checkDashboards(t, d)
	stop()
	d.FakePgBackRest(t, kit.Primary, "")
	d.AwaitArchived(t)
	d.PatchStanza(t, `{"spec":{"objectives":{"rpo":null}}}`)
	d.repaired(t, "commits are at risk")
}

// tryBackupsGone moves the backups away, as somebody may who needs room.
func tryBackupsGone(t *testing.T, d *database) {
	const backups, elsewhere = "/data/pgbackrest/repo1/backup", "/data/pgbackrest/repo1/elsewhere"
	d.Exec(t, kit.RepoHost, "mv", backups, elsewhere)
	d.awaitFiring(t, d.Namespace, "StanzaflowNotRecoverable", true)
	d.Exec(t, kit.RepoHost, "mv", elsewhere, backups)
	d.repaired(t, "the backups are gone")
}

// awaitFiring waits until an alert has arrived in Alertmanager, or is resolved.
func (d *database) awaitFiring(t *testing.T, namespace, alert string, want bool) {
	t.Helper()
	began := time.Now()
	wait.Until(t, 6*time.Minute, fmt.Sprintf("%s fires: %v", alert, want), func() (bool, string) {
		firing, err := d.story.stack.Alerts(t.Context(), namespace)
		return err == nil && slices.Contains(monitor.Names(firing), alert) == want, fmt.Sprintf("%v %v", err, monitor.Names(firing))
	})
	t.Logf("MEASURED %s fires: %v, after %s", alert, want, time.Since(began).Round(time.Second))
}

// checkDashboards runs every query of the dashboards against the Prometheus of the story, and
// draws the pictures of the documentation with UPDATE=1.
func checkDashboards(t *testing.T, d *database) {
	t.Helper()
	var service corev1.Service
	if err := d.Client.Get(t.Context(), d.story.stack.Service(), &service); err != nil {
		t.Fatal(err)
	}
	command := []string{
		"go", "-C", "hack/dashboards", "run", ".", "check", "--prometheus=http://" + service.Spec.ClusterIP + ":9090",
		"--namespace=" + d.Namespace, "--cluster=cluster", "--range=10m",
	}
	if goldentest.Updating() {
		command = append(command, "--record")
	}
	t.Log(program.Run(t, program.Checkout, nil, command...))
	if goldentest.Updating() {
		program.Run(t, program.Checkout, nil, "go", "-C", "hack/dashboards", "run", ".", "draw")
	}
}

// watchEveryMinute lets the watch run every minute until the test ends.
func watchEveryMinute(t *testing.T) {
	t.Helper()
	const path = "/spec/template/spec/containers/0/args"
	before := program.Kubectl(t, "get", "-n", kit.System, "deployment/stanzaflow", "-o", "jsonpath={.spec.template.spec.containers[0].args}")
	patch := func(arguments string) (string, error) {
		return program.TryKubectl(context.Background(), nil, "patch", "-n", kit.System, "deployment/stanzaflow", "--type=json",
			"-p", fmt.Sprintf(`[{"op":"replace","path":%q,"value":%s}]`, path, arguments))
	}
	var arguments []string
	if err := json.Unmarshal([]byte(before), &arguments); err != nil {
		t.Fatalf("%v: %s", err, before)
	}
	often, err := json.Marshal(append(arguments, "--watch-interval=1m"))
	if err != nil {
		t.Fatal(err)
	}
	if out, err := patch(string(often)); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := patch(before); err != nil {
			t.Errorf("%v: %s", err, out)
		}
		awaitOperator(t)
	})
	awaitOperator(t)
}

// startMonitoring starts a Prometheus and an Alertmanager with our rules, which wait less
// than in production, and waits until Prometheus has the metrics of the operator.
func startMonitoring(t *testing.T, namespace string) *monitor.Stack {
	t.Helper()
	k := kit.New(t, namespace)
	k.CreateNamespace(t)
	rules, err := os.ReadFile(program.Checkout + "/deploy/monitoring/rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if rules, err = monitor.Hasten(rules); err != nil {
		t.Fatal(err)
	}
	manifest, err := yaml.Marshal(corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: metav1.ObjectMeta{Name: "monitoring-rules"}, Data: map[string]string{"rules.yaml": string(rules)},
	})
	if err != nil {
		t.Fatal(err)
	}
	k.ApplyText(t, string(manifest))
	if err := k.TryApply(t.Context(), "monitoring"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if out, err := program.TryKubectl(context.Background(), nil, "delete", "clusterrolebinding", namespace+"-metrics-reader", "--ignore-not-found"); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	k.AwaitPod(t, "monitoring")
	stack := monitor.NewStack(k.Core, namespace)
	wait.Until(t, time.Minute, "Prometheus has the metrics of the operator", func() (bool, string) {
		samples, err := stack.Query(t.Context(), `up{job="stanzaflow"} == 1`)
		return err == nil && len(samples) == 1, fmt.Sprintf("%v %v", err, samples)
	})
	return stack
}

// awaitCondition waits until the Stanza has a condition.
func awaitCondition(t testing.TB, k *kit.Kit, condition string, status metav1.ConditionStatus, reason vocab.Reason) {
	t.Helper()
	wait.Until(t, 3*time.Minute, fmt.Sprintf("%s is %s, %s", condition, status, reason), func() (bool, string) {
		conditions := k.Stanza(t).Status.Conditions
		c := meta.FindStatusCondition(conditions, condition)
		return c != nil && c.Status == status && c.Reason == string(reason), fmt.Sprintf("%+v", conditions)
	})
}
