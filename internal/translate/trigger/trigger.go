// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"time"

	"k8s.io/apimachinery/pkg/labels"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/internal/when"
)

// Trigger is one of spec.triggers of a Stanza, checked.
type Trigger struct {
	Name string
	// Event that starts the backup.
	Event stanzaflowv1alpha1.TriggerEvent
	// Of says the objects of a trigger on OnChange.
	Of Objects
	// When says which change of such an object counts. Nil means every one.
	When *when.Program
	// Type and Repo of the backup.
	Type, Repo string
	// MaxAge is how old a proven backup may be that makes another one unnecessary. Zero
	// means that one is always made.
	MaxAge time.Duration
	// Cooldown is how long after a run no other one is started.
	Cooldown time.Duration
}

// Objects are objects in the namespace of the cluster.
type Objects struct {
	// Kind is Deployment, StatefulSet or postgresql.
	Kind string
	// Name of the one object. It is empty with a Selector, and never for a postgresql.
	Name string
	// Selector of the objects by their labels, nil with a Name.
	Selector labels.Selector
}

// Initial is the first run of a repo, and the first one after a major upgrade.
type Initial struct {
	Repo string
	// Kind is RunBackup, or RunStanza if the Stanza wants no initial backup.
	Kind vocab.RunKind
}

// Overdue is what starts the backups of the overdue schedules of a repo.
type Overdue struct{ Repo string }

// Name of its entry in status.triggers.
func (o Overdue) Name() string { return vocab.TriggerOverdue + "-" + o.Repo }

// Name of its entry in status.triggers.
func (i Initial) Name() string { return vocab.TriggerInitial + "-" + i.Repo }
