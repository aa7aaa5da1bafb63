// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	plan "github.com/stanzaflow/stanzaflow/internal/translate/trigger"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// A first run that has failed is tried again after retryFirst, then after twice as long
// each time, at most retryLast.
const (
	retryFirst = 5 * time.Minute
	retryLast  = 6 * time.Hour
)

// initial decides about the first run of a repo. Other than a trigger of the Stanza it
// is not done when its run is started, but when a backup is proven, whoever has made it.
func (d *decider) initial(i plan.Initial) {
	e := d.read(i.Name())
	repo := d.repo(i.Repo)
	if repo == nil { // not in the status yet
		d.add(e)
		return
	}
	e.forget(func(object string) bool { return object == observedLocation || object == observedVersion })
	wanted, upgrade := d.wanted(e, i.Kind, repo)
	if len(wanted) == 0 {
		why := "nothing calls for it any more"
		if repo.LastBackup != nil {
			why = "backup " + repo.LastBackup.Label + " of " + repo.Name + " is proven"
		}
		d.satisfied(e, why)
	} else {
		d.want(e, wanted)
		d.start(e, terms{
			repo: i.Repo, backupType: cpo.Full, value: vocab.TriggerInitial, kind: i.Kind, upgrade: upgrade, attempts: e.Attempts, longest: retryLast,
		})
	}
	d.add(e)
}

// wanted are the causes that call for a run as things are, and whether a major upgrade
// is one of them.
func (d *decider) wanted(e *entry, kind vocab.RunKind, repo *stanzaflowv1alpha1.RepoStatus) (wanted []string, upgrade bool) {
	moved := e.observed(observedLocation) != nil && e.observed(observedLocation).Version != repo.Location
	e.remember(stanzaflowv1alpha1.TriggerObservation{Object: observedLocation, Version: repo.Location})
	done := func(text string) bool {
		return kind == vocab.RunStanza && !moved && e.did(text)
	}
	what := "no proven backup"
	if kind == vocab.RunStanza {
		what = "no known stanza"
	}
	if text := cut(what + " in " + repo.Location); repo.LastBackup == nil && !done(text) {
		wanted = append(wanted, text)
	}
	version, was := d.in.Cluster.Version, e.observed(observedVersion)
	if version == "" {
		return wanted, false
	}
	if was != nil && was.Version != version {
		if text := cut(what + " of PostgreSQL " + version + ", before " + was.Version); !done(text) && !e.provenSince(text, repo.LastBackup) {
			return append(wanted, text), true
		}
	}
	e.remember(stanzaflowv1alpha1.TriggerObservation{Object: observedVersion, Version: version})
	return wanted, false
}

// did reports whether the last run was for a cause and has succeeded, and nothing calls
// for another one.
func (e *entry) did(cause string) bool {
	return e.Result == stanzaflowv1alpha1.TriggerResult(stanzaflowv1alpha1.RunSucceeded) && slices.Contains(e.Causes, cause) &&
		(e.Pending == nil || !slices.Contains(e.Pending.Causes, cause))
}

// provenSince reports whether a backup was begun after a cause was seen.
func (e *entry) provenSince(cause string, last *stanzaflowv1alpha1.BackupStatus) bool {
	var since *metav1.Time
	switch {
	case last == nil:
		return false
	case e.Attempts > 0 && slices.Contains(e.Causes, cause):
		if last.Workflow == e.Workflow {
			return true
		}
		since = e.LastFiredTime
	case e.Pending != nil && slices.Contains(e.Pending.Causes, cause):
		since = &e.Pending.Since
	}
	return since != nil && !last.StartTime.Before(since)
}

// want makes the wanted causes pending, unless a run is under way for them. What is no
// longer wanted is dropped.
func (d *decider) want(e *entry, wanted []string) {
	if e.Pending != nil {
		e.Pending.Causes = slices.DeleteFunc(e.Pending.Causes, func(cause string) bool { return !slices.Contains(wanted, cause) })
		if len(e.Pending.Causes) == 0 {
			e.Pending = nil
		}
	}
	running := e.Result == stanzaflowv1alpha1.TriggerResult(stanzaflowv1alpha1.RunRunning)
	for _, cause := range wanted {
		tried := e.Attempts > 0 && slices.Contains(e.Causes, cause)
		if e.Pending != nil && slices.Contains(e.Pending.Causes, cause) || tried && running {
			continue
		}
		if !tried {
			e.Attempts = 0
		}
		e.addCause(cause, d.now())
	}
}

// withoutSuccess is how an attempt may end.
var withoutSuccess = []stanzaflowv1alpha1.RunResult{stanzaflowv1alpha1.RunFailed, stanzaflowv1alpha1.RunHeld, stanzaflowv1alpha1.RunUnknown}

// satisfied ends the attempts: what they are for is there, whoever has made it.
func (d *decider) satisfied(e *entry, why string) {
	e.Attempts = 0
	if slices.Contains(withoutSuccess, stanzaflowv1alpha1.RunResult(e.Result)) {
		e.Result, e.Message = stanzaflowv1alpha1.TriggerNotNeeded, why
	}
	if e.Pending != nil {
		d.notNeeded(e, why)
	}
}

// retryAfter is how long after the end of the last of some attempts the next one begins.
func retryAfter(attempts int32, longest time.Duration) time.Duration {
	pause := retryFirst
	for n := int32(1); n < attempts && pause < longest; n++ {
		pause *= 2
	}
	return min(pause, longest)
}

// Unproven are the repos whose first backup, or first one after a major upgrade, is not
// proven yet, or whose stanza is not known to be made, with what they have not, and what
// that waits for.
func Unproven(after []stanzaflowv1alpha1.TriggerStatus) map[string]string {
	unproven := map[string]string{}
	for _, t := range after {
		repo, ok := strings.CutPrefix(t.Name, vocab.TriggerInitial+"-")
		switch {
		case !ok:
		case t.Pending != nil:
			unproven[repo] = "has " + strings.Join(t.Pending.Causes, " and ") + "; " + t.Message
		case t.Attempts > 0:
			unproven[repo] = "has " + strings.Join(t.Causes, " and ") + "; Workflow " + t.Workflow + " is to change that"
		}
	}
	return unproven
}
