// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
)

// longestNotification is the timeout of the component for a pod that does not start, and
// what a slow machine needs beyond that.
const longestNotification = 4 * time.Minute

// notify ends runs, good and bad ones, with each kind of receiver.
func notify(t *testing.T, k *kit.Kit) {
	t.Helper()
	type receiver struct {
		path     string // of the receiver, or a whole URL
		phase    wfv1.NodePhase
		received int
	}
	well := receiver{"200", wfv1.NodeSucceeded, 1}
	broken := receiver{"500", wfv1.NodeFailed, 1}
	silent := receiver{"silent", wfv1.NodeFailed, 1}
	absent := receiver{"http://nobody." + k.Namespace + ".svc/", wfv1.NodeFailed, 0}
	good := map[string]string{"kind": "backup", "text": "Succeeded: full of", "result": "Succeeded", "cluster": "cluster", "repo": "repo1", "type": "full", "namespace": k.Namespace}
	held := map[string]string{"result": "Held", "reason": "the gate of stanza"}
	failed := map[string]string{"result": "Failed", "reason": "has no repo2", "repo": "repo2"}
	for _, tc := range []struct {
		name     string
		form     vocab.RunForm
		receiver receiver
		repo     string
		gate     string // in JSON
		shown    vocab.ShownResult
		message  map[string]string
	}{
		{"proven, it answers 200", vocab.FormDAG, well, "repo1", "null", vocab.ShownProven, good},
		{"proven, it answers 500", vocab.FormPod, broken, "repo1", "null", vocab.ShownProven, good},
		{"proven, it never answers", vocab.FormDAG, silent, "repo1", "null", vocab.ShownProven, good},
		{"proven, it is not there", vocab.FormCompact, absent, "repo1", "null", vocab.ShownProven, nil},
		{"held, it answers 200", vocab.FormDAG, well, "repo1", `"lastBackup == nil"`, vocab.ShownHeld, held},
		{"held, it is not there", vocab.FormCompact, absent, "repo1", `"lastBackup == nil"`, vocab.ShownHeld, nil},
		{"failed, it answers 500", vocab.FormDAG, broken, "repo2", "null", vocab.ShownFailed, failed},
		{"failed, it answers 200", vocab.FormPod, well, "repo2", "null", vocab.ShownFailed, failed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			url := tc.receiver.path
			if !strings.Contains(url, "://") {
				url = "http://receiver." + k.Namespace + ".svc:8080/" + url
			}
			notifyAt(t, k, url)
			k.PatchStanza(t, `{"spec":{"gate":`+tc.gate+`}}`)
			name := k.SubmitAs(t, tc.form, "cluster=cluster", "repo="+tc.repo, "type=full", "attempts=1")
			run := k.AwaitRun(t, name)
			if want := phaseOf(tc.shown); run.Status.Phase != want {
				t.Fatalf("the run is %s, want %s: %s", run.Status.Phase, want, kit.DescribeRun(run))
			}
			awaitShown(t, k, name, tc.shown)
			if tc.shown == vocab.ShownProven {
				k.AwaitBackupReported(t, k.ProvenBackup(t, run, kit.Primary).Label)
			}
			checkSent(t, run, tc.receiver.phase)
			for _, message := range wantMessages(t, k, name, tc.receiver.received) {
				for field, want := range tc.message {
					if !strings.Contains(message[field], want) {
						t.Errorf("%s of the message is %q, want %q", field, message[field], want)
					}
				}
			}
		})
	}
	k.PatchStanza(t, `{"spec":{"gate":null}}`)
	notifyAt(t, k, "http://receiver."+k.Namespace+".svc:8080/200")
	t.Run("of the stanza", func(t *testing.T) { notifyOfStanza(t, k) })
	t.Run("without the ConfigMap", func(t *testing.T) { notifyWithoutConfigMap(t, k) })
}

// notifyOfStanza looks for what was sent of the run that has made the stanza before the
// first backup: it must not read like a backup.
func notifyOfStanza(t *testing.T, k *kit.Kit) {
	var list wfv1.WorkflowList
	k.List(t, &list, client.MatchingLabels{vocab.LabelKind: string(vocab.RunStanza)})
	if len(list.Items) != 1 {
		t.Fatalf("there are %d runs of the kind stanza, want one", len(list.Items))
	}
	run := k.AwaitRun(t, list.Items[0].Name)
	awaitShown(t, k, run.Name, vocab.ShownDone)
	for _, message := range wantMessages(t, k, run.Name, 1) {
		if message["kind"] != string(vocab.RunStanza) || !strings.HasPrefix(message["text"], "Succeeded: stanza of") {
			t.Errorf("the message of a run without a backup is %v", message)
		}
	}
}

// notifyWithoutConfigMap deletes what a notification needs: nothing is sent, and the run is
// proven.
func notifyWithoutConfigMap(t *testing.T, k *kit.Kit) {
	configMap := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "pgbackrest-notify", Namespace: k.Namespace}}
	if err := k.Client.Delete(t.Context(), configMap); err != nil {
		t.Fatal(err)
	}
	run, _ := k.AwaitSuccess(t, k.SubmitAs(t, vocab.FormPod, "cluster=cluster", "repo=repo1", "type=incr"))
	awaitShown(t, k, run.Name, vocab.ShownProven)
	checkSent(t, run, wfv1.NodeError)
	if send := run.Status.Nodes.FindByDisplayName("send"); send != nil && !strings.Contains(send.Message, configMap.Name) {
		t.Errorf("send says %q, which does not name ConfigMap %s", send.Message, configMap.Name)
	}
	wantMessages(t, k, run.Name, 0)
	applyGitOps(t, k)
}

func phaseOf(shown vocab.ShownResult) wfv1.WorkflowPhase {
	if shown == vocab.ShownProven {
		return wfv1.WorkflowSucceeded
	}
	return wfv1.WorkflowFailed
}

// notifyAt gives the runs that end from now on another receiver.
func notifyAt(t *testing.T, k *kit.Kit, url string) {
	t.Helper()
	configMap := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "pgbackrest-notify", Namespace: k.Namespace}}
	patch := client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"data":{"url":%q}}`, url))
	if err := k.Client.Patch(t.Context(), configMap, patch); err != nil {
		t.Fatal(err)
	}
}

// checkSent checks how the notification ended, and how long the run waited for it.
func checkSent(t *testing.T, run *wfv1.Workflow, want wfv1.NodePhase) {
	t.Helper()
	send := run.Status.Nodes.FindByDisplayName("send")
	if send == nil {
		t.Fatalf("nothing was sent: %s", kit.DescribeRun(run))
	}
	took := run.Status.FinishedAt.Sub(send.StartedAt.Time)
	t.Logf("MEASURED the run stayed Running for %s after its last step; send is %s: %s", took, send.Phase, send.Message)
	if send.Phase != want || took > longestNotification {
		t.Errorf("send is %s after %s, want %s: %s", send.Phase, took, want, send.Message)
	}
}

// wantMessages returns what the receiver has got of a run.
func wantMessages(t *testing.T, k *kit.Kit, name string, want int) []map[string]string {
	t.Helper()
	answer, err := k.Core.CoreV1().Services(k.Namespace).ProxyGet("http", "receiver", "http", "/", nil).DoRaw(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var received []struct{ Authorization, Body string }
	if err := json.Unmarshal(answer, &received); err != nil {
		t.Fatalf("%v: %s", err, answer)
	}
	var messages []map[string]string
	for _, one := range received {
		var message map[string]string
		if err := json.Unmarshal([]byte(one.Body), &message); err != nil {
			t.Errorf("the receiver got no JSON: %v: %s", err, one.Body)
		}
		if message["workflow"] != name {
			continue
		}
		messages = append(messages, message)
		if one.Authorization != "Bearer only-for-the-story" {
			t.Errorf("the header Authorization is %q", one.Authorization)
		}
	}
	if len(messages) != want {
		t.Errorf("the receiver got %d messages of run %s, want %d: %s", len(messages), name, want, answer)
	}
	return messages
}
