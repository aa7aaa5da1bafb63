// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package slots

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Kinds of Entry.
const (
	Job      = "Job"
	Workflow = "Workflow"
)

// Entry is a Job of CPO or a Workflow of ours, as last seen.
type Entry struct {
	Seen    time.Time `json:"seen"`
	Kind    string    `json:"kind"`
	Name    string    `json:"name"`
	UID     string    `json:"uid"`
	Cluster string    `json:"cluster"`
	Repo    string    `json:"repo"`
	Type    string    `json:"type"`
	// Slot for which it was started.
	Slot time.Time `json:"slot"`
	// Began and Ended; Ended is zero while it is running.
	Began time.Time `json:"began"`
	Ended time.Time `json:"ended,omitzero"`
	// Phase in which it is, empty while it is running.
	Phase string `json:"phase,omitempty"`
	// Left is true for a run that left its slot to a CronJob of CPO, or whose cluster was
	// gone before it could look.
	Left bool `json:"left,omitempty"`
	// Blind is true for a run that ended before it could look whose slot it was: the API
	// server did not answer, or Argo started it of a CronWorkflow that was just deleted,
	// and Kubernetes deleted it, too.
	Blind   bool   `json:"blind,omitempty"`
	Message string `json:"message,omitempty"`
}

// Backup is what the entry backs up.
func (e Entry) Backup() Backup { return Backup{e.Cluster, e.Repo, e.Type} }

// Backup is a repo and a type of a cluster.
type Backup struct{ Cluster, Repo, Type string }

func (b Backup) String() string { return b.Cluster + " " + b.Repo + " " + b.Type }

// readJob reads a Job that Kubernetes has made from a CronJob of CPO. The command says
// what it backs up: CPO cuts the name.
func readJob(o *unstructured.Unstructured, clusterLabel string) (Entry, error) {
	e := newEntry(Job, o)
	e.Cluster = o.GetLabels()[clusterLabel]
	if template, _, _ := unstructured.NestedStringMap(o.Object, "spec", "template", "metadata", "labels"); e.Cluster == "" {
		e.Cluster = template[clusterLabel]
	}
	for word := range strings.FieldsSeq(commandOptions(o)) {
		if repo, ok := strings.CutPrefix(word, "--repo="); ok {
			e.Repo = "repo" + repo
		}
		if backupType, ok := strings.CutPrefix(word, "--type="); ok {
			e.Type = backupType
		}
	}
	e.Ended = timeAt(o, "status", "completionTime")
	for _, phase := range []string{"succeeded", "failed"} {
		if n, _, _ := unstructured.NestedInt64(o.Object, "status", phase); n > 0 {
			e.Phase = phase
		}
	}
	var err error
	e.Slot, err = time.Parse(time.RFC3339, o.GetAnnotations()["batch.kubernetes.io/cronjob-scheduled-timestamp"])
	return e, err
}

// commandOptions are the options of pgbackrest backup.
func commandOptions(job *unstructured.Unstructured) string {
	containers, _, _ := unstructured.NestedSlice(job.Object, "spec", "template", "spec", "containers")
	for _, container := range containers {
		environment, _, _ := unstructured.NestedSlice(container.(map[string]any), "env")
		for _, variable := range environment {
			if v := variable.(map[string]any); v["name"] == "COMMAND_OPTS" {
				return fmt.Sprint(v["value"])
			}
		}
	}
	return ""
}

// What the report of a run says that found its slot to be CPO's, or no cluster.
const (
	leftToCPO = "belongs to CPO's CronJob"
	noCluster = "there is no postgresql"
)

// leaves reports whether a message says that a run did not take its slot.
func leaves(message string) bool {
	return strings.Contains(message, leftToCPO) || strings.Contains(message, noCluster)
}

// blindMessages begin what a run says that could not read something before it could
// look whose slot it was.
var blindMessages = []string{
	"cannot read postgresql", "cannot read stanza", "cannot read the Workflow", "cannot list the CronJobs", "cannot list the Jobs", "cannot see whether CPO makes",
}

func blind(message string) bool {
	return slices.ContainsFunc(blindMessages, func(begin string) bool { return strings.HasPrefix(message, begin) })
}

// readWorkflow reads a run of a schedule.
func readWorkflow(o *unstructured.Unstructured) (Entry, error) {
	e := newEntry(Workflow, o)
	labels := o.GetLabels()
	e.Cluster, e.Repo, e.Type = labels[vocab.LabelCluster], labels[vocab.LabelRepo], labels[vocab.LabelType]
	if phase, _, _ := unstructured.NestedString(o.Object, "status", "phase"); phase == "Succeeded" || phase == "Failed" || phase == "Error" {
		e.Phase, e.Ended = phase, timeAt(o, "status", "finishedAt")
	}
	parameters, _, _ := unstructured.NestedSlice(o.Object, "status", "outputs", "parameters")
	for _, parameter := range parameters {
		if p := parameter.(map[string]any); p["name"] == vocab.OutputReport {
			var report struct {
				Result  string `json:"result"`
				Message string `json:"message"`
			}
			if err := json.Unmarshal([]byte(fmt.Sprint(p["value"])), &report); err == nil {
				e.Message = report.Result + ": " + report.Message
				e.Left, e.Blind = leaves(report.Message), blind(report.Message)
			}
		}
	}
	var err error
	e.Slot, err = time.Parse(time.RFC3339, o.GetAnnotations()[vocab.AnnotationSlot])
	return e, err
}

func newEntry(kind string, o *unstructured.Unstructured) Entry {
	return Entry{Seen: time.Now().UTC(), Kind: kind, Name: o.GetName(), UID: string(o.GetUID()), Began: o.GetCreationTimestamp().UTC()}
}

// timeAt is zero if there is none.
func timeAt(o *unstructured.Unstructured, fields ...string) time.Time {
	text, _, _ := unstructured.NestedString(o.Object, fields...)
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}
