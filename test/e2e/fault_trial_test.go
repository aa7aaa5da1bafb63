// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/ladder"
)

// runDeadline is how long a run may take whatever is broken, with the attempts
// and the backoff that begin asks for.
const runDeadline = 15 * minute

// trial is one fault in one world.
type trial struct {
	*world
	t   *testing.T
	rng *rand.Rand
	// workflow that the fault meets.
	workflow string
	// floor is how many rows of the ledger a restore must have.
	floor int
	// missed is why the fault hit nothing, empty if it did.
	missed string
}

// hit notes whether the fault hit anything: the seed picks a moment, and what it
// looks for may not be there just then.
func (tr *trial) hit(n int, what string) {
	tr.missed = ""
	if n == 0 {
		tr.missed = "there was " + what
	}
}

// insistOn does what must hit, for as long as the run goes on but not for long.
func (tr *trial) insistOn(what string, do func() int) {
	_, _ = watch(20*time.Second, func() (bool, string) {
		n := do()
		tr.hit(n, what)
		return n > 0 || tr.runIsOver(), ""
	})
}

func (tr *trial) runIsOver() bool {
	if tr.workflow == "" {
		return false
	}
	workflow, err := tr.get(tr.t, tr.workflow)
	return err == nil && workflow.Status.Fulfilled()
}

// moment in the life of a run. A run that is over has passed them all.
type moment struct {
	name string
	// before the run is there.
	before bool
	// reached says whether the moment has come.
	reached func(*trial) (bool, string)
	// spread: the seed lets it happen up to this much later.
	spread time.Duration
}

var (
	beforeTheRun = moment{name: "before the run", before: true}
	atOnce       = moment{name: "at its begin", spread: 3 * time.Second, reached: (*trial).scheduled}
	inPrecheck   = moment{name: "in precheck", spread: 2 * time.Second, reached: func(tr *trial) (bool, string) { return tr.stepEnded("main") }}
	inBackup     = moment{name: "in backup", spread: 4 * time.Second, reached: (*trial).backingUp}
	afterBackup  = moment{name: "after backup", spread: 500 * time.Millisecond, reached: func(tr *trial) (bool, string) { return tr.stepEnded("backup") }}
)

// anytime is for what must not matter whenever it happens.
var anytime = []moment{beforeTheRun, atOnce, inPrecheck, inBackup, inBackup, afterBackup}

// whileItRuns is for what only a run can meet.
var whileItRuns = []moment{atOnce, inPrecheck, inBackup, inBackup, afterBackup}

// scheduled: the run has a pod. Argo makes it a moment after the Workflow.
func (tr *trial) scheduled() (bool, string) {
	return len(tr.pods(tr.t, tr.namespace, tr.ofTheRun())) > 0, ""
}

func (tr *trial) stepEnded(container string) (bool, string) {
	var pods corev1.PodList
	err := tr.List(tr.t.Context(), &pods, client.InNamespace(tr.namespace), client.MatchingLabels{"workflows.argoproj.io/workflow": tr.workflow})
	for _, pod := range pods.Items {
		for _, c := range pod.Status.ContainerStatuses {
			if c.Name == container && c.State.Terminated != nil {
				return true, ""
			}
		}
	}
	return false, fmt.Sprintf("%v, %d pods", err, len(pods.Items))
}

func (tr *trial) backingUp() (bool, string) {
	out, err := tr.try(tr.t, tr.primary, "psql", "-X", "-A", "-t", "-h", "/var/run/postgresql", "-U", "postgres",
		"-c", "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pgBackRest [backup]%'")
	return err == nil && strings.TrimSpace(out) != "0", fmt.Sprintf("%v %s", err, out)
}

// await waits for the moment, or until the run is over.
func (tr *trial) await(m moment) {
	if m.reached != nil {
		watch(3*minute, func() (bool, string) {
			if done, got := m.reached(tr); done {
				return true, got
			}
			return tr.runIsOver(), ""
		})
	}
	if m.spread > 0 {
		<-time.After(time.Duration(tr.rng.Int64N(int64(m.spread))))
	}
}

// trial makes one.
func (w *world) trial(t *testing.T, a attempt) result {
	t.Helper()
	f, started := a.fault, time.Now()
	rng := ladder.Random(f.name, a.seed)
	m := pick(rng, f.moments...)
	backupType := f.backupType
	if backupType == "" {
		backupType = pick(rng, "full", "incr")
	}
	hold := time.Duration(500+rng.IntN(9500)) * time.Millisecond
	r := result{Kind: f.name, Seed: a.seed, Store: w.storage, Type: backupType, Moment: m.name}
	tr := &trial{world: w, t: t, rng: rng}
	w.sound = false
	tr.floor, _ = w.ledger(t, w.primary)
	stopWriter := w.writer(t)

	mend := func() {}
	defer func() { mend() }() // whatever happens
	inject := func() {
		if undo := f.inject(tr); undo != nil {
			mend = func() { mend = func() {}; undo() }
		}
	}
	if m.before {
		inject()
	}
	tr.workflow = w.begin(t, backupType, f.attempts())
	if !m.before {
		tr.await(m)
		if tr.runIsOver() {
			// What breaks now says nothing about a run that has ended.
			stopWriter()
			workflow := w.over(t, tr.workflow)
			r.Missed, w.sound = "the run was over", workflow != nil && workflow.Status.Phase == wfv1.WorkflowSucceeded
			return r
		}
		inject()
	}
	if !f.lasting && !f.human {
		<-time.After(hold)
		mend()
	}
	workflow := w.over(t, tr.workflow)
	tr.judge(f, workflow, &r)
	mend()
	r.Missed = cmp.Or(r.Missed, tr.missed)
	stopWriter()

	again := f.again
	if again == "" {
		again = backupType
	}
	name, trouble := w.once(t, again)
	if trouble != "" {
		r.Human = true
		r.Wrong = append(r.Wrong, "the next run did not work: "+trouble)
	} else {
		tr.compare(name, &r)
	}
	if f.human {
		r.Human = true
	}
	r.Wrong = append(r.Wrong, w.left(t)...)
	r.Seconds = time.Since(started).Seconds()
	w.sound = !r.bad() && !f.spoils
	return r
}

// judge compares what was said of the run with the truth.
func (tr *trial) judge(f fault, workflow *wfv1.Workflow, r *result) {
	tr.t.Helper()
	if workflow == nil {
		r.Wrong = append(r.Wrong, "the run never ended: "+tr.evidence(tr.t, tr.workflow))
		return
	}
	var stanza *stanzaflowv1alpha1.Stanza
	told, got := soon(2*minute, func() (bool, string) {
		stanza = &stanzaflowv1alpha1.Stanza{}
		err := tr.Get(tr.t.Context(), client.ObjectKey{Namespace: tr.namespace, Name: "cluster"}, stanza)
		last := stanza.Status.LastRun
		return err == nil && last != nil && last.Workflow == tr.workflow && last.Result != stanzaflowv1alpha1.RunRunning, fmt.Sprintf("%v %+v", err, last)
	})
	green := workflow.Status.Phase == wfv1.WorkflowSucceeded
	if told {
		r.Said, r.Message = string(stanza.Status.LastRun.Result), stanza.Status.LastRun.Message
	}
	saysGreen := told && stanza.Status.LastRun.Result == stanzaflowv1alpha1.RunSucceeded
	r.Green = green && saysGreen
	if f.held && r.Said != string(stanzaflowv1alpha1.RunHeld) {
		r.Wrong = append(r.Wrong, fmt.Sprintf("the Stanza says %q of a run that must be held: %s", r.Said, r.Message))
	}
	if green || saysGreen {
		tr.compare(tr.workflow, r)
		return
	}
	if f.survived() {
		r.Wrong = append(r.Wrong, "the fault passed, and the run did not survive it")
	}
	if f.cancels {
		r.Wrong = append(r.Wrong, tr.cancelled(tr.t, workflow, r.Message)...)
	}
	healthy := (*metav1.Condition)(nil)
	if told {
		healthy = meta.FindStatusCondition(stanza.Status.Conditions, vocab.ConditionBackupHealthy)
	}
	if !told || r.Message == "" || healthy == nil || healthy.Status == metav1.ConditionTrue {
		r.SilentMiss = true
		r.Wrong = append(r.Wrong, fmt.Sprintf("told: %s, condition %+v", got, healthy))
	}
	tr.t.Logf("not green: %s", tr.evidence(tr.t, tr.workflow))
}

// cancelled compares what a cancelled run says, in the message and in the event
// that it leaves, with what is there.
func (w *world) cancelled(t *testing.T, workflow *wfv1.Workflow, message string) []string {
	t.Helper()
	// A run that was stopped before precheck was done had no backup to tell of.
	if node := workflow.Status.Nodes.FindByDisplayName("precheck"); node == nil || node.Phase != wfv1.NodeSucceeded {
		return nil
	}
	listed := len(byRun(w.info(t, w.primary), string(workflow.UID)))
	if backup := workflow.Status.Nodes.FindByDisplayName("backup"); backup != nil && backup.Phase == wfv1.NodeSucceeded {
		if listed == 0 || !strings.Contains(message, "pgbackrest info lists it") {
			return []string{fmt.Sprintf("step backup succeeded, %d backups of the run are listed, and the message is: %s", listed, message)}
		}
		return nil // Between two steps there is nobody to leave an event.
	}
	var told []string
	seen, got := soon(2*minute, func() (bool, string) {
		var events corev1.EventList
		err := w.List(t.Context(), &events, client.InNamespace(w.namespace), client.MatchingFields{"involvedObject.uid": string(workflow.UID)})
		told = nil
		for _, e := range events.Items {
			if slices.Contains([]string{"BackupEnded", "BackupNotEnded", "BackupNotVerified", "NoBackup"}, e.Reason) {
				told = append(told, e.Reason)
			}
		}
		return len(told) > 0, fmt.Sprintf("%v, %d events", err, len(events.Items))
	})
	if !seen && listed == 0 && !w.hasBegun(t, workflow.Name) {
		return nil
	}
	if !seen {
		return []string{"no event says what became of the backup: " + got}
	}
	if atWork := w.atWork(t, w.hostPod(), "stanzaflow-run="+string(workflow.UID)); atWork != "" && told[0] != "BackupNotEnded" {
		return []string{"the event says " + told[0] + ", and the backup goes on"}
	}
	listed = len(byRun(w.info(t, w.primary), string(workflow.UID)))
	if listed > 0 != (told[0] == "BackupNotVerified") && told[0] != "BackupNotEnded" {
		return []string{fmt.Sprintf("the event says %s, and %d backups of the run are listed", told[0], listed)}
	}
	return nil
}

// hasBegun says by the log of the step whether a run has begun a backup. What
// keeps it from looking is no proof that it has not.
func (w *world) hasBegun(t testing.TB, name string) bool {
	t.Helper()
	var pods corev1.PodList
	err := w.List(t.Context(), &pods, client.InNamespace(w.namespace), client.MatchingLabels{"workflows.argoproj.io/workflow": name})
	if err != nil || len(pods.Items) == 0 {
		return true
	}
	return slices.ContainsFunc(pods.Items, func(pod corev1.Pod) bool {
		log, err := w.core.CoreV1().Pods(w.namespace).GetLogs(pod.Name, &corev1.PodLogOptions{Container: "backup"}).DoRaw(t.Context())
		return err != nil || bytes.Contains(log, []byte("pgbackrest backup")) || bytes.Contains(log, []byte("backup command begin"))
	})
}

// compare restores the backup of a green run.
func (tr *trial) compare(name string, r *result) {
	tr.t.Helper()
	workflow, err := tr.get(tr.t, name)
	if err != nil {
		tr.t.Fatal(err)
	}
	var label string
	if workflow.Status.Outputs != nil {
		for _, p := range workflow.Status.Outputs.Parameters {
			if p.Name == vocab.OutputReport && p.Value != nil {
				if said, err := report.Decode(p.Value.String()); err == nil && said.Backup != nil {
					label = said.Backup.Label
				}
			}
		}
	}
	if label == "" {
		r.FalseGreen = true
		r.Wrong = append(r.Wrong, "run "+name+" is green and names no backup")
		return
	}
	failed, unequal := tr.restoreSet(tr.t, label, tr.floor)
	if failed != "" {
		r.FalseGreen = true
		r.Wrong = append(r.Wrong, failed)
	}
	if unequal != "" {
		r.UnequalRestore = true
		r.Wrong = append(r.Wrong, unequal)
	}
}

// left is what a run must not leave behind.
func (w *world) left(t *testing.T) []string {
	t.Helper()
	clean, got := soon(minute, func() (bool, string) {
		var found []string
		for _, pod := range slices.Compact([]string{w.primary, w.hostPod()}) {
			// What archives WAL and the TLS server are at work all the time.
			if out := w.atWork(t, pod, "^[^ ]*pgbackrest .*(backup|expire|stanza-create|verify|check)( |$)"); out != "" {
				found = append(found, pod+" runs "+tail(out))
			}
		}
		if n := w.ask(t, w.primary, "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pgBackRest [%' AND application_name NOT LIKE '%[archive-%'"); n != "0" {
			found = append(found, n+" sessions of pgBackRest")
		}
		var ofRuns corev1.PodList
		if err := w.List(t.Context(), &ofRuns, client.InNamespace(w.namespace), client.HasLabels{"workflows.argoproj.io/workflow"}); err != nil {
			found = append(found, err.Error())
		}
		for _, pod := range ofRuns.Items {
			if pod.Status.Phase == corev1.PodRunning || pod.Status.Phase == corev1.PodPending {
				found = append(found, "pod "+pod.Name+" is "+string(pod.Status.Phase))
			}
		}
		return len(found) == 0, strings.Join(found, ", ")
	})
	if clean {
		return nil
	}
	return []string{"left behind: " + got}
}

// atWork lists the processes with such a command line. What keeps it from looking
// is no proof that there are none.
func (w *world) atWork(t testing.TB, pod, pattern string) string {
	t.Helper()
	out, err := w.try(t, pod, "pgrep", "--list-full", "--full", pattern)
	if exit, ok := errors.AsType[*remote.ExitError](err); ok && exit.Code == 1 {
		return "" // None matched.
	}
	if err != nil {
		return fmt.Sprintf("%v %s", err, out)
	}
	return out
}

// begin starts a run, as argo submit does.
func (w *world) begin(t testing.TB, backupType string, attempts int) string {
	t.Helper()
	var name string
	insist(t, "a run is submitted", func() error {
		workflow := newRun(w.namespace, "cluster=cluster", "repo=repo1", "type="+backupType, fmt.Sprintf("attempts=%d", attempts), "backoff=3s")
		err := w.Create(t.Context(), workflow)
		name = workflow.Name
		return err
	})
	return name
}

// over waits until a run is over. It returns nil if that does not happen.
func (w *world) over(t testing.TB, name string) *wfv1.Workflow {
	t.Helper()
	var workflow *wfv1.Workflow
	began := time.Now()
	defer func() { waits.add(t, "workflow over", time.Since(began)) }()
	done, _ := soon(runDeadline, func() (bool, string) {
		var err error
		workflow, err = w.get(t, name)
		if apierrors.IsNotFound(err) {
			t.Fatalf("workflow %s is gone", name)
		}
		return err == nil && workflow.Status.Fulfilled(), ""
	})
	if !done {
		return nil
	}
	return workflow
}

func (w *world) get(t testing.TB, name string) (*wfv1.Workflow, error) {
	t.Helper()
	var workflow wfv1.Workflow
	err := w.Get(t.Context(), client.ObjectKey{Namespace: w.namespace, Name: name}, &workflow)
	return &workflow, err
}

// evidence is what there is to see of a run.
func (w *world) evidence(t testing.TB, name string) string {
	t.Helper()
	workflow, err := w.get(t, name)
	if err != nil {
		return err.Error()
	}
	lines := []string{describe(workflow)}
	var pods corev1.PodList
	if err := w.List(t.Context(), &pods, client.InNamespace(w.namespace), client.MatchingLabels{"workflows.argoproj.io/workflow": name}); err != nil {
		return describe(workflow) + err.Error()
	}
	slices.SortFunc(pods.Items, func(a, b corev1.Pod) int { return a.CreationTimestamp.Compare(b.CreationTimestamp.Time) })
	for _, pod := range pods.Items {
		for _, container := range []string{"main", "precheck", "backup", "expire", "verify"} {
			log, err := w.core.CoreV1().Pods(w.namespace).GetLogs(pod.Name, &corev1.PodLogOptions{Container: container, TailLines: new(int64(12))}).DoRaw(t.Context())
			if err == nil {
				lines = append(lines, fmt.Sprintf("--- %s %s\n%s", pod.Name, container, log))
			}
		}
	}
	return strings.Join(lines, "\n")
}
