// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"fmt"
	"slices"
	"strings"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
)

// What stands for the event of a trigger in its observations.
const (
	observedRestore   = "Restore"
	observedRestoring = "Restoring"
	observedVersion   = "PostgreSQL"
	observedPrimary   = "Primary"
	observedLocation  = "Location"
)

// observed is what a trigger saw of an object, nil if it has not seen it.
func (e *entry) observed(object string) *stanzaflowv1alpha1.TriggerObservation {
	for i := range e.Observed {
		if e.Observed[i].Object == object {
			return &e.Observed[i]
		}
	}
	return nil
}

// remember sets what a trigger saw of an object.
func (e *entry) remember(saw stanzaflowv1alpha1.TriggerObservation) {
	if known := e.observed(saw.Object); known != nil {
		*known = saw
		return
	}
	e.Observed = append(e.Observed, saw)
	slices.SortFunc(e.Observed, func(a, b stanzaflowv1alpha1.TriggerObservation) int { return strings.Compare(a.Object, b.Object) })
}

// forget drops all observations but some: what the trigger saw before its event or its
// objects were others.
func (e *entry) forget(keep func(object string) bool) {
	e.Observed = slices.DeleteFunc(e.Observed, func(o stanzaflowv1alpha1.TriggerObservation) bool { return !keep(o.Object) })
}

// compare remembers the version of what stands for an event, and adds a cause if it was
// another one before.
func (d *decider) compare(e *entry, object, version, format string) {
	was := e.observed(object)
	if was != nil && was.Version != version {
		text := fmt.Sprintf(format, version)
		if was.Version != "" {
			text += ", before " + was.Version
		}
		e.addCause(text, d.now())
	}
	e.remember(stanzaflowv1alpha1.TriggerObservation{Object: object, Version: version})
}

// observePrimary adds a cause if another pod is the primary. The role label is what CPO
// and Patroni set; while no pod has it, the one before counts.
func (d *decider) observePrimary(e *entry) {
	e.forget(func(object string) bool { return object == observedPrimary })
	if p := d.in.Seen.Primary; p != nil && p.Pod != "" {
		d.compare(e, observedPrimary, p.Pod, "the primary is %s")
	}
}

// observeVersion adds a cause if another major version is asked for. The run waits until
// the upgrade has ended.
func (d *decider) observeVersion(e *entry) {
	e.forget(func(object string) bool { return object == observedVersion })
	if version := d.in.Cluster.Version; version != "" {
		d.compare(e, observedVersion, version, "PostgreSQL %s")
	}
}

// observeRestore adds a cause if CPO has done another restore, and if a restore that was
// seen no longer holds the cluster, although CPO does not say that it is done: nobody
// knows what it has done before somebody took it back.
func (d *decider) observeRestore(e *entry) {
	e.forget(func(object string) bool { return object == observedRestore || object == observedRestoring })
	operation, asked := d.in.Cluster.Operation, ""
	if section := d.in.Cluster.PgBackRest; section != nil {
		asked = section.Restore.ID
	}
	if operation.Restored != "" || e.observed(observedRestore) == nil {
		d.compare(e, observedRestore, operation.Restored, "restore %s is done")
	}
	switch was := e.observed(observedRestoring); {
	case operation.Restoring:
		e.remember(stanzaflowv1alpha1.TriggerObservation{Object: observedRestoring, Version: asked})
	case was != nil:
		if was.Version != operation.Restored {
			e.addCause("restore "+was.Version+" is no longer asked for", d.now())
		}
		e.forget(func(object string) bool { return object == observedRestore })
	}
}
