// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package restore

import (
	"slices"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/restoreplan"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Verdict is how an answer ends.
type Verdict string

// Verdicts.
const (
	Reachable Verdict = vocab.PlanReachable
	NotProven Verdict = vocab.PlanNotProven
	Refused   Verdict = vocab.PlanRefused
)

// Question is what a person asks.
type Question struct {
	// To is a time as the person has written it, latest or immediate.
	To string
	// Reading of To, if it is a time.
	Reading *restoreplan.Reading
	// Set is the label of the backup. Empty takes the best one.
	Set string
	// Repo restricts the plan. 0 takes all.
	Repo int
	// ID of the restore, for the names of directories: 20261128-130300.
	ID string
}

// Answer is what a program reads. Times are in UTC.
type Answer struct {
	Namespace string  `json:"namespace"`
	Cluster   string  `json:"cluster"`
	Verdict   Verdict `json:"verdict"`
	// Reason of a refusal.
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message"`
	// Before and After are the nearest moments that can be restored, beside a refusal.
	Before *Moment `json:"before,omitempty"`
	After  *Moment `json:"after,omitempty"`
	// Missing WAL segments.
	Missing []string `json:"missing,omitempty"`

	Target   string `json:"target,omitempty"`
	Timeline uint32 `json:"timeline,omitempty"`
	Set      string `json:"set,omitempty"`
	SetRepo  string `json:"setRepo,omitempty"`
	Location string `json:"location,omitempty"`
	// AlsoIn are other repos that would do.
	AlsoIn []string `json:"alsoIn,omitempty"`
	WAL    *WAL     `json:"wal,omitempty"`
	Time   *Time    `json:"time,omitempty"`
	Lost   *Lost    `json:"lost,omitempty"`
	Room   *Room    `json:"room,omitempty"`
	Notes  []string `json:"notes,omitempty"`
	// Restore is the command of pgBackRest, and Steps are all commands in their order.
	Restore string `json:"restore,omitempty"`
	Steps   []Step `json:"steps,omitempty"`
	// Unknown are sentences about what could not be asked.
	Unknown []string `json:"unknown,omitempty"`

	plan restoreplan.Plan
}

// Moment can be restored.
type Moment struct {
	Time    string  `json:"time"`
	Verdict Verdict `json:"verdict"`
}

// WAL that the restore reads.
type WAL struct {
	First    string `json:"first"`
	Last     string `json:"last"`
	Segments int    `json:"segments"`
	Bytes    int64  `json:"bytes"`
}

// Time that a restore takes, by drills.
type Time struct {
	RestoreSeconds float64     `json:"restoreSeconds"`
	ReplaySeconds  float64     `json:"replaySeconds"`
	LowSeconds     float64     `json:"lowSeconds"`
	HighSeconds    float64     `json:"highSeconds"`
	Drills         []time.Time `json:"drills"`
}

// Lost is what the restored database does not have.
type Lost struct {
	Seconds  *float64 `json:"seconds,omitempty"`
	WALBytes int64    `json:"walBytes"`
	// Slots is null if nobody could be asked.
	Slots []string `json:"slots"`
}

// Room beside the old directory, in bytes.
type Room struct {
	Need int64  `json:"need"`
	Free *int64 `json:"free,omitempty"`
}

// Step is what to do, and the commands for it.
type Step struct {
	Title    string   `json:"title"`
	Commands []string `json:"commands,omitempty"`
}

// Ask answers a question.
func Ask(f Facts, q Question) Answer {
	a := Answer{Namespace: f.Namespace, Cluster: f.Cluster, Unknown: f.Unknown}
	f.Input.OnlyRepo = q.Repo
	plan, refusal := ask(f.Input, q)
	if refusal != nil {
		a.refuse(refusal)
		return a
	}
	a.plan, a.Verdict, a.Message, a.Notes = plan, Verdict(plan.Answer), plan.Why, plan.Notes
	if note := membersNote(f); note != "" {
		a.Notes = append(slices.Clone(a.Notes), note)
	}
	a.describe(f)
	a.Steps = steps(f, plan, q.ID)
	return a
}

func ask(in restoreplan.Input, q Question) (restoreplan.Plan, *restoreplan.Refusal) {
	if q.Reading != nil {
		return restoreplan.ForReading(in, q.To, *q.Reading, restoreplan.Target{Set: q.Set})
	}
	return restoreplan.For(in, restoreplan.Target{Kind: restoreplan.Kind(q.To), Set: q.Set})
}

func (a *Answer) refuse(r *restoreplan.Refusal) {
	a.Verdict, a.Reason, a.Message, a.Missing = Refused, string(r.Reason), r.Message, r.Missing
	a.Before, a.After = moment(r.Before), moment(r.After)
}

func moment(m *restoreplan.Moment) *Moment {
	if m == nil {
		return nil
	}
	return &Moment{Time: restoreplan.FormatTarget(m.Time), Verdict: Verdict(m.Answer)}
}

func (a *Answer) describe(f Facts) {
	p := a.plan
	a.Target = string(p.Kind)
	if p.Kind == restoreplan.Time {
		a.Target = restoreplan.FormatTarget(p.Target)
	}
	a.Timeline, a.Set, a.SetRepo, a.Location, a.Restore = p.Timeline, p.Label, repoName(p.SetRepo), f.Locations[p.SetRepo], p.Command()
	for _, repo := range p.AlsoIn {
		a.AlsoIn = append(a.AlsoIn, repoName(repo))
	}
	a.WAL = &WAL{First: p.First, Last: p.Last, Segments: p.Segments, Bytes: p.WALBytes}
	if e := p.Estimate; e != nil {
		a.Time = &Time{
			RestoreSeconds: e.Restore.Seconds(), ReplaySeconds: e.Replay.Seconds(),
			LowSeconds: e.Low.Seconds(), HighSeconds: e.High.Seconds(), Drills: e.Drills,
		}
	}
	a.Lost = &Lost{WALBytes: p.Lost.WALBytes, Slots: p.Lost.Slots}
	if p.Lost.Span != nil {
		seconds := p.Lost.Span.Seconds()
		a.Lost.Seconds = &seconds
	}
	a.Room = &Room{Need: p.NeedBytes, Free: p.FreeBytes}
}
