// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package outcome

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
)

// Kinds of locks, as Argo names them.
const (
	lockOfConfigMap = "ConfigMap"
	lockOfDatabase  = "Database"
)

// Wait is the lock that a run waits for.
type Wait struct {
	// Lock is its name of Argo: <namespace>/Mutex/<name>, <namespace>/ConfigMap/<name>/<key>
	// or <namespace>/Database/<key>.
	Lock string
	// Holder is the run of the same namespace that holds it. Empty if that is not known,
	// and for a cap, which several hold.
	Holder string
	// Slots are how many may hold a cap, zero if that is not known.
	Slots int
	// Trouble is what Argo says of a lock that it gives to nobody. Empty if the lock is taken.
	Trouble string
	// Priority of the run, and when it was created: by these Argo orders those that wait.
	Priority int32
	Created  time.Time
}

// FindWait returns what a run waits for, nil if it waits for nothing. A run waits for one
// lock at a time.
func FindWait(workflow *wfv1.Workflow) *Wait {
	if !Running(workflow) {
		return nil
	}
	lock, message := waitingNode(workflow)
	if lock == "" {
		return nil
	}
	w := &Wait{Lock: lock, Created: workflow.CreationTimestamp.Time}
	if troubleInMessage.MatchString(message) {
		w.Trouble = message
	}
	if priority := workflow.Spec.Priority; priority != nil {
		w.Priority = *priority
	}
	if w.Cap() == "" {
		w.Holder = holderOf(workflow, lock)
		return w
	}
	if total := slotsInMessage.FindStringSubmatch(message); total != nil {
		w.Slots, _ = strconv.Atoi(total[1])
	}
	return w
}

// slotsInMessage is the end of Argo's message about a node that waits for a semaphore.
var slotsInMessage = regexp.MustCompile(`Lock status: -?\d+/(\d+)$`)

// troubleInMessage is in Argo's message about a lock that has no slots, and about one whose
// holders it could not read when its controller was started. Others, such as that of a database
// that another controller is using, pass by themselves.
var troubleInMessage = regexp.MustCompile(`^Failed to get semaphore limit|is in a poisoned state`)

// waitingNode returns the lock that a node of a run waits for, and Argo's message about it.
// What the status of the whole run says is of no use for that: Argo leaves a lock there
// after the run has got it. Only before the first node there is nothing else.
func waitingNode(workflow *wfv1.Workflow) (lock, message string) {
	for _, id := range sortedIDs(workflow.Status.Nodes) {
		node := workflow.Status.Nodes[id]
		if s := node.SynchronizationStatus; s != nil && s.Waiting != "" && !node.Phase.Completed() {
			return s.Waiting, node.Message
		}
	}
	locks := workflow.Status.Synchronization
	switch {
	case locks == nil || len(workflow.Status.Nodes) > 0:
	case locks.Mutex != nil && len(locks.Mutex.Waiting) > 0:
		return locks.Mutex.Waiting[0].Mutex, ""
	case locks.Semaphore != nil && len(locks.Semaphore.Waiting) > 0:
		return locks.Semaphore.Waiting[0].Semaphore, workflow.Status.Message
	}
	return "", ""
}

func sortedIDs(nodes wfv1.Nodes) []string {
	ids := make([]string, 0, len(nodes))
	for id := range nodes {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// holderOf returns the run that holds a mutex, empty if it is not known or of another
// namespace. Argo names a holder <namespace>/<workflow>/<node>; older versions use names
// that do not contain the Workflow.
func holderOf(workflow *wfv1.Workflow, lock string) string {
	locks := workflow.Status.Synchronization
	if locks == nil || locks.Mutex == nil {
		return ""
	}
	_, waiting := locks.Mutex.GetWaiting(lock)
	if holder := strings.Split(waiting.Holder, "/"); len(holder) > 1 && holder[0] == workflow.Namespace {
		return holder[1]
	}
	return ""
}

// Cap names the cap and where it is, empty if the lock is none. The namespace and the
// ConfigMap are those that an admin has to look at.
func (w *Wait) Cap() string {
	namespace, rest, _ := strings.Cut(w.Lock, "/")
	kind, name, _ := strings.Cut(rest, "/")
	switch kind {
	case lockOfConfigMap:
		configMap, key, _ := strings.Cut(name, "/")
		return fmt.Sprintf("cap %s (ConfigMap %s/%s)", key, namespace, configMap)
	case lockOfDatabase:
		return fmt.Sprintf("cap %s/%s (database)", namespace, name)
	}
	return ""
}

// How String begins where the lock is that of the cluster.
const runPrefix, lockPrefix = "run ", "the lock "

// String says what a run waits for, after "waits for ".
func (w *Wait) String() string {
	limit := w.Cap()
	switch {
	case limit == "" && w.Holder != "":
		return runPrefix + w.Holder
	case limit == "":
		return lockPrefix + w.Lock
	case w.Slots == 1:
		return "the slot of " + limit
	case w.Slots > 1:
		return fmt.Sprintf("one of the %d slots of %s", w.Slots, limit)
	}
	return "a slot of " + limit
}

// IsCap reports whether what String says is a cap.
func IsCap(waitsFor string) bool {
	return waitsFor != "" && !strings.HasPrefix(waitsFor, runPrefix) && !strings.HasPrefix(waitsFor, lockPrefix)
}

// suspended reports whether somebody has suspended a Workflow. Argo looks at that before it
// gives a lock, before it begins a step, and before it ends a run that was stopped.
func suspended(workflow *wfv1.Workflow) bool {
	return workflow.Spec.Suspend != nil && *workflow.Spec.Suspend
}

// standstill says for a person why a run that is not over does nothing although nothing is
// in its way, empty if that is not so.
func standstill(workflow *wfv1.Workflow, wait *Wait) string {
	switch {
	case suspended(workflow):
		return "somebody has suspended the Workflow, so Argo begins no step of it, gives it no lock, and does not end it: " +
			"argo resume -n " + workflow.Namespace + " " + workflow.Name + ", or delete it"
	case wait != nil && wait.Trouble != "":
		return "Argo gives the lock to nobody: " + wait.Trouble + "; see docs/fleet.md#what-to-know-of-argo"
	}
	return ""
}

// Equal reports whether two runs wait for the same, in the same place.
func (w *Wait) Equal(other *Wait) bool {
	if w == nil || other == nil {
		return w == other
	}
	return *w == *other
}

// ForCap reports whether a run waits for a slot of a cap, and not for its own cluster.
func (w *Wait) ForCap() bool { return w != nil && w.Cap() != "" }

// Before is the order in which Argo lets those through that wait for one lock: a higher
// priority first, then who was created earlier. It is zero if Argo has no order for them.
func (w *Wait) Before(other *Wait) int {
	return cmp.Or(cmp.Compare(other.Priority, w.Priority), w.Created.Compare(other.Created))
}

// WaitsFor says what a run waits for, empty if it waits for nothing.
func WaitsFor(workflow *wfv1.Workflow) string {
	if w := FindWait(workflow); w != nil {
		return w.String()
	}
	return ""
}
